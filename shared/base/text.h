// What is done with texts everywhere. Thread: any.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "shared/base/error.h"

namespace shared {

// The first `max_bytes` of UTF-8 text: less when its last character would not fit as a whole, because half a
// character makes a JSON or XML document, or a websocket's close frame (RFC 6455 section 5.5.1), malformed.
// Bytes that are no UTF-8 stay what they are.
inline std::string shortened(std::string_view text, std::size_t max_bytes) {
  constexpr std::size_t kMostContinuations = 3;  // RFC 3629: a character has four bytes at most
  if (text.size() <= max_bytes) return std::string(text);
  std::size_t end = max_bytes;
  const auto continues = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80;
  };
  while (end > 0 && max_bytes - end < kMostContinuations && continues(end)) --end;
  return std::string(text.substr(0, continues(end) ? max_bytes : end));
}

// ASCII letters alone, as names of protocols are compared, whatever the locale.
constexpr char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
inline std::string lower_case(std::string text) {
  for (char& c : text) c = lower_case(c);
  return text;
}

// "CannotPullContainerError: no such image": where a reader, or a program of another version, looks for the
// code in a text.
inline std::string with_code(const Error& error) { return error.code() + ": " + error.text(); }

}  // namespace shared
