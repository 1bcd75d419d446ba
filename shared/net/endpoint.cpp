#include "shared/net/endpoint.h"

#include <arpa/inet.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>

namespace shared::net {
namespace {

// RFC 1035 section 2.3.4, as text without the root dot.
constexpr std::size_t kMaxHostName = 253;
// sun_path needs a closing zero byte.
constexpr std::size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

bool is_alnum(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool parses_as(int family, std::string_view text) {
  in6_addr out{};
  const std::string terminated(text);
  return terminated.size() == text.size() && terminated.find('\0') == std::string::npos &&
         ::inet_pton(family, terminated.c_str(), &out) == 1;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxHostName) return false;
  const auto allowed = [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; };
  if (!std::all_of(text.begin(), text.end(), allowed)) return false;
  if (text.front() == '.' || text.front() == '-' || text.find("..") != std::string_view::npos) return false;
  // A name whose last label is a number is a misspelt IPv4 address ("300.1.1.1", "10.0.1").
  const std::string_view last = text.substr(text.rfind('.') + 1);  // npos + 1 == 0
  return !std::all_of(last.begin(), last.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Error bad(std::string_view text, std::string_view why) {
  return Error("malformed", "endpoint \"" + std::string(text) + "\": " + std::string(why), Blame::kClient);
}

Result<Endpoint> parse_unix(std::string_view text, std::string_view path) {
  // "unix:///run/x" is how DOCKER_HOST spells "/run/x".
  if (path.starts_with("///")) path.remove_prefix(2);
  if (path.empty()) return bad(text, "the path after \"unix:\" is empty");
  if (path.size() > kMaxUnixPath) {
    return bad(text, "the path is longer than " + std::to_string(kMaxUnixPath) + " bytes");
  }
  if (path.find('\0') != std::string_view::npos) return bad(text, "the path has a zero byte");
  Endpoint endpoint;
  endpoint.unix_path = std::string(path);
  return endpoint;
}

}  // namespace

Result<Endpoint> parse_endpoint(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text, text.substr(5));

  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad(text, "the port is missing, expected address:port");
  const std::string_view port = text.substr(colon + 1);
  std::string_view address = text.substr(0, colon);
  if (address.empty()) return bad(text, "the address is missing, expected address:port");

  if (address.front() == '[') {
    if (address.back() != ']') return bad(text, "the bracket is not closed before the port");
    address = address.substr(1, address.size() - 2);
    if (!parses_as(AF_INET6, address)) return bad(text, "the address in brackets is not an IPv6 address");
  } else if (address.find(':') != std::string_view::npos) {
    return bad(text, "an IPv6 address needs brackets, as in [::1]:80");
  } else if (!parses_as(AF_INET, address) && !is_host_name(address)) {
    return bad(text, "the address is neither an IP address nor a host name");
  }

  unsigned value = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
  if (port.empty() || error != std::errc() || end != port.data() + port.size() || value > 65535) {
    return bad(text, "the port is not a number from 0 to 65535");
  }
  Endpoint endpoint;
  endpoint.address = std::string(address);
  endpoint.port = static_cast<std::uint16_t>(value);
  return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
  if (endpoint.is_unix()) return "unix:" + endpoint.unix_path;
  const bool v6 = endpoint.address.find(':') != std::string::npos;
  return (v6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" + std::to_string(endpoint.port);
}

bool is_ip_address(std::string_view text) { return parses_as(AF_INET, text) || parses_as(AF_INET6, text); }

}  // namespace shared::net
