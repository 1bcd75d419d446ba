#include "agent/control/elb/attributes.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <span>
#include <string_view>

#include "agent/control/state/faults.h"
#include "shared/lbconfig/guard.h"
#include "shared/net/endpoint.h"

namespace agent::control {

namespace lb = shared::lbconfig;

namespace {

namespace lb = shared::lbconfig;

using shared::Error;
using shared::Result;
namespace lb = model::lb;

constexpr std::size_t kMaxKeyLength = 256;
constexpr std::size_t kMaxValueLength = 1024;

enum class Kind {
  kBool,
  kNumber,
  kOneOf,
  kText,
  kNumberOrOff,
  kFixed,
  kHeaderValue,
  kHeaderName,
  kRanges,
  kCodings,
  kMediaTypes
};

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

// What ALB does not have. These are listed once they are set to something else than their default, so that
// clients which know ALB's attributes only never meet them.
constexpr std::string_view kOwnPrefix = "berth.";
constexpr Row kMaintenanceBody{"berth.maintenance.body", "", Kind::kText};
constexpr Row kMaintenanceType{"berth.maintenance.content_type", "", Kind::kHeaderValue};
constexpr Row kMaintenanceEnabled{"berth.maintenance.enabled", "false"};
constexpr Row kMaintenanceRetry{"berth.maintenance.retry_after_seconds", "0", Kind::kNumber, 0,
                                lb::kMaxRetryAfter};

constexpr Row kLoadBalancerRows[] = {
    {"access_logs.s3.enabled", "false", Kind::kFixed, 0, 0, kNoAccessLogsInS3},
    {"access_logs.s3.bucket", "", Kind::kText},
    {"access_logs.s3.prefix", "", Kind::kText},
    {"berth.traceparent.add", "off", Kind::kOneOf, 0, 0, "off|sampled|unsampled"},
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
constexpr Row kNetworkRows[] = {
    {"access_logs.s3.enabled", "false", Kind::kFixed, 0, 0, kNoAccessLogsInS3},
    {"access_logs.s3.bucket", "", Kind::kText},
    {"access_logs.s3.prefix", "", Kind::kText},
    {"deletion_protection.enabled", "false"},
    {"dns_record.client_routing_policy", "any_availability_zone", Kind::kFixed, 0, 0,
     "the balancers know no zones"},
    {"ipv6.deny_all_igw_traffic", "false", Kind::kFixed, 0, 0,
     "there is no internet gateway before the balancers; use their host's firewall"},
    {"load_balancing.cross_zone.enabled", "false"},  // the balancers know no zones
    {"secondary_ips.auto_assigned.per_subnet", "0", Kind::kFixed, 0, 0,
     "load balancers have the balancers' address"},
    {"zonal_shift.config.enabled", "false", Kind::kFixed, 0, 0, "the balancers know no zones"},
};
constexpr std::string_view kLoadBalancerOthers[] = {"dns_record.client_routing_policy",
                                                    "secondary_ips.auto_assigned.per_subnet"};

constexpr std::int64_t kMaxTargets = 1000;

// Those that begin with "berth." are our own.
constexpr Row kTargetGroupRows[] = {
    kMaintenanceBody,
    kMaintenanceType,
    kMaintenanceEnabled,
    kMaintenanceRetry,
    {"berth.hold_requests.queue", "100", Kind::kNumber, 1, lb::kMaxRequestQueue},
    {"berth.hold_requests.seconds", "off", Kind::kNumberOrOff, 1, lb::kMaxQueueWait.count() / 1000},
    {"berth.outlier_ejection.consecutive_failures", "off", Kind::kNumberOrOff, 1, lb::kMaxOutlierFailures},
    {"berth.outlier_ejection.max_percent", "10", Kind::kNumber, 1, 100},
    {"berth.outlier_ejection.max_seconds", "300", Kind::kNumber, 1, lb::kMaxEjection.count() / 1000},
    {"berth.outlier_ejection.seconds", "30", Kind::kNumber, 1, lb::kMaxEjection.count() / 1000},
    {"berth.request_limit.per_target", "off", Kind::kNumberOrOff, 1, lb::kMaxRequestsPerTarget},
    {"berth.request_limit.queue", "0", Kind::kNumber, 0, lb::kMaxRequestQueue},
    {"berth.request_limit.wait_milliseconds", "1000", Kind::kNumber, 1, lb::kMaxQueueWait.count()},
    {"berth.retry_budget.minimum_per_second", "3", Kind::kNumber, 0, lb::kMaxRetryMinimum},
    {"berth.retry_budget.percent", "off", Kind::kNumberOrOff, 0, 100},
    {"berth.compression.algorithms", "", Kind::kCodings},
    {"berth.compression.content_types",
     "text/*,application/javascript,application/json,application/wasm,application/xml,image/svg+xml",
     Kind::kMediaTypes},
    {"berth.compression.level", "4", Kind::kNumber, lb::kMinCompressionLevel, lb::kMaxCompressionLevel},
    {"berth.compression.minimum_length", "1024", Kind::kNumber, 0, lb::kMaxCompressionMinimum},
    {"deregistration_delay.timeout_seconds", "300", Kind::kNumber, 0, 3600},
    {"load_balancing.algorithm.anomaly_mitigation", "off", Kind::kOneOf, 0, 0, "on|off"},
    {"load_balancing.algorithm.type", "round_robin", Kind::kOneOf, 0, 0,
     "round_robin|least_outstanding_requests|weighted_random"},
    {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration", Kind::kOneOf, 0, 0,
     "true|use_load_balancer_configuration"},  // the balancers know no zones
    {"slow_start.duration_seconds", "0", Kind::kNumber, 0, 900},
    {"stickiness.app_cookie.cookie_name", "", Kind::kText},
    {"stickiness.app_cookie.duration_seconds", "86400", Kind::kNumber, 1, 604800},
    {"stickiness.enabled", "false"},
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

constexpr Row kNetworkGroupRows[] = {
    {"berth.proxy_protocol_v1.enabled", "false"},
    {"deregistration_delay.connection_termination.enabled", "false"},
    {"deregistration_delay.timeout_seconds", "300", Kind::kNumber, 0, 3600},
    {"load_balancing.cross_zone.enabled", "use_load_balancer_configuration", Kind::kOneOf, 0, 0,
     "true|false|use_load_balancer_configuration"},  // the balancers know no zones
    {"preserve_client_ip.enabled", "false", Kind::kFixed, 0, 0,
     "targets see the balancers' address; proxy_protocol_v2.enabled tells them the client's"},
    {"proxy_protocol_v2.enabled", "false"},
    {"stickiness.enabled", "false"},
    {"stickiness.type", "source_ip", Kind::kOneOf, 0, 0, "source_ip"},
    {"target_group_health.dns_failover.minimum_healthy_targets.count", "1", Kind::kNumberOrOff, 1,
     kMaxTargets},
    {"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", Kind::kNumberOrOff, 1,
     100},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", Kind::kNumber, 1,
     kMaxTargets},
    {"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off",
     Kind::kNumberOrOff, 1, 100},
    {"target_health_state.unhealthy.connection_termination.enabled", "true"},
    {"target_health_state.unhealthy.draining_interval_seconds", "0", Kind::kFixed, 0, 0,
     "a target is unhealthy at once, and what is open goes on until it ends where connection termination is "
     "off"},
};
constexpr std::string_view kNetworkGroupOthers[] = {
    "lambda.multi_value_headers.enabled",    "load_balancing.algorithm.anomaly_mitigation",
    "load_balancing.algorithm.type",         "slow_start.duration_seconds",
    "stickiness.app_cookie.cookie_name",     "stickiness.app_cookie.duration_seconds",
    "stickiness.lb_cookie.duration_seconds", "target_failover.on_deregistration",
    "target_failover.on_unhealthy",
};

constexpr Row kNetworkListenerRows[] = {
    {"berth.proxy_protocol.trusted_cidrs", "", Kind::kRanges},
    {"tcp.idle_timeout.seconds", "350", Kind::kNumber, 60, 6000},
};
constexpr Row kSecureListenerRows[] = {
    {"routing.http.request.x_amzn_mtls_clientcert.header_name", "X-Amzn-Mtls-Clientcert", Kind::kHeaderName},
    {"routing.http.request.x_amzn_mtls_clientcert_issuer.header_name", "X-Amzn-Mtls-Clientcert-Issuer",
     Kind::kHeaderName},
    {"routing.http.request.x_amzn_mtls_clientcert_leaf.header_name", "X-Amzn-Mtls-Clientcert-Leaf",
     Kind::kHeaderName},
    {"routing.http.request.x_amzn_mtls_clientcert_serial_number.header_name",
     "X-Amzn-Mtls-Clientcert-Serial-Number", Kind::kHeaderName},
    {"routing.http.request.x_amzn_mtls_clientcert_subject.header_name", "X-Amzn-Mtls-Clientcert-Subject",
     Kind::kHeaderName},
    {"routing.http.request.x_amzn_mtls_clientcert_validity.header_name", "X-Amzn-Mtls-Clientcert-Validity",
     Kind::kHeaderName},
    {"routing.http.request.x_amzn_tls_cipher_suite.header_name", "X-Amzn-Tls-Cipher-Suite",
     Kind::kHeaderName},
    {"routing.http.request.x_amzn_tls_version.header_name", "X-Amzn-Tls-Version", Kind::kHeaderName},
    {"berth.proxy_protocol.trusted_cidrs", "", Kind::kRanges},
    kMaintenanceBody,
    kMaintenanceType,
    kMaintenanceEnabled,
    kMaintenanceRetry,
    {"berth.rate_limit.burst", "0", Kind::kNumber, 0, lb::kMaxRateRequests},  // 0: as many as `requests`
    {"berth.rate_limit.forwarded_for_hops", "0", Kind::kNumber, 0, lb::kMaxForwardedForHops},
    {"berth.rate_limit.per_seconds", "1", Kind::kNumber, 1, lb::kMaxRateSeconds},
    {"berth.rate_limit.requests", "off", Kind::kNumberOrOff, 1, lb::kMaxRateRequests},
    {"routing.http.response.access_control_allow_credentials.header_value", "", Kind::kHeaderValue},
    {"routing.http.response.access_control_allow_headers.header_value", "", Kind::kHeaderValue},
    {"routing.http.response.access_control_allow_methods.header_value", "", Kind::kHeaderValue},
    {"routing.http.response.access_control_allow_origin.header_value", "", Kind::kHeaderValue},
    {"routing.http.response.access_control_expose_headers.header_value", "", Kind::kHeaderValue},
    {"routing.http.response.access_control_max_age.header_value", "", Kind::kHeaderValue},
    {"routing.http.response.content_security_policy.header_value", "", Kind::kHeaderValue},
    {"routing.http.response.server.enabled", "true"},
    {"routing.http.response.strict_transport_security.header_value", "", Kind::kHeaderValue},
    {"routing.http.response.x_content_type_options.header_value", "", Kind::kHeaderValue},
    {"routing.http.response.x_frame_options.header_value", "", Kind::kHeaderValue},
};
// HTTP listeners have no TLS of which targets could be told.
constexpr std::span<const Row> kListenerRows =
    std::span(kSecureListenerRows).subspan(std::size(lb::kTlsHeaders));
// Of HTTPS listeners and of network load balancers.
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
constexpr Catalogue kNetwork{"Load balancer", kNetworkRows, {}};
constexpr Catalogue kNetworkGroup{"Target group", kNetworkGroupRows, kNetworkGroupOthers};
constexpr Catalogue kNetworkListener{"Listener", kNetworkListenerRows, {}};
constexpr Catalogue kListener{"Listener", kListenerRows, kListenerOthers};
constexpr Catalogue kSecureListener{"Listener", kSecureListenerRows,
                                    std::span(kListenerOthers).first(1)};  // that of network load balancers

using Values = std::map<std::string, std::string>;

const Catalogue& catalogue_of(const model::LoadBalancer& row) {
  return row.type == model::kNetworkType ? kNetwork : kLoadBalancer;
}
const Catalogue& catalogue_of(const model::TargetGroup& row) {
  return model::is_stream(row.protocol) ? kNetworkGroup : kTargetGroup;
}
const Catalogue& catalogue_of(const model::Listener& row) {
  if (model::is_stream(row.protocol)) return kNetworkListener;
  return row.protocol == "HTTPS" ? kSecureListener : kListener;
}

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

// ELBv2's characters of a response header's value; an empty one takes the header off again.
std::string header_value_complaint(std::string_view value) {
  constexpr std::string_view kOthers = "_ :;.,\\/'?!(){}[]@<>=-+*#&`|~^%";
  const bool good = std::all_of(value.begin(), value.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kOthers.find(c) != std::string_view::npos;
  });
  return good ? "" : "may hold letters, digits and " + std::string(kOthers) + " only";
}

std::string header_name_complaint(std::string_view name) {
  const bool good = !name.empty() && name.size() <= lb::kMaxTlsHeaderName &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                             c == '-' || c == '_';
                    });
  if (!good) return "must be 1 to 40 letters, digits, - and _";
  return lb::may_tell_of_tls(name) ? "" : "is the name of a header that says something else";
}

