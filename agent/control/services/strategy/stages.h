// What a deployment by stages does next, as a pure function of how far it is and of what is known of its
// tasks and of the balancers: blue/green, linear and canary, and the way back from each.
#pragma once
#include <optional>
#include <string>

#include "agent/model/rollout.h"
#include "shared/base/time.h"

namespace agent::control {

// In a stage that makes no headway for longer than this the deployment fails (ECS's limit), hooks and bake
// times not counted.
inline constexpr std::chrono::hours kStageLimit{24};
inline constexpr std::chrono::hours kDeploymentLimit{24 * 30};

// What the hooks of the present stage say.
enum class HooksSay { kGoOn, kWait, kGoBack };

struct StageFacts {
  model::Rollout rollout;    // of the PRIMARY deployment
  model::Strategy strategy;  // as it was asked for when the deployment began
  shared::WallTime now{};
  shared::WallTime begun{};
  bool healthy = false;       // all its tasks that are desired are there and healthy, in every balancer
  bool source_whole = false;  // the same of what it takes over from; also when there is nothing
  bool others = false;        // there are deployments besides these two
  bool others_drain = false;  // and all of them drain
  bool source = false;        // there is one it takes over from
  bool source_drains = false;
  bool has_test = false;  // test rules
  bool routed = true;     // balancers route as was asked for last
  HooksSay hooks = HooksSay::kGoOn;
};

struct StageStep {
  enum class What {
    kWait,         // until something changes, or `wake`
    kEnter,        // `stage`
    kShift,        // `production`, `test`
    kDrainOthers,  // of the deployments besides the two
    kDrainAll,     // of all but the PRIMARY one
    kComplete,
    kFail,  // because of `why`
  };
  What what = What::kWait;
  model::LifecycleStage stage = model::LifecycleStage::kNone;
  int production = 0;
  int test = 0;
  std::string why{};
  std::optional<shared::WallTime> wake{};
};

StageStep next_step(const StageFacts& facts);
// Thousandths of production traffic after the next shift.
int next_share(const model::Strategy& strategy, int present);
// Its tasks run: from SCALE_UP on.
bool is_scaled_up(const model::Rollout& rollout);

}  // namespace agent::control
