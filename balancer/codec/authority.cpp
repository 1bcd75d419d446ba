#include <charconv>

#include "balancer/codec/chars.h"
#include "balancer/codec/rewrite.h"

namespace balancer::codec {

namespace {

bool valid_port(std::string_view port) {
  constexpr unsigned kMaxPort = 65535;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  return all(port, kDigitChar) && error == std::errc() && end == port.data() + port.size() &&
         number <= kMaxPort;
}

// IP-literal of RFC 3986: hexadecimal groups, colons and the dots of an embedded IPv4 address.
bool valid_literal(std::string_view host) {
  if (host.size() < 4 || host.back() != ']') return false;
  for (const char c : host.substr(1, host.size() - 2)) {
    if (!is(c, kHexChar) && c != ':' && c != '.') return false;
  }
  return true;
}

bool valid_name(std::string_view host) {
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (is(host[i], kHostChar)) continue;
    if (host[i] != '%' || i + 2 >= host.size() || !is(host[i + 1], kHexChar) || !is(host[i + 2], kHexChar)) {
      return false;
    }
    i += 2;
  }
  return !host.empty();
}

}  // namespace

HostPort split_authority(std::string_view authority) {
  const std::size_t from = authority.starts_with('[') ? authority.find(']') : 0;
  const std::size_t colon = from == std::string_view::npos ? from : authority.find(':', from);
  if (colon == std::string_view::npos) return {authority, {}};
  return {authority.substr(0, colon), authority.substr(colon + 1)};
}

bool valid_authority(std::string_view authority) {
  const auto [host, port] = split_authority(authority);
  const bool has_port = host.size() != authority.size();
  if (has_port && !port.empty() && !valid_port(port)) return false;  // "host:" is RFC 3986 for no port
  return host.starts_with('[') ? valid_literal(host) : valid_name(host);
}

std::string_view routing_authority(const RequestHead& head, const RequestRewrite& options) {
  const std::string_view authority =
      options.preserve_host && head.has(FieldId::kHost) ? head.host_field() : head.authority();
  return authority.empty() ? options.default_host : authority;
}

}  // namespace balancer::codec
