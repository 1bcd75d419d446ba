#include "agent/control/services/strategy/stages.h"

#include <algorithm>

#include "agent/control/state/plant.h"

namespace agent::control {
namespace {

using model::DeploymentStrategy;
using model::kWhole;
using model::LifecycleStage;
using shared::WallTime;
using What = StageStep::What;

StageStep enter(LifecycleStage stage) { return {.what = What::kEnter, .stage = stage}; }
StageStep shift(int production, int test) {
  return {.what = What::kShift, .production = production, .test = test};
}
StageStep fail(std::string why) { return {.what = What::kFail, .why = std::move(why)}; }

class Walk {
 public:
  explicit Walk(const StageFacts& facts) : facts_(facts), rollout_(facts.rollout) {}

  StageStep step() const {
    if (rollout_.going_back) return go_back();
    if (facts_.begun + kDeploymentLimit <= facts_.now && rollout_.stage < LifecycleStage::kCleanUp)
      return fail("the deployment has taken 30 days");
    if (facts_.hooks == HooksSay::kGoBack) return fail("");  // whose reason the hook is
    if (facts_.hooks == HooksSay::kWait) return until(facts_.begun + kDeploymentLimit);
    switch (rollout_.stage) {
      case LifecycleStage::kNone:
        return enter(facts_.others ? LifecycleStage::kReconcileService : LifecycleStage::kPreScaleUp);
      case LifecycleStage::kReconcileService:
        return reconcile();
      case LifecycleStage::kPreScaleUp:
        return enter(LifecycleStage::kScaleUp);
      case LifecycleStage::kScaleUp:
        return healthy() ? enter(LifecycleStage::kPostScaleUp)
                         : within_limit("its tasks were not all healthy");
      case LifecycleStage::kPostScaleUp:
        return enter(LifecycleStage::kTestTrafficShift);
      case LifecycleStage::kTestTrafficShift:
        return shift_test();
      case LifecycleStage::kPostTestTrafficShift:
        return enter(LifecycleStage::kPreProductionTrafficShift);
      case LifecycleStage::kPreProductionTrafficShift:
        return enter(LifecycleStage::kProductionTrafficShift);
      case LifecycleStage::kProductionTrafficShift:
        return shift_production();
      case LifecycleStage::kPostProductionTrafficShift:
        return enter(LifecycleStage::kBakeTime);
      case LifecycleStage::kBakeTime:
        return bake();
      case LifecycleStage::kCleanUp:
        return clean_up();
    }
    return {};
  }

 private:
  StageStep until(WallTime time) const { return {.wake = time}; }
  bool healthy() const { return facts_.healthy || BERTH_PLANTED(kShiftBeforeHealthy); }

  StageStep within_limit(const std::string& what, WallTime since) const {
    const WallTime limit = since + kStageLimit;
    return facts_.now < limit ? until(limit) : fail(what + " within 24 hours");
  }
  StageStep within_limit(const std::string& what) const { return within_limit(what, rollout_.stage_since); }

  // Traffic is where it was before, and only then does anything go that may have had some.
  StageStep reconcile() const {
    if (!facts_.routed) return within_limit("balancers did not route to the former revision again");
    if (facts_.others && !facts_.others_drain) {
      if (!facts_.source_whole) return within_limit("the former revision did not have all its tasks");
      return {.what = What::kDrainOthers};
    }
    if (facts_.others) return within_limit("the tasks of other revisions did not stop");
    return enter(LifecycleStage::kPreScaleUp);
  }

  StageStep shift_test() const {
    if (!facts_.has_test) return enter(LifecycleStage::kPostTestTrafficShift);
    if (rollout_.test != kWhole) {
      return healthy() ? shift(rollout_.production, kWhole) : within_limit("its tasks were not all healthy");
    }
    if (!facts_.routed) return within_limit("balancers did not route test traffic to it");
    return enter(LifecycleStage::kPostTestTrafficShift);
  }

  // One step of it; the next one goes by way of PRE_PRODUCTION_TRAFFIC_SHIFT again.
  StageStep shift_production() const {
    if (!rollout_.shift_begun && !rollout_.shifted) {
      if (rollout_.production == kWhole) return enter(LifecycleStage::kPostProductionTrafficShift);
      if (!healthy()) return within_limit("its tasks were not all healthy");
      return shift(next_share(facts_.strategy, rollout_.production), rollout_.test);
    }
    if (!facts_.routed || !rollout_.shifted)
      return within_limit("balancers did not route production traffic to it");
    if (rollout_.production == kWhole) return enter(LifecycleStage::kPostProductionTrafficShift);
    const bool linear = facts_.strategy.kind == DeploymentStrategy::kLinear;
    const WallTime baked =
        *rollout_.shifted + std::chrono::minutes(linear ? facts_.strategy.step_bake_minutes
                                                        : facts_.strategy.canary_bake_minutes);
    if (facts_.now < baked) return until(baked);
    if (!facts_.healthy) return within_limit("its tasks were not all healthy", baked);
    return enter(LifecycleStage::kPreProductionTrafficShift);
  }

  StageStep bake() const {
    const WallTime baked = rollout_.stage_since + std::chrono::minutes(facts_.strategy.bake_minutes);
    if (BERTH_PLANTED(kCleanUpBeforeBake)) return enter(LifecycleStage::kCleanUp);
    if (facts_.now < baked) return until(baked);
    if (!facts_.healthy) return within_limit("its tasks were not all healthy", baked);
    return enter(LifecycleStage::kCleanUp);
  }

  StageStep clean_up() const {
    if ((facts_.source && !facts_.source_drains) || (facts_.others && !facts_.others_drain))
      return {.what = facts_.healthy ? What::kDrainAll : What::kWait};
    if (facts_.source || facts_.others || !facts_.healthy) return {};
    return {.what = What::kComplete};
  }

  // It was given all traffic when it began.
  StageStep go_back() const {
    if (rollout_.stage == LifecycleStage::kCleanUp) return clean_up();
    return facts_.routed ? enter(LifecycleStage::kCleanUp) : StageStep{};
  }

  const StageFacts& facts_;
  const model::Rollout& rollout_;
};

}  // namespace

StageStep next_step(const StageFacts& facts) { return Walk(facts).step(); }

int next_share(const model::Strategy& strategy, int present) {
  if (strategy.kind == DeploymentStrategy::kLinear) return std::min(kWhole, present + strategy.step);
  if (strategy.kind == DeploymentStrategy::kCanary && present < strategy.canary) return strategy.canary;
  return kWhole;
}

bool is_scaled_up(const model::Rollout& rollout) {
  return rollout.going_back || rollout.stage >= LifecycleStage::kScaleUp;
}

}  // namespace agent::control
