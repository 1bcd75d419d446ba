#include "balancer/proxy_protocol/header.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace balancer::proxy_protocol {

namespace {

using loop::Address;

constexpr std::string_view kSignature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view kWord = "PROXY ";
constexpr std::size_t kFixedPart = 16;  // of version 2: signature, command, family, length
constexpr std::size_t kIpv4Part = 12;
constexpr std::size_t kIpv6Part = 36;
constexpr std::size_t kUnixPart = 216;
constexpr unsigned kVersion2 = 2;
constexpr unsigned kTcpOverIpv4 = 0x11;
constexpr unsigned kTcpOverIpv6 = 0x21;

Read error(std::string_view problem) { return {ReadState::kError, 0, {}, problem}; }
Read incomplete() { return {}; }

std::optional<std::uint16_t> port_of(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

std::optional<Address> address_of(std::string_view ip, std::string_view port, bool v6) {
  const auto number = port_of(port);
  if (!number || (ip.find(':') != std::string_view::npos) != v6) return std::nullopt;
  auto made = loop::make_address(ip, *number);
  if (!made) return std::nullopt;
  return *made;
}

std::string_view take_word(std::string_view& rest) {
  const std::size_t space = std::min(rest.find(' '), rest.size());
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(std::min(space + 1, rest.size()));
  return word;
}

Read read_text(std::string_view bytes) {
  if (bytes.substr(0, kWord.size()) != kWord.substr(0, bytes.size())) return error("proxy_header_missing");
  const std::size_t end = bytes.substr(0, kMaxTextHeader).find("\r\n");
  if (end == std::string_view::npos)
    return bytes.size() >= kMaxTextHeader ? error("proxy_header_too_long") : incomplete();
  Read out{ReadState::kComplete, end + 2, {}, {}};
  std::string_view rest = bytes.substr(kWord.size(), end - kWord.size());
  const std::string_view family = take_word(rest);
  if (family == "UNKNOWN") return out;  // whatever follows
  if (family != "TCP4" && family != "TCP6") return error("proxy_header_malformed");
  if (std::count(rest.begin(), rest.end(), ' ') != 3) return error("proxy_header_malformed");
  const std::string_view source = take_word(rest);
  const std::string_view destination = take_word(rest);
  const std::string_view source_port = take_word(rest);
  const bool v6 = family == "TCP6";
  const auto from = address_of(source, source_port, v6);
  const auto to = address_of(destination, rest, v6);
  if (!from || !to) return error("proxy_header_malformed");
  out.told = Addresses{*from, *to};
  return out;
}

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

Address ipv4_at(std::string_view bytes, std::size_t ip, std::size_t port) {
  Address out;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out.storage);
  v4->sin_family = AF_INET;
  std::memcpy(&v4->sin_addr, bytes.data() + ip, sizeof v4->sin_addr);
  std::memcpy(&v4->sin_port, bytes.data() + port, sizeof v4->sin_port);
  out.length = sizeof *v4;
  return out;
}

Address ipv6_at(std::string_view bytes, std::size_t ip, std::size_t port) {
  Address out;
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out.storage);
  v6->sin6_family = AF_INET6;
  std::memcpy(&v6->sin6_addr, bytes.data() + ip, sizeof v6->sin6_addr);
  std::memcpy(&v6->sin6_port, bytes.data() + port, sizeof v6->sin6_port);
  out.length = sizeof *v6;
  return out;
}

// The least length of what a family says; nothing: there is no such family.
std::optional<std::size_t> least_of(unsigned family) {
  switch (family) {
    case 0x00:
      return 0;
    case kTcpOverIpv4:
    case 0x12:  // UDP
      return kIpv4Part;
    case kTcpOverIpv6:
    case 0x22:  // UDP
      return kIpv6Part;
    case 0x31:
    case 0x32:
      return kUnixPart;
    default:
      return std::nullopt;
  }
}

