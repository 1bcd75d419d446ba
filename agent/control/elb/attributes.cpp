#include "agent/control/elb/attributes.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <span>
#include <string_view>

#include "agent/control/state/faults.h"

namespace agent::control {
namespace {

using shared::Error;
using shared::Result;

constexpr std::size_t kMaxKeyLength = 256;
constexpr std::size_t kMaxValueLength = 1024;

enum class Kind { kBool, kNumber, kOneOf, kText, kNumberOrOff, kFixed };

// One attribute key. `choices` are separated by '|'. kNumberOrOff also takes "off"; kFixed only its default,
// with `choices` as the reason; a value that an older control took counts as the default.
struct Row {
  std::string_view key;
  std::string_view fallback;
  Kind kind = Kind::kBool;
  std::int64_t min = 0;
  std::int64_t max = 0;
  std::string_view choices = {};
};

constexpr std::string_view kNoLogs = "the balancers do not write this log yet";
constexpr std::string_view kNoAccessLogsInS3 =
    "nothing is sent to S3; a balancer started with --access-log FILE writes a line for each request there";

constexpr Row kLoadBalancerRows[] = {
    {"access_logs.s3.enabled", "false", Kind::kFixed, 0, 0, kNoAccessLogsInS3},
    {"access_logs.s3.bucket", "", Kind::kText},
    {"access_logs.s3.prefix", "", Kind::kText},
    {"client_keep_alive.seconds", "3600", Kind::kNumber, 60, 604800},
    {"connection_logs.s3.enabled", "false", Kind::kFixed, 0, 0, kNoLogs},
    {"connection_logs.s3.bucket", "", Kind::kText},
    {"connection_logs.s3.prefix", "", Kind::kText},
    {"deletion_protection.enabled", "false"},
    {"health_check_logs.s3.enabled", "false", Kind::kFixed, 0, 0, kNoLogs},
    {"health_check_logs.s3.bucket", "", Kind::kText},
    {"health_check_logs.s3.prefix", "", Kind::kText},
    {"idle_timeout.timeout_seconds", "60", Kind::kNumber, 1, 4000},
    {"ipv6.deny_all_igw_traffic", "false", Kind::kFixed, 0, 0,
     "there is no internet gateway before the balancers; use their host's firewall"},
    {"load_balancing.cross_zone.enabled", "true", Kind::kFixed, 0, 0,
     "it is always true for application load balancers"},
    {"routing.http.desync_mitigation_mode", "defensive", Kind::kOneOf, 0, 0, "monitor|defensive|strictest"},
    {"routing.http.drop_invalid_header_fields.enabled", "false"},
    {"routing.http.preserve_host_header.enabled", "false"},
    {"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"},
    {"routing.http.xff_client_port.enabled", "false"},
    {"routing.http.xff_header_processing.mode", "append", Kind::kOneOf, 0, 0, "append|preserve|remove"},
    {"routing.http2.enabled", "true"},
    {"waf.fail_open.enabled", "false", Kind::kFixed, 0, 0, "the balancers ask no web application firewall"},
    {"zonal_shift.config.enabled", "false", Kind::kFixed, 0, 0, "the balancers know no zones"},
};
constexpr std::string_view kLoadBalancerOthers[] = {"dns_record.client_routing_policy",
                                                    "secondary_ips.auto_assigned.per_subnet"};

constexpr std::int64_t kMaxTargets = 1000;

constexpr Row kTargetGroupRows[] = {
    {"deregistration_delay.timeout_seconds", "300", Kind::kNumber, 0, 3600},
    {"load_balancing.algorithm.anomaly_mitigation", "off", Kind::kFixed, 0, 0,
     "the balancers do not offer anomaly mitigation yet"},
    {"load_balancing.algorithm.type", "round_robin", Kind::kOneOf, 0, 0,
     "round_robin|least_outstanding_requests|weighted_random"},
    {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration", Kind::kOneOf, 0, 0,
     "true|use_load_balancer_configuration"},  // the balancers know no zones
    {"slow_start.duration_seconds", "0", Kind::kNumber, 0, 900},
    {"stickiness.app_cookie.cookie_name", "", Kind::kText},
    {"stickiness.app_cookie.duration_seconds", "86400", Kind::kNumber, 1, 604800},
    {"stickiness.enabled", "false", Kind::kFixed, 0, 0, "the balancers do not offer stickiness yet"},
    {"stickiness.lb_cookie.duration_seconds", "86400", Kind::kNumber, 1, 604800},
    {"stickiness.type", "lb_cookie", Kind::kOneOf, 0, 0, "lb_cookie|app_cookie"},
    {"target_group_health.dns_failover.minimum_healthy_targets.count", "1", Kind::kNumberOrOff, 1,
     kMaxTargets},
    {"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", Kind::kNumberOrOff, 1,
     100},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", Kind::kNumber, 1,
     kMaxTargets},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off",
     Kind::kNumberOrOff, 1, 100},
};
constexpr std::string_view kTargetGroupOthers[] = {
    "deregistration_delay.connection_termination.enabled",
    "lambda.multi_value_headers.enabled",
    "preserve_client_ip.enabled",
    "proxy_protocol_v2.enabled",
    "target_failover.on_deregistration",
    "target_failover.on_unhealthy",
    "target_health_state.unhealthy.connection_termination.enabled",
    "target_health_state.unhealthy.draining_interval_seconds",
};

