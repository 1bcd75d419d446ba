// What a command is: its words, flags and help in one table row, from which the parser, --help, the manual
// page and the completion are made. Thread: main.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/client/api.h"
#include "agent/cli/output/terminal.h"
#include "shared/base/result.h"

namespace agent::cli {

// Exit codes; `berth --help` lists them.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kNoAccess = 3;
inline constexpr int kDeploymentFailed = 4;
inline constexpr int kTimedOut = 5;
inline constexpr int kNotRun = 125;  // of `run --wait`: the task has no exit code, as docker run has it
inline constexpr int kInterrupted = 130;

struct Flag {
  std::string name;        // "--since"
  std::string value = {};  // "TIME"; empty: a switch
  std::string help = {};
  char letter = 0;  // 'f' for -f
  bool many = false;
};

// The words of one call.
class Arguments {
 public:
  std::vector<std::string> words;  // positional ones
  std::vector<std::string> rest;   // behind "--"
  std::map<std::string, std::vector<std::string>> flags;

  bool has(std::string_view name) const { return flags.contains(std::string(name)); }
  std::string value(std::string_view name, std::string_view otherwise = "") const;
  std::vector<std::string> values(std::string_view name) const;
  std::string word(std::size_t at) const { return at < words.size() ? words[at] : ""; }
  // Error "usage": no number of the range, no duration ("90s", "5m", "2h", "1d", "1h30m").
  shared::Result<std::optional<long long>> integer(std::string_view name, long long least,
                                                   long long most) const;
  shared::Result<std::optional<shared::Millis>> duration(std::string_view name) const;
};
// "1h30m" and such; nothing when it is none.
std::optional<shared::Millis> parse_span(std::string_view text);

// What a command works with. `api` asks for endpoint and keys when it is first used.
class Context {
 public:
  Context(const Arguments& arguments, Terminal& terminal, const Environment& environment,
          std::function<shared::Result<Api*>()> connect)
      : args(arguments), out(terminal), environment_(environment), connect_(std::move(connect)) {}

  const Arguments& args;
  Terminal& out;
  const Environment& environment() const { return environment_; }
  // Nothing before `reach` has succeeded, which is before a command runs unless the command says kOffline.
  Api& api() const { return *api_; }
  const std::string& cluster() const { return api_->place().cluster; }
  shared::Result<void> reach();

 private:
  const Environment& environment_;
  std::function<shared::Result<Api*>()> connect_;
  Api* api_ = nullptr;
};

enum class Reach { kApi, kOffline };
enum class Completes { kNothing, kService, kTask, kNode, kFile, kServiceOrTask };

struct Command {
  std::string name;  // "lb rules": words with a blank between
  std::string group;
  std::string usage;    // "[SERVICE]"
  std::string summary;  // one line
  std::string details = {};
  std::vector<Flag> flags = {};
  std::size_t least = 0;  // words
  std::size_t most = 0;
  Completes completes = Completes::kNothing;
  Reach reach = Reach::kApi;
  std::function<shared::Result<int>(Context&)> run = {};
};

// All of them, in the order of --help.
const std::vector<Command>& commands();
// Flags that every command takes.
const std::vector<Flag>& common_flags();

struct Call {
  const Command* command = nullptr;  // null: `print` is all
  Arguments arguments;
  std::string print;  // help or version
};
// Error "usage" names the word or flag, the command and the nearest one there is.
shared::Result<Call> parse_call(const std::vector<std::string>& words);

std::string help();
std::string help_of(const Command& command);
// Text for bash. Pure.
std::string bash_completion();

}  // namespace agent::cli
