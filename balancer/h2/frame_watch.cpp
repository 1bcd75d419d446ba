#include "balancer/h2/frame_watch.h"

#include <algorithm>

namespace balancer::h2 {

namespace {
constexpr std::uint8_t kData = 0;
constexpr std::uint8_t kHeaders = 1;
constexpr std::uint8_t kContinuation = 9;
constexpr std::uint8_t kEndHeaders = 4;
constexpr std::uint8_t kPadded = 8;
}  // namespace

void FrameWatch::note(std::string_view bytes) {
  while (!bytes.empty()) {
    if (left_ != 0) {
      if (std::exchange(padding_next_, false) && static_cast<std::uint8_t>(bytes.front()) >= left_)
        bad_padding_ = true;
      const std::size_t part = std::min(left_, bytes.size());
      bytes.remove_prefix(part);
      left_ -= part;
      if (left_ == 0) end_frame();
      continue;
    }
    head_[have_++] = static_cast<std::uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    if (have_ == kFrameHead) begin_frame();
  }
}

void FrameWatch::begin_frame() {
  have_ = 0;
  left_ = static_cast<std::size_t>(head_[0]) << 16 | static_cast<std::size_t>(head_[1]) << 8 | head_[2];
  if (head_[3] == kHeaders || head_[3] == kContinuation) {
    block_open_ = true;
    block_ends_ = (head_[4] & kEndHeaders) != 0;
  }
  padding_next_ = head_[3] == kData && (head_[4] & kPadded) != 0;
  if (padding_next_ && left_ == 0) bad_padding_ = true;
  if (head_[3] > kContinuation) ++unknown_;  // RFC 9113 section 5.5
  if (left_ == 0) end_frame();
}

}  // namespace balancer::h2
