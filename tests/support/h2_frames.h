// Raw HTTP/2 frames (RFC 9113 section 4.1) and header blocks (RFC 7541, literals without Huffman coding),
// made and read by the tests alone, so that they may be wrong on purpose.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace balancer::h2 {

inline constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum Type : std::uint8_t {
  kDataFrame = 0,
  kHeadersFrame = 1,
  kPriorityFrame = 2,
  kResetFrame = 3,
  kSettingsFrame = 4,
  kPushFrame = 5,
  kPingFrame = 6,
  kGoawayFrame = 7,
  kWindowFrame = 8,
  kContinuationFrame = 9
};
inline constexpr std::uint8_t kEndStreamFlag = 1;
inline constexpr std::uint8_t kAckFlag = 1;
inline constexpr std::uint8_t kEndHeadersFlag = 4;
inline constexpr std::uint8_t kPaddedFlag = 8;

// RFC 9113 section 7, of those that ErrorCode has no need for.
inline constexpr std::uint32_t kFlowControlCode = 3;
inline constexpr std::uint32_t kStreamClosedCode = 5;
inline constexpr std::uint32_t kFrameSizeCode = 6;
inline constexpr std::uint32_t kCompressionCode = 9;

inline const std::string kNul(1, '\0');

inline std::string number32(std::uint32_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}
inline std::uint32_t read32(std::string_view bytes) {
  std::uint32_t out = 0;
  for (const char c : bytes.substr(0, 4)) out = out << 8 | static_cast<unsigned char>(c);
  return out;
}

inline std::string frame(std::uint8_t type, std::uint8_t flags, std::int32_t stream,
                         std::string_view payload = {}) {
  std::string out = number32(static_cast<std::uint32_t>(payload.size())).substr(1);
  out += static_cast<char>(type);
  out += static_cast<char>(flags);
  out += number32(static_cast<std::uint32_t>(stream));
  return out.append(payload);
}

inline std::string hpack_string(std::string_view text) {
  std::string out;
  std::size_t size = text.size();
  if (size < 127) {
    out += static_cast<char>(size);
  } else {
    out += static_cast<char>(127);
    for (size -= 127; size >= 128; size /= 128) out += static_cast<char>(size % 128 + 128);
    out += static_cast<char>(size);
  }
  return out.append(text);
}

using Fields = std::vector<std::pair<std::string, std::string>>;

inline std::string block(const Fields& fields) {
  std::string out;
  for (const auto& [name, value] : fields) out += '\0' + hpack_string(name) + hpack_string(value);
  return out;
}
inline Fields get_fields(Fields more = {}) {
  Fields out{{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
  out.insert(out.end(), more.begin(), more.end());
  return out;
}
inline Fields post_fields(Fields more = {}) {
  Fields out = get_fields(std::move(more));
  out[0].second = "POST";
  return out;
}
inline std::string request(std::int32_t id, const Fields& fields = get_fields(), bool ended = true) {
  return frame(kHeadersFrame,
               static_cast<std::uint8_t>(kEndHeadersFlag | (ended ? kEndStreamFlag : std::uint8_t{0})), id,
               block(fields));
}
inline std::string hello() { return std::string(kPreface) + frame(kSettingsFrame, 0, 0); }

struct Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::int32_t stream = 0;
  std::string payload;
  // Of RST_STREAM and GOAWAY.
  std::uint32_t code() const {
    return read32(std::string_view(payload).substr(type == kGoawayFrame ? 4 : 0));
  }
};

// The whole ones among `bytes`, of which they are taken.
inline std::vector<Frame> take_frames(std::string& bytes) {
  std::vector<Frame> out;
  std::size_t at = 0;
  while (bytes.size() - at >= 9) {
    const std::string_view rest = std::string_view(bytes).substr(at);
    const std::size_t size = read32(std::string(1, '\0').append(rest.substr(0, 3)));
    if (rest.size() < 9 + size) break;
    out.push_back({static_cast<std::uint8_t>(rest[3]), static_cast<std::uint8_t>(rest[4]),
                   static_cast<std::int32_t>(read32(rest.substr(5)) & 0x7fffffff),
                   std::string(rest.substr(9, size))});
    at += 9 + size;
  }
  bytes.erase(0, at);
  return out;
}
inline std::vector<Frame> frames_of(std::string bytes) { return take_frames(bytes); }

}  // namespace balancer::h2
