// ELBv2 resources. Rules and actions use the balancer's own values (shared/lbconfig), so that control only
// has to select and address them when it publishes a configuration.
#pragma once
#include <map>
#include <string_view>

#include "agent/model/common.h"
#include "shared/lbconfig/config.h"

namespace agent::model {

namespace lb = shared::lbconfig;

inline constexpr const char* kNetworkType = "network";
// Protocols of network load balancers, of listeners and of target groups.
inline bool is_stream(std::string_view protocol) { return protocol == "TCP" || protocol == "TLS"; }
// Listeners of these have certificates.
inline bool has_tls(std::string_view protocol) { return protocol == "HTTPS" || protocol == "TLS"; }

// Key: ARN, for all of these.
struct LoadBalancer {
  std::string arn;
  std::string name;
  std::string full_name;  // "app/NAME/ID", "net/NAME/ID"
  std::string dns_name;
  std::string scheme = "internet-facing";
  std::string type = "application";
  std::string ip_address_type = "ipv4";
  std::string vpc_id;
  std::vector<std::string> subnets;
  std::vector<std::string> security_groups;
  std::map<std::string, std::string>
      attributes;  // only those that were set; defaults are filled in when described
  std::vector<Tag> tags;
  std::string create_request;  // canonical form of the create call, for idempotency
  WallTime created_at{};
  std::string address;  // of its listeners, given at its creation; empty: the first of the settings
};

struct Listener {
  std::string arn;
  std::string load_balancer_arn;
  std::uint16_t port = 0;
  std::string protocol = "HTTP";
  std::vector<lb::Action> default_actions;
  std::string default_rule_arn;
  std::map<std::string, std::string> attributes;
  std::vector<Tag> tags;
  WallTime created_at{};
  // Of protocols HTTPS and TLS only, empty otherwise.
  std::string ssl_policy;
  std::string certificate;                // ARN of the default one
  std::vector<std::string> certificates;  // ARNs of the list (AddListenerCertificates); may hold the default
  lb::ClientAuthentication client;        // MutualAuthentication; HTTPS
  std::string alpn;                       // AlpnPolicy; TLS; empty: none was given
};

struct Rule {
  std::string arn;
  std::string listener_arn;
  int priority = 0;
  std::vector<lb::Condition> conditions;
  std::vector<lb::Action> actions;
  lb::Rewrites rewrites;  // Transforms
  std::vector<Tag> tags;
};

// Key: "<target group ARN>/<registration>".
struct RegisteredTarget {
  std::string target_group_arn;
  std::string id;  // instance id or IP
  std::uint16_t port = 0;
  std::string zone;
  std::string address;       // resolved when registered
  std::string registration;  // unique
  std::string task_arn;      // empty: registered through the ELBv2 API
  lb::TargetState state = lb::TargetState::kActive;
  WallTime registered_at{};
  std::uint64_t sequence = 0;  // rises within the group: the order of registration
  // Draining only. drain_version is the first configuration version that says so; 0 until it is published.
  std::optional<WallTime> draining_since;
  std::uint64_t drain_version = 0;
  bool exposed = false;  // was in a published configuration: balancers may have requests open towards it
};

struct TargetGroup {
  std::string arn;
  std::string name;
  std::string full_name;  // "targetgroup/NAME/ID"
  std::string protocol = "HTTP";
  std::string protocol_version = "HTTP1";
  std::uint16_t port = 0;
  std::string vpc_id;
  std::string target_type = "instance";
  std::string ip_address_type = "ipv4";
  std::string health_check_protocol = "HTTP";
  lb::HealthCheck health_check;
  std::map<std::string, std::string> attributes;
  std::vector<Tag> tags;
  std::string create_request;
  WallTime created_at{};
  // Of a row that an older version wrote: control/state/migrate.h makes rows of them.
  std::vector<RegisteredTarget> old_targets;
};

// A balancer that has ever connected. It may still route by an old snapshot while it is away, so it counts
// for draining until the drain limit has passed; forgotten after control::kForgetBalancerAfter without
// contact. Key: id.
struct Balancer {
  std::string id;
  WallTime first_seen{};
  WallTime last_seen{};  // updated when it connects and when it leaves
};

// One row: counters that must survive a restart. Key: "meta".
struct Meta {
  std::uint64_t config_version = 0;   // of the last published balancer configuration
  std::uint64_t message_counter = 0;  // seqNum and timeline of agent messages: only rises
  // Of a row that an older version wrote: control/state/migrate.h makes model::Family rows of them.
  std::map<std::string, int> old_revisions;
};

// One row: the keys of stickiness cookies. Key: "keys".
struct CookieKeys {
  shared::lbconfig::CookieKeys keys;  // the current one first
  WallTime made{};                    // when that was made
};

// One row: which installation this is. Key: "id".
struct Installation {
  std::string id;  // a UUID, or what the operator gave
};

}  // namespace agent::model
