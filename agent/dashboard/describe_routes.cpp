#include <nlohmann/json.hpp>

#include "agent/control/elb/listeners.h"
#include "agent/control/state/lookup.h"
#include "agent/dashboard/describe.h"
#include "agent/dashboard/figures.h"
#include "agent/dashboard/json_parts.h"
#include "shared/json/reader.h"

namespace agent::dashboard {

using nlohmann::json;

namespace {

std::string_view field_word(lb::ConditionField field) {
  switch (field) {
    case lb::ConditionField::kHostHeader:
      return "host";
    case lb::ConditionField::kPathPattern:
      return "path";
    case lb::ConditionField::kHttpHeader:
      return "header";
    case lb::ConditionField::kHttpRequestMethod:
      return "method";
    case lb::ConditionField::kQueryString:
      return "query";
    case lb::ConditionField::kSourceIp:
      return "source";
  }
  return "";
}

json describe_condition(const lb::Condition& condition) {
  json values = json::array();
  for (const std::string& each : condition.values) values.push_back(each);
  for (const std::string& each : condition.regex_values) values.push_back("~" + each);
  for (const lb::QueryPair& each : condition.query)
    values.push_back(each.key.empty() ? each.value : each.key + "=" + each.value);
  json out{{"field", field_word(condition.field)}, {"values", std::move(values)}};
  put_text(out, "name", condition.http_header_name);
  return out;
}

json describe_action(const lb::Action& action) {
  if (action.type == lb::ActionType::kRedirect) {
    const lb::RedirectAction& to = action.redirect;
    return json{{"type", "redirect"},
                {"status", to.status},
                {"to", to.protocol + "://" + to.host + ":" + to.port + to.path + "?" + to.query}};
  }
  if (action.type == lb::ActionType::kFixedResponse)
    return json{{"type", "fixed-response"}, {"status", action.fixed_response.status}};
  json groups = json::array();
  for (const lb::WeightedTargetGroup& each : action.forward.target_groups)
    groups.push_back(json{{"name", name_in_arn(each.target_group)}, {"weight", each.weight}});
  return json{{"type", "forward"}, {"groups", std::move(groups)}, {"sticky", action.forward.sticky}};
}

json describe_actions(const std::vector<lb::Action>& actions) {
  json out = json::array();
  for (const lb::Action& each : actions) out.push_back(describe_action(each));
  return out;
}

// In the order in which a request meets them.
json describe_rules(const control::State& state, const std::string& listener_arn) {
  json out = json::array();
  for (const model::Rule* each : control::rules_of(state, listener_arn)) {
    json conditions = json::array();
    for (const lb::Condition& condition : each->conditions)
      conditions.push_back(describe_condition(condition));
    out.push_back(json{{"priority", each->priority},
                       {"when", std::move(conditions)},
                       {"then", describe_actions(each->actions)},
                       {"rewrites", each->rewrites.host.has_value() || each->rewrites.url.has_value()}});
  }
  return out;
}

}  // namespace

json thing(const char* kind, const std::string& id) { return json{{"k", kind}, {"id", id}}; }
void put_text(json& out, const char* name, const std::string& text) {
  if (!text.empty()) out[name] = text;
}
void put_time(json& out, const char* name, const std::optional<shared::WallTime>& time) {
  if (time) out[name] = millis(*time);
}

std::string describe_load_balancer(const control::State& state, const model::LoadBalancer& balancer) {
  json out = thing("lb", balancer.arn);
  out["name"] = balancer.name;
  out["type"] = balancer.type;
  out["scheme"] = balancer.scheme;
  out["dns"] = balancer.dns_name;
  out["created"] = millis(balancer.created_at);
  json listeners = json::array();
  for (const auto& [arn, listener] : state.listeners.rows()) {
    if (listener.load_balancer_arn != balancer.arn) continue;
    listeners.push_back(json{{"id", arn.substr(arn.rfind('/') + 1)},
                             {"port", listener.port},
                             {"protocol", listener.protocol},
                             {"otherwise", describe_actions(listener.default_actions)},
                             {"rules", describe_rules(state, arn)}});
  }
  out["listeners"] = std::move(listeners);
  return shared::json::to_text(out);
}

std::string describe_groups(const control::State& state, const model::LoadBalancer& balancer,
                            shared::WallTime now) {
  json groups = json::array();
  for (const std::string& arn : control::groups_of_load_balancer(state, balancer.arn)) {
    const auto* group = state.target_groups.find(arn);
    if (group == nullptr) continue;
    const lb::HealthCheck& check = group->health_check;
    groups.push_back(
        json{{"name", group->name},
             {"protocol", group->protocol},
             {"type", group->target_type},
             {"check", check.enabled ? group->health_check_protocol + " " + check.path : "off"},
             {"interval", check.interval.count()},
             {"targets", targets_in(state, *group)},
             {"figures", traffic_figures(*state.live.metrics, balancer.full_name, group->full_name, now)}});
  }
  json out = thing("groups", balancer.name);
  out["groups"] = std::move(groups);
  return shared::json::to_text(out);
}

}  // namespace agent::dashboard