constexpr std::string_view kNoHeaders = "the balancers do not add response headers yet";

constexpr Row kListenerRows[] = {
    {"routing.http.response.access_control_allow_credentials.header_value", "", Kind::kFixed, 0, 0,
     kNoHeaders},
    {"routing.http.response.access_control_allow_headers.header_value", "", Kind::kFixed, 0, 0, kNoHeaders},
    {"routing.http.response.access_control_allow_methods.header_value", "", Kind::kFixed, 0, 0, kNoHeaders},
    {"routing.http.response.access_control_allow_origin.header_value", "", Kind::kFixed, 0, 0, kNoHeaders},
    {"routing.http.response.access_control_expose_headers.header_value", "", Kind::kFixed, 0, 0, kNoHeaders},
    {"routing.http.response.access_control_max_age.header_value", "", Kind::kFixed, 0, 0, kNoHeaders},
    {"routing.http.response.content_security_policy.header_value", "", Kind::kFixed, 0, 0, kNoHeaders},
    {"routing.http.response.server.enabled", "true"},
    {"routing.http.response.strict_transport_security.header_value", "", Kind::kFixed, 0, 0, kNoHeaders},
    {"routing.http.response.x_content_type_options.header_value", "", Kind::kFixed, 0, 0, kNoHeaders},
    {"routing.http.response.x_frame_options.header_value", "", Kind::kFixed, 0, 0, kNoHeaders},
};
// Of HTTPS listeners, which do not exist yet, and of network load balancers.
constexpr std::string_view kListenerOthers[] = {
    "tcp.idle_timeout.seconds",
    "routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name",
    "routing.http.request.x_amzn_mtls_clientcert_issuer.header_name",
    "routing.http.request.x_amzn_mtls_clientcert_subject.header_name",
    "routing.http.request.x_amzn_mtls_clientcert_validity.header_name",
    "routing.http.request.x_amzn_mtls_clientcert_leaf.header_name",
    "routing.http.request.x_amzn_mtls_clientcert.header_name",
    "routing.http.request.x_amzn_tls_version.header_name",
    "routing.http.request.x_amzn_tls_cipher_suite.header_name",
};

struct Catalogue {
  std::string_view noun;  // "Load balancer"
  std::span<const Row> rows;
  std::span<const std::string_view> others;  // real keys that do not apply to what we serve
};
constexpr Catalogue kLoadBalancer{"Load balancer", kLoadBalancerRows, kLoadBalancerOthers};
constexpr Catalogue kTargetGroup{"Target group", kTargetGroupRows, kTargetGroupOthers};
constexpr Catalogue kListener{"Listener", kListenerRows, kListenerOthers};

using Values = std::map<std::string, std::string>;

Error refuse(std::string text) { return fault("InvalidConfigurationRequest", std::move(text)); }

const Row* row_of(const Catalogue& catalogue, std::string_view key) {
  const auto it = std::find_if(catalogue.rows.begin(), catalogue.rows.end(),
                               [key](const Row& row) { return row.key == key; });
  return it == catalogue.rows.end() ? nullptr : &*it;
}

std::optional<std::int64_t> number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool in_range(const Row& row, std::string_view value) {
  const auto got = number(value);
  return got && *got >= row.min && *got <= row.max;
}

bool is_choice(std::string_view choices, std::string_view value) {
  while (!choices.empty()) {
    const auto bar = choices.find('|');
    if (choices.substr(0, bar) == value) return true;
    if (bar == std::string_view::npos) break;
    choices.remove_prefix(bar + 1);
  }
  return false;
}

// What is wrong with the value; empty if nothing.
std::string complaint(const Row& row, std::string_view value) {
  const std::string range = std::to_string(row.min) + " to " + std::to_string(row.max);
  switch (row.kind) {
    case Kind::kBool:
      return is_choice("true|false", value) ? "" : "must be 'true' or 'false'";
    case Kind::kNumber:
      return in_range(row, value) ? "" : "must be a number from " + range;
    case Kind::kNumberOrOff:
      return value == "off" || in_range(row, value) ? "" : "must be 'off' or a number from " + range;
    case Kind::kOneOf:
      return is_choice(row.choices, value) ? "" : "must be one of " + std::string(row.choices);
    case Kind::kFixed:
      if (value == row.fallback) return "";
      return "must stay '" + std::string(row.fallback) + "': " + std::string(row.choices);
    case Kind::kText:
      return "";
  }
  return "";
}