bool is_cookie_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return c > 0x20 && c < 0x7f &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) == std::string_view::npos;
  });
}

std::vector<std::string> split_ranges(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto comma = std::min(text.find(','), text.size());
    out.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return out;
}

bool is_range(const std::string& text) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  if (!shared::net::is_ip_address(address)) return false;
  if (slash == std::string::npos) return true;
  const auto bits = number(std::string_view(text).substr(slash + 1));
  return bits && *bits >= 0 && *bits <= (address.find(':') == std::string::npos ? 32 : 128);
}

std::string ranges_complaint(std::string_view value) {
  const auto ranges = split_ranges(value);
  if (ranges.size() > lb::kMaxProxySources)
    return "may hold " + std::to_string(lb::kMaxProxySources) + " ranges at most";
  const bool good = !value.ends_with(',') && std::all_of(ranges.begin(), ranges.end(), is_range);
  return good ? "" : "must be address ranges with commas between them, such as '10.0.0.0/8,192.0.2.7'";
}

// Empty: off.
std::string codings_complaint(std::string_view value) {
  std::set<std::string_view> seen;
  for (const std::string_view word : attribute_list(value)) {
    if (!lb::coding_of(word)) return "must name some of gzip, br and zstd, with commas between them";
    if (!seen.insert(word).second) return "names " + std::string(word) + " twice";
  }
  return "";
}

