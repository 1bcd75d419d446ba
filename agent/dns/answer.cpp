#include "agent/dns/answer.h"

#include <algorithm>

namespace agent::dns {

namespace {

constexpr std::uint16_t kInternet = 1;
constexpr std::uint16_t kAnyClass = 255;
constexpr std::uint16_t kFirstTransfer = 251, kLastTransfer = 254;  // IXFR, AXFR, MAILB, MAILA
constexpr std::uint32_t kApexTtl = 900;

// The one whose name is the longest.
const Zone* zone_of(const Zones& zones, std::string_view name) {
  const Zone* found = nullptr;
  for (const auto& [apex, zone] : zones.zones) {
    if (is_within(name, apex) && (found == nullptr || apex.size() > found->name.size())) found = &zone;
  }
  return found;
}

std::vector<const Host*> chosen(const Named& named, shared::env::Random& random) {
  std::vector<const Host*> out;
  for (const Host& host : named.hosts) {
    if (host.healthy) out.push_back(&host);
  }
  if (out.empty()) {
    for (const Host& host : named.hosts) out.push_back(&host);
  }
  const std::size_t most = std::min(named.one_at_a_time ? 1 : kMostValues, out.size());
  for (std::size_t i = 0; i < most; ++i) std::swap(out[i], out[i + random.below(out.size() - i)]);
  out.resize(most);
  return out;
}

bool asks(const Query& query, Type type) {
  return query.type == static_cast<std::uint16_t>(type) ||
         query.type == static_cast<std::uint16_t>(Type::kAny);
}

void add_addresses(Writer& out, Section section, const Host& host, const std::string& name,
                   const std::optional<std::uint32_t>& a, const std::optional<std::uint32_t>& aaaa) {
  if (a && host.ipv4) out.a(section, name, *a, *host.ipv4);
  if (aaaa && host.ipv6) out.aaaa(section, name, *aaaa, *host.ipv6);
}

// False: the name has nothing of this type.
bool add_named(Writer& out, const Query& query, const Named& named, shared::env::Random& random) {
  bool any = false;
  const auto hosts = chosen(named, random);
  if (named.cname) {
    out.cname(Section::kAnswer, query.name, *named.cname, hosts.front()->cname);
    return true;
  }
  for (const Host* host : hosts) {
    if (named.a && host->ipv4 && asks(query, Type::kA)) {
      out.a(Section::kAnswer, query.name, *named.a, *host->ipv4);
      any = true;
    }
    if (named.aaaa && host->ipv6 && asks(query, Type::kAaaa)) {
      out.aaaa(Section::kAnswer, query.name, *named.aaaa, *host->ipv6);
      any = true;
    }
    if (named.srv && asks(query, Type::kSrv)) {
      out.srv(Section::kAnswer, query.name, *named.srv, host->port, host->name);
      any = true;
    }
  }
  if (!named.srv || !asks(query, Type::kSrv)) return any;
  for (const Host* host : hosts)
    add_addresses(out, Section::kAdditional, *host, host->name, named.srv, named.srv);
  return any;
}

enum class Found { kValues, kNothing, kNoName };

// The target of an SRV record has its addresses.
Found add_target(Writer& out, const Query& query, const Zone& zone) {
  for (const auto& [name, named] : zone.names) {
    if (!named.srv || !is_within(query.name, name)) continue;
    const auto host = std::find_if(named.hosts.begin(), named.hosts.end(),
                                   [&](const Host& each) { return each.name == query.name; });
    if (host == named.hosts.end()) continue;
    const bool a = host->ipv4 && asks(query, Type::kA);
    const bool aaaa = host->ipv6 && asks(query, Type::kAaaa);
    add_addresses(out, Section::kAnswer, *host, query.name, a ? named.srv : std::nullopt,
                  aaaa ? named.srv : std::nullopt);
    return a || aaaa ? Found::kValues : Found::kNothing;
  }
  return Found::kNoName;
}

// A name between a zone's and one of its services' is there, though it has no records.
bool is_on_the_way(const Zone& zone, const std::string& name) {
  return std::any_of(zone.names.begin(), zone.names.end(), [&](const auto& each) {
    return is_within(each.first, name) ||
           (each.second.srv && std::any_of(each.second.hosts.begin(), each.second.hosts.end(),
                                           [&](const Host& host) { return is_within(host.name, name); }));
  });
}

void add_soa(Writer& out, Section section, const Zone& zone, std::uint32_t serial, std::uint32_t ttl) {
  out.soa(section, zone.name, ttl, "ns." + zone.name, "hostmaster." + zone.name, serial, zone.negative_ttl);
}

Found add_records(Writer& out, const Query& query, const Zone& zone, std::uint32_t serial,
                  shared::env::Random& random) {
  if (query.name == zone.name) {
    const bool soa = asks(query, Type::kSoa);
    const bool ns = asks(query, Type::kNs);
    if (soa) add_soa(out, Section::kAnswer, zone, serial, kApexTtl);
    if (ns) out.ns(Section::kAnswer, zone.name, kApexTtl, "ns." + zone.name);
    return soa || ns ? Found::kValues : Found::kNothing;
  }
  if (const auto it = zone.names.find(query.name); it != zone.names.end())
    return add_named(out, query, it->second, random) ? Found::kValues : Found::kNothing;
  const Found target = add_target(out, query, zone);
  if (target != Found::kNoName) return target;
  return is_on_the_way(zone, query.name) || query.name == "ns." + zone.name ? Found::kNothing
                                                                            : Found::kNoName;
}

}  // namespace

std::string answer(std::string_view bytes, const Zones& zones, Transport transport,
                   shared::env::Random& random) {
  const Read read = read_query(bytes);
  if (read.verdict == Read::Verdict::kSilence) return {};
  const Query& query = read.query;
  const std::size_t most = transport == Transport::kTcp ? kMostTcpBytes : query.udp_bytes;
  const auto refuse = [&](Code code) { return Writer(query, most, false).finish(code); };
  if (read.verdict == Read::Verdict::kMalformed) return refuse(Code::kFormat);
  if (query.opcode != 0) return refuse(Code::kNotImplemented);
  if (query.edns && query.edns_version != 0) return refuse(Code::kBadVersion);
  const Zone* zone = zone_of(zones, query.name);
  const bool transfer = query.type >= kFirstTransfer && query.type <= kLastTransfer;
  if (zone == nullptr || transfer || (query.klass != kInternet && query.klass != kAnyClass))
    return refuse(Code::kRefused);
  Writer out(query, most, true);
  const Found found = add_records(out, query, *zone, zones.serial, random);
  if (found != Found::kValues) add_soa(out, Section::kAuthority, *zone, zones.serial, zone->negative_ttl);
  return out.finish(found == Found::kNoName ? Code::kNoName : Code::kNoError);
}

}  // namespace agent::dns
