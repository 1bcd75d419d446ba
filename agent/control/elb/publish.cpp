#include "agent/control/elb/publish.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "agent/control/elb/acme_challenges.h"
#include "agent/control/elb/attributes.h"
#include "agent/control/elb/cookie_keys.h"
#include "agent/control/elb/listeners.h"
#include "agent/control/elb/load_balancers.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "shared/base/check.h"

namespace agent::control {
namespace {

using shared::Millis;

std::vector<lb::ResponseHeader> response_headers_of(const model::Listener& listener) {
  std::vector<lb::ResponseHeader> out;
  for (const auto& [key, name] : kResponseHeaderAttributes) {
    std::string value = listener_attribute(listener, std::string(key));
    if (!value.empty()) out.push_back({std::string(name), std::move(value)});
  }
  return out;
}

lb::Stickiness stickiness_of(const model::TargetGroup& row) {
  lb::Stickiness sticky;
  sticky.enabled = target_group_attribute(row, "stickiness.enabled") == "true";
  if (!sticky.enabled) return sticky;
  if (model::is_stream(row.protocol)) {
    sticky.type = lb::StickinessType::kSourceIp;
    return sticky;
  }
  const bool app = target_group_attribute(row, "stickiness.type") == "app_cookie";
  sticky.type = app ? lb::StickinessType::kAppCookie : lb::StickinessType::kLbCookie;
  sticky.seconds = static_cast<int>(target_group_number(
      row, app ? "stickiness.app_cookie.duration_seconds" : "stickiness.lb_cookie.duration_seconds"));
  if (app) sticky.app_cookie = target_group_attribute(row, "stickiness.app_cookie.cookie_name");
  return sticky;
}

lb::StreamSettings stream_of(const model::TargetGroup& row) {
  lb::StreamSettings stream;
  if (!model::is_stream(row.protocol)) return stream;
  const auto on = [&row](const char* key) { return target_group_attribute(row, key) == "true"; };
  if (on("berth.proxy_protocol_v1.enabled")) stream.proxy_protocol = lb::ProxyProtocol::kV1;
  if (on("proxy_protocol_v2.enabled")) stream.proxy_protocol = lb::ProxyProtocol::kV2;
  stream.close_at_drain_limit = on("deregistration_delay.connection_termination.enabled");
  stream.close_when_unhealthy = on("target_health_state.unhealthy.connection_termination.enabled");
  return stream;
}

lb::ListenerOptions stream_options_of(const model::Listener& listener) {
  lb::ListenerOptions options;
  options.idle_timeout = Millis(listener_number(listener, "tcp.idle_timeout.seconds") * 1000);
  options.access_log = true;
  options.proxy_protocol_from = proxy_protocol_sources(listener);
  return options;
}

template <class GetText>
std::optional<lb::Maintenance> maintenance_of(GetText get) {
  if (get("berth.maintenance.enabled") != "true") return std::nullopt;
  return lb::Maintenance{get("berth.maintenance.body"), get("berth.maintenance.content_type"),
                         std::stoi(get("berth.maintenance.retry_after_seconds"))};
}

std::optional<lb::RateLimit> rate_limit_of(const model::Listener& listener) {
  const auto number = [&listener](const char* key) { return std::stoi(listener_attribute(listener, key)); };
  if (listener_attribute(listener, "berth.rate_limit.requests") == "off") return std::nullopt;
  lb::RateLimit rate;
  rate.requests = number("berth.rate_limit.requests");
  rate.per_seconds = number("berth.rate_limit.per_seconds");
  const int burst = number("berth.rate_limit.burst");
  rate.burst = burst == 0 ? rate.requests : burst;
  rate.forwarded_for_hops = number("berth.rate_limit.forwarded_for_hops");
  return rate;
}

// What guards a group's targets.
void guard(const model::TargetGroup& row, lb::TargetGroup& group) {
  const auto get = [&row](const char* key) { return target_group_attribute(row, key); };
  const auto number = [&row](const char* key) { return static_cast<int>(target_group_number(row, key)); };
  if (get("berth.request_limit.per_target") != "off")
    group.request_limit =
        lb::RequestLimit{number("berth.request_limit.per_target"), number("berth.request_limit.queue"),
                         Millis(number("berth.request_limit.wait_milliseconds"))};
  if (get("berth.hold_requests.seconds") != "off")
    group.hold_requests = lb::HoldRequests{number("berth.hold_requests.queue"),
                                           Millis(number("berth.hold_requests.seconds") * 1000)};
  if (get("berth.retry_budget.percent") != "off")
    group.retry_budget = lb::RetryBudget{number("berth.retry_budget.percent"),
                                         number("berth.retry_budget.minimum_per_second")};
  if (get("berth.outlier_ejection.consecutive_failures") != "off")
    group.outlier_ejection = lb::OutlierEjection{number("berth.outlier_ejection.consecutive_failures"),
                                                 Millis(number("berth.outlier_ejection.seconds") * 1000),
                                                 Millis(number("berth.outlier_ejection.max_seconds") * 1000),
                                                 number("berth.outlier_ejection.max_percent")};
  group.maintenance = maintenance_of(get);
}

lb::Compression compression_of(const model::TargetGroup& row) {
  const auto attribute = [&row](const char* name) {
    return target_group_attribute(row, std::string("berth.compression.") + name);
  };
  lb::Compression compression;
  const std::string algorithms = attribute("algorithms");
  if (algorithms.empty()) return compression;
  for (const std::string_view word : attribute_list(algorithms))
    compression.algorithms.push_back(lb::coding_of(word).value());
  compression.level = static_cast<int>(target_group_number(row, "berth.compression.level"));
  compression.minimum_length =
      static_cast<std::uint64_t>(target_group_number(row, "berth.compression.minimum_length"));
  const std::string types = attribute("content_types");
  const auto listed = attribute_list(types);
  if (!std::equal(listed.begin(), listed.end(), lb::kCompressedTypes.begin(), lb::kCompressedTypes.end()))
    compression.content_types.assign(listed.begin(), listed.end());
  return compression;
}

lb::ListenerOptions options_of(const model::LoadBalancer& balancer, const model::Listener& listener) {
  if (model::is_stream(listener.protocol)) return stream_options_of(listener);
  const auto on = [&balancer](const char* key) { return load_balancer_attribute(balancer, key) == "true"; };
  lb::ListenerOptions options;
  options.idle_timeout = Millis(load_balancer_number(balancer, "idle_timeout.timeout_seconds") * 1000);
  options.client_keep_alive = Millis(load_balancer_number(balancer, "client_keep_alive.seconds") * 1000);
  const auto desync = load_balancer_attribute(balancer, "routing.http.desync_mitigation_mode");
  if (desync == "monitor") options.desync = lb::DesyncMode::kMonitor;
  if (desync == "strictest") options.desync = lb::DesyncMode::kStrictest;
  const auto xff = load_balancer_attribute(balancer, "routing.http.xff_header_processing.mode");
  if (xff == "preserve") options.xff = lb::XffMode::kPreserve;
  if (xff == "remove") options.xff = lb::XffMode::kRemove;
  options.xff_client_port = on("routing.http.xff_client_port.enabled");
  options.preserve_host = on("routing.http.preserve_host_header.enabled");
  options.drop_invalid_headers = on("routing.http.drop_invalid_header_fields.enabled");
  options.http2 = on("routing.http2.enabled");
  options.tls_headers = on("routing.http.x_amzn_tls_version_and_cipher_suite.enabled");
  for (const lb::TlsHeader& header : lb::kTlsHeaders) {
    if (listener.protocol != "HTTPS") break;
    std::string name =
        listener_attribute(listener, "routing.http.request." + std::string(header.name) + ".header_name");
    if (name != header.standard) options.tls_header_names.*header.own = std::move(name);
  }
  options.access_log = true;  // whether there is one, and where, is the balancer's own setting
  options.response_headers = response_headers_of(listener);
  options.proxy_protocol_from = proxy_protocol_sources(listener);
  options.server_header = listener_attribute(listener, "routing.http.response.server.enabled") == "true";
  options.rate_limit = rate_limit_of(listener);
  options.maintenance =
      maintenance_of([&listener](const char* key) { return listener_attribute(listener, key); });
  const auto traceparent = load_balancer_attribute(balancer, "berth.traceparent.add");
  if (traceparent == "sampled") options.add_traceparent = lb::AddTraceparent::kSampled;
  if (traceparent == "unsampled") options.add_traceparent = lb::AddTraceparent::kUnsampled;
  return options;
}

// Rules by listener, each list by ascending priority.
std::map<std::string_view, std::vector<const model::Rule*>> rules_by_listener(const State& state) {
  std::map<std::string_view, std::vector<const model::Rule*>> out;
  for (const auto& [arn, rule] : state.rules.rows()) out[rule.listener_arn].push_back(&rule);
  for (auto& [listener, rules] : out) {
    std::sort(rules.begin(), rules.end(),
              [](const model::Rule* a, const model::Rule* b) { return a->priority < b->priority; });
  }
  return out;
}

lb::AlpnPolicy alpn_of(const model::Listener& row) {
  for (const auto& [word, policy] : kAlpnPolicies) {
    if (row.alpn == word) return policy;
  }
  return lb::AlpnPolicy::kNone;
}

lb::Listener listener_of(const model::LoadBalancer& balancer, const model::Listener& row,
                         const Settings& settings) {
  lb::Listener listener;
  listener.id = row.arn;
  listener.load_balancer = balancer.full_name;
  listener.dns_name = balancer.dns_name;
  listener.address = address_of(balancer, settings);
  listener.port = row.port;
  listener.default_action = row.default_actions.back();
  listener.options = options_of(balancer, row);
  if (row.protocol == "TCP") listener.protocol = lb::Protocol::kTcp;
  if (!model::has_tls(row.protocol)) return listener;
  listener.protocol = row.protocol == "TLS" ? lb::Protocol::kTls : lb::Protocol::kHttps;
  listener.tls = {row.ssl_policy, {row.certificate}, row.client, alpn_of(row)};
  for (const std::string& arn : row.certificates) {
    if (arn != row.certificate) listener.tls.certificates.push_back(arn);
  }
  return listener;
}

// An older control that was run in between has written the row without what it did not know.
bool lacks_certificates(const State& state, const model::Listener& row) {
  const auto unknown = [&state](const std::string& arn) {
    const model::Certificate* certificate = state.certificates.find(arn);
    return certificate == nullptr || certificate->body.empty();
  };
  return model::has_tls(row.protocol) &&
         (unknown(row.certificate) || std::any_of(row.certificates.begin(), row.certificates.end(), unknown));
}

bool lacks_trust_store(const State& state, const model::Listener& row) {
  return row.client.mode == lb::ClientCertificates::kVerify &&
         state.trust_stores.find(row.client.trust_store) == nullptr;
}

// Those that listeners name.
std::vector<lb::Part<lb::TrustStore>> trust_stores_of(const State& state,
                                                      const std::vector<lb::Part<lb::Listener>>& listeners) {
  std::set<std::string> named;
  for (const auto& listener : listeners) {
    if (listener->tls.client.mode == lb::ClientCertificates::kVerify)
      named.insert(listener->tls.client.trust_store);
  }
  std::vector<lb::Part<lb::TrustStore>> out;
  for (const std::string& arn : named) {
    const model::TrustStore* row = state.trust_stores.find(arn);
    BERTH_CHECK(row != nullptr, "a listener without its trust store is not published");
    lb::TrustStore store;
    store.id = arn;
    store.ca_bundle = row->bundle;
    for (const model::Revocation& each : row->revocations) store.crls.push_back(each.lists);
    out.push_back(std::move(store));
  }
  return out;
}

std::vector<lb::Part<lb::Certificate>> certificates_of(const State& state,
                                                       const std::vector<lb::Part<lb::Listener>>& listeners) {
  std::set<std::string> named;
  for (const auto& listener : listeners)
    named.insert(listener->tls.certificates.begin(), listener->tls.certificates.end());
  std::vector<lb::Part<lb::Certificate>> out;
  for (const std::string& arn : named) {
    const model::Certificate* row = state.certificates.find(arn);
    BERTH_CHECK(row != nullptr, "a listener without its certificates is not published");
    lb::Certificate certificate;
    certificate.id = arn;
    certificate.chain = row->chain.empty() ? row->body : row->body + "\n" + row->chain;
    certificate.key = row->key;
    out.push_back(std::move(certificate));
  }
  return out;
}

lb::TargetGroup group_of(const model::TargetGroup& row) {
  lb::TargetGroup group;
  group.id = row.arn;
  group.name = row.full_name;
  const auto algorithm = target_group_attribute(row, "load_balancing.algorithm.type");
  if (algorithm == "least_outstanding_requests") group.algorithm = lb::Algorithm::kLeastOutstandingRequests;
  if (algorithm == "weighted_random") group.algorithm = lb::Algorithm::kWeightedRandom;
  group.health_check = row.health_check;
  if (row.protocol == "HTTPS") group.protocol = lb::Protocol::kHttps;
  if (row.protocol == "TCP") group.protocol = lb::Protocol::kTcp;
  if (row.protocol == "TLS") group.protocol = lb::Protocol::kTls;
  group.stream = stream_of(row);
  if (row.protocol_version == "HTTP2") group.protocol_version = lb::ProtocolVersion::kHttp2;
  if (row.protocol_version == "GRPC") group.protocol_version = lb::ProtocolVersion::kGrpc;
  group.slow_start = Millis(target_group_number(row, "slow_start.duration_seconds") * 1000);
  const std::string routing = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.";
  group.minimum_healthy_count = static_cast<int>(target_group_number(row, routing + "count"));
  group.minimum_healthy_percent = static_cast<int>(target_group_number(row, routing + "percentage"));
  group.stickiness = stickiness_of(row);
  if (model::is_stream(row.protocol)) return group;
  group.compression = compression_of(row);
  group.anomaly_mitigation =
      group.algorithm == lb::Algorithm::kWeightedRandom &&
      target_group_attribute(row, "load_balancing.algorithm.anomaly_mitigation") == "on";
  guard(row, group);
  return group;
}

lb::Target target_of(const model::RegisteredTarget& row, Millis drain_limit) {
  lb::Target target;
  target.id = row.id;
  target.port = row.port;
  target.address = row.address;
  target.registration = row.registration;
  target.zone = row.zone;
  target.state = row.state;
  if (row.state == lb::TargetState::kDraining) target.drain_limit = drain_limit;
  return target;
}

// A group that no listener uses any more may still have requests open towards its targets, so that balancers
// keep hearing of those they knew, and of every draining one, until the rows are gone. They are what reports
// about in-flight requests can be trusted for; nothing new is routed to them.
bool is_published(const model::RegisteredTarget& target, bool group_is_used) {
  return group_is_used || target.exposed || target.state == lb::TargetState::kDraining;
}

std::optional<lb::TargetGroup> published_group(const State& state, const std::string& arn) {
  const model::TargetGroup* row = state.target_groups.find(arn);
  if (row == nullptr) return std::nullopt;
  const bool used = state.forward_index().is_used(arn);
  const Millis drain_limit(target_group_number(*row, "deregistration_delay.timeout_seconds") * 1000);
  lb::TargetGroup group = group_of(*row);
  for (const auto* target : targets_of(state, arn)) {
    if (is_published(*target, used)) group.targets.push_back(target_of(*target, drain_limit));
  }
  if (!used && group.targets.empty()) return std::nullopt;
  return group;
}

using Groups = std::vector<lb::Part<lb::TargetGroup>>;

Groups::iterator place_of(Groups& groups, const std::string& arn) {
  return std::lower_bound(groups.begin(), groups.end(), arn,
                          [](const auto& each, const std::string& id) { return each->id < id; });
}

// The published configuration with these groups made anew; the others are shared with it.
std::shared_ptr<lb::Config> with_groups(const State& state, const std::set<std::string>& arns) {
  auto config = std::make_shared<lb::Config>(*state.published);
  for (const std::string& arn : arns) {
    auto group = published_group(state, arn);
    const auto at = place_of(config->target_groups, arn);
    const bool there = at != config->target_groups.end() && (*at)->id == arn;
    if (group && there) {
      if (**at != *group) *at = std::move(*group);
    } else if (group) {
      config->target_groups.insert(at, std::move(*group));
    } else if (there) {
      config->target_groups.erase(at);
    }
  }
  return config;
}

// Notes in the rows what the published configuration, which is made of them, says of them.
void mark_targets(State& state) {
  std::vector<std::string> told;
  for (const auto& [arn, unmarked] : state.target_index().unmarked()) {
    const bool used = state.forward_index().is_used(arn);
    for (const std::string& key : unmarked) {
      if (is_published(*state.targets.find(key), used)) told.push_back(key);
    }
  }
  for (const std::string& key : told) {
    state.targets.edit(key, [&](model::RegisteredTarget& target) {
      target.exposed = true;
      if (target.state == lb::TargetState::kDraining) target.drain_version = state.published->version;
    });
  }
}

}  // namespace

bool same_but_version(const lb::Config& a, const lb::Config& b) {
  return a.listeners == b.listeners && a.target_groups == b.target_groups &&
         a.certificates == b.certificates && a.trust_stores == b.trust_stores &&
         a.cookie_keys == b.cookie_keys && a.acme_challenges == b.acme_challenges;
}

std::shared_ptr<const lb::Config> build_config(const State& state, const Settings& settings) {
  auto config = std::make_shared<lb::Config>();
  if (const auto* meta = state.meta.find(kMetaKey)) config->version = meta->config_version;
  auto rules = rules_by_listener(state);
  for (const auto& [arn, row] : state.listeners.rows()) {
    const auto* balancer = state.load_balancers.find(row.load_balancer_arn);
    if (balancer == nullptr || row.default_actions.empty() || lacks_certificates(state, row) ||
        lacks_trust_store(state, row))
      continue;
    lb::Listener listener = listener_of(*balancer, row, settings);
    for (const model::Rule* rule : rules[arn]) {
      if (rule->actions.empty()) continue;
      listener.rules.push_back(
          {rule->arn, rule->priority, rule->conditions, rule->actions.back(), rule->rewrites});
    }
    config->listeners.push_back(std::move(listener));
  }
  config->certificates = certificates_of(state, config->listeners);
  config->trust_stores = trust_stores_of(state, config->listeners);
  for (const auto& [arn, row] : state.target_groups.rows()) {
    if (auto group = published_group(state, arn)) config->target_groups.push_back(std::move(*group));
  }
  give_present_cookie_keys(state, *config);
  give_acme_challenges(state, *config);
  return config;
}

bool publish(Step& step) {
  State& state = rows(step);
  const std::uint64_t current = step.meta().config_version;
  // Version 0 is "nothing was ever published": even an empty configuration gets a version of its own.
  const bool stands = current != 0 && state.published->version == current;
  const State::ConfigChanges changes = state.take_changes_for_publishing();
  if (!changes.any() && stands) return false;
  const auto built = changes.routes || !stands
                         ? std::const_pointer_cast<lb::Config>(build_config(state, step.settings))
                         : with_groups(state, changes.groups);
  give_cookie_keys(step, *built);
  give_acme_challenges(state, *built);
  if (!stands || !same_but_version(*built, *state.published)) {
    // The first after a start is never below the clock: a balancer that has a version of a newer database
    // must not take another configuration of that number for it, nor its acknowledgement count for this one.
    const bool first = state.published->version == 0;
    built->version = first ? std::max(current + 1, step.millis()) : current + 1;
    edit_meta(step, [&](model::Meta& meta) { meta.config_version = built->version; });
    state.published = built;
    state.live.signals.published = true;
  }
  mark_targets(state);
  mark_acme_orders(state);
  return true;
}

}  // namespace agent::control