std::string media_types_complaint(std::string_view value) {
  const auto types = attribute_list(value);
  if (types.empty() || types.size() > lb::kMaxCompressedTypes)
    return "must name 1 to " + std::to_string(lb::kMaxCompressedTypes) + " types";
  const bool good = std::all_of(types.begin(), types.end(), lb::is_compressible_type);
  return good ? "" : "must name types such as text/html or text/*, with commas between them, and not gRPC's";
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
    case Kind::kHeaderValue:
      return header_value_complaint(value);
    case Kind::kHeaderName:
      return header_name_complaint(value);
    case Kind::kRanges:
      return ranges_complaint(value);
    case Kind::kCodings:
      return codings_complaint(value);
    case Kind::kMediaTypes:
      return media_types_complaint(value);
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
    if (row.key.starts_with(kOwnPrefix) && set.count(key) == 0) continue;
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
    if (row->key.starts_with(kOwnPrefix) && value == row->fallback) {
      set.erase(key);
    } else {
      set[key] = value;
    }
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
  if (!cookie.empty() && !is_cookie_name(cookie)) {
    return refuse("Target group attribute 'stickiness.app_cookie.cookie_name' has the invalid value '" +
                  cookie + "'");
  }
  const bool sticky = get("stickiness.enabled") == "true";
  if (sticky && get("stickiness.type") == "app_cookie" && cookie.empty()) {
    return refuse(
        "Target group attribute 'stickiness.app_cookie.cookie_name' must be specified for the stickiness "
        "type "
        "'app_cookie'");
  }
  if (sticky && algorithm == "weighted_random") {
    return refuse("Stickiness cannot be used with the load balancing algorithm 'weighted_random'");
  }
  if (get("load_balancing.algorithm.anomaly_mitigation") == "on" && algorithm != "weighted_random") {
    return refuse(
        "Anomaly mitigation can only be used with the load balancing algorithm 'weighted_random', not '" +
        algorithm + "'");
  }
  if (number(get("berth.outlier_ejection.max_seconds")) < number(get("berth.outlier_ejection.seconds"))) {
    return refuse(
        "Target group attribute 'berth.outlier_ejection.max_seconds' may not be below "
        "'berth.outlier_ejection.seconds'");
  }
  return {};
}

