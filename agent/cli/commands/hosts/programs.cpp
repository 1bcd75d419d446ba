#include "agent/cli/commands/hosts/programs.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "shared/base/unique_fd.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;
namespace fs = std::filesystem;

namespace {

constexpr std::string_view kTokenBegin = "berth1.";
constexpr int kCannotRun = 127;

std::vector<char*> pointers_of(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& each : words) out.push_back(const_cast<char*>(each.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<std::string> find_program(const std::string& name) {
  std::error_code ignored;
  const fs::path self = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  std::vector<fs::path> places = {self / name, self / "../app" / name, self / "../../balancer/app" / name};
  if (const char* path = std::getenv("PATH"); path != nullptr) {
    for (std::string_view rest = path; !rest.empty();) {
      const std::size_t end = rest.find(':');
      places.push_back(fs::path(rest.substr(0, end)) / name);
      rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
  }
  for (const fs::path& each : places)
    if (::access(each.c_str(), X_OK) == 0) return each.lexically_normal().string();
  return Error("not_found", "there is no program " + name +
                                " beside this one or in PATH; the Debian package " + name + " has it");
}

Result<pid_t> start_program(const std::vector<std::string>& command, const Environment& environment,
                            const std::string& log) {
  shared::UniqueFd out;
  if (!log.empty()) {
    out = shared::UniqueFd(::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!out.valid()) return Error("failed", log + ": " + std::strerror(errno));
  }
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  auto words = pointers_of(command);
  auto values = pointers_of(variables);
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child < 0) return Error("failed", "fork: " + std::string(std::strerror(errno)));
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kCannotRun);
  if (!log.empty()) {
    ::setpgid(0, 0);  // Ctrl-C is for us to pass on, in our order
    const int nothing = ::open("/dev/null", O_RDONLY);
    ::dup2(nothing, STDIN_FILENO);
    ::dup2(out.get(), STDOUT_FILENO);
    ::dup2(out.get(), STDERR_FILENO);
  }
  ::execve(words[0], words.data(), values.data());
  if (errno == ENOENT) ::execvpe(words[0], words.data(), values.data());
  ::_exit(kCannotRun);
}

Error become_program(const std::vector<std::string>& command) {
  auto words = pointers_of(command);
  ::execv(words[0], words.data());
  return Error("failed", command.front() + ": " + std::strerror(errno));
}

Result<std::string> output_of(const std::vector<std::string>& command, const Environment& environment) {
  // Files, as a pipe of each stream would have to be read at once.
  std::string out_name = "/tmp/berth-out-XXXXXX";
  std::string err_name = "/tmp/berth-err-XXXXXX";
  const shared::UniqueFd out(::mkostemp(out_name.data(), O_CLOEXEC));
  const shared::UniqueFd err(::mkostemp(err_name.data(), O_CLOEXEC));
  ::unlink(out_name.c_str());
  ::unlink(err_name.c_str());
  if (!out.valid() || !err.valid()) return Error("failed", "/tmp: " + std::string(std::strerror(errno)));
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  auto words = pointers_of(command);
  auto values = pointers_of(variables);
  const pid_t child = ::fork();
  if (child < 0) return Error("failed", "fork: " + std::string(std::strerror(errno)));
  if (child == 0) {
    ::dup2(out.get(), STDOUT_FILENO);
    ::dup2(err.get(), STDERR_FILENO);
    ::execve(words[0], words.data(), values.data());
    ::_exit(kCannotRun);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const auto whole = [](int fd) {
    std::string text;
    std::array<char, 4096> piece{};
    ::lseek(fd, 0, SEEK_SET);
    for (ssize_t got = 0; (got = ::read(fd, piece.data(), piece.size())) > 0;)
      text.append(piece.data(), static_cast<std::size_t>(got));
    return text;
  };
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return Error("failed", whole(err.get()));
  return whole(out.get());
}

std::optional<int> ended_with(pid_t child) {
  int status = 0;
  const pid_t done = ::waitpid(child, &status, WNOHANG);
  if (done == 0) return std::nullopt;
  if (done < 0) return kCannotRun;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::uint16_t free_port(std::uint16_t wanted) {
  for (const std::uint16_t each : {wanted, std::uint16_t{0}}) {
    const shared::UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(each);
    socklen_t size = sizeof(address);
    if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) continue;
    if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0)
      return ntohs(address.sin_port);
  }
  return wanted;
}

std::string to_text(const JoinToken& token) {
  json value = json::object();
  value["control"] = token.control;
  value["id"] = token.access_key_id;
  value["secret"] = token.secret_access_key;
  return std::string(kTokenBegin) + shared::crypto::base64_encode(shared::json::to_text(value));
}

Result<JoinToken> parse_token(const std::string& text) {
  const auto wrong = Error("usage", "this is no token of `berth token`: it begins with " +
                                        std::string(kTokenBegin) + " and is one word");
  if (!text.starts_with(kTokenBegin)) return wrong;
  const auto bytes = shared::crypto::base64_decode(text.substr(kTokenBegin.size()));
  if (!bytes) return wrong;
  auto document = shared::json::Document::parse(*bytes, "usage");
  if (!document) return wrong;
  const auto in = document->root();
  JoinToken token{in.string_or("control", ""), in.string_or("id", ""), in.string_or("secret", "")};
  if (!in.ok() || token.control.empty() || token.access_key_id.empty() || token.secret_access_key.empty())
    return wrong;
  return token;
}

std::string with_variables(const std::string& text,
                           const std::vector<std::pair<std::string, std::string>>& variables) {
  std::string out;
  std::vector<bool> done(variables.size(), false);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    std::string line(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    for (std::size_t i = 0; i < variables.size(); ++i) {
      const auto& [name, value] = variables[i];
      const bool sets = line.starts_with(name + "=") || line.starts_with("#" + name + "=");
      if (!sets) continue;
      line = done[i] ? "" : name + "=" + value;
      done[i] = true;
    }
    out += line + "\n";
  }
  for (std::size_t i = 0; i < variables.size(); ++i)
    if (!done[i]) out += variables[i].first + "=" + variables[i].second + "\n";
  return out;
}

}  // namespace agent::cli
