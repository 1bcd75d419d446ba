#include "agent/runtime/docker/pull_stream.h"

#include "shared/json/reader.h"

namespace agent::runtime::docker {

void Lines::feed(std::string_view bytes, const std::function<void(std::string_view)>& line) {
  for (;;) {
    const auto end = bytes.find('\n');
    if (end == std::string_view::npos) break;
    if (!skipping_) {
      rest_ += bytes.substr(0, end);
      if (!rest_.empty()) line(rest_);
    }
    skipping_ = false;
    rest_.clear();
    bytes.remove_prefix(end + 1);
  }
  if (skipping_) return;
  rest_ += bytes;
  if (rest_.size() <= kMaxLine) return;
  rest_.clear();
  skipping_ = true;
}

void Lines::finish(const std::function<void(std::string_view)>& line) {
  if (!skipping_ && !rest_.empty()) line(rest_);
  rest_.clear();
}

void PullStream::feed(std::string_view bytes) {
  lines_.feed(bytes, [this](std::string_view line) { read(line); });
}

std::string PullStream::finish() {
  lines_.finish([this](std::string_view line) { read(line); });
  return error_;
}

void PullStream::read(std::string_view line) {
  if (!error_.empty()) return;
  auto document = shared::json::Document::parse(line, "malformed");
  if (!document) return;
  const auto root = document->root();
  if (const auto detail = root.child("errorDetail")) error_ = detail->string_or("message", "");
  if (error_.empty()) error_ = root.string_or("error", "");
}

}  // namespace agent::runtime::docker
