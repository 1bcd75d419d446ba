#include "agent/control/network/cidr.h"

#include <algorithm>
#include <charconv>

namespace agent::control::network {
namespace {

constexpr int kAddressBits = 32;
constexpr int kAddress6Bits = 128;

std::optional<int> small_number(std::string_view text, int most) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 || value > most)
    return std::nullopt;
  return value;
}

}  // namespace

bool Cidr::contains(const Cidr& other) const {
  return other.bits >= bits &&
         (bits == 0 || (base >> (kAddressBits - bits)) == (other.base >> (kAddressBits - bits)));
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto bits = small_number(text.substr(slash + 1), kAddressBits);
  if (!bits) return std::nullopt;
  std::string_view rest = text.substr(0, slash);
  std::uint32_t base = 0;
  for (int part = 0; part < 4; ++part) {
    const std::size_t end = part == 3 ? rest.size() : rest.find('.');
    const auto value = end == std::string_view::npos ? std::nullopt : small_number(rest.substr(0, end), 255);
    if (!value) return std::nullopt;
    base = base << 8U | static_cast<std::uint32_t>(*value);
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const std::uint32_t mask = *bits == 0 ? 0 : ~std::uint32_t{0} << (kAddressBits - *bits);
  return Cidr{base & mask, *bits};
}

std::string address_text(std::uint32_t address) {
  return std::to_string(address >> 24U) + "." + std::to_string(address >> 16U & 255U) + "." +
         std::to_string(address >> 8U & 255U) + "." + std::to_string(address & 255U);
}

std::string to_string(const Cidr& cidr) { return address_text(cidr.base) + "/" + std::to_string(cidr.bits); }

bool looks_like_cidr6(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || !small_number(text.substr(slash + 1), kAddress6Bits)) return false;
  const std::string_view address = text.substr(0, slash);
  return address.find(':') != std::string_view::npos &&
         address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
}

}  // namespace agent::control::network
