#include "agent/control/elb/load_balancers.h"
#include "agent/control/elb/attributes.h"
#include "agent/control/elb/listeners.h"
#include "agent/control/elb/tags.h"
#include "agent/control/elb/target_health.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "agent/control/elb/rules.h"
#include "agent/control/elb/targets.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"

namespace agent::control {
namespace {

using shared::Error;
using shared::Millis;
using shared::Result;

constexpr std::size_t kMaxName = 32;
constexpr std::size_t kIdDigits = 16;
constexpr std::size_t kDnsDigits = 9;
constexpr std::size_t kMaxPath = 1024;
constexpr const char* kGrpcCheckPath = "/AWS.ALB/healthcheck";  // defaults of protocol version GRPC
constexpr const char* kGrpcCheckCode = "12";                    // UNIMPLEMENTED
constexpr Millis kStreamCheckTimeout{10'000};                   // defaults of protocols TCP and TLS
constexpr Millis kStreamHttpCheckTimeout{6'000};
constexpr const char* kStreamCheckCodes = "200-399";
constexpr std::size_t kMaxWord = 255;  // of subnet, security group and VPC names
// What callers see who never named a network.
constexpr const char* kDefaultVpc = "vpc-00000000000000000";

Error unsupported(std::string text) { return fault("InvalidConfigurationRequest", std::move(text)); }

Result<void> check_name(const char* noun, const std::string& name) {
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  const std::string subject = std::string(noun) + " name '" + name + "'";
  if (name.empty() || name.size() > kMaxName) {
    return validation_error(subject + " must have 1 to 32 characters");
  }
  if (!std::all_of(name.begin(), name.end(), allowed)) {
    return validation_error(subject +
                            " can only contain characters that are alphanumeric characters or hyphens(-)");
  }
  if (name.front() == '-' || name.back() == '-') {
    return validation_error(subject + " cannot begin or end with '-'");
  }
  return {};
}

Result<void> check_word(const char* noun, const std::string& word) {
  const bool visible = std::all_of(word.begin(), word.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (word.empty() || word.size() > kMaxWord || !visible) {
    return validation_error(std::string(noun) + " '" + word + "' is not valid");
  }
  return {};
}

Result<void> check_words(const char* noun, const std::vector<std::string>& words, std::size_t limit) {
  if (words.size() > limit) {
    return unsupported(std::string("At most ") + std::to_string(limit) + " values of " + noun +
                       " can be specified");
  }
  std::set<std::string_view> seen;
  for (const auto& word : words) {
    if (auto ok = check_word(noun, word); !ok) return ok;
    if (!seen.insert(word).second) {
      return unsupported(std::string(noun) + " '" + word + "' was provided multiple times");
    }
  }
  return {};
}

Result<void> check_ip_address_type(const std::string& type) {
  if (type == "ipv4" || type == "dualstack" || type == "dualstack-without-public-ipv4") return {};
  return validation_error("IP address type '" + type +
                          "' must be one of ipv4, dualstack, dualstack-without-public-ipv4");
}

// Fields joined so that no two lists of them look the same.
class Canonical {
 public:
  Canonical& add(std::string_view text) {
    text_ += std::to_string(text.size()) + ":" + std::string(text) + ";";
    return *this;
  }
  Canonical& add(std::vector<std::string> words) {
    std::sort(words.begin(), words.end());
    add(std::to_string(words.size()));
    for (const auto& word : words) add(word);
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string canonical(const CreateLoadBalancer& r) {
  Canonical out;
  out.add(r.scheme).add(r.ip_address_type).add(r.subnets).add(r.security_groups);
  if (r.type != "application") out.add(r.type);  // rows of before have no type here
  return out.text();
}

std::string canonical(const model::TargetGroup& g) {
  Canonical out;
  out.add(g.protocol).add(g.protocol_version).add(std::to_string(g.port)).add(g.vpc_id);
  out.add(g.target_type).add(g.ip_address_type);
  const auto& check = g.health_check;
  out.add(check.path).add(check.matcher).add(std::to_string(check.port));
  // Rows of before have none of it.
  if (g.health_check_protocol != "HTTP") out.add(g.health_check_protocol);
  for (const long long each :
       {static_cast<long long>(check.interval.count()), static_cast<long long>(check.timeout.count()),
        static_cast<long long>(check.healthy_threshold), static_cast<long long>(check.unhealthy_threshold)}) {
    out.add(std::to_string(each));
  }
  return out.text();
}

Result<void> check_new_load_balancer(const CreateLoadBalancer& r) {
  if (auto ok = check_name("Load balancer", r.name); !ok) return ok;
  if (r.name.starts_with("internal-")) {
    return validation_error("Load balancer name '" + r.name + "' cannot begin with 'internal-'");
  }
  if (r.type != "application" && r.type != model::kNetworkType) {
    if (r.type == "gateway") {
      return unsupported("Load balancers of type '" + r.type +
                         "' are not offered here: only 'application' and 'network' load balancers are");
    }
    return validation_error("1 validation error detected: Value '" + r.type +
                            "' at 'type' failed to satisfy constraint: Member must satisfy enum value set: "
                            "[application, network, gateway]");
  }
  if (r.scheme != "internet-facing" && r.scheme != "internal") {
    return fault("InvalidScheme", "Scheme '" + r.scheme + "' must be 'internet-facing' or 'internal'");
  }
  if (auto ok = check_ip_address_type(r.ip_address_type); !ok) return ok;
  if (auto ok = check_words("Subnet", r.subnets, kMaxSubnets); !ok) return ok;
  if (auto ok = check_words("Security group", r.security_groups, kMaxSecurityGroups); !ok) return ok;
  return check_elb_tags(r.tags);
}

template <class Row>
const Row* find_by_name(const Table<Row>& table, const std::string& name) {
  for (const auto& [arn, row] : table.rows()) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

Result<void> apply_range(const std::optional<int>& value, const char* name, int min, int max, int& target) {
  if (!value) return {};
  if (*value < min || *value > max) {
    return validation_error(std::string(name) + " '" + std::to_string(*value) + "' must be between " +
                            std::to_string(min) + " and " + std::to_string(max));
  }
  target = *value;
  return {};
}

Result<std::uint16_t> health_check_port(const std::string& text) {
  if (text == "traffic-port") return std::uint16_t{0};
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) {
    return validation_error("Health check port '" + text +
                            "' must be 'traffic-port' or a port from 1 to 65535");
  }
  return port;
}

Result<void> apply_where(const HealthCheckChange& change, model::TargetGroup& group) {
  auto& check = group.health_check;
  if (change.enabled && !*change.enabled) {
    return validation_error("Health checks cannot be disabled for target groups with target type '" +
                            group.target_type + "'");
  }
  const bool stream = model::is_stream(group.protocol);
  if (change.protocol) {
    const bool https = *change.protocol == "HTTPS";
    const bool tcp = *change.protocol == "TCP" && stream;
    if (!https && !tcp && *change.protocol != "HTTP") {
      return validation_error(
          "Health check protocol '" + *change.protocol +
          (stream ? "' is not offered here: health checks of this target group speak TCP, HTTP "
                    "or HTTPS"
                  : "' is not offered here: health checks speak HTTP or HTTPS"));
    }
    group.health_check_protocol = *change.protocol;
    check.protocol = tcp ? lb::Protocol::kTcp : https ? lb::Protocol::kHttps : lb::Protocol::kHttp;
  }
  if (check.protocol == lb::Protocol::kTcp && (change.path || change.http_codes)) {
    return validation_error(std::string(change.path ? "HealthCheckPath" : "Matcher") +
                            " cannot be specified for health checks with the protocol 'TCP'");
  }
  if (change.port) {
    auto port = health_check_port(*change.port);
    if (!port) return port.error();
    check.port = *port;
  }
  if (change.path) {
    const auto& path = *change.path;
    const bool visible = std::all_of(path.begin(), path.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (!path.starts_with('/') || path.size() > kMaxPath || !visible) {
      return validation_error("Health check path '" + path +
                              "' must begin with '/' and have 1 to 1024 visible ASCII characters");
    }
    check.path = path;
  }
  const bool grpc = group.protocol_version == "GRPC";
  if (grpc ? change.http_codes.has_value() : change.grpc_codes.has_value()) {
    return validation_error(std::string("Matcher.") + (grpc ? "HttpCode" : "GrpcCode") +
                            " cannot be specified for a target group with protocol version '" +
                            group.protocol_version + "'");
  }
  if (change.http_codes) {
    if (auto ok = check_matcher(*change.http_codes); !ok) return ok;
    check.matcher = *change.http_codes;
  }
  if (change.grpc_codes) {
    if (auto ok = check_grpc_matcher(*change.grpc_codes); !ok) return ok;
    check.matcher = *change.grpc_codes;
  }
  return {};
}

Result<void> apply(const HealthCheckChange& change, model::TargetGroup& group) {
  if (auto ok = apply_where(change, group); !ok) return ok;
  auto& check = group.health_check;
  int interval = static_cast<int>(check.interval.count() / 1000);
  int timeout = static_cast<int>(check.timeout.count() / 1000);
  auto ok = apply_range(change.interval_seconds, "Health check interval", 5, 300, interval);
  if (ok) ok = apply_range(change.timeout_seconds, "Health check timeout", 2, 120, timeout);
  if (ok)
    ok = apply_range(change.healthy_threshold, "Healthy threshold count", 2, 10, check.healthy_threshold);
  if (ok) {
    ok = apply_range(change.unhealthy_threshold, "Unhealthy threshold count", 2, 10,
                     check.unhealthy_threshold);
  }
  if (!ok) return ok;
  const bool tcp = check.protocol == lb::Protocol::kTcp;
  if (tcp ? timeout > interval : timeout >= interval) {
    return validation_error("Health check timeout '" + std::to_string(timeout) + "' must be smaller than " +
                            (tcp ? "or equal to " : "") + "the interval '" + std::to_string(interval) + "'");
  }
  check.interval = Millis(interval * 1000);
  check.timeout = Millis(timeout * 1000);
  return {};
}

Result<void> check_target_group_protocol(const CreateTargetGroup& r) {
  if (r.protocol.empty()) return validation_error("A protocol must be specified");
  const std::set<std::string_view> others{"UDP", "TCP_UDP", "GENEVE", "QUIC", "TCP_QUIC"};
  if (others.count(r.protocol) != 0) {
    return unsupported("Target group protocol '" + r.protocol +
                       "' is not offered here: targets are reached over HTTP, HTTPS, TCP or TLS");
  }
  if (model::is_stream(r.protocol)) {
    if (r.protocol_version == "HTTP1") return {};
    return validation_error("Protocol version '" + r.protocol_version +
                            "' cannot be specified for target groups with protocol '" + r.protocol + "'");
  }
  if (r.protocol != "HTTP" && r.protocol != "HTTPS") {
    return validation_error(
        "1 validation error detected: Value '" + r.protocol +
        "' at 'protocol' failed to satisfy constraint: Member must satisfy enum value set: [HTTP, "
        "HTTPS, TCP, TLS, UDP, TCP_UDP, GENEVE, QUIC, TCP_QUIC]");
  }
  if (r.protocol_version != "HTTP1" && r.protocol_version != "HTTP2" && r.protocol_version != "GRPC") {
    return validation_error("Protocol version '" + r.protocol_version +
                            "' must be one of GRPC, HTTP1, HTTP2");
  }
  return {};
}

// What health checks of TCP and TLS groups have unless told otherwise (NLB).
void set_stream_defaults(const HealthCheckChange& change, model::TargetGroup& row) {
  row.health_check_protocol = "TCP";
  row.health_check.protocol = lb::Protocol::kTcp;
  row.health_check.timeout = change.protocol == "HTTP" ? kStreamHttpCheckTimeout : kStreamCheckTimeout;
  row.health_check.matcher = kStreamCheckCodes;
}

Result<void> check_new_target_group(const CreateTargetGroup& r) {
  if (auto ok = check_name("Target group", r.name); !ok) return ok;
  if (r.target_type == "lambda" || r.target_type == "alb") {
    return unsupported("Target type '" + r.target_type +
                       "' is not offered here: targets are of type 'instance' or 'ip'");
  }
  if (r.target_type != "instance" && r.target_type != "ip") {
    return validation_error(
        "1 validation error detected: Value '" + r.target_type +
        "' at 'targetType' failed to satisfy constraint: Member must satisfy enum value set: "
        "[instance, ip, lambda, alb]");
  }
  if (auto ok = check_target_group_protocol(r); !ok) return ok;
  if (!r.port) return validation_error("A port must be specified");
  if (*r.port < 1 || *r.port > 65535) {
    return validation_error("Port '" + std::to_string(*r.port) + "' must be between 1 and 65535");
  }
  if (r.ip_address_type != "ipv4" && r.ip_address_type != "ipv6") {
    return validation_error("IP address type '" + r.ip_address_type + "' must be ipv4 or ipv6");
  }
  if (r.vpc_id.empty()) return validation_error("A VPC ID must be specified");
  if (auto ok = check_word("VPC ID", r.vpc_id); !ok) return ok;
  return check_elb_tags(r.tags);
}

template <class Row>
Result<const Row*> find_row(const Table<Row>& table, const std::string& arn, const char* code,
                            const char* text) {
  if (const Row* row = table.find(arn)) return row;
  return fault(code, text);
}

}  // namespace

Result<const model::LoadBalancer*> find_load_balancer(const State& state, const std::string& arn) {
  return find_row(state.load_balancers, arn, "LoadBalancerNotFound",
                  "The specified load balancer does not exist.");
}

Result<const model::TargetGroup*> find_target_group(const State& state, const std::string& arn) {
  return find_row(state.target_groups, arn, "TargetGroupNotFound", "One or more target groups not found");
}

namespace {

// Of several that as few have, the first.
const std::string& least_used_address(const Step& step) {
  std::map<std::string_view, int> used;
  for (const auto& [arn, row] : step.state.load_balancers.rows()) ++used[address_of(row, step.settings)];
  const auto& all = step.settings.listen_addresses;
  return *std::min_element(all.begin(), all.end(),
                           [&](const std::string& a, const std::string& b) { return used[a] < used[b]; });
}

}  // namespace

const std::string& address_of(const model::LoadBalancer& row, const Settings& settings) {
  return row.address.empty() ? settings.listen_addresses.front() : row.address;
}

Result<std::string> create_load_balancer(Step& step, const CreateLoadBalancer& r) {
  if (auto ok = check_new_load_balancer(r); !ok) return ok.error();
  State& state = rows(step);
  if (const auto* same = find_by_name(state.load_balancers, r.name)) {
    if (same->create_request == canonical(r)) return same->arn;
    return fault("DuplicateLoadBalancerName",
                 "A load balancer with the same name '" + r.name + "' exists, but with different settings");
  }
  if (state.load_balancers.size() >= kMaxLoadBalancers) {
    return fault("TooManyLoadBalancers", "The maximum number of load balancers has been reached: " +
                                             std::to_string(kMaxLoadBalancers));
  }
  model::LoadBalancer row;
  row.name = r.name;
  const std::string id = step.random.hex(kIdDigits);
  const std::string kind = r.type == model::kNetworkType ? "net" : "app";
  row.type = r.type;
  row.full_name = kind + "/" + r.name + "/" + id;
  row.arn = aws::load_balancer_arn(step.settings.realm(), kind, r.name, id);
  row.dns_name = (r.scheme == "internal" ? "internal-" : "") + r.name + "-" +
                 step.random.decimal(kDnsDigits) + "." + step.settings.region + "." +
                 step.settings.dns_suffix;
  row.scheme = r.scheme;
  row.ip_address_type = r.ip_address_type;
  row.vpc_id = kDefaultVpc;
  row.subnets = r.subnets;
  row.security_groups = r.security_groups;
  row.tags = r.tags;
  row.create_request = canonical(r);
  row.created_at = step.now;
  if (step.settings.listen_addresses.size() > 1) row.address = least_used_address(step);
  const std::string arn = row.arn;
  state.load_balancers.put(arn, std::move(row));
  return arn;
}

Result<void> delete_load_balancer(Step& step, const std::string& arn) {
  State& state = rows(step);
  const auto* row = state.load_balancers.find(arn);
  if (row == nullptr) return {};
  if (load_balancer_attribute(*row, "deletion_protection.enabled") == "true") {
    return fault("OperationNotPermitted", "Load balancer '" + arn +
                                              "' cannot be deleted because deletion protection is "
                                              "enabled");
  }
  std::vector<std::string> listeners;
  for (const auto& [listener_arn, listener] : state.listeners.rows()) {
    if (listener.load_balancer_arn == arn) listeners.push_back(listener_arn);
  }
  for (const auto& listener : listeners) {
    if (auto ok = delete_listener(step, listener); !ok) return ok;
  }
  state.load_balancers.erase(arn);
  return {};
}

Result<void> set_security_groups(Step& step, const std::string& arn, std::vector<std::string> groups) {
  if (auto found = find_load_balancer(step.state, arn); !found) return found.error();
  if (auto ok = check_words("Security group", groups, kMaxSecurityGroups); !ok) return ok;
  rows(step).load_balancers.edit(arn, [&](auto& row) { row.security_groups = std::move(groups); });
  return {};
}

Result<void> set_subnets(Step& step, const std::string& arn, std::vector<std::string> subnets) {
  if (auto found = find_load_balancer(step.state, arn); !found) return found.error();
  if (auto ok = check_words("Subnet", subnets, kMaxSubnets); !ok) return ok;
  rows(step).load_balancers.edit(arn, [&](auto& row) { row.subnets = std::move(subnets); });
  return {};
}

Result<void> set_ip_address_type(Step& step, const std::string& arn, const std::string& type) {
  if (auto found = find_load_balancer(step.state, arn); !found) return found.error();
  if (auto ok = check_ip_address_type(type); !ok) return ok;
  rows(step).load_balancers.edit(arn, [&](auto& row) { row.ip_address_type = type; });
  return {};
}

Result<void> modify_load_balancer_attributes(Step& step, const std::string& arn,
                                             const std::vector<model::NameValue>& changes) {
  return modify_attributes(rows(step).load_balancers, find_load_balancer(step.state, arn), changes);
}

namespace {

// Some rule or listener splits requests between this target group and others.
bool is_split_without_stickiness(const State& state, const std::string& group) {
  const auto splits = [&group](const lb::Action& action) {
    const auto& groups = action.forward.target_groups;
    return splits_without_stickiness(action) &&
           std::any_of(groups.begin(), groups.end(),
                       [&](const auto& each) { return each.target_group == group; });
  };
  const auto any = [&splits](const std::vector<lb::Action>& actions) {
    return std::any_of(actions.begin(), actions.end(), splits);
  };
  for (const auto& [arn, listener] : state.listeners.rows()) {
    if (any(listener.default_actions)) return true;
  }
  for (const auto& [arn, rule] : state.rules.rows()) {
    if (any(rule.actions)) return true;
  }
  return false;
}

}  // namespace

Result<void> modify_target_group_attributes(Step& step, const std::string& arn,
                                            const std::vector<model::NameValue>& changes) {
  const bool sticks = std::any_of(changes.begin(), changes.end(), [](const model::NameValue& each) {
    return each.name == "stickiness.enabled" && each.value == "true";
  });
  if (sticks && is_split_without_stickiness(step.state, arn)) return group_stickiness_missing();
  return modify_attributes(rows(step).target_groups, find_target_group(step.state, arn), changes);
}

Result<std::string> create_target_group(Step& step, const CreateTargetGroup& r) {
  if (auto ok = check_new_target_group(r); !ok) return ok.error();
  State& state = rows(step);
  model::TargetGroup row;
  row.name = r.name;
  row.protocol = r.protocol;
  row.protocol_version = r.protocol_version;
  row.port = static_cast<std::uint16_t>(*r.port);
  row.vpc_id = r.vpc_id;
  row.target_type = r.target_type;
  row.ip_address_type = r.ip_address_type;
  if (row.protocol_version == "GRPC") {
    row.health_check.path = kGrpcCheckPath;
    row.health_check.matcher = kGrpcCheckCode;
  }
  if (model::is_stream(row.protocol)) set_stream_defaults(r.health_check, row);
  if (auto ok = apply(r.health_check, row); !ok) return ok.error();
  row.create_request = canonical(row);
  if (const auto* same = find_by_name(state.target_groups, r.name)) {
    if (same->create_request == row.create_request) return same->arn;
    return fault("DuplicateTargetGroupName",
                 "A target group with the same name '" + r.name + "' exists, but with different settings");
  }
  if (state.target_groups.size() >= kMaxTargetGroups) {
    return fault("TooManyTargetGroups",
                 "The maximum number of target groups has been reached: " + std::to_string(kMaxTargetGroups));
  }
  const std::string id = step.random.hex(kIdDigits);
  row.full_name = "targetgroup/" + r.name + "/" + id;
  row.arn = aws::target_group_arn(step.settings.realm(), r.name, id);
  row.tags = r.tags;
  row.created_at = step.now;
  const std::string arn = row.arn;
  state.target_groups.put(arn, std::move(row));
  return arn;
}

Result<void> modify_target_group(Step& step, const std::string& arn, const HealthCheckChange& change) {
  auto found = find_target_group(step.state, arn);
  if (!found) return found.error();
  model::TargetGroup changed = **found;
  if (auto ok = apply(change, changed); !ok) return ok;
  rows(step).target_groups.edit(arn, [&](auto& row) {
    row.health_check = changed.health_check;
    row.health_check_protocol = changed.health_check_protocol;
  });
  return {};
}

Result<void> delete_target_group(Step& step, const std::string& arn) {
  if (step.state.target_groups.find(arn) == nullptr) return {};
  if (!load_balancers_of(step.state, arn).empty()) {
    return fault("ResourceInUse", "Target group '" + arn + "' is currently in use by a listener or a rule");
  }
  std::vector<std::string> registrations;
  for (const auto* target : targets_of(step.state, arn)) registrations.push_back(target->registration);
  for (const auto& each : registrations) drop_target(step, {arn, each});
  rows(step).target_groups.erase(arn);
  return {};
}

}  // namespace agent::control
