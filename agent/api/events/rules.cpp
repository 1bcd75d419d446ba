#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/events/request.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/tag_rules.h"

namespace agent::api::events {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMostDescription = 512;

json encode_rule(const model::EventRule& row) {
  json out{{"Name", row.name},
           {"Arn", row.arn},
           {"State", row.enabled ? "ENABLED" : "DISABLED"},
           {"EventBusName", events::kBus}};
  if (!row.description.empty()) out["Description"] = row.description;
  if (!row.schedule.empty()) out["ScheduleExpression"] = row.schedule;
  if (!row.pattern.empty()) out["EventPattern"] = row.pattern;
  if (!row.role_arn.empty()) out["RoleArn"] = row.role_arn;
  return out;
}

Answer put_rule(const Context& at, In in) {
  if (auto ok = check_bus(at, in); !ok) return ok.error();
  const auto name = name_in(in, "Name");
  if (!name) return name.error();
  model::EventRule rule;
  rule.name = *name;
  rule.description = in.string_or("Description", "");
  rule.schedule = in.string_or("ScheduleExpression", "");
  rule.pattern = in.string_or("EventPattern", "");
  rule.role_arn = in.string_or("RoleArn", "");
  rule.created_by = at.call.account;
  rule.tags = read_tags(in);
  const std::string state = in.string_or("State", "ENABLED");
  if (!in.ok()) return in.error();
  if (rule.description.size() > kMostDescription)
    return constraint("description", rule.description, "Member must have length less than or equal to 512");
  if (state != "ENABLED" && state != "DISABLED" && state != "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
    return constraint("state", state, "Member must satisfy enum value set: [ENABLED, DISABLED]");
  rule.enabled = state != "DISABLED";
  const auto made = events::put_rule(at.step, std::move(rule));
  if (!made) return made.error();
  return json{{"RuleArn", (*made)->arn}};
}

Answer describe_rule(const Context& at, In in) {
  if (auto ok = check_bus(at, in); !ok) return ok.error();
  const auto name = name_in(in, "Name");
  if (!name) return name.error();
  const auto row = events::find_rule(at.step.state, *name);
  if (!row) return row.error();
  json out = encode_rule(**row);
  out["CreatedBy"] = (*row)->created_by;
  return out;
}

Answer delete_rule(const Context& at, In in) {
  if (auto ok = check_bus(at, in); !ok) return ok.error();
  const auto name = name_in(in, "Name");
  if (!name) return name.error();
  if (auto done = events::delete_rule(at.step, *name); !done) return done.error();
  return json::object();
}

Answer set_enabled(const Context& at, In in, bool enabled) {
  if (auto ok = check_bus(at, in); !ok) return ok.error();
  const auto name = name_in(in, "Name");
  if (!name) return name.error();
  if (auto done = events::enable_rule(at.step, *name, enabled); !done) return done.error();
  return json::object();
}
Answer enable_rule(const Context& at, In in) { return set_enabled(at, in, true); }
Answer disable_rule(const Context& at, In in) { return set_enabled(at, in, false); }

Answer list_rules(const Context& at, In in) {
  if (auto ok = check_bus(at, in); !ok) return ok.error();
  const auto page = page_in(in);
  if (!page) return page.error();
  const std::string prefix = in.string_or("NamePrefix", "");
  if (!in.ok()) return in.error();
  json out{{"Rules", json::array()}};
  const std::string next = page_through(
      at.step.state.neighbours().event_rules.rows(), *page,
      [&](const auto& each) { return each.first.starts_with(prefix); },
      [&](const auto& each) { out["Rules"].push_back(encode_rule(each.second)); });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

Answer list_rule_names_by_target(const Context& at, In in) {
  if (auto ok = check_bus(at, in); !ok) return ok.error();
  const auto page = page_in(in);
  if (!page) return page.error();
  const auto arn = required(in, "TargetArn");
  if (!arn) return arn.error();
  json out{{"RuleNames", json::array()}};
  const std::string next = page_through(
      at.step.state.neighbours().event_rules.rows(), *page,
      [&](const auto& each) {
        const auto& targets = each.second.targets;
        return std::any_of(targets.begin(), targets.end(), [&](const auto& one) { return one.arn == *arn; });
      },
      [&](const auto& each) { out["RuleNames"].push_back(each.first); });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

Answer describe_event_bus(const Context& at, In in) {
  const std::string name = in.string_or("Name", events::kBus);
  if (!in.ok()) return in.error();
  if (name != events::kBus && name != events::bus_arn(at.step.settings))
    return control::fault("ResourceNotFoundException",
                          "Event bus " + name.substr(0, 256) + " does not exist.");
  return json{{"Name", events::kBus}, {"Arn", events::bus_arn(at.step.settings)}};
}

Answer list_event_buses(const Context& at, In in) {
  json out{{"EventBuses", json::array()}};
  if (std::string_view(events::kBus).starts_with(in.string_or("NamePrefix", "")))
    out["EventBuses"].push_back({{"Name", events::kBus}, {"Arn", events::bus_arn(at.step.settings)}});
  return out;
}

// ---- Tags ----

Result<const model::EventRule*> rule_with_arn(const Context& at, In in) {
  const auto arn = required(in, "ResourceARN");
  if (!arn) return arn.error();
  const std::string prefix = events::rule_arn(at.step.settings, "");
  if (!arn->starts_with(prefix))
    return control::fault("ResourceNotFoundException",
                          "Resource " + arn->substr(0, 256) + " does not exist.");
  std::string name = arn->substr(prefix.size());
  if (name.starts_with("default/")) name.erase(0, std::string_view("default/").size());
  return events::find_rule(at.step.state, name);
}

Answer list_tags_for_resource(const Context& at, In in) {
  const auto row = rule_with_arn(at, in);
  if (!row) return row.error();
  return json{{"Tags", encode_tags((*row)->tags)}};
}

Answer tag_resource(const Context& at, In in) {
  const auto row = rule_with_arn(at, in);
  if (!row) return row.error();
  const auto more = read_tags(in);
  if (!in.ok()) return in.error();
  const std::string name = (*row)->name;
  if (auto done = events::set_rule_tags(at.step, name, control::merge_tags((*row)->tags, more)); !done)
    return done.error();
  return json::object();
}

Answer untag_resource(const Context& at, In in) {
  const auto row = rule_with_arn(at, in);
  if (!row) return row.error();
  const auto keys = in.strings_or_empty("TagKeys");
  if (!in.ok()) return in.error();
  auto tags = (*row)->tags;
  std::erase_if(tags, [&](const model::Tag& tag) {
    return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
  });
  const std::string name = (*row)->name;
  if (auto done = events::set_rule_tags(at.step, name, std::move(tags)); !done) return done.error();
  return json::object();
}

constexpr auto kRuleOperations = std::to_array<Operation>({
    {"DeleteRule", delete_rule},
    {"DescribeEventBus", describe_event_bus},
    {"DescribeRule", describe_rule},
    {"DisableRule", disable_rule},
    {"EnableRule", enable_rule},
    {"ListEventBuses", list_event_buses},
    {"ListRuleNamesByTarget", list_rule_names_by_target},
    {"ListRules", list_rules},
    {"ListTagsForResource", list_tags_for_resource},
    {"PutRule", put_rule},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
});

}  // namespace

std::span<const Operation> rule_operations() { return kRuleOperations; }

}  // namespace agent::api::events
