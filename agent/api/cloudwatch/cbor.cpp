// CBOR (RFC 8949) as Smithy RPC v2 has it: times have tag 1.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "agent/api/cloudwatch/operations.h"
#include "agent/api/cloudwatch/wire.h"

namespace agent::api::cloudwatch {

using nlohmann::json;
using shared::Result;

namespace {

enum Major : unsigned {
  kUnsigned = 0,
  kNegative = 1,
  kText = 3,
  kArray = 4,
  kMap = 5,
  kTag = 6,
  kSimple = 7
};
constexpr unsigned char kTrue = 0xf5;
constexpr unsigned char kFalse = 0xf4;
constexpr unsigned char kNull = 0xf6;
constexpr unsigned char kDouble = 0xfb;
constexpr std::uint64_t kEpochTag = 1;

void put_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes; i-- > 0;) out += static_cast<char>(value >> (8U * static_cast<unsigned>(i)) & 0xffU);
}

void put_head(std::string& out, Major major, std::uint64_t value) {
  const unsigned first = static_cast<unsigned>(major) << 5U;
  constexpr std::uint64_t kInline = 24;
  int bytes = 8;
  unsigned width = 27;
  if (value < kInline) {
    out += static_cast<char>(first | static_cast<unsigned>(value));
    return;
  }
  if (value <= 0xff) {
    bytes = 1;
    width = 24;
  } else if (value <= 0xffff) {
    bytes = 2;
    width = 25;
  } else if (value <= 0xffffffff) {
    bytes = 4;
    width = 26;
  }
  out += static_cast<char>(first | width);
  put_big_endian(out, value, bytes);
}

void put_double(std::string& out, double value) {
  out += static_cast<char>(kDouble);
  put_big_endian(out, std::bit_cast<std::uint64_t>(value), 8);
}

// The depth is that of our own answers.
void put(std::string& out, const json& value, bool time) {
  if (value.is_object()) {
    put_head(out, kMap, value.size());
    for (const auto& [name, each] : value.items()) {
      put_head(out, kText, name.size());
      out += name;
      put(out, each, is_time(name));
    }
  } else if (value.is_array()) {
    put_head(out, kArray, value.size());
    for (const auto& each : value) put(out, each, time);
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    put_head(out, kText, text.size());
    out += text;
  } else if (value.is_boolean()) {
    out += static_cast<char>(value.get<bool>() ? kTrue : kFalse);
  } else if (value.is_number() && time) {
    put_head(out, kTag, kEpochTag);
    put_double(out, value.get<double>());
  } else if (value.is_number_float()) {
    put_double(out, value.get<double>());
  } else if (value.is_number_integer()) {
    const auto number = value.get<std::int64_t>();
    if (number < 0)
      put_head(out, kNegative, static_cast<std::uint64_t>(-(number + 1)));
    else
      put_head(out, kUnsigned, static_cast<std::uint64_t>(number));
  } else {
    out += static_cast<char>(kNull);
  }
}

}  // namespace

std::string cbor_of(const json& value) {
  std::string out;
  put(out, value, false);
  return out;
}

namespace {

// nlohmann's reader knows no tag 1, so there is one here: what requests have, and nothing beyond its end.
class CborReader {
 public:
  explicit CborReader(std::string_view bytes) : rest_(bytes) {}
  std::optional<json> whole() {
    json value;
    if (!take(value, 0) || !rest_.empty()) return std::nullopt;
    return value;
  }

 private:
  static constexpr int kMaxDepth = 16;
  static constexpr unsigned kEndless = 31;
  static constexpr unsigned char kBreak = 0xff;
  enum Simple : unsigned {
    kIsFalse = 20,
    kIsTrue = 21,
    kIsNull = 22,
    kIsUndefined = 23,
    kHalf = 25,
    kSingle = 26,
    kIsDouble = 27
  };