Result<void> check_network_group(const Values& set) {
  const auto on = [&set](const std::string& key) { return value_of(kNetworkGroup, set, key) == "true"; };
  if (on("proxy_protocol_v2.enabled") && on("berth.proxy_protocol_v1.enabled")) {
    return refuse(
        "Target group attributes 'proxy_protocol_v2.enabled' and 'berth.proxy_protocol_v1.enabled' cannot "
        "both "
        "be true");
  }
  return {};
}

Result<void> check_secure_listener(const Values& set) {
  std::map<std::string, std::string> keys;  // by name, as those compare that read a header
  for (const lb::TlsHeader& header : lb::kTlsHeaders) {
    std::string key = "routing.http.request." + std::string(header.name) + ".header_name";
    std::string name = value_of(kSecureListener, set, key);
    for (char& c : name) c = c == '_' ? '-' : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const auto [other, fresh] = keys.emplace(std::move(name), key);
    if (!fresh)
      return refuse("Listener attributes '" + other->second + "' and '" + key + "' name the same header");
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

std::vector<std::string_view> attribute_list(std::string_view value) {
  std::vector<std::string_view> out;
  while (!value.empty()) {
    const auto comma = value.find(',');
    out.push_back(value.substr(0, comma));
    if (comma == std::string_view::npos) break;
    value.remove_prefix(comma + 1);
    if (value.empty()) out.emplace_back();  // as a comma at the end says
  }
  return out;
}

AttributeList attributes_of(const model::LoadBalancer& balancer) {
  return all(catalogue_of(balancer), balancer.attributes);
}
AttributeList attributes_of(const model::TargetGroup& group) {
  return all(catalogue_of(group), group.attributes);
}
AttributeList attributes_of(const model::Listener& listener) {
  return all(catalogue_of(listener), listener.attributes);
}

Result<void> set_attributes(model::LoadBalancer& balancer, const std::vector<model::NameValue>& changes) {
  auto set = changed(catalogue_of(balancer), balancer.attributes, changes);
  if (!set) return set.error();
  if (auto ok = check_load_balancer(*set); !ok) return ok;
  balancer.attributes = *std::move(set);
  return {};
}

Result<void> set_attributes(model::TargetGroup& group, const std::vector<model::NameValue>& changes) {
  auto set = changed(catalogue_of(group), group.attributes, changes);
  if (!set) return set.error();
  const bool stream = model::is_stream(group.protocol);
  if (auto ok = stream ? check_network_group(*set) : check_target_group(*set); !ok) return ok;
  if (group.protocol_version == "GRPC" &&
      !value_of(kTargetGroup, *set, "berth.compression.algorithms").empty()) {
    return refuse(
        "Target group attribute 'berth.compression.algorithms' cannot be used with the protocol version "
        "'GRPC'");
  }
  group.attributes = *std::move(set);
  return {};
}

Result<void> set_attributes(model::Listener& listener, const std::vector<model::NameValue>& changes) {
  auto set = changed(catalogue_of(listener), listener.attributes, changes);
  if (!set) return set.error();
  if (listener.protocol == "HTTPS") {
    if (auto ok = check_secure_listener(*set); !ok) return ok;
  }
  listener.attributes = *std::move(set);
  return {};
}

std::string target_group_attribute(const model::TargetGroup& group, const std::string& key) {
  return value_of(catalogue_of(group), group.attributes, key);
}
std::string load_balancer_attribute(const model::LoadBalancer& balancer, const std::string& key) {
  return value_of(catalogue_of(balancer), balancer.attributes, key);
}
std::string listener_attribute(const model::Listener& listener, const std::string& key) {
  return value_of(catalogue_of(listener), listener.attributes, key);
}
std::int64_t target_group_number(const model::TargetGroup& group, const std::string& key) {
  return number(target_group_attribute(group, key)).value_or(0);
}
std::int64_t load_balancer_number(const model::LoadBalancer& balancer, const std::string& key) {
  return number(load_balancer_attribute(balancer, key)).value_or(0);
}

std::int64_t listener_number(const model::Listener& listener, const std::string& key) {
  return number(listener_attribute(listener, key)).value_or(0);
}
std::vector<std::string> proxy_protocol_sources(const model::Listener& listener) {
  return split_ranges(listener_attribute(listener, "berth.proxy_protocol.trusted_cidrs"));
}

}  // namespace agent::control
