// Whatever comes as a query: an answer is none, or one that a client can read, of its id, marked as an
// answer, and no longer than its transport carries.
#include <cstddef>
#include <cstdint>
#include <string>

#include <arpa/nameser.h>

#include "agent/dns/answer.h"
#include "shared/base/check.h"

namespace {

namespace dns = agent::dns;

dns::Zones make_zones() {
  dns::Zones zones;
  dns::Zone& zone = zones.zones["a"];
  zone.name = "a";
  for (const char* name : {"b.a", "c.b.a"}) {
    dns::Named& named = zone.names[name];
    named.a = 1;
    named.aaaa = 2;
    named.srv = 3;
    for (std::uint8_t i = 0; i < 12; ++i)
      named.hosts.push_back({"i" + std::to_string(i) + "." + name, std::array<std::uint8_t, 4>{10, 0, 0, i},
                             std::array<std::uint8_t, 16>{}, 80, "", i % 2 == 0});
  }
  dns::Named& alias = zone.names["d.a"];
  alias.cname = 4;
  alias.hosts.push_back({});
  alias.hosts.back().cname = "x.y";
  return zones;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dns::Zones zones = make_zones();
  shared::env::SeededRandom random(size);
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  for (const auto by : {dns::Transport::kUdp, dns::Transport::kTcp}) {
    const std::string reply = dns::answer(bytes, zones, by, random);
    if (reply.empty()) continue;
    BERTH_CHECK(reply.size() >= dns::kHeaderBytes && reply.substr(0, 2) == bytes.substr(0, 2), "another id");
    BERTH_CHECK((static_cast<unsigned char>(reply[2]) & 0x80) != 0, "it is no answer");
    BERTH_CHECK(reply.size() <= (by == dns::Transport::kUdp ? dns::kMostUdpBytes : dns::kMostTcpBytes),
                "it is too long");
    ns_msg message;
    BERTH_CHECK(ns_initparse(reinterpret_cast<const unsigned char*>(reply.data()),
                             static_cast<int>(reply.size()), &message) == 0,
                "it cannot be read");
    BERTH_CHECK(dns::answer(reply, zones, by, random).empty(), "an answer is answered");
  }
  return 0;
}
