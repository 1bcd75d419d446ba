#include <algorithm>

#include "agent/control/events/events.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"
#include "agent/pattern/pattern.h"
#include "agent/schedule/schedule.h"

namespace agent::control::events {

using shared::Result;

namespace {

Table<model::EventRule>& rules_of(Step& step) { return rows(step).neighbours().event_rules; }

Result<void> check_rule(const model::EventRule& rule) {
  if (rule.schedule.empty() && rule.pattern.empty())
    return fault("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.");
  if (!rule.pattern.empty()) {
    if (auto parsed = pattern::Pattern::parse(rule.pattern); !parsed) return parsed.error();
  }
  if (rule.schedule.empty()) return {};
  const auto schedule = schedule::Schedule::parse(rule.schedule, "");
  if (!schedule || schedule->once())
    return fault("ValidationException", "Parameter ScheduleExpression is not valid." +
                                            (schedule ? std::string(" at(...) is for EventBridge Scheduler.")
                                                      : " " + schedule.error().text() + "."));
  return {};
}

}  // namespace

std::string rule_arn(const Settings& settings, std::string_view name) {
  return "arn:" + settings.partition + ":events:" + settings.region + ":" + settings.account + ":rule/" +
         std::string(name);
}
std::string bus_arn(const Settings& settings) {
  return "arn:" + settings.partition + ":events:" + settings.region + ":" + settings.account + ":event-bus/" +
         kBus;
}

Result<const model::EventRule*> find_rule(const State& state, std::string_view name) {
  if (const auto* row = state.neighbours().event_rules.find(name)) return row;
  return fault("ResourceNotFoundException",
               "Rule " + std::string(name) + " does not exist on EventBus default.");
}

Result<const model::EventRule*> put_rule(Step& step, model::EventRule rule) {
  if (auto ok = check_rule(rule); !ok) return ok.error();
  rule.arn = rule_arn(step.settings, rule.name);
  const auto* before = step.state.neighbours().event_rules.find(rule.name);
  rule.begun = rule.done_until = step.now;
  if (before != nullptr) {
    rule.targets = before->targets;
    rule.tags = before->tags;
    rule.created_by = before->created_by;
    if (before->schedule == rule.schedule && before->enabled == rule.enabled) {
      rule.begun = before->begun;
      rule.done_until = before->done_until;
    }
  } else {
    if (rules_of(step).size() >= kMaxRules)
      return fault("LimitExceededException", "The requested resource exceeds the maximum number allowed: " +
                                                 std::to_string(kMaxRules) + " rules.");
    if (auto ok = check_tags(rule.tags); !ok) return fault("ValidationException", ok.error().text());
  }
  const std::string name = rule.name;
  return &rules_of(step).put(name, std::move(rule));
}

Result<void> delete_rule(Step& step, const std::string& name) {
  const auto* row = step.state.neighbours().event_rules.find(name);
  if (row == nullptr) return {};
  if (!row->targets.empty())
    return fault("ValidationException", "Rule can't be deleted since it has targets.");
  rules_of(step).erase(name);
  return {};
}

// A rule that is enabled again goes on from now.
Result<void> enable_rule(Step& step, const std::string& name, bool enabled) {
  const auto found = find_rule(step.state, name);
  if (!found) return found.error();
  if ((*found)->enabled == enabled) return {};
  rules_of(step).edit(name, [&](model::EventRule& row) {
    row.enabled = enabled;
    row.done_until = step.now;
  });
  return {};
}

Result<void> put_targets(Step& step, const std::string& name, std::vector<model::EventTarget> targets) {
  const auto found = find_rule(step.state, name);
  if (!found) return found.error();
  std::vector<model::EventTarget> all = (*found)->targets;
  for (model::EventTarget& each : targets) {
    const auto same =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.id == each.id; });
    if (same == all.end()) {
      all.push_back(std::move(each));
    } else {
      *same = std::move(each);
    }
  }
  if (all.size() > kMaxTargets)
    return fault("LimitExceededException", "The requested resource exceeds the maximum number allowed: " +
                                               std::to_string(kMaxTargets) + " targets of a rule.");
  rules_of(step).edit(name, [&](model::EventRule& row) { row.targets = std::move(all); });
  return {};
}

Result<std::vector<std::string>> remove_targets(Step& step, const std::string& name,
                                                const std::vector<std::string>& ids) {
  const auto found = find_rule(step.state, name);
  if (!found) return found.error();
  std::vector<std::string> missing;
  for (const std::string& id : ids) {
    const auto& targets = (*found)->targets;
    if (std::none_of(targets.begin(), targets.end(), [&](const auto& each) { return each.id == id; }))
      missing.push_back(id);
  }
  rules_of(step).edit(name, [&](model::EventRule& row) {
    std::erase_if(row.targets, [&](const model::EventTarget& each) {
      return std::find(ids.begin(), ids.end(), each.id) != ids.end();
    });
  });
  return missing;
}

Result<void> set_rule_tags(Step& step, const std::string& name, std::vector<model::Tag> tags) {
  if (auto ok = check_tags(tags); !ok) return fault("ValidationException", ok.error().text());
  rules_of(step).edit(name, [&](model::EventRule& row) { row.tags = std::move(tags); });
  return {};
}

}  // namespace agent::control::events
