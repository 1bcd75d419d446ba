#include "balancer/feed/state_dir.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

#include "shared/base/unique_fd.h"
#include "shared/lbconfig/feed.h"
#include "shared/lbconfig/json.h"

namespace balancer::feed {

using shared::Error;
using shared::Result;
using shared::UniqueFd;

namespace {

constexpr const char* kIdFile = "/balancer-id";
constexpr const char* kSnapshotFile = "/snapshot.json";
constexpr const char* kJournalFile = "/snapshot.journal";
constexpr std::size_t kMaxFileBytes = 64 * 1024 * 1024;
// Below this a journal is not worth a new snapshot.
constexpr std::size_t kMinJournalBytes = 64 * 1024;

Error file_error(const char* what, const std::string& path) {
  return Error("file", std::string(what) + " " + path + ": " + std::strerror(errno));
}

Result<void> write_synced(const UniqueFd& fd, const std::string& path, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd.get(), content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return file_error("write", path);
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::fsync(fd.get()) != 0) return file_error("sync", path);
  return {};
}

Result<void> sync_directory(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return file_error("sync", directory);
  return {};
}

Result<void> replace_file(const std::string& directory, const std::string& path, const std::string& content) {
  const std::string beside = path + ".new";
  UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640));
  if (!fd) return file_error("write", beside);
  if (auto written = write_synced(fd, beside, content); !written) return written;
  if (::rename(beside.c_str(), path.c_str()) != 0) return file_error("rename to", path);
  return sync_directory(directory);
}

// What the journal adds. Lines of before the snapshot are passed over (a crash came between the two); the
// rest counts up to the first line that does not lead on: nobody was told of what a crash cut off.
shared::lbconfig::Config with_journal(shared::lbconfig::Config config, std::string_view journal) {
  for (;;) {
    const std::size_t end = journal.find('\n');
    if (end == std::string_view::npos) return config;
    const auto message = shared::lbconfig::feed_from_json(journal.substr(0, end));
    journal.remove_prefix(end + 1);
    const auto* delta = message ? std::get_if<shared::lbconfig::Delta>(&*message) : nullptr;
    if (delta == nullptr) return config;
    if (delta->version <= config.version) continue;
    auto next = shared::lbconfig::apply(config, *delta);
    if (!next) return config;
    config = std::move(next).value();
  }
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

Result<void> StateDir::save(const shared::lbconfig::Config& config) {
  if (saved_ && config.version == saved_->version) return {};
  if (saved_ && config.version > saved_->version) {
    const std::string line = shared::lbconfig::feed_to_json(shared::lbconfig::diff(*saved_, config)) + '\n';
    if (journal_bytes_ + line.size() <= std::max(whole_bytes_, kMinJournalBytes)) {
      auto appended = append(line);
      saved_.reset();
      if (appended) saved_ = config;
      return appended;
    }
  }
  return save_whole(config);
}

Result<void> StateDir::save_whole(const shared::lbconfig::Config& config) {
  saved_.reset();
  const std::string text = shared::lbconfig::config_to_json(config);
  if (auto replaced = replace_file(path_, path_ + kSnapshotFile, text); !replaced) return replaced;
  const std::string path = path_ + kJournalFile;
  journal_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640));
  if (!journal_) return file_error("write", path);
  if (auto synced = sync_directory(path_); !synced) return synced;
  whole_bytes_ = text.size();
  journal_bytes_ = 0;
  saved_ = config;
  return {};
}

Result<void> StateDir::append(const std::string& line) {
  journal_bytes_ += line.size();
  return write_synced(journal_, path_ + kJournalFile, line);
}

Result<std::optional<shared::lbconfig::Config>> StateDir::load() const {
  const std::string path = path_ + kSnapshotFile;
  if (::access(path.c_str(), F_OK) != 0) return std::optional<shared::lbconfig::Config>();
  auto text = read_file(path);
  if (!text) return text.error();
  auto config = shared::lbconfig::config_from_json(*text);
  if (!config) return config.error().within(path);
  const std::string journal = path_ + kJournalFile;
  if (::access(journal.c_str(), F_OK) != 0) return std::optional(std::move(config).value());
  auto changes = read_file(journal);
  if (!changes) return changes.error();
  return std::optional(with_journal(std::move(config).value(), *changes));
}

}  // namespace balancer::feed
