// Byte classes of RFC 9110/9112 and case-blind comparison, as tables. ASCII only; locale plays no part.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace balancer::codec {

enum CharClass : std::uint8_t {
  kTokenChar = 1,        // RFC 9110 tchar
  kDigitChar = 2,        // 0-9
  kAlphaChar = 4,        // A-Z a-z
  kHexChar = 8,          // 0-9 A-F a-f
  kControlChar = 16,     // 0x00-0x1f and 0x7f, TAB too
  kUnreservedChar = 32,  // RFC 3986 unreserved
  kHostChar = 64,        // RFC 3986 reg-name without escapes: unreserved and sub-delims, but no comma
  kPlainUriChar = 128,   // visible ASCII but '#' and '%': needs no second look in a request target
};

constexpr std::array<std::uint8_t, 256> make_char_classes() {
  std::array<std::uint8_t, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const auto c = static_cast<char>(i);
    std::uint8_t bits = 0;
    const bool digit = c >= '0' && c <= '9';
    const bool alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (digit) bits |= kDigitChar;
    if (alpha) bits |= kAlphaChar;
    if (digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')) bits |= kHexChar;
    if (i < 0x20 || i == 0x7f) bits |= kControlChar;
    if (digit || alpha || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos)
      bits |= kTokenChar;
    if (digit || alpha || std::string_view("-._~").find(c) != std::string_view::npos) bits |= kUnreservedChar;
    if (digit || alpha || std::string_view("-._~!$&'()*+;=").find(c) != std::string_view::npos)
      bits |= kHostChar;
    if (i > 0x20 && i < 0x7f && c != '#' && c != '%') bits |= kPlainUriChar;
    table[i] = bits;
  }
  return table;
}
constexpr std::array<char, 256> make_lower_table() {
  std::array<char, 256> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<char>(i >= 'A' && i <= 'Z' ? i + ('a' - 'A') : i);
  }
  return table;
}
inline constexpr auto kCharClasses = make_char_classes();
inline constexpr auto kLower = make_lower_table();

constexpr bool is(char c, CharClass wanted) {
  return (kCharClasses[static_cast<unsigned char>(c)] & wanted) != 0;
}
constexpr char lower(char c) { return kLower[static_cast<unsigned char>(c)]; }
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = lower(c);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}
constexpr bool all(std::string_view text, CharClass wanted) {
  for (const char c : text) {
    if (!is(c, wanted)) return false;
  }
  return true;
}
// `lowered` is lower case already.
constexpr bool equals_lowered(std::string_view text, std::string_view lowered) {
  if (text.size() != lowered.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lower(text[i]) != lowered[i]) return false;
  }
  return true;
}
constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}
constexpr bool is_space(char c) { return c == ' ' || c == '\t'; }
// Spaces and tabs at both ends (RFC 9110 OWS), and the line ends of a folded value.
constexpr std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return is_space(c) || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}
// Well-formed UTF-8 without overlong forms, surrogates and what is above U+10FFFF (RFC 3629). ASCII is.
constexpr bool is_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned first = byte(i);
    if (first < 0x80) {
      ++i;
      continue;
    }
    const std::size_t more = first >= 0xc2 && first <= 0xdf   ? 1
                             : first >= 0xe0 && first <= 0xef ? 2
                             : first >= 0xf0 && first <= 0xf4 ? 3
                                                              : 0;
    if (more == 0) return false;
    for (std::size_t k = 1; k <= more; ++k) {
      if ((byte(i + k) & 0xc0U) != 0x80) return false;
    }
    const unsigned second = byte(i + 1);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return false;
    if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return false;
    i += more + 1;
  }
  return true;
}
// Takes the next element off a comma-separated list, trimmed; false at the end. Empty elements are returned
// too.
constexpr bool next_element(std::string_view& rest, std::string_view& element) {
  if (rest.data() == nullptr) return false;
  const std::size_t comma = rest.find(',');
  element = trim(rest.substr(0, comma));
  rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  return true;
}

}  // namespace balancer::codec
