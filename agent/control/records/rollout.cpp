#include "agent/control/records/rollout.h"

#include <nlohmann/json.hpp>

#include "agent/control/records/parts.h"
#include "agent/control/records/words.h"

namespace agent::control {
namespace {

using nlohmann::json;
using shared::json::Reader;

json encode_hook(const model::LifecycleHook& from) {
  json stages = json::array();
  for (const auto each : from.stages) stages.push_back(word_text(each));
  json out = {{"target", word_text(from.target)}, {"stages", std::move(stages)}};
  if (!from.url.empty()) out["url"] = from.url;
  if (!from.role_arn.empty()) out["role_arn"] = from.role_arn;
  if (!from.details.empty()) out["details"] = from.details;
  if (from.timeout_minutes) out["timeout_minutes"] = *from.timeout_minutes;
  if (from.timeout_action) out["timeout_action"] = word_text(*from.timeout_action);
  return out;
}

model::LifecycleHook read_hook(const Reader& in) {
  model::LifecycleHook out;
  read_word(in, "target", out.target);
  out.url = in.string_or("url", "");
  out.role_arn = in.string_or("role_arn", "");
  out.details = in.string_or("details", "");
  out.timeout_minutes = in.integer<int>("timeout_minutes");
  if (in.has("timeout_action")) {
    model::HookAction action = model::HookAction::kRollback;
    read_word(in, "timeout_action", action);
    out.timeout_action = action;
  }
  for (const std::string& each : in.strings_or_empty("stages")) {
    if (const auto stage = model::from_word<model::LifecycleStage>(each)) out.stages.push_back(*stage);
  }
  return out;
}

json encode_run(const model::HookRun& from) {
  return {{"id", from.id},
          {"hook", from.hook},
          {"status", word_text(from.status)},
          {"calls", from.calls},
          {"failures", from.failures},
          {"next_call", millis(from.next_call)},
          {"expires", millis(from.expires)},
          {"problem", from.problem}};
}

model::HookRun read_run(const Reader& in) {
  model::HookRun out;
  out.id = in.string_or("id", "");
  out.hook = in.integer_or<int>("hook", 0);
  read_word(in, "status", out.status);
  out.calls = in.integer_or<int>("calls", 0);
  out.failures = in.integer_or<int>("failures", 0);
  out.next_call = read_time(in, "next_call");
  out.expires = read_time(in, "expires");
  out.problem = in.string_or("problem", "");
  return out;
}

}  // namespace

json encode_strategy(const model::Strategy& from) {
  json hooks = json::array();
  for (const auto& each : from.hooks) hooks.push_back(encode_hook(each));
  json out = {{"kind", word_text(from.kind)},
              {"bake_minutes", from.bake_minutes},
              {"hooks", std::move(hooks)},
              {"step", from.step},
              {"step_bake_minutes", from.step_bake_minutes},
              {"canary", from.canary},
              {"canary_bake_minutes", from.canary_bake_minutes}};
  if (from.alarms) {
    out["alarms"] = {
        {"names", from.alarms->names}, {"enable", from.alarms->enable}, {"rollback", from.alarms->rollback}};
  }
  return out;
}

void read_strategy(const Reader& in, model::Strategy& out) {
  read_word(in, "kind", out.kind);
  out.bake_minutes = in.integer_or<int>("bake_minutes", out.bake_minutes);
  for (const Reader& each : in.children("hooks")) out.hooks.push_back(read_hook(each));
  out.step = in.integer_or<int>("step", out.step);
  out.step_bake_minutes = in.integer_or<int>("step_bake_minutes", out.step_bake_minutes);
  out.canary = in.integer_or<int>("canary", out.canary);
  out.canary_bake_minutes = in.integer_or<int>("canary_bake_minutes", out.canary_bake_minutes);
  if (const auto alarms = in.child("alarms")) {
    out.alarms =
        model::DeploymentAlarms{alarms->strings_or_empty("names"), alarms->boolean_or("enable", false),
                                alarms->boolean_or("rollback", false)};
  }
}

json encode_rollout(const model::Rollout& from) {
  json hooks = json::array();
  for (const auto& each : from.hooks) hooks.push_back(encode_run(each));
  json out = {{"kind", word_text(from.kind)},
              {"stage", word_text(from.stage)},
              {"stage_since", millis(from.stage_since)},
              {"source", from.source},
              {"going_back", from.going_back},
              {"production", from.production},
              {"test", from.test},
              {"shift_version", from.shift_version},
              {"hooks", std::move(hooks)}};
  if (from.shift_begun) out["shift_begun"] = millis(*from.shift_begun);
  if (from.shifted) out["shifted"] = millis(*from.shifted);
  return out;
}

void read_rollout(const Reader& in, model::Rollout& out) {
  read_word(in, "kind", out.kind);
  read_word(in, "stage", out.stage);
  out.stage_since = read_time(in, "stage_since");
  out.source = in.string_or("source", "");
  out.going_back = in.boolean_or("going_back", false);
  out.production = in.integer_or<int>("production", 0);
  out.test = in.integer_or<int>("test", 0);
  out.shift_version = static_cast<std::uint64_t>(in.integer_or<std::int64_t>("shift_version", 0));
  for (const Reader& each : in.children("hooks")) out.hooks.push_back(read_run(each));
  if (in.has("shift_begun")) out.shift_begun = read_time(in, "shift_begun");
  if (in.has("shifted")) out.shifted = read_time(in, "shifted");
}

}  // namespace agent::control
