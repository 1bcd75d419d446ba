#include "balancer/routing/source.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace balancer::routing {

namespace {
constexpr std::size_t kMaxAddressText = 64;
constexpr unsigned kMappedBits = 96;
}  // namespace

std::optional<SourceAddress> parse_source(std::string_view text) {
  text = text.substr(0, text.find('%'));
  if (text.size() >= kMaxAddressText) return std::nullopt;
  std::array<char, kMaxAddressText> terminated{};
  std::copy(text.begin(), text.end(), terminated.begin());
  SourceAddress address;
  if (text.find(':') != std::string_view::npos) {
    if (::inet_pton(AF_INET6, terminated.data(), address.bytes.data()) != 1) return std::nullopt;
    return address;
  }
  address.bytes[10] = address.bytes[11] = 0xff;
  if (::inet_pton(AF_INET, terminated.data(), address.bytes.data() + 12) != 1) return std::nullopt;
  return address;
}

std::optional<Cidr> parse_cidr(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address_text = text.substr(0, slash);
  const auto address = parse_source(address_text);
  if (!address || address_text.find('%') != std::string_view::npos) return std::nullopt;
  const bool v4 = address_text.find(':') == std::string_view::npos;
  const unsigned widest = v4 ? 32 : 128;
  unsigned prefix = widest;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc() || end != digits.data() + digits.size() || prefix > widest) return std::nullopt;
  }
  return Cidr{*address, v4 ? prefix + kMappedBits : prefix};
}

bool Cidr::contains(const SourceAddress& address) const {
  const std::size_t whole = prefix / 8;
  if (std::memcmp(address.bytes.data(), network.bytes.data(), whole) != 0) return false;
  const unsigned rest = prefix % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xffU << (8 - rest));
  return (address.bytes[whole] & mask) == (network.bytes[whole] & mask);
}

}  // namespace balancer::routing