  bool at_break() {
    if (rest_.empty() || static_cast<unsigned char>(rest_[0]) != kBreak) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool number(std::size_t bytes, std::uint64_t& out) {
    if (rest_.size() < bytes) return false;
    out = 0;
    for (std::size_t i = 0; i < bytes; ++i) out = out << 8U | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(bytes);
    return true;
  }
  // What follows the major type: a number, of one byte or in as many as `info` says.
  bool argument(unsigned info, std::uint64_t& out) {
    constexpr unsigned kInline = 24;
    out = info;
    if (info < kInline) return true;
    return info < kInline + 4 && number(std::size_t{1} << (info - kInline), out);
  }
  bool text(unsigned info, std::string& out) {
    if (info == kEndless) {
      while (!at_break()) {
        if (rest_.empty() || static_cast<unsigned char>(rest_[0]) >> 5U != kText) return false;
        const unsigned part = static_cast<unsigned char>(rest_[0]) & 0x1fU;
        rest_.remove_prefix(1);
        if (part == kEndless || !text(part, out)) return false;
      }
      return true;
    }
    std::uint64_t size = 0;
    if (!argument(info, size) || size > rest_.size()) return false;
    out += rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  // Of a list or map: whether one more comes; `left` counts down where the size was told.
  bool more(unsigned info, std::uint64_t& left) { return info == kEndless ? !at_break() : left-- > 0; }
  bool floating(unsigned info, json& out) {
    std::uint64_t bits = 0;
    if (!number(std::size_t{1} << (info - 24), bits)) return false;
    if (info == kIsDouble) {
      out = std::bit_cast<double>(bits);
    } else if (info == kSingle) {
      out = static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    } else {
      const int exponent = static_cast<int>(bits >> 10U & 0x1fU);
      const auto mantissa = static_cast<double>(bits & 0x3ffU);
      double value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25);
      if (exponent == 31) value = std::numeric_limits<double>::quiet_NaN();
      out = (bits >> 15U) != 0 ? -value : value;
    }
    return true;
  }
  bool take(json& out, int depth) {
    if (rest_.empty() || depth > kMaxDepth) return false;
    const auto first = static_cast<unsigned char>(rest_[0]);
    const unsigned info = first & 0x1fU;
    rest_.remove_prefix(1);
    std::uint64_t value = 0;
    switch (first >> 5U) {
      case kUnsigned:
        if (!argument(info, value)) return false;
        out = value;
        return true;
      case kNegative:
        if (!argument(info, value) ||
            value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
          return false;
        out = -1 - static_cast<std::int64_t>(value);
        return true;
      case kText: {
        std::string read;
        if (!text(info, read)) return false;
        out = std::move(read);
        return true;
      }
      case kArray:
        out = json::array();
        if (info != kEndless && !argument(info, value)) return false;
        while (more(info, value)) {
          json item;
          if (!take(item, depth + 1)) return false;
          out.push_back(std::move(item));
        }
        return true;
      case kMap:
        out = json::object();
        if (info != kEndless && !argument(info, value)) return false;
        while (more(info, value)) {
          json name;
          if (!take(name, depth + 1) || !name.is_string() || !take(out[name.get<std::string>()], depth + 1))
            return false;
        }
        return true;
      case kTag:  // of a time: its seconds are what counts
        return argument(info, value) && take(out, depth + 1);
      case kSimple:
        if (info == kIsFalse || info == kIsTrue) {
          out = info == kIsTrue;
          return true;
        }
        if (info == kIsNull || info == kIsUndefined) return true;
        return info >= kHalf && info <= kIsDouble && floating(info, out);
      default:
        return false;
    }
  }

  std::string_view rest_;
};

}  // namespace

Result<json> json_of_cbor(const std::string& bytes) {
  if (bytes.empty()) return json::object();
  auto value = CborReader(bytes).whole();
  if (!value || !value->is_object()) return invalid("The request is no CBOR map.");
  return *std::move(value);
}

}  // namespace agent::api::cloudwatch
