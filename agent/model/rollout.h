// How a deployment brings a new revision into service by stages: what was asked for
// (deploymentConfiguration), and how far it is.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

enum class DeploymentStrategy { kRolling, kBlueGreen, kLinear, kCanary };

// In the order in which a deployment goes through them. kNone: it has not begun, or goes by the percentages
// alone.
enum class LifecycleStage {
  kNone,
  kReconcileService,
  kPreScaleUp,
  kScaleUp,
  kPostScaleUp,
  kTestTrafficShift,
  kPostTestTrafficShift,
  kPreProductionTrafficShift,
  kProductionTrafficShift,
  kPostProductionTrafficShift,
  kBakeTime,
  kCleanUp
};

enum class HookTarget { kCall, kPause };  // the API's words: AWS_LAMBDA, PAUSE
enum class HookAction { kContinue, kRollback };
enum class HookStatus { kAwaitingAction, kInProgress, kSucceeded, kFailed, kTimedOut };

struct LifecycleHook {
  HookTarget target = HookTarget::kCall;
  std::string url;  // hookTargetArn: http or https; empty for PAUSE
  std::string role_arn;
  std::vector<LifecycleStage> stages;
  std::string details;  // hookDetails: JSON text, empty: none
  std::optional<int> timeout_minutes;
  std::optional<HookAction> timeout_action;
  bool operator==(const LifecycleHook&) const = default;
};

inline constexpr int kWhole = 1'000;  // shares of traffic are in thousandths

struct DeploymentAlarms {
  std::vector<std::string> names;
  bool enable = false;
  bool rollback = false;
  bool operator==(const DeploymentAlarms&) const = default;
};

// deploymentConfiguration beyond the percentages and the circuit breaker.
struct Strategy {
  DeploymentStrategy kind = DeploymentStrategy::kRolling;
  int bake_minutes = 0;
  std::vector<LifecycleHook> hooks;
  int step = 100;  // thousandths; LINEAR
  int step_bake_minutes = 6;
  int canary = 50;  // thousandths; CANARY
  int canary_bake_minutes = 10;
  std::optional<DeploymentAlarms> alarms;
  bool operator==(const Strategy&) const = default;
};

// A hook of the stage that a deployment is in.
struct HookRun {
  std::string id;
  int hook = 0;  // in Strategy::hooks
  HookStatus status = HookStatus::kInProgress;
  int calls = 0;     // that were answered, or to which no answer came
  int failures = 0;  // of these in a row, without an answer that says anything
  WallTime next_call{};
  WallTime expires{};
  std::string problem;
};

// How far a deployment is.
struct Rollout {
  DeploymentStrategy kind = DeploymentStrategy::kRolling;
  LifecycleStage stage = LifecycleStage::kNone;
  WallTime stage_since{};
  std::string source;       // id of the deployment that it takes over from; empty: there is none
  bool going_back = false;  // it was the source of one that failed
  int production = 0;       // thousandths of the traffic that its targets are to get
  int test = 0;
  // The first configuration known to route so; 0: none yet, or nothing is waited for.
  std::uint64_t shift_version = 0;
  std::optional<WallTime> shift_begun{};  // these weights were set and are not known to be everywhere
  std::optional<WallTime> shifted{};      // they are
  std::vector<HookRun> hooks;             // of the stage
};

}  // namespace agent::model
