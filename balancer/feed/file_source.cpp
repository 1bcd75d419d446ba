#include "balancer/feed/file_source.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "balancer/feed/state_dir.h"
#include "shared/lbconfig/json.h"
#include "shared/log/log.h"

namespace balancer::feed {

using shared::Result;

namespace {
// An editor writes in several steps; the file is read when it has been quiet this long.
constexpr shared::Millis kSettle{50};
}  // namespace

FileSource::FileSource(shared::httpd::IoLoop& loop, std::string path,
                       std::function<void(shared::lbconfig::Config)> on_config)
    : loop_(loop), path_(std::move(path)), on_config_(std::move(on_config)) {}

Result<void> FileSource::start() {
  if (auto first = read(); !first) return first;
  watch();
  return {};
}

void FileSource::reload() {
  if (auto result = read(); !result) {
    last_error_ = result.error().text();
    shared::log::error("config_refused", result.error(), {{"path", path_}});
  }
}

Result<void> FileSource::read() {
  auto text = read_file(path_);
  if (!text) return text.error();
  auto config = shared::lbconfig::config_from_json(*text);
  if (!config) return config.error().within(path_);
  last_error_.reset();
  if (version_ != 0 && *text == content_) return {};
  content_ = std::move(text).value();
  version_ = std::max(version_ + 1, config->version);
  config->version = version_;
  on_config_(std::move(config).value());
  return {};
}

void FileSource::watch() {
  notices_.reset(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  // The directory, because editors and config maps replace the file by renaming another over it.
  std::string directory = std::filesystem::path(path_).parent_path().string();
  if (directory.empty()) directory = ".";
  constexpr std::uint32_t kWanted = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE;
  if (!notices_ || ::inotify_add_watch(notices_.get(), directory.c_str(), kWanted) < 0) {
    shared::log::warn("config_watch_failed", {{"path", path_}, {"error", std::strerror(errno)}});
    return;
  }
  watch_ = loop_.watch_readable(notices_.get(), [this] { on_notice(); });
}

void FileSource::on_notice() {
  char buffer[4096];
  while (::read(notices_.get(), buffer, sizeof buffer) > 0) {
  }
  settle_ = loop_.after(kSettle, [this] { reload(); });
}

}  // namespace balancer::feed
