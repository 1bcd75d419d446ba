#include "balancer/feed/state_dir.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
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

constexpr const char* kLockFile = "/lock";
constexpr const char* kHandoverSocket = "/handover";
constexpr const char* kIdFile = "/balancer-id";
constexpr const char* kCookieKeysFile = "/cookie-keys";
constexpr const char* kTargetsFile = "/targets";
constexpr const char* kSnapshotFile = "/snapshot.json";
constexpr const char* kJournalFile = "/snapshot.journal";
// Configurations hold the keys of certificates.
constexpr mode_t kSecretMode = 0600;
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
  UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kSecretMode));
  // Also where a file of before was open to others.
  if (!fd || ::fchmod(fd.get(), kSecretMode) != 0) return file_error("write", beside);
  if (auto written = write_synced(fd, beside, content); !written) {
    (void)::unlink(beside.c_str());  // a part of it takes room where there is none
    return written;
  }
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

Result<UniqueFd> StateDir::lock() const {
  const std::string path = path_ + kLockFile;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kSecretMode));
  if (!fd) return file_error("open", path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
    sign(fd);
    return fd;
  }
  if (errno != EWOULDBLOCK) return file_error("lock", path);
  std::string who;
  if (auto text = read_file(path)) who = std::move(text).value();
  while (!who.empty() && who.back() == '\n') who.pop_back();
  return Error("state_dir_in_use", "state directory " + path_ + " is in use by another balancer" +
                                       (who.empty() ? "" : " (pid " + who + ")"));
}

// Only for people: a full disk does not keep us from it.
void StateDir::sign(const UniqueFd& lock) const {
  const std::string text = std::to_string(::getpid()) + "\n";
  // In this order whoever reads meanwhile finds a number in it.
  const auto size = static_cast<ssize_t>(text.size());
  if (::pwrite(lock.get(), text.data(), text.size(), 0) == size) (void)!::ftruncate(lock.get(), size);
}

std::string StateDir::handover_path() const { return path_ + kHandoverSocket; }

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

namespace {

// "1800000000000 17 ab...": when the newest was made, then id and secret of each.
struct KeptKeys {
  long long made = 0;
  shared::lbconfig::CookieKeys keys;
};

std::string text_of(const KeptKeys& kept) {
  std::string text = std::to_string(kept.made);
  for (const auto& key : kept.keys)
    text += " " + std::to_string(key.id) + " " + shared::lbconfig::secret_to_hex(key.secret);
  return text + "\n";
}

std::string_view next_word(std::string_view& rest) {
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n')) rest.remove_prefix(1);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \n"));
  rest.remove_prefix(word.size());
  return word;
}

template <class T>
bool read_number(std::string_view word, T& number) {
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return !word.empty() && error == std::errc() && end == word.data() + word.size();
}

// No keys for a text that is not whole.
KeptKeys read_keys(std::string_view text) {
  KeptKeys kept;
  if (!read_number(next_word(text), kept.made)) return {};
  for (std::string_view id = next_word(text); !id.empty(); id = next_word(text)) {
    shared::lbconfig::CookieKey key;
    key.secret = shared::lbconfig::secret_from_hex(next_word(text));
    const bool good = read_number(id, key.id) && key.secret.size() == shared::lbconfig::kCookieSecretBytes;
    if (!good || kept.keys.size() == shared::lbconfig::kMaxCookieKeys) return {};
    kept.keys.push_back(std::move(key));
  }
  return kept;
}

}  // namespace

shared::lbconfig::CookieKey make_cookie_key(shared::env::Random& random, std::uint32_t other_id) {
  shared::lbconfig::CookieKey key;
  do {
    key.id = static_cast<std::uint32_t>(random.next());
  } while (key.id == other_id);
  while (key.secret.size() < shared::lbconfig::kCookieSecretBytes) {
    const std::uint64_t word = random.next();
    for (unsigned shift = 0; shift < 64; shift += 8) key.secret += static_cast<char>(word >> shift & 255U);
  }
  return key;
}