Read read_binary(std::string_view bytes) {
  if (bytes.substr(0, kSignature.size()) != kSignature.substr(0, bytes.size()))
    return error("proxy_header_missing");
  if (bytes.size() > 12) {
    const unsigned command = byte_at(bytes, 12);
    if (command >> 4U != kVersion2 || (command & 15U) > 1) return error("proxy_header_malformed");
  }
  if (bytes.size() > 13 && !least_of(byte_at(bytes, 13))) return error("proxy_header_malformed");
  if (bytes.size() < kFixedPart) return incomplete();
  const bool local = (byte_at(bytes, 12) & 15U) == 0;
  const unsigned family = byte_at(bytes, 13);
  const std::size_t length = byte_at(bytes, 14) << 8U | byte_at(bytes, 15);
  if (kFixedPart + length > kMaxBinaryHeader) return error("proxy_header_too_long");
  if (!local && length < *least_of(family)) return error("proxy_header_malformed");
  if (bytes.size() < kFixedPart + length) return incomplete();
  Read out{ReadState::kComplete, kFixedPart + length, {}, {}};
  if (local) return out;
  const std::string_view said = bytes.substr(kFixedPart, length);
  if (family == kTcpOverIpv4) out.told = Addresses{ipv4_at(said, 0, 8), ipv4_at(said, 4, 10)};
  if (family == kTcpOverIpv6) out.told = Addresses{ipv6_at(said, 0, 32), ipv6_at(said, 16, 34)};
  return out;
}

bool is_known(const Address& a) { return a.length != 0; }

// An IPv4 address as such, also where a socket of IPv6 has it.
std::optional<in_addr> ipv4_of(const Address& a) {
  in_addr out{};
  if (a.storage.ss_family == AF_INET) return reinterpret_cast<const sockaddr_in*>(&a.storage)->sin_addr;
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&a.storage);
  if (!IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) return std::nullopt;
  std::memcpy(&out, &v6->sin6_addr.s6_addr[12], sizeof out);
  return out;
}

in6_addr ipv6_of(const Address& a) {
  if (a.storage.ss_family == AF_INET6) return reinterpret_cast<const sockaddr_in6*>(&a.storage)->sin6_addr;
  in6_addr out{};
  out.s6_addr[10] = out.s6_addr[11] = 0xff;
  std::memcpy(&out.s6_addr[12], &reinterpret_cast<const sockaddr_in*>(&a.storage)->sin_addr, 4);
  return out;
}

std::string ipv6_text(const Address& a) {
  const in6_addr ip = ipv6_of(a);
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(AF_INET6, &ip, text, sizeof text);
  return text;
}

bool both_ipv4(const Addresses& a) {
  return ipv4_of(a.source).has_value() && ipv4_of(a.destination).has_value();
}

template <class T>
void append_raw(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_port(std::string& out, std::uint16_t port) { append_raw(out, htons(port)); }

}  // namespace

Read read(std::string_view bytes) {
  if (bytes.empty()) return incomplete();
  return bytes[0] == kSignature[0] ? read_binary(bytes) : read_text(bytes);
}

std::string write_v1(const Addresses& addresses) {
  const auto& [source, destination] = addresses;
  if (!is_known(source) || !is_known(destination)) return "PROXY UNKNOWN\r\n";
  const bool v4 = both_ipv4(addresses);
  std::string out = v4 ? "PROXY TCP4 " : "PROXY TCP6 ";
  out += v4 ? source.ip() : ipv6_text(source);
  out += ' ';
  out += v4 ? destination.ip() : ipv6_text(destination);
  return out + ' ' + std::to_string(source.port()) + ' ' + std::to_string(destination.port()) + "\r\n";
}

std::string write_v2(const Addresses& addresses) {
  const auto& [source, destination] = addresses;
  std::string out(kSignature);
  if (!is_known(source) || !is_known(destination)) return out.append("\x20\0\0\0", 4);  // LOCAL
  const bool v4 = both_ipv4(addresses);
  out += '\x21';
  out += static_cast<char>(v4 ? kTcpOverIpv4 : kTcpOverIpv6);
  append_port(out, static_cast<std::uint16_t>(v4 ? kIpv4Part : kIpv6Part));
  for (const Address* each : {&source, &destination}) {
    if (v4) {
      append_raw(out, *ipv4_of(*each));
    } else {
      append_raw(out, ipv6_of(*each));
    }
  }
  append_port(out, source.port());
  append_port(out, destination.port());
  return out;
}

}  // namespace balancer::proxy_protocol
