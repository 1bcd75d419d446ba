// Cloud Map: namespaces, their services and the instances of these.
#pragma once
#include <map>

#include "agent/model/common.h"

namespace agent::model {

// Key: its id, "ns-...".
struct Namespace {
  std::string id;
  std::string arn;
  std::string name;
  std::string type;  // "DNS_PRIVATE", "DNS_PUBLIC", "HTTP"
  std::string description;
  std::string vpc;              // DNS_PRIVATE
  std::string hosted_zone;      // of the DNS ones: what Route 53 would have
  std::int64_t soa_ttl = 15;    // seconds that a resolver may keep that a name is not there
  std::string creator_request;  // may be empty
  std::vector<Tag> tags;
  WallTime created_at{};
};

struct DnsRecordConfig {
  std::string type;  // "A", "AAAA", "SRV", "CNAME"
  std::int64_t ttl = 0;
  bool operator==(const DnsRecordConfig&) const = default;
};

// Key: its id, "srv-...".
struct DiscoveryService {
  std::string id;
  std::string arn;
  std::string name;
  std::string namespace_id;
  std::string description;
  std::string type;     // "DNS_HTTP", "DNS", "HTTP"
  std::string routing;  // "MULTIVALUE", "WEIGHTED"; empty without records
  std::vector<DnsRecordConfig> records;
  bool custom_health = false;
  std::int64_t failure_threshold = 1;  // kept and shown: a status takes effect at once
  std::map<std::string, std::string> attributes;
  std::string creator_request;
  std::vector<Tag> tags;
  std::int64_t revision = 1;  // rises with each change of its instances
  WallTime created_at{};
};

// Key: "<service id>/<instance id>".
struct DiscoveryInstance {
  std::string id;
  std::string service;
  std::map<std::string, std::string> attributes;
  std::string creator_request;
  bool unhealthy = false;  // as somebody said; of services with custom health only
  std::string task;        // row key of the task that ECS registered it for; empty: a caller's
  WallTime registered_at{};
};

// Key: its id, which rises. All are carried out at once.
struct DiscoveryOperation {
  std::string id;
  std::string type;                            // "CREATE_NAMESPACE"
  std::map<std::string, std::string> targets;  // "NAMESPACE", "SERVICE", "INSTANCE": id
  WallTime created_at{};
};

}  // namespace agent::model