Result<shared::lbconfig::CookieKeys> StateDir::cookie_keys(shared::env::Random& random,
                                                           shared::WallTime now) const {
  const std::string path = path_ + kCookieKeysFile;
  KeptKeys kept;
  if (const auto text = read_file(path); text) kept = read_keys(*text);
  const bool fresh = !kept.keys.empty() && now < shared::from_epoch_millis(kept.made) + kOwnKeyLife;
  if (fresh) return kept.keys;
  kept.keys.insert(kept.keys.begin(), make_cookie_key(random, kept.keys.empty() ? 0 : kept.keys.front().id));
  kept.keys.resize(std::min(kept.keys.size(), shared::lbconfig::kMaxCookieKeys));
  kept.made = shared::epoch_millis(now);
  if (auto saved = replace_file(path_, path, text_of(kept)); !saved) return saved.error();
  return kept.keys;
}

// A line for each target: when its slow start began (0: none), then its registration and its group, which is
// the rest of the line.
Result<void> StateDir::save_targets(const targets::HealthyBefore& healthy, shared::SteadyTime now,
                                    shared::WallTime wall_now) const {
  std::string text;
  for (const auto& [key, slow_from] : healthy) {
    const bool fits = key.registration.find_first_of(" \n") == std::string::npos &&
                      key.target_group.find('\n') == std::string::npos;
    if (!fits) continue;
    const auto ago =
        slow_from ? std::chrono::duration_cast<shared::Millis>(now - *slow_from) : shared::Millis(0);
    text += std::to_string(slow_from ? shared::epoch_millis(wall_now - ago) : 0) + " " + key.registration +
            " " + key.target_group + "\n";
  }
  return replace_file(path_, path_ + kTargetsFile, text);
}

std::optional<targets::HealthyBefore> StateDir::load_targets(shared::SteadyTime now,
                                                             shared::WallTime wall_now) const {
  const auto text = read_file(path_ + kTargetsFile);
  if (!text) return std::nullopt;
  targets::HealthyBefore out;
  for (std::string_view rest = *text; !rest.empty();) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    long long from = 0;
    if (!read_number(next_word(line), from)) return std::nullopt;
    targets::TargetKey key;
    key.registration = next_word(line);
    if (line.size() < 2) return std::nullopt;
    key.target_group = line.substr(1);
    std::optional<shared::SteadyTime> slow_from;
    if (from != 0) {
      const auto ago = std::chrono::duration_cast<shared::Millis>(wall_now - shared::from_epoch_millis(from));
      slow_from = now - std::max(shared::Millis(0), ago);
    }
    out.emplace(std::move(key), slow_from);
  }
  return out;
}

Result<void> StateDir::save(const shared::lbconfig::Config& config) {
  if (saved_ ? config.version == saved_->version : config.version == loaded_ && loaded_ != 0) return {};
  loaded_ = 0;
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
  journal_.reset(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, kSecretMode));
  if (!journal_ || ::fchmod(journal_.get(), kSecretMode) != 0) return file_error("write", path);
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

Result<std::optional<shared::lbconfig::Config>> StateDir::load() {
  const std::string path = path_ + kSnapshotFile;
  if (::access(path.c_str(), F_OK) != 0) return std::optional<shared::lbconfig::Config>();
  auto text = read_file(path);
  if (!text) return text.error();
  auto config = shared::lbconfig::config_from_json(*text);
  if (!config) return config.error().within(path);
  const std::string journal = path_ + kJournalFile;
  std::optional<shared::lbconfig::Config> out = std::move(config).value();
  if (::access(journal.c_str(), F_OK) == 0) {
    auto changes = read_file(journal);
    if (!changes) return changes.error();
    out = with_journal(*std::move(out), *changes);
  }
  loaded_ = out->version;
  return out;
}

}  // namespace balancer::feed