std::string value_of(const Catalogue& catalogue, const Values& set, const std::string& key) {
  const Row* row = row_of(catalogue, key);
  const bool fixed = row != nullptr && row->kind == Kind::kFixed;
  if (const auto it = set.find(key); it != set.end() && !fixed) return it->second;
  return row == nullptr ? std::string() : std::string(row->fallback);
}

AttributeList all(const Catalogue& catalogue, const Values& set) {
  AttributeList out;
  for (const Row& row : catalogue.rows) {
    std::string key(row.key);
    std::string value = value_of(catalogue, set, key);
    out.emplace_back(std::move(key), std::move(value));
  }
  return out;
}

Result<Values> changed(const Catalogue& catalogue, Values set, const std::vector<model::NameValue>& changes) {
  std::set<std::string_view> seen;
  for (const auto& [key, value] : changes) {
    const std::string noun(catalogue.noun);
    if (key.size() > kMaxKeyLength || value.size() > kMaxValueLength) {
      return refuse(noun + " attribute key or value is too long (at most " + std::to_string(kMaxKeyLength) +
                    " and " + std::to_string(kMaxValueLength) + " characters)");
    }
    if (!seen.insert(key).second) {
      return refuse(noun + " attribute key '" + key + "' was provided multiple times");
    }
    const Row* row = row_of(catalogue, key);
    if (row == nullptr) {
      const bool other =
          std::find(catalogue.others.begin(), catalogue.others.end(), key) != catalogue.others.end();
      return refuse(noun + " attribute key '" + key + "' is not " + (other ? "supported" : "recognized"));
    }
    if (const auto wrong = complaint(*row, value); !wrong.empty()) {
      return refuse(noun + " attribute '" + key + "' has the invalid value '" + value + "': it " + wrong);
    }
    set[key] = value;
  }
  return set;
}

Result<void> check_target_group(const Values& set) {
  const auto get = [&set](const std::string& key) { return value_of(kTargetGroup, set, key); };
  const auto slow_start = number(get("slow_start.duration_seconds")).value_or(0);
  if (slow_start != 0 && slow_start < 30) {
    return refuse("Target group attribute 'slow_start.duration_seconds' must be 0 or from 30 to 900");
  }
  const auto algorithm = get("load_balancing.algorithm.type");
  if (slow_start != 0 && algorithm != "round_robin") {
    return refuse("Slow start cannot be used with the load balancing algorithm '" + algorithm + "'");
  }
  const auto cookie = get("stickiness.app_cookie.cookie_name");
  if (cookie.starts_with("AWSALB")) {
    return refuse(
        "Target group attribute 'stickiness.app_cookie.cookie_name' may not begin with AWSALB, AWSALBAPP or "
        "AWSALBTG");
  }
  return {};
}

Result<void> check_load_balancer(const Values& set) {
  const auto prefix = value_of(kLoadBalancer, set, "access_logs.s3.prefix");
  if (prefix.find("AWSLogs") != std::string::npos) {
    return refuse("Load balancer attribute 'access_logs.s3.prefix' may not contain AWSLogs");
  }
  return {};
}

}  // namespace

AttributeList attributes_of(const model::LoadBalancer& balancer) {
  return all(kLoadBalancer, balancer.attributes);
}
AttributeList attributes_of(const model::TargetGroup& group) { return all(kTargetGroup, group.attributes); }
AttributeList attributes_of(const model::Listener& listener) { return all(kListener, listener.attributes); }

Result<void> set_attributes(model::LoadBalancer& balancer, const std::vector<model::NameValue>& changes) {
  auto set = changed(kLoadBalancer, balancer.attributes, changes);
  if (!set) return set.error();
  if (auto ok = check_load_balancer(*set); !ok) return ok;
  balancer.attributes = *std::move(set);
  return {};
}

Result<void> set_attributes(model::TargetGroup& group, const std::vector<model::NameValue>& changes) {
  auto set = changed(kTargetGroup, group.attributes, changes);
  if (!set) return set.error();
  if (auto ok = check_target_group(*set); !ok) return ok;
  group.attributes = *std::move(set);
  return {};
}

Result<void> set_attributes(model::Listener& listener, const std::vector<model::NameValue>& changes) {
  auto set = changed(kListener, listener.attributes, changes);
  if (!set) return set.error();
  listener.attributes = *std::move(set);
  return {};
}

std::string target_group_attribute(const model::TargetGroup& group, const std::string& key) {
  return value_of(kTargetGroup, group.attributes, key);
}
std::string load_balancer_attribute(const model::LoadBalancer& balancer, const std::string& key) {
  return value_of(kLoadBalancer, balancer.attributes, key);
}
std::string listener_attribute(const model::Listener& listener, const std::string& key) {
  return value_of(kListener, listener.attributes, key);
}
std::int64_t target_group_number(const model::TargetGroup& group, const std::string& key) {
  return number(target_group_attribute(group, key)).value_or(0);
}
std::int64_t load_balancer_number(const model::LoadBalancer& balancer, const std::string& key) {
  return number(load_balancer_attribute(balancer, key)).value_or(0);
}

}  // namespace agent::control
