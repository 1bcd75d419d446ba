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
  return value;
}

Value write_rule(const Rule& rule) {
  return {{"id", rule.id},
          {"priority", rule.priority},
          {"conditions", list(rule.conditions, write_condition)},
          {"action", write_action(rule.action)}};
}

Value write_options(const ListenerOptions& options) {
  return {{"idle_timeout_ms", options.idle_timeout.count()},
          {"client_keep_alive_ms", options.client_keep_alive.count()},
          {"desync", word_of(options.desync, kDesyncModes)},
          {"xff", word_of(options.xff, kXffModes)},
          {"xff_client_port", options.xff_client_port},
          {"preserve_host", options.preserve_host},
          {"drop_invalid_headers", options.drop_invalid_headers},
          {"access_log", options.access_log},
          {"server_header", options.server_header}};
}

}  // namespace

Value write_listener(const Listener& listener) {
  return {{"id", listener.id},
          {"load_balancer", listener.load_balancer},
          {"dns_name", listener.dns_name},
          {"address", listener.address},
          {"port", listener.port},
          {"rules", list(listener.rules, write_rule)},
          {"default_action", write_action(listener.default_action)},
          {"options", write_options(listener.options)}};
}

namespace {

Value write_health_check(const HealthCheck& check) {
  return {{"enabled", check.enabled},
          {"path", check.path},
          {"port", check.port},
          {"interval_ms", check.interval.count()},
          {"timeout_ms", check.timeout.count()},
          {"healthy_threshold", check.healthy_threshold},
          {"unhealthy_threshold", check.unhealthy_threshold},
          {"matcher", check.matcher}};
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
  return {{"id", group.id},
          {"name", group.name},
          {"algorithm", word_of(group.algorithm, kAlgorithms)},
          {"health_check", write_health_check(group.health_check)},
          {"slow_start_ms", group.slow_start.count()},
          {"minimum_healthy_count", group.minimum_healthy_count},
          {"minimum_healthy_percent", group.minimum_healthy_percent},
          {"targets", list(group.targets, write_target)}};
}

nlohmann::json write_config(const Config& config) {
  return {{"version", config.version},
          {"listeners", list(config.listeners, [](const auto& part) { return write_listener(*part); })},
          {"target_groups",
           list(config.target_groups, [](const auto& part) { return write_target_group(*part); })}};
}

}  // namespace shared::lbconfig
