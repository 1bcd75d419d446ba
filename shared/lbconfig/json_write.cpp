#include <nlohmann/json.hpp>

#include "shared/lbconfig/config_value.h"

namespace shared::lbconfig {

namespace {

using Value = nlohmann::json;

template <class T, class F>
Value list(const std::vector<T>& items, F write) {
  Value values = Value::array();
  for (const T& item : items) values.push_back(write(item));
  return values;
}

Value write_group_weight(const WeightedTargetGroup& group) {
  return {{"target_group", group.target_group}, {"weight", group.weight}};
}

Value write_action(const Action& action) {
  Value value = {{"type", word_of(action.type, kActionTypes)}, {"order", action.order}};
  if (action.jwt) value["jwt_validation"] = write_jwt(*action.jwt);
  switch (action.type) {
    case ActionType::kForward:
      value["forward"] = {{"target_groups", list(action.forward.target_groups, write_group_weight)},
                          {"sticky", action.forward.sticky},
                          {"sticky_seconds", action.forward.sticky_seconds}};
      break;
    case ActionType::kRedirect:
      value["redirect"] = {{"protocol", action.redirect.protocol}, {"host", action.redirect.host},
                           {"port", action.redirect.port},         {"path", action.redirect.path},
                           {"query", action.redirect.query},       {"status", action.redirect.status}};
      break;
    case ActionType::kFixedResponse:
      value["fixed_response"] = {{"status", action.fixed_response.status},
                                 {"content_type", action.fixed_response.content_type},
                                 {"body", action.fixed_response.body}};
      break;
  }
  return value;
}

Value write_query_pair(const QueryPair& pair) { return {{"key", pair.key}, {"value", pair.value}}; }

Value write_condition(const Condition& condition) {
  Value value = {{"field", word_of(condition.field, kConditionFields)}};
  if (condition.field == ConditionField::kQueryString) {
    value["query"] = list(condition.query, write_query_pair);
    return value;
  }
  if (condition.field == ConditionField::kHttpHeader) value["http_header_name"] = condition.http_header_name;
  value["values"] = condition.values;
  if (!condition.regex_values.empty()) value["regex_values"] = condition.regex_values;
  return value;
}

Value write_rule(const Rule& rule) {
  Value value = {{"id", rule.id},
                 {"priority", rule.priority},
                 {"conditions", list(rule.conditions, write_condition)},
                 {"action", write_action(rule.action)}};
  const auto rewrite = [&value](const char* name, const std::optional<Rewrite>& wanted) {
    if (wanted) value[name] = {{"regex", wanted->regex}, {"replace", wanted->replace}};
  };
  rewrite("host_rewrite", rule.rewrites.host);
  rewrite("url_rewrite", rule.rewrites.url);
  return value;
}

Value write_options(const ListenerOptions& options) {
  Value value = {{"idle_timeout_ms", options.idle_timeout.count()},
                 {"client_keep_alive_ms", options.client_keep_alive.count()},
                 {"desync", word_of(options.desync, kDesyncModes)},
                 {"xff", word_of(options.xff, kXffModes)},
                 {"xff_client_port", options.xff_client_port},
                 {"preserve_host", options.preserve_host},
                 {"drop_invalid_headers", options.drop_invalid_headers},
                 {"access_log", options.access_log},
                 {"server_header", options.server_header}};
  if (!options.http2) value["http2"] = false;
  if (options.tls_headers) value["tls_headers"] = true;
  for (const TlsHeader& header : kTlsHeaders) {
    const std::string& own = options.tls_header_names.*header.own;
    if (!own.empty()) value["tls_header_names"][std::string(header.name)] = own;
  }
  write_traffic(options, value);
  write_guard(options, value);
  return value;
}

}  // namespace

Value write_listener(const Listener& listener) {
  Value value = {{"id", listener.id},
                 {"load_balancer", listener.load_balancer},
                 {"dns_name", listener.dns_name},
                 {"address", listener.address},
                 {"port", listener.port},
                 {"rules", list(listener.rules, write_rule)},
                 {"default_action", write_action(listener.default_action)},
                 {"options", write_options(listener.options)}};
  write_tls(listener, value);
  return value;
}

namespace {

// `unless_given`: what a reader takes the protocol for where there is none.
Value write_health_check(const HealthCheck& check, Protocol unless_given) {
  Value value = {{"enabled", check.enabled},
                 {"path", check.path},
                 {"port", check.port},
                 {"interval_ms", check.interval.count()},
                 {"timeout_ms", check.timeout.count()},
                 {"healthy_threshold", check.healthy_threshold},
                 {"unhealthy_threshold", check.unhealthy_threshold},
                 {"matcher", check.matcher}};
  if (check.protocol != unless_given) write_tls(check, value);
  return value;
}

}  // namespace

Value write_target(const Target& target) {
  return {{"id", target.id},
          {"address", target.address},
          {"port", target.port},
          {"registration", target.registration},
          {"zone", target.zone},
          {"state", word_of(target.state, kTargetStates)},
          {"drain_limit_ms", target.drain_limit.count()}};
}

Value write_target_group(const TargetGroup& group) {
  Value value = {{"id", group.id},
                 {"name", group.name},
                 {"algorithm", word_of(group.algorithm, kAlgorithms)},
                 {"health_check", write_health_check(group.health_check, default_check(group.protocol))},
                 {"slow_start_ms", group.slow_start.count()},
                 {"minimum_healthy_count", group.minimum_healthy_count},
                 {"minimum_healthy_percent", group.minimum_healthy_percent},
                 {"targets", list(group.targets, write_target)}};
  write_tls(group, value);
  write_traffic(group, value);
  write_stream(group, value);
  write_guard(group, value);
  return value;
}

nlohmann::json write_config(const Config& config) {
  Value value = {
      {"version", config.version},
      {"listeners", list(config.listeners, [](const auto& part) { return write_listener(*part); })},
      {"target_groups",
       list(config.target_groups, [](const auto& part) { return write_target_group(*part); })}};
  if (!config.certificates.empty())
    value["certificates"] =
        list(config.certificates, [](const auto& part) { return write_certificate(*part); });
  if (!config.trust_stores.empty())
    value["trust_stores"] =
        list(config.trust_stores, [](const auto& part) { return write_trust_store(*part); });
  if (!config.cookie_keys.empty()) value["cookie_keys"] = write_cookie_keys(config.cookie_keys);
  if (!config.acme_challenges.empty())
    value["acme_challenges"] = write_acme_challenges(config.acme_challenges);
  return value;
}

}  // namespace shared::lbconfig
