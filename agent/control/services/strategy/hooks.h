// Lifecycle hooks of deployments: what runs at a stage, which calls are due, and what answers do. The calls
// themselves are made by others, after the rows are durable (engine/hook_sync).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/control/services/strategy/stages.h"
#include "agent/control/state/step.h"
#include "agent/hooks/caller.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr int kDefaultHookMinutes = 1'440;  // ECS's limit of a stage
inline constexpr std::chrono::seconds kHookCallBack{30};
// A call to which no answer comes, or one that says nothing, is repeated this many times.
inline constexpr int kMaxHookFailures = 5;
inline constexpr std::chrono::seconds kHookRetry{10};

// Of the stage that the rollout has just entered; what ran before is gone.
void begin_hooks(Step& step, const model::Strategy& strategy, model::Rollout& rollout);
// The ones whose time is over have timed out from here on.
bool expire_hooks(shared::WallTime now, model::Rollout& rollout);
HooksSay what_hooks_say(const model::Strategy& strategy, const model::Rollout& rollout);
// Why the deployment goes back: of the first hook that says so.
std::string hook_problem(const model::Strategy& strategy, const model::Rollout& rollout);
std::optional<shared::WallTime> next_expiry(const model::Rollout& rollout);

struct HookAsk {
  std::string subject;       // "<service key>#<id of the run>"
  std::uint64_t serial = 0;  // another one for each call of it
  hooks::Call call;
};
struct HookAsks {
  std::vector<HookAsk> asks;
  std::optional<shared::WallTime> next;  // when there are more
};
HookAsks hook_asks(const State& state, shared::WallTime now);
// An answer to what is not asked any more changes nothing.
void take_hook_reply(Step& step, const std::string& subject, std::uint64_t serial, const hooks::Reply& reply);

// ContinueServiceDeployment; `key` is of the service deployment. Error codes:
// ServiceDeploymentNotFoundException; InvalidParameterException for a hook that does not wait for this.
shared::Result<void> continue_service_deployment(Step& step, const std::string& key,
                                                 const std::string& hook_id, model::HookAction action);

}  // namespace agent::control
