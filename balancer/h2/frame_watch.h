// Where the frames of received bytes begin and end (RFC 9113 section 4.1), for what nghttp2 does not tell:
// whether a header block has begun and not ended, be it one that is ignored, how many frames came of types
// that nobody knows, and whether DATA that is ignored, of a stream that has ended, was well-formed. Pure.
// Thread: its owner's.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace balancer::h2 {

inline constexpr std::size_t kFrameHead = 9;
inline constexpr std::size_t kPrefaceBytes = 24;

class FrameWatch {
 public:
  // `skip`: bytes before the first frame, a client's preface.
  explicit FrameWatch(std::size_t skip) : left_(skip) {}
  void note(std::string_view bytes);
  // From the first byte after a HEADERS frame's head to the last one of its block.
  bool in_header_block() const { return block_open_; }
  // Since this was last asked.
  std::size_t take_unknown() { return std::exchange(unknown_, 0); }
  // DATA has come with padding as long as its payload, or longer (RFC 9113 section 6.1).
  bool bad_padding() const { return bad_padding_; }

 private:
  void begin_frame();
  void end_frame() { block_open_ = block_open_ && !block_ends_; }

  std::array<std::uint8_t, kFrameHead> head_{};
  std::size_t have_ = 0;  // of the head
  std::size_t left_;      // of the payload
  std::size_t unknown_ = 0;
  bool block_open_ = false;
  bool block_ends_ = false;    // with this frame
  bool padding_next_ = false;  // the next byte says how long the padding is
  bool bad_padding_ = false;
};

}  // namespace balancer::h2
