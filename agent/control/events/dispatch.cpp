// Events on their way: which rules want one, and what their targets are given.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/control/events/events.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/table/owned.h"
#include "agent/pattern/pattern.h"
#include "shared/http/message.h"
#include "shared/json/reader.h"

namespace agent::control::events {

using nlohmann::json;

namespace {

// "$.detail.name": what is there, or null.
json at_path(const json& event, std::string_view path) {
  const json* here = &event;
  if (path.starts_with("$")) path.remove_prefix(1);
  while (!path.empty()) {
    if (path.front() != '.') return nullptr;
    path.remove_prefix(1);
    const auto end = path.find('.');
    const std::string name(path.substr(0, end));
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
    if (!here->is_object() || !here->contains(name)) return nullptr;
    here = &here->at(name);
  }
  return *here;
}

// What a template's "<name>" becomes: text inside of quotes, JSON elsewhere.
std::string filled(const std::string& text, const std::map<std::string, json>& values) {
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size()) {
      out += c;
      out += text[++i];
      continue;
    }
    if (c == '"') quoted = !quoted;
    const auto end = c == '<' ? text.find('>', i) : std::string::npos;
    const auto value = end == std::string::npos ? values.end() : values.find(text.substr(i + 1, end - i - 1));
    if (value == values.end()) {
      out += c;
      continue;
    }
    std::string json_text = shared::json::to_text(value->second);
    if (quoted && !value->second.is_string()) json_text = shared::json::to_text(json(json_text));
    out += quoted ? json_text.substr(1, json_text.size() - 2) : json_text;
    i = end;
  }
  return out;
}

std::string transformed(const model::EventTarget& target, const json& event, const std::string& rule_arn,
                        const std::string& rule_name) {
  const auto given = shared::json::parse(target.transformer);
  if (!given || !given->is_object()) return "{}";
  std::map<std::string, json> values{{"aws.events.rule-arn", rule_arn},
                                     {"aws.events.rule-name", rule_name},
                                     {"aws.events.event.ingestion-time", event.value("time", "")},
                                     {"aws.events.event", event},
                                     {"aws.events.event.json", event}};
  if (given->contains("InputPathsMap")) {
    for (const auto& [name, path] : given->at("InputPathsMap").items()) {
      if (path.is_string()) values[name] = at_path(event, path.get<std::string>());
    }
  }
  return filled(given->value("InputTemplate", ""), values);
}

json envelope(Step& step, const Event& event, const std::string& id) {
  auto detail = shared::json::parse(event.detail.empty() ? "{}" : event.detail);
  json whole{{"version", "0"},
             {"id", id},
             {"detail-type", event.detail_type},
             {"source", event.source},
             {"account", step.settings.account},
             {"time", shared::http::iso8601_seconds(event.time.value_or(step.now))},
             {"region", step.settings.region},
             {"resources", event.resources}};
  whole["detail"] = detail ? *std::move(detail) : json::object();
  return whole;
}

void deliver(Step& step, const model::EventRule& rule, const json& event, shared::WallTime due) {
  for (const model::EventTarget& target : rule.targets) {
    model::Invocation invocation;
    invocation.owner = "rule/" + rule.name;
    invocation.target = target;
    invocation.started_by = "events-rule/" + rule.name;
    invocation.payload = !target.input.empty()         ? target.input
                         : !target.transformer.empty() ? transformed(target, event, rule.arn, rule.name)
                         : !target.input_path.empty()
                             ? shared::json::to_text(at_path(event, target.input_path))
                             : shared::json::to_text(event);
    invocation.due_at = invocation.next_at = due;
    invoke(step, std::move(invocation));
  }
}

}  // namespace

void deliver_scheduled(Step& step, const model::EventRule& rule, shared::WallTime at) {
  deliver(step, rule,
          envelope(step, {"aws.events", "Scheduled Event", "{}", {rule.arn}, at}, step.random.uuid()), at);
}

// The number only rises, so that the order of the keys is that of their coming.
void invoke(Step& step, model::Invocation invocation) {
  Table<model::Invocation>& table = rows(step).neighbours().invocations;
  if (table.size() >= kMaxInvocations) return;
  const std::string owner = invocation.owner;
  const auto keys = keys_under(table, owner);
  const std::uint64_t number =
      keys.empty() ? step.millis() : std::max<std::uint64_t>(step.millis(), log_number_in(keys.back()) + 1);
  table.put(log_key(owner, number), std::move(invocation));
}

bool anybody_listens(const State& state) {
  const auto& rules = state.neighbours().event_rules.rows();
  return std::any_of(rules.begin(), rules.end(), [](const auto& each) {
    return each.second.enabled && !each.second.pattern.empty() && !each.second.targets.empty();
  });
}

std::string put_event(Step& step, const Event& event) {
  const std::string id = step.random.uuid();
  if (!anybody_listens(step.state)) return id;
  const json whole = envelope(step, event, id);
  const std::string text = shared::json::to_text(whole);
  for (const auto& [name, rule] : step.state.neighbours().event_rules.rows()) {
    if (!rule.enabled || rule.pattern.empty() || rule.targets.empty()) continue;
    const auto wanted = pattern::Pattern::parse(rule.pattern);
    if (wanted && wanted->matches(text)) deliver(step, rule, whole, step.now);
  }
  return id;
}

}  // namespace agent::control::events
