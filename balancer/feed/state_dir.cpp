#include "balancer/feed/state_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "shared/base/unique_fd.h"
#include "shared/lbconfig/json.h"

namespace balancer::feed {

using shared::Error;
using shared::Result;
using shared::UniqueFd;

namespace {

constexpr const char* kIdFile = "/balancer-id";
constexpr const char* kSnapshotFile = "/snapshot.json";
constexpr std::size_t kMaxFileBytes = 64 * 1024 * 1024;

Error file_error(const char* what, const std::string& path) {
  return Error("file", std::string(what) + " " + path + ": " + std::strerror(errno));
}

Result<void> replace_file(const std::string& directory, const std::string& path, const std::string& content) {
  const std::string beside = path + ".new";
  UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd) return file_error("write", beside);
  for (std::size_t done = 0; done < content.size();) {
    const ssize_t n = ::write(fd.get(), content.data() + done, content.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("write", beside);
    done += static_cast<std::size_t>(n);
  }
  if (::fsync(fd.get()) != 0) return file_error("sync", beside);
  if (::rename(beside.c_str(), path.c_str()) != 0) return file_error("rename to", path);
  UniqueFd dir(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!dir || ::fsync(dir.get()) != 0) return file_error("sync", directory);
  return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return file_error("read", path);
  std::string content;
  char buffer[64 * 1024];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("read", path);
    if (n == 0) return content;
    content.append(buffer, static_cast<std::size_t>(n));
    if (content.size() > kMaxFileBytes) return Error("file", "read " + path + ": larger than 64 MiB");
  }
}

Result<StateDir> StateDir::open(std::string path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Error("file", "create state directory " + path + ": " + error.message());
  if (::access(path.c_str(), W_OK | X_OK) != 0) return file_error("write to state directory", path);
  return StateDir(std::move(path));
}

Result<std::string> StateDir::balancer_id(shared::env::Random& random) const {
  const std::string path = path_ + kIdFile;
  auto known = read_file(path);
  if (known) {
    std::string id = std::move(known).value();
    while (!id.empty() && (id.back() == '\n' || id.back() == ' ')) id.pop_back();
    if (!id.empty()) return id;
  }
  const std::string id = random.uuid();
  if (auto saved = replace_file(path_, path, id + "\n"); !saved) return saved.error();
  return id;
}

Result<void> StateDir::save(const shared::lbconfig::Config& config) const {
  return replace_file(path_, path_ + kSnapshotFile, shared::lbconfig::config_to_json(config));
}

Result<std::optional<shared::lbconfig::Config>> StateDir::load() const {
  const std::string path = path_ + kSnapshotFile;
  if (::access(path.c_str(), F_OK) != 0) return std::optional<shared::lbconfig::Config>();
  auto text = read_file(path);
  if (!text) return text.error();
  auto config = shared::lbconfig::config_from_json(*text);
  if (!config) return config.error().within(path);
  return std::optional(std::move(config).value());
}

}  // namespace balancer::feed
