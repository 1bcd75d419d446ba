#include "agent/iam/key_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "shared/base/unique_fd.h"

namespace agent::iam {

using shared::Error;
using shared::Result;
using shared::UniqueFd;

namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kForOthers = 0077;
// AWS's own limits for access key ids; nothing in between is refused, so that keys made elsewhere can be
// used.
constexpr std::size_t kMinKeyIdLength = 16;
constexpr std::size_t kMaxKeyIdLength = 128;

Error system_error(const std::string& doing) {
  return Error(errno == ENOENT ? "absent" : "io", doing + ": " + std::strerror(errno));
}

std::string octal(mode_t mode) {
  std::string digits;
  for (int shift = 6; shift >= 0; shift -= 3)
    digits.push_back(static_cast<char>('0' + ((mode >> shift) & 7U)));
  return "0" + digits;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool is_key_id(std::string_view text) {
  return text.size() >= kMinKeyIdLength && text.size() <= kMaxKeyIdLength &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

Result<void> write_all(int fd, const std::string& content, const std::string& path) {
  std::string_view rest = content;
  while (!rest.empty()) {
    const ssize_t sent = ::write(fd, rest.data(), rest.size());
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return system_error("write " + path);
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  if (::fsync(fd) != 0) return system_error("write " + path);
  return {};
}

}  // namespace

Result<std::string> read_secret_file(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return system_error("read " + path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return system_error("read " + path);
  if (!S_ISREG(status.st_mode)) return Error("io", "read " + path + ": it is not a regular file");
  if ((status.st_mode & kForOthers) != 0) {
    return Error("exposed", path + " may be used by others (mode " + octal(status.st_mode) +
                                "); it holds a secret: run chmod 600 " + path);
  }
  if (status.st_uid != ::geteuid() && ::geteuid() != 0) {
    return Error("exposed", path + " belongs to user " + std::to_string(status.st_uid) +
                                ", this program runs as user " + std::to_string(::geteuid()));
  }
  std::string content(kMaxKeyFileSize + 1, '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const ssize_t got = ::read(fd.get(), content.data() + size, content.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read " + path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > kMaxKeyFileSize) return Error("malformed", path + " is too large for a file of secrets");
  content.resize(size);
  return content;
}

Result<aws::Credentials> read_credentials_file(const std::string& path) {
  const auto content = read_secret_file(path);
  if (!content) return content.error();
  aws::Credentials out;
  std::string_view rest = *content;
  bool in_default = false;
  for (int number = 1; !rest.empty(); ++number) {
    const std::string_view whole = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), whole.size() + 1));
    const std::string_view line = trim(whole);
    if (line.empty() || line[0] == '#' || line[0] == ';') continue;
    if (line[0] == '[') {
      in_default = line == "[default]";
      continue;
    }
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) {
      return Error("malformed", path + " line " + std::to_string(number) + ": expected name = value");
    }
    if (!in_default) continue;
    const std::string_view name = trim(line.substr(0, equals));
    const std::string_view value = trim(line.substr(equals + 1));
    if (name == "aws_access_key_id") out.access_key_id = value;
    if (name == "aws_secret_access_key") out.secret_access_key = value;
    if (name == "aws_session_token") out.session_token = value;
  }
  if (!is_key_id(out.access_key_id)) {
    return Error("malformed",
                 path + ": [default] needs an aws_access_key_id of 16 to 128 letters and digits");
  }
  if (out.secret_access_key.empty()) {
    return Error("malformed", path + ": [default] needs an aws_secret_access_key");
  }
  return out;
}

Result<std::string> read_token_file(const std::string& path) {
  const auto content = read_secret_file(path);
  if (!content) return content.error();
  std::string_view line = *content;
  while (line.ends_with('\n')) line.remove_suffix(1);
  line = trim(line);
  if (line.empty() || line.find('\n') != std::string_view::npos) {
    return Error("malformed", path + ": expected one line with a token");
  }
  return std::string(line);
}

Result<void> create_secret_file(const std::string& path, const std::string& content) {
  // Written under another name first, so that a crash never leaves half a secret under the real one.
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const UniqueFd fd(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, kFileMode));
  if (!fd) return Error("io", "create " + path + ": " + std::strerror(errno));
  if (auto written = write_all(fd.get(), content, path); !written) return written;
  const int linked = ::link(fresh.c_str(), path.c_str());
  const int failure = errno;
  ::unlink(fresh.c_str());
  if (linked != 0) {
    return Error(failure == EEXIST ? "exists" : "io", "create " + path + ": " + std::strerror(failure));
  }
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  const UniqueFd parent(
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!parent || ::fsync(parent.get()) != 0)
    return Error("io", "create " + path + ": " + std::strerror(errno));
  return {};
}

std::string credentials_text(const aws::Credentials& credentials, const std::string& comment) {
  std::string text = "# " + comment + "\n[default]\naws_access_key_id = " + credentials.access_key_id +
                     "\naws_secret_access_key = " + credentials.secret_access_key + "\n";
  if (!credentials.session_token.empty()) text += "aws_session_token = " + credentials.session_token + "\n";
  return text;
}

}  // namespace agent::iam
