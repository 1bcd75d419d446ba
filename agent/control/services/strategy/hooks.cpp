#include "agent/control/services/strategy/hooks.h"

#include <algorithm>

#include "agent/control/services/history.h"
#include "agent/control/services/strategy/rollout.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/plant.h"
#include "agent/control/state/rows.h"
#include "agent/model/words.h"

namespace agent::control {
namespace {

using model::HookRun;
using model::HookStatus;
using model::HookTarget;
using shared::Result;
using shared::WallTime;

constexpr char kRunMark = '#';  // in no service's key
constexpr std::size_t kMaxHookProblem = 200;

const model::LifecycleHook* hook_of(const model::Strategy& strategy, const HookRun& run) {
  const auto at = static_cast<std::size_t>(run.hook);
  return run.hook < 0 || at >= strategy.hooks.size() ? nullptr : &strategy.hooks[at];
}

bool is_open(const HookRun& run) {
  return run.status == HookStatus::kAwaitingAction || run.status == HookStatus::kInProgress;
}

bool continues(const model::Strategy& strategy, const HookRun& run) {
  if (run.status == HookStatus::kSucceeded) return true;
  if (run.status == HookStatus::kFailed && BERTH_PLANTED(kForgetHookAnswer)) return true;
  if (run.status != HookStatus::kTimedOut) return false;
  const model::LifecycleHook* hook = hook_of(strategy, run);
  return hook != nullptr && hook->timeout_action == model::HookAction::kContinue;
}

std::string revision_arn_of(const State& state, const std::string& service_key, const std::string& number) {
  const model::ServiceRevision* row = revision_of(state, service_key, number);
  return row == nullptr ? std::string() : row->arn;
}

hooks::Call call_of(const State& state, const std::string& key, const model::Service& service,
                    const model::ServiceDeployment& current, const HookRun& run,
                    const model::LifecycleHook& hook) {
  const model::Deployment& primary = service.deployments.front();
  hooks::Call call;
  call.url = hook.url;
  call.execution_id = run.id;
  call.stage = model::word(primary.rollout.stage);
  call.service_deployment_arn = current.arn;
  call.service_arn = service.arn;
  call.revision_arn = revision_arn_of(state, key, primary.revision);
  call.details = hook.details;
  if (primary.load_balancers.empty()) return call;
  call.production.emplace_back(call.revision_arn, primary.rollout.production);
  call.test.emplace_back(call.revision_arn, primary.rollout.test);
  for (const model::Deployment& each : service.deployments) {
    if (each.id != primary.rollout.source) continue;
    const std::string arn = revision_arn_of(state, key, each.revision);
    if (arn == call.revision_arn) continue;
    call.production.emplace_back(arn, model::kWhole - primary.rollout.production);
    call.test.emplace_back(arn, model::kWhole - primary.rollout.test);
  }
  return call;
}

void hear(HookRun& run, const hooks::Reply& reply, WallTime now) {
  ++run.calls;
  if (reply.said == hooks::Said::kNothing) {
    run.problem = reply.problem.substr(0, kMaxHookProblem);
    run.next_call = now + kHookRetry;
    if (++run.failures >= kMaxHookFailures) run.status = HookStatus::kFailed;
    return;
  }
  run.failures = 0;
  run.problem.clear();
  if (reply.said == hooks::Said::kSucceeded) run.status = HookStatus::kSucceeded;
  if (reply.said == hooks::Said::kFailed) {
    run.status = HookStatus::kFailed;
    run.problem = "it answered FAILED";
  }
  if (reply.said == hooks::Said::kInProgress) {
    run.next_call =
        now + (reply.call_back_seconds ? std::chrono::seconds(*reply.call_back_seconds) : kHookCallBack);
  }
}

}  // namespace

void begin_hooks(Step& step, const model::Strategy& strategy, model::Rollout& rollout) {
  rollout.hooks.clear();
  for (std::size_t i = 0; i < strategy.hooks.size(); ++i) {
    const model::LifecycleHook& hook = strategy.hooks[i];
    if (std::find(hook.stages.begin(), hook.stages.end(), rollout.stage) == hook.stages.end()) continue;
    HookRun run;
    run.id = step.random.uuid();
    run.hook = static_cast<int>(i);
    run.status = hook.target == HookTarget::kPause ? HookStatus::kAwaitingAction : HookStatus::kInProgress;
    run.next_call = step.now;
    run.expires = step.now + std::chrono::minutes(hook.timeout_minutes.value_or(kDefaultHookMinutes));
    rollout.hooks.push_back(std::move(run));
  }
}

bool expire_hooks(WallTime now, model::Rollout& rollout) {
  bool any = false;
  for (HookRun& run : rollout.hooks) {
    if (!is_open(run) || now < run.expires) continue;
    run.status = HookStatus::kTimedOut;
    if (run.problem.empty()) run.problem = "its time was over";
    any = true;
  }
  return any;
}

HooksSay what_hooks_say(const model::Strategy& strategy, const model::Rollout& rollout) {
  HooksSay all = HooksSay::kGoOn;
  for (const HookRun& run : rollout.hooks) {
    if (continues(strategy, run)) continue;
    if (!is_open(run)) return HooksSay::kGoBack;
    all = HooksSay::kWait;
  }
  return all;
}

std::string hook_problem(const model::Strategy& strategy, const model::Rollout& rollout) {
  for (const HookRun& run : rollout.hooks) {
    if (is_open(run) || continues(strategy, run)) continue;
    const model::LifecycleHook* hook = hook_of(strategy, run);
    const bool pause = hook != nullptr && hook->target == HookTarget::kPause;
    return "the lifecycle hook " + (pause || hook == nullptr ? run.id : hook->url) + " at " +
           std::string(model::word(rollout.stage)) + " is " + std::string(model::word(run.status)) +
           (run.problem.empty() ? "" : ": " + run.problem);
  }
  return "a lifecycle hook failed";
}

std::optional<WallTime> next_expiry(const model::Rollout& rollout) {
  std::optional<WallTime> next;
  for (const HookRun& run : rollout.hooks) {
    if (is_open(run) && (!next || run.expires < *next)) next = run.expires;
  }
  return next;
}

HookAsks hook_asks(const State& state, WallTime now) {
  HookAsks out;
  for (const std::string& key : state.live.hooked) {
    const model::Service* service = state.services.find(key);
    if (service == nullptr || service->deployments.empty()) continue;
    const model::Deployment& primary = service->deployments.front();
    const auto* current = current_deployment(state, key);
    if (current == nullptr || primary.rollout_state != model::RolloutState::kInProgress) continue;
    const model::Strategy& strategy = current->configuration.strategy;
    for (const HookRun& run : primary.rollout.hooks) {
      const model::LifecycleHook* hook = hook_of(strategy, run);
      if (hook == nullptr || run.status != HookStatus::kInProgress) continue;
      if (run.next_call > now) {
        if (!out.next || run.next_call < *out.next) out.next = run.next_call;
        continue;
      }
      out.asks.push_back({key + kRunMark + run.id, static_cast<std::uint64_t>(run.calls) + 1,
                          call_of(state, key, *service, *current, run, *hook)});
    }
  }
  return out;
}

void take_hook_reply(Step& step, const std::string& subject, std::uint64_t serial,
                     const hooks::Reply& reply) {
  const std::size_t mark = subject.find(kRunMark);
  const std::string key = subject.substr(0, mark);
  const std::string id = subject.substr(mark + 1);
  const model::Service* service = step.state.services.find(key);
  if (service == nullptr || service->deployments.empty()) return;
  const auto& runs = service->deployments.front().rollout.hooks;
  const auto known = std::find_if(runs.begin(), runs.end(), [&](const HookRun& run) { return run.id == id; });
  if (known == runs.end() || known->status != HookStatus::kInProgress ||
      static_cast<std::uint64_t>(known->calls) + 1 != serial)
    return;
  const auto at = static_cast<std::size_t>(known - runs.begin());
  rows(step).services.edit(
      key, [&](model::Service& row) { hear(row.deployments.front().rollout.hooks[at], reply, step.now); });
}

Result<void> continue_service_deployment(Step& step, const std::string& key, const std::string& hook_id,
                                         model::HookAction action) {
  const model::ServiceDeployment* row = step.state.service_deployments.find(key);
  if (row == nullptr)
    return fault("ServiceDeploymentNotFoundException", "The service deployment was not found.");
  const std::string service_key = owner_key(key);
  const model::Service* service = step.state.services.find(service_key);
  const auto* current = current_deployment(step.state, service_key);
  if (service == nullptr || service->deployments.empty() || current == nullptr || current->id != row->id) {
    return invalid_parameter("The service deployment is not in progress: its status is " +
                             std::string(model::word(row->status)) + ".");
  }
  const auto& runs = service->deployments.front().rollout.hooks;
  const auto run =
      std::find_if(runs.begin(), runs.end(), [&](const HookRun& each) { return each.id == hook_id; });
  if (run == runs.end())
    return invalid_parameter("hookId: the service deployment has no lifecycle hook '" + hook_id + "' now.");
  if (run->status != HookStatus::kAwaitingAction) {
    return invalid_parameter("hookId: the lifecycle hook '" + hook_id +
                             "' does not wait for an action: its status is " +
                             std::string(model::word(run->status)) + ".");
  }
  const auto at = static_cast<std::size_t>(run - runs.begin());
  rows(step).services.edit(service_key, [&](model::Service& changed) {
    HookRun& each = changed.deployments.front().rollout.hooks[at];
    each.status = action == model::HookAction::kContinue ? HookStatus::kSucceeded : HookStatus::kFailed;
    if (action == model::HookAction::kRollback) each.problem = "a call of ContinueServiceDeployment";
  });
  return {};
}

}  // namespace agent::control
