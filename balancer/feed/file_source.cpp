#include "balancer/feed/file_source.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "balancer/feed/named_files.h"
#include "balancer/feed/state_dir.h"
#include "shared/lbconfig/json.h"
#include "shared/log/log.h"

namespace balancer::feed {

using shared::Result;

namespace {
// An editor writes in several steps; the file is read this long after the first.
constexpr shared::Millis kSettle{50};
}  // namespace

FileSource::FileSource(shared::httpd::IoLoop& loop, std::string path,
                       std::function<void(shared::lbconfig::Config)> on_config)
    : loop_(loop), path_(std::move(path)), on_config_(std::move(on_config)) {}

Result<void> FileSource::start() {
  if (auto first = read(Unchanged::kSkip); !first) return first;
  watch();
  return {};
}

void FileSource::reload() { read_again(Unchanged::kSkipUnlessRefused); }

void FileSource::read_again(Unchanged unchanged) {
  auto result = read(unchanged);
  if (result) return;
  const bool told = unchanged == Unchanged::kSkip && last_error_ == result.error().text();
  last_error_ = result.error().text();
  if (!told) shared::log::error("config_refused", result.error(), {{"path", path_}});
}

Result<void> FileSource::read(Unchanged unchanged) {
  auto text = read_file(path_);
  if (!text) {
    content_.reset();
    return text.error();
  }
  const bool again = unchanged == Unchanged::kSkipUnlessRefused && last_error_.has_value();
  const bool same = *text == content_;
  if (same && named_.empty() && !again) return {};
  content_ = std::move(text).value();
  named_.clear();
  const auto former = std::exchange(read_, std::nullopt);
  auto config = shared::lbconfig::config_from_json(*content_);
  if (!config) return config.error().within(path_);
  named_ = named_files(*config, path_);
  if (notices_) watch_named();
  config = with_named_files(std::move(config).value(), path_);
  if (!config) return config.error().within(path_);
  read_ = *config;
  if (same && !again && former == read_) return {};
  last_error_.reset();
  version_ = std::max(version_ + 1, config->version);
  config->version = version_;
  on_config_(std::move(config).value());
  return {};
}

void FileSource::watch() {
  notices_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!watch_directory_of(path_)) return;
  watch_named();
  watch_ = loop_.watch_readable(notices_.get(), [this] { on_notice(); });
}

// The directory, because editors, config maps and programs that renew certificates replace a file by renaming
// another over it. Watching one twice is watching it once.
bool FileSource::watch_directory_of(const std::string& path) {
  std::string directory = std::filesystem::path(path).parent_path().string();
  if (directory.empty()) directory = ".";
  constexpr std::uint32_t kWanted = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE;
  if (notices_ && ::inotify_add_watch(notices_.get(), directory.c_str(), kWanted) >= 0) return true;
  shared::log::warn("config_watch_failed", {{"path", path}, {"error", std::strerror(errno)}});
  return false;
}

void FileSource::watch_named() {
  for (const std::string& file : named_) watch_directory_of(file);
}

void FileSource::on_notice() {
  char buffer[4096];
  while (::read(notices_.get(), buffer, sizeof buffer) > 0) {
  }
  if (settling_) return;  // a directory that never rests does not put it off for ever
  settling_ = true;
  settle_ = loop_.after(kSettle, [this] {
    settling_ = false;
    read_again(Unchanged::kSkip);
  });
}

}  // namespace balancer::feed
