#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/events/ecs_target.h"
#include "agent/api/events/request.h"
#include "agent/control/state/faults.h"

namespace agent::api::events {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMostInCall = 10;
constexpr std::size_t kMostInput = 8'192;
constexpr int kMostTasks = 10;  // RunTask's

bool is_log_group(const std::string& arn) {
  return arn.starts_with("arn:") && arn.find(":logs:") != std::string::npos &&
         arn.find(":log-group:") != std::string::npos;
}

Result<model::EventTarget> target_in(In in) {
  model::EventTarget target;
  const auto id = name_in(in, "Id");
  if (!id) return id.error();
  target.id = *id;
  const auto arn = required(in, "Arn");
  if (!arn) return arn.error();
  target.arn = *arn;
  target.role_arn = in.string_or("RoleArn", "");
  target.input = in.string_or("Input", "");
  target.input_path = in.string_or("InputPath", "");
  target.transformer = in.raw("InputTransformer").value_or("");
  if (const auto dead = in.child("DeadLetterConfig")) target.dead_letter = dead->string_or("Arn", "");
  if (const auto retry = in.child("RetryPolicy")) {
    target.has_retry_policy = true;
    target.max_age =
        retry->integer_or<std::int64_t>("MaximumEventAgeInSeconds", events::kMostAge, 60, events::kMostAge);
    target.max_attempts = retry->integer_or<std::int64_t>("MaximumRetryAttempts", events::kMostAttempts, 0,
                                                          events::kMostAttempts);
  }
  if (!in.ok()) return in.error();
  const int inputs = (target.input.empty() ? 0 : 1) + (target.input_path.empty() ? 0 : 1) +
                     (target.transformer.empty() ? 0 : 1);
  if (inputs > 1)
    return invalid("Only one of Input, InputPath, or InputTransformer must be provided for target " +
                   target.id + ".");
  if (target.input.size() > kMostInput)
    return constraint(in.path_of("Input"), target.input,
                      "Member must have length less than or equal to 8192");
  if (!target.input.empty() && !shared::json::parse(target.input))
    return invalid("JSON syntax error in input for target " + target.id + " : " + target.input.substr(0, 64));
  if (in.has("EcsParameters")) {
    if (auto ok = check_ecs_target(in, kMostTasks); !ok) return ok.error();
    target.ecs = in.raw("EcsParameters").value_or("");
    return target;
  }
  if (is_log_group(target.arn)) return target;
  return invalid(
      in.path_of("Arn") + ": " + target.arn.substr(0, 256) +
      " is no target that is offered: an ECS cluster with EcsParameters, or a log group of CloudWatch "
      "Logs.");
}

json encode_target(const model::EventTarget& row) {
  json out{{"Id", row.id}, {"Arn", row.arn}};
  if (!row.role_arn.empty()) out["RoleArn"] = row.role_arn;
  if (!row.input.empty()) out["Input"] = row.input;
  if (!row.input_path.empty()) out["InputPath"] = row.input_path;
  if (!row.dead_letter.empty()) out["DeadLetterConfig"] = {{"Arn", row.dead_letter}};
  if (row.has_retry_policy)
    out["RetryPolicy"] = {{"MaximumEventAgeInSeconds", row.max_age},
                          {"MaximumRetryAttempts", row.max_attempts}};
  for (const auto& [name, text] :
       {std::pair("EcsParameters", row.ecs), std::pair("InputTransformer", row.transformer)}) {
    if (text.empty()) continue;
    if (const auto parsed = shared::json::parse(text)) out[name] = *parsed;
  }
  if (out.contains("EcsParameters") && !out["EcsParameters"].contains("TaskCount"))
    out["EcsParameters"]["TaskCount"] = 1;
  return out;
}

Answer put_targets(const Context& at, In in) {
  if (auto ok = check_bus(at, in); !ok) return ok.error();
  const auto rule = name_in(in, "Rule");
  if (!rule) return rule.error();
  std::vector<model::EventTarget> targets;
  for (const auto& each : in.children("Targets")) {
    auto target = target_in(each);
    if (!target) return target.error();
    targets.push_back(*std::move(target));
  }
  if (!in.ok()) return in.error();
  if (targets.empty() || targets.size() > kMostInCall)
    return constraint("targets", std::to_string(targets.size()) + " elements",
                      "Member must have from 1 to 10 elements");
  if (auto done = events::put_targets(at.step, *rule, std::move(targets)); !done) return done.error();
  json out{{"FailedEntryCount", 0}};
  out["FailedEntries"] = json::array();
  return out;
}

Answer remove_targets(const Context& at, In in) {
  if (auto ok = check_bus(at, in); !ok) return ok.error();
  const auto rule = name_in(in, "Rule");
  if (!rule) return rule.error();
  const auto ids = in.strings_or_empty("Ids");
  if (!in.ok()) return in.error();
  const auto missing = events::remove_targets(at.step, *rule, ids);
  if (!missing) return missing.error();
  json out{{"FailedEntryCount", missing->size()}};
  out["FailedEntries"] = json::array();
  for (const std::string& id : *missing) {
    out["FailedEntries"].push_back(
        {{"TargetId", id},
         {"ErrorCode", "ResourceNotFoundException"},
         {"ErrorMessage", "Rule " + *rule + " does not have a target with the Id " + id + "."}});
  }
  return out;
}

Answer list_targets_by_rule(const Context& at, In in) {
  if (auto ok = check_bus(at, in); !ok) return ok.error();
  const auto name = name_in(in, "Rule");
  if (!name) return name.error();
  const auto page = page_in(in);
  if (!page) return page.error();
  const auto rule = events::find_rule(at.step.state, *name);
  if (!rule) return rule.error();
  auto targets = (*rule)->targets;
  std::sort(targets.begin(), targets.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  json out{{"Targets", json::array()}};
  const std::string next = page_of_list(
      targets, *page, [](const model::EventTarget& each) -> const std::string& { return each.id; },
      [&](const model::EventTarget& each) { out["Targets"].push_back(encode_target(each)); });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

constexpr auto kTargetOperations = std::to_array<Operation>({
    {"ListTargetsByRule", list_targets_by_rule},
    {"PutTargets", put_targets},
    {"RemoveTargets", remove_targets},
});

}  // namespace

std::span<const Operation> target_operations() { return kTargetOperations; }

}  // namespace agent::api::events
