// Where a program's settings come from: command line, environment, a JSON file, built-in defaults - the first
// that gives a value wins, per setting. The program describes its options once and gets validated values,
// --help, --version and
// --print-settings; what the options mean is its own business.
//
//   SettingsSpec spec("berth-agent", "Runs containers.", "0.1.0");
//   spec.file("--config", "BERTH_CONFIG", "/etc/berth/agent.json");
//   spec.add({.name = "cluster", .flag = "--cluster", .env = {"ECS_CLUSTER"}, .kind = Kind::kString,
//             .fallback = "default", .help = "Cluster to join."});
//   auto loaded = load(spec, {argv + 1, argv + argc}, process_environment());
//   if (!loaded) ...print loaded.error().text(), exit 2
//   if (loaded->print) ...print it, exit 0
//   const std::string cluster = loaded->settings.string("cluster");
//
// An empty environment variable counts as unset. Errors have the code "setting" and name source and field:
// "ECS_CONTAINER_STOP_TIMEOUT: '10x' is not a duration (such as 90s or 1h30m)". Thread: any, values are
// immutable.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/time.h"

namespace shared::settings {

enum class Kind {
  kString,
  kInteger,
  kBoolean,   // environment and flags: 1 t true 0 f false, as Go reads them; a flag alone means true
  kDuration,  // "90s", "1h30m", "100ms"; kept in milliseconds
  kList,      // of strings. File: a JSON array; environment and flags: a JSON array or a,b,c; flags may be
              // repeated
  kMap,       // string to string. File: a JSON object; environment and flags: a JSON object or k=v,k=v
};
enum class Secrecy { kPublic, kSecret };  // kSecret: --print-settings shows only whether it is set

struct Option {
  std::string name;                   // in the file and for reading: snake_case
  std::string flag = {};              // "--data-dir" or "-c,--config"; empty: none
  std::vector<std::string> env = {};  // the first that is not empty wins
  Kind kind = Kind::kString;
  std::optional<std::string> fallback = std::nullopt;  // written as in the environment; none: may stay unset
  std::string help = {};
  std::string unset = {};  // without fallback: what holds when nobody gives it, "DATA_DIR/node-credentials"
  // Of a number, or of a duration in milliseconds.
  std::optional<std::int64_t> min = std::nullopt;
  std::optional<std::int64_t> max = std::nullopt;
  std::vector<std::string> choices = {};  // of a string, or of a list's elements; empty: anything
  Secrecy secrecy = Secrecy::kPublic;
};

class SettingsSpec {
 public:
  SettingsSpec(std::string program, std::string description, std::string version);

  // Where the settings file is. A file named by flag or environment must exist, the one at `default_path`
  // may.
  SettingsSpec& file(std::string flag, std::string env, std::string default_path);
  // A program error: a name twice, or a fallback that is not valid.
  SettingsSpec& add(Option option);

  const std::string& program() const { return program_; }
  const std::string& description() const { return description_; }
  const std::string& version() const { return version_; }
  const std::vector<Option>& options() const { return options_; }
  const Option* find(std::string_view name) const;
  const std::string& file_flag() const { return file_flag_; }
  const std::string& file_env() const { return file_env_; }
  const std::string& file_default() const { return file_default_; }

 private:
  std::string program_;
  std::string description_;
  std::string version_;
  std::string file_flag_;
  std::string file_env_;
  std::string file_default_;
  std::vector<Option> options_;
};

using Value = std::variant<std::string, std::int64_t, bool, Millis, std::vector<std::string>,
                           std::map<std::string, std::string>>;

// The values of one start. Reading a name that the spec lacks, with another kind, or that is unset is a
// program error; has() tells whether an option without fallback was given.
class Settings {
 public:
  bool has(std::string_view name) const;
  const std::string& string(std::string_view name) const;
  std::optional<std::string> string_if(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  bool boolean(std::string_view name) const;
  Millis duration(std::string_view name) const;
  const std::vector<std::string>& list(std::string_view name) const;
  const std::map<std::string, std::string>& map(std::string_view name) const;

  // Who gave it, as errors about it begin: "--cluster", "ECS_CLUSTER", "/etc/berth/agent.json:3: cluster"
  // (the line in the file and the member) or "default"; empty when unset.
  std::string source(std::string_view name) const;
  // Whether anything but the fallback gave it.
  bool is_explicit(std::string_view name) const;

 private:
  friend class Loader;
  struct Entry {
    Value value;
    std::string source;
  };
  template <class T>
  const T& get(std::string_view name) const;
  std::map<std::string, Entry, std::less<>> entries_;
};

struct Loaded {
  Settings settings;
  std::optional<std::string>
      print;  // --help, --version or --print-settings was asked for: print this and exit
  std::vector<std::string> warnings;  // such as a variable BERTH_* that nothing reads
};

using Environment = std::map<std::string, std::string>;

// `arguments` without the program's own name. Reads the settings file, nothing else.
Result<Loaded> load(const SettingsSpec& spec, const std::vector<std::string>& arguments,
                    const Environment& environment);

// The same without ending at the first mistake: every one that is found in the file, the environment and the
// command line. What a program demands of its values beyond that is the program's to check once there are
// none.
struct Checked {
  std::vector<std::string> problems;  // "/etc/berth/agent.json:3: cluster: expected a string, got number"
  Loaded loaded;                      // meaningful without problems
};
Checked check(const SettingsSpec& spec, const std::vector<std::string>& arguments,
              const Environment& environment);

Environment process_environment();

// "1h30m", "90s", "1.5h", "100ms", "0": Go's notation, to milliseconds. nullopt for anything else or beyond
// 292 years.
std::optional<Millis> parse_duration(std::string_view text);
std::string duration_text(Millis duration);  // "1h30m", "90s" as "1m30s"

}  // namespace shared::settings
