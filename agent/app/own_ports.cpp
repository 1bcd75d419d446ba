#include "agent/app/own_ports.h"

#include <charconv>
#include <fstream>

#include "shared/net/endpoint.h"

namespace agent::app {

using shared::Error;
using shared::Result;

namespace {

constexpr const char* kKernelRange = "/proc/sys/net/ipv4/ip_local_port_range";
constexpr node::PortRange kWithoutKernel{49153, 65535};
constexpr int kHttpPort = 80;

bool valid(const node::PortRange& range) {
  return range.first >= 1 && range.first <= range.last && range.last <= shared::net::kMaxPort;
}

// Of "http://HOST[:PORT][/...]".
shared::net::Endpoint endpoint_of(std::string url) {
  constexpr std::string_view kScheme = "http://";
  if (url.starts_with(kScheme)) url.erase(0, kScheme.size());
  url.erase(std::min(url.find('/'), url.size()));
  if (const auto parsed = shared::net::parse_endpoint(url)) return *parsed;
  const auto without_port = shared::net::parse_endpoint(url + ":" + std::to_string(kHttpPort));
  return without_port ? *without_port : shared::net::Endpoint();
}

bool on_this_host(const std::string& host, const std::string& own) {
  return host == "localhost" || host.starts_with("127.") || host == "::1" || host == own;
}

}  // namespace

void reserve_own_ports(node::NodeSettings& node, std::uint16_t listens_on, const std::string& control_url) {
  for (int port = node::kAgentPorts.first; port <= node::kAgentPorts.last; ++port)
    node.reserved_ports.insert(port);
  if (listens_on != 0) node.reserved_ports.insert(listens_on);
  const shared::net::Endpoint control = endpoint_of(control_url);
  if (control.port != 0 && on_this_host(control.address, node.address))
    node.reserved_ports.insert(control.port);
}

Result<node::PortRange> parse_port_range(const std::string& text) {
  node::PortRange range;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '-') {
    const auto last = std::from_chars(first.ptr + 1, end, range.last);
    if (last.ec == std::errc() && last.ptr == end && valid(range)) return range;
  }
  return Error("setting", "'" + text + "' is not a range of ports (such as 32768-60999)");
}

node::PortRange kernel_port_range() {
  std::ifstream file(kKernelRange);
  node::PortRange range;
  return file >> range.first >> range.last && valid(range) ? range : kWithoutKernel;
}

}  // namespace agent::app
