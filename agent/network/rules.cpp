#include "agent/network/rules.h"

#include <nftables/libnftables.h>

#include <algorithm>
#include <cctype>

namespace agent::network {

using shared::Error;
using shared::Result;

std::string table_name(const std::string& bridge) {
  std::string out = "berth_" + bridge;
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return out;
}

std::string element_text(const std::string& bridge, const char* what, const Published& port) {
  const bool anywhere = port.bind_ip == "0.0.0.0";
  return std::string(what) + " element ip " + table_name(bridge) +
         (anywhere ? " ports { " : " ports_at { " + port.bind_ip + " . ") + port.protocol + " . " +
         std::to_string(port.host_port) + " : " + port.address + " . " + std::to_string(port.container_port) +
         " }\n";
}

// Ports are elements of maps, so one more costs the same whether there are ten or ten thousand. The guard
// comes first: with route_localnet, which 127.0.0.1:<host port> needs, packets from outside that name a
// loopback address would otherwise reach what listens on the host's loopback only.
std::string table_text(const std::string& bridge, const std::string& subnet,
                       const std::vector<Published>& ports) {
  const std::string table = table_name(bridge);
  const std::string b = "\"" + bridge + "\"";
  std::string out = "add table ip " + table + "\ndelete table ip " + table + "\ntable ip " + table + " {\n";
  out +=
      "  map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
      "  map ports_at { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }\n"
      "  chain guard { type filter hook prerouting priority -310; policy accept;\n"
      "    iifname != \"lo\" ip daddr 127.0.0.0/8 drop;\n  }\n"
      "  chain incoming { type nat hook prerouting priority -105; policy accept;\n"
      "    fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at;\n"
      "    fib daddr type local dnat ip to meta l4proto . th dport map @ports;\n  }\n"
      "  chain local_clients { type nat hook output priority -105; policy accept;\n"
      "    fib daddr type local dnat ip to ip daddr . meta l4proto . th dport map @ports_at;\n"
      "    fib daddr type local dnat ip to meta l4proto . th dport map @ports;\n  }\n";
  out += "  chain leaving { type nat hook postrouting priority 95; policy accept;\n    oifname != " + b +
         " ip saddr " + subnet + " masquerade;\n    oifname " + b +
         " ct status dnat ip saddr { 127.0.0.0/8, " + subnet + " } masquerade;\n  }\n";
  out += "  chain passing { type filter hook forward priority -5; policy accept;\n    oifname != " + b +
         " accept;\n    ct state established,related accept;\n    iifname " + b +
         " accept;\n    ct status dnat accept;\n    drop;\n  }\n}\n";
  for (const Published& each : ports) out += element_text(bridge, "add", each);
  return out;
}

Result<std::unique_ptr<Rules>> Rules::open() {
  nft_ctx* const context = nft_ctx_new(NFT_CTX_DEFAULT);
  if (context == nullptr) return Error("nftables", "libnftables cannot be used");
  nft_ctx_buffer_error(context);
  nft_ctx_buffer_output(context);
  return std::unique_ptr<Rules>(new Rules(context));
}

Rules::~Rules() { nft_ctx_free(context_); }

Result<void> Rules::apply(const std::string& commands) {
  const std::scoped_lock lock(mutex_);
  if (nft_run_cmd_from_buffer(context_, commands.c_str()) == 0) return {};
  std::string words = nft_ctx_get_error_buffer(context_);
  return Error("nftables", words.substr(0, words.find('\n')));
}

bool Rules::has_table(const std::string& bridge) {
  return apply("list chain ip " + table_name(bridge) + " guard\n").has_value();
}

}  // namespace agent::network
