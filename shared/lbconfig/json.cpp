#include "shared/lbconfig/json.h"

#include <nlohmann/json.hpp>

#include "shared/lbconfig/config_value.h"

namespace shared::lbconfig {

Millis millis_or(const json::Reader& in, std::string_view name, Millis otherwise) {
  return Millis(in.integer_or<std::int64_t>(name, otherwise.count(), 0));
}

namespace {

using json::Reader;
constexpr std::string_view kConfigErrorCode = "InvalidConfig";

ForwardAction read_forward(const Reader& in) {
  in.only_members({"target_groups", "sticky", "sticky_seconds"});
  ForwardAction forward;
  for (const Reader& group : in.children("target_groups")) {
    group.only_members({"target_group", "weight"});
    forward.target_groups.push_back({group.required_string("target_group"),
                                     group.integer_or<int>("weight", WeightedTargetGroup().weight)});
  }
  forward.sticky = in.boolean_or("sticky", forward.sticky);
  forward.sticky_seconds = in.integer_or<int>("sticky_seconds", forward.sticky_seconds);
  return forward;
}

RedirectAction read_redirect(const Reader& in) {
  in.only_members({"protocol", "host", "port", "path", "query", "status"});
  RedirectAction redirect;
  redirect.protocol = in.string_or("protocol", redirect.protocol);
  redirect.host = in.string_or("host", redirect.host);
  redirect.port = in.string_or("port", redirect.port);
  redirect.path = in.string_or("path", redirect.path);
  redirect.query = in.string_or("query", redirect.query);
  redirect.status = in.integer_or<int>("status", redirect.status);
  return redirect;
}

FixedResponseAction read_fixed_response(const Reader& in) {
  in.only_members({"status", "content_type", "body"});
  FixedResponseAction fixed;
  fixed.status = in.required_integer<int>("status");
  fixed.content_type = in.string_or("content_type", "");
  fixed.body = in.string_or("body", "");
  return fixed;
}

Action read_action(const Reader& in) {
  Action action;
  const auto type = in.choice("type", kActionTypes);
  if (!type) {
    if (in.ok()) in.fail("type", "is required");
    return action;
  }
  action.type = *type;
  action.order = in.integer_or<int>("order", action.order);
  if (const auto jwt = in.child("jwt_validation")) action.jwt = read_jwt(*jwt);
  switch (action.type) {
    case ActionType::kForward:
      in.only_members({"type", "order", "jwt_validation", "forward"});
      if (const auto inner = in.required_child("forward")) action.forward = read_forward(*inner);
      break;
    case ActionType::kRedirect:
      in.only_members({"type", "order", "jwt_validation", "redirect"});
      if (const auto inner = in.required_child("redirect")) action.redirect = read_redirect(*inner);
      break;
    case ActionType::kFixedResponse:
      in.only_members({"type", "order", "jwt_validation", "fixed_response"});
      if (const auto inner = in.required_child("fixed_response")) {
        action.fixed_response = read_fixed_response(*inner);
      }
      break;
  }
  return action;
}

Condition read_condition(const Reader& in) {
  Condition condition;
  const auto field = in.choice("field", kConditionFields);
  if (!field) {
    if (in.ok()) in.fail("field", "is required");
    return condition;
  }
  condition.field = *field;
  if (*field == ConditionField::kQueryString) {
    in.only_members({"field", "query"});
    for (const Reader& pair : in.children("query")) {
      pair.only_members({"key", "value"});
      condition.query.push_back({pair.string_or("key", ""), pair.required_string("value")});
    }
    return condition;
  }
  if (*field == ConditionField::kHttpHeader) {
    in.only_members({"field", "http_header_name", "values", "regex_values"});
    condition.http_header_name = in.required_string("http_header_name");
  } else if (takes_regex(*field)) {
    in.only_members({"field", "values", "regex_values"});
  } else {
    in.only_members({"field", "values"});
  }
  condition.values = in.strings_or_empty("values");
  condition.regex_values = in.strings_or_empty("regex_values");
  return condition;
}

std::optional<Rewrite> read_rewrite(const Reader& in, std::string_view name) {
  const auto inner = in.child(name);
  if (!inner) return std::nullopt;
  inner->only_members({"regex", "replace"});
  return Rewrite{inner->required_string("regex"), inner->required_string("replace")};
}

Rule read_rule(const Reader& in) {
  in.only_members({"id", "priority", "conditions", "action", "host_rewrite", "url_rewrite"});
  Rule rule;
  rule.priority = in.required_integer<int>("priority");
  rule.id = in.string_or("id", std::to_string(rule.priority));
  for (const Reader& condition : in.children("conditions"))
    rule.conditions.push_back(read_condition(condition));
  if (const auto action = in.required_child("action")) rule.action = read_action(*action);
  rule.rewrites.host = read_rewrite(in, "host_rewrite");
  rule.rewrites.url = read_rewrite(in, "url_rewrite");
  return rule;
}

ListenerOptions read_options(const Reader& in, ListenerOptions options) {
  in.only_members({"idle_timeout_ms", "client_keep_alive_ms", "desync", "xff", "xff_client_port",
                   "preserve_host", "drop_invalid_headers", "access_log", "server_header", "http2",
                   "tls_headers", "response_headers", "proxy_protocol_from", "rate_limit", "maintenance",
                   "add_traceparent", "tls_header_names"});
  options.idle_timeout = millis_or(in, "idle_timeout_ms", options.idle_timeout);
  options.client_keep_alive = millis_or(in, "client_keep_alive_ms", options.client_keep_alive);
  options.desync = in.choice("desync", kDesyncModes).value_or(options.desync);
  options.xff = in.choice("xff", kXffModes).value_or(options.xff);
  options.xff_client_port = in.boolean_or("xff_client_port", options.xff_client_port);
  options.preserve_host = in.boolean_or("preserve_host", options.preserve_host);
  options.drop_invalid_headers = in.boolean_or("drop_invalid_headers", options.drop_invalid_headers);
  options.access_log = in.boolean_or("access_log", options.access_log);
  options.server_header = in.boolean_or("server_header", options.server_header);
  options.http2 = in.boolean_or("http2", options.http2);
  options.tls_headers = in.boolean_or("tls_headers", options.tls_headers);
  if (const auto names = in.child("tls_header_names")) {
    std::vector<std::string_view> known;
    for (const TlsHeader& header : kTlsHeaders) known.push_back(header.name);
    names->only_members(known);
    for (const TlsHeader& header : kTlsHeaders)
      options.tls_header_names.*header.own = names->string_or(header.name, "");
  }
  read_traffic(in, options);
  read_guard(in, options);
  return options;
}

}  // namespace

Listener read_listener(const Reader& in) {
  in.only_members({"id", "load_balancer", "dns_name", "address", "port", "rules", "default_action", "options",
                   "protocol", "tls"});
  Listener listener;
  listener.id = in.required_string("id");
  listener.load_balancer = in.string_or("load_balancer", "");
  listener.dns_name = in.string_or("dns_name", "");
  listener.address = in.string_or("address", listener.address);
  listener.port = in.required_integer<std::uint16_t>("port");
  for (const Reader& rule : in.children("rules")) listener.rules.push_back(read_rule(rule));
  if (const auto action = in.required_child("default_action")) listener.default_action = read_action(*action);
  read_tls(in, listener);
  if (is_stream(listener.protocol)) listener.options.idle_timeout = kStreamIdleTimeout;
  if (const auto options = in.child("options")) listener.options = read_options(*options, listener.options);
  return listener;
}

namespace {

HealthCheck read_health_check(const Reader& in, HealthCheck check) {
  in.only_members({"enabled", "path", "port", "interval_ms", "timeout_ms", "healthy_threshold",
                   "unhealthy_threshold", "matcher", "protocol"});
  check.enabled = in.boolean_or("enabled", check.enabled);
  check.path = in.string_or("path", check.path);
  check.port = in.integer_or<std::uint16_t>("port", check.port);
  check.interval = millis_or(in, "interval_ms", check.interval);
  check.timeout = millis_or(in, "timeout_ms", check.timeout);
  check.healthy_threshold = in.integer_or<int>("healthy_threshold", check.healthy_threshold);
  check.unhealthy_threshold = in.integer_or<int>("unhealthy_threshold", check.unhealthy_threshold);
  check.matcher = in.string_or("matcher", check.matcher);
  read_tls(in, check);
  return check;
}

}  // namespace

// A hand-written file names only address and port; control names all.
Target read_target(const Reader& in) {
  in.only_members({"id", "address", "port", "registration", "zone", "state", "drain_limit_ms"});
  Target target;
  target.address = in.required_string("address");
  target.port = in.required_integer<std::uint16_t>("port", 1);
  target.id = in.string_or("id", target.address);
  target.registration = in.string_or("registration", target.id + ":" + std::to_string(target.port));
  target.zone = in.string_or("zone", "");
  target.state = in.choice("state", kTargetStates).value_or(target.state);
  target.drain_limit = millis_or(in, "drain_limit_ms", target.drain_limit);
  return target;
}

TargetGroup read_target_group(const Reader& in) {
  in.only_members({"id",
                   "name",
                   "algorithm",
                   "health_check",
                   "slow_start_ms",
                   "minimum_healthy_count",
                   "minimum_healthy_percent",
                   "targets",
                   "protocol",
                   "protocol_version",
                   "stickiness",
                   "anomaly_mitigation",
                   "proxy_protocol",
                   "close_at_drain_limit",
                   "close_when_unhealthy",
                   "request_limit",
                   "hold_requests",
                   "retry_budget",
                   "outlier_ejection",
                   "maintenance",
                   "compression"});
  TargetGroup group;
  group.id = in.required_string("id");
  group.name = in.string_or("name", group.id);
  group.algorithm = in.choice("algorithm", kAlgorithms).value_or(group.algorithm);
  read_tls(in, group);
  group.health_check.protocol = default_check(group.protocol);
  if (const auto check = in.child("health_check"))
    group.health_check = read_health_check(*check, group.health_check);
  group.slow_start = millis_or(in, "slow_start_ms", group.slow_start);
  group.minimum_healthy_count = in.integer_or<int>("minimum_healthy_count", group.minimum_healthy_count);
  group.minimum_healthy_percent =
      in.integer_or<int>("minimum_healthy_percent", group.minimum_healthy_percent);
  for (const Reader& target : in.children("targets")) group.targets.push_back(read_target(target));
  read_traffic(in, group);
  read_stream(in, group);
  read_guard(in, group);
  return group;
}

Config read_config(const Reader& in) {
  in.only_members({"version", "listeners", "target_groups", "certificates", "trust_stores", "cookie_keys",
                   "acme_challenges"});
  Config config;
  config.version = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("version", 0, 0));
  for (const Reader& listener : in.children("listeners")) config.listeners.push_back(read_listener(listener));
  for (const Reader& group : in.children("target_groups")) {
    config.target_groups.push_back(read_target_group(group));
  }
  for (const Reader& each : in.children("certificates"))
    config.certificates.push_back(read_certificate(each));
  for (const Reader& each : in.children("trust_stores"))
    config.trust_stores.push_back(read_trust_store(each));
  config.cookie_keys = read_cookie_keys(in);
  config.acme_challenges = read_acme_challenges(in);
  return config;
}

Result<Config> config_from_json(std::string_view text) {
  const auto document = json::Document::parse(text, std::string(kConfigErrorCode));
  if (!document) return document.error();
  Config config = read_config(document->root());
  if (const auto decoded = document->result(); !decoded) return decoded.error();
  if (const auto valid = validate(config); !valid) return valid.error();
  return config;
}

std::string config_to_json(const Config& config) { return json::to_pretty_text(write_config(config)); }

std::string config_to_page(const Config& config) {
  nlohmann::json value = write_config(config);
  if (const auto certificates = value.find("certificates"); certificates != value.end()) {
    for (nlohmann::json& certificate : *certificates) {
      if (certificate.contains("key")) certificate["key"] = "(not shown)";
    }
  }
  if (const auto keys = value.find("cookie_keys"); keys != value.end()) {
    for (nlohmann::json& key : *keys) key["secret"] = "(not shown)";
  }
  return json::to_pretty_text(value);
}

}  // namespace shared::lbconfig
