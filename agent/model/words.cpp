#include "agent/model/words.h"

#include <array>
#include <utility>

namespace agent::model {
namespace {

template <class Enum>
struct Words;

#define BERTH_WORDS(Enum, ...)                                                                    \
  template <>                                                                                     \
  struct Words<Enum> {                                                                            \
    static constexpr auto kTable = std::to_array<std::pair<Enum, std::string_view>>(__VA_ARGS__); \
  }

BERTH_WORDS(ClusterStatus, {{ClusterStatus::kActive, "ACTIVE"}, {ClusterStatus::kInactive, "INACTIVE"}});
BERTH_WORDS(TaskDefinitionStatus, {{TaskDefinitionStatus::kActive, "ACTIVE"},
                                   {TaskDefinitionStatus::kInactive, "INACTIVE"},
                                   {TaskDefinitionStatus::kDeleteInProgress, "DELETE_IN_PROGRESS"}});
BERTH_WORDS(NetworkMode, {{NetworkMode::kBridge, "bridge"},
                          {NetworkMode::kHost, "host"},
                          {NetworkMode::kNone, "none"},
                          {NetworkMode::kAwsvpc, "awsvpc"}});
BERTH_WORDS(InstanceStatus, {{InstanceStatus::kActive, "ACTIVE"},
                             {InstanceStatus::kDraining, "DRAINING"},
                             {InstanceStatus::kInactive, "INACTIVE"}});
BERTH_WORDS(LaunchType, {{LaunchType::kEc2, "EC2"},
                         {LaunchType::kExternal, "EXTERNAL"},
                         {LaunchType::kFargate, "FARGATE"}});
BERTH_WORDS(TaskStatus, {{TaskStatus::kProvisioning, "PROVISIONING"},
                         {TaskStatus::kPending, "PENDING"},
                         {TaskStatus::kActivating, "ACTIVATING"},
                         {TaskStatus::kRunning, "RUNNING"},
                         {TaskStatus::kDeactivating, "DEACTIVATING"},
                         {TaskStatus::kStopping, "STOPPING"},
                         {TaskStatus::kDeprovisioning, "DEPROVISIONING"},
                         {TaskStatus::kStopped, "STOPPED"}});
BERTH_WORDS(DesiredStatus, {{DesiredStatus::kRunning, "RUNNING"}, {DesiredStatus::kStopped, "STOPPED"}});
BERTH_WORDS(ContainerStatus, {{ContainerStatus::kPending, "PENDING"},
                              {ContainerStatus::kRunning, "RUNNING"},
                              {ContainerStatus::kStopped, "STOPPED"}});
BERTH_WORDS(HealthStatus, {{HealthStatus::kUnknown, "UNKNOWN"},
                           {HealthStatus::kHealthy, "HEALTHY"},
                           {HealthStatus::kUnhealthy, "UNHEALTHY"}});
BERTH_WORDS(ServiceStatus, {{ServiceStatus::kActive, "ACTIVE"},
                            {ServiceStatus::kDraining, "DRAINING"},
                            {ServiceStatus::kInactive, "INACTIVE"}});
BERTH_WORDS(SchedulingStrategy,
            {{SchedulingStrategy::kReplica, "REPLICA"}, {SchedulingStrategy::kDaemon, "DAEMON"}});
BERTH_WORDS(DeploymentStatus, {{DeploymentStatus::kPrimary, "PRIMARY"},
                               {DeploymentStatus::kActive, "ACTIVE"},
                               {DeploymentStatus::kDraining, "DRAINING"}});
BERTH_WORDS(DeploymentController,
            {{DeploymentController::kEcs, "ECS"}, {DeploymentController::kExternal, "EXTERNAL"}});
BERTH_WORDS(RolloutState, {{RolloutState::kInProgress, "IN_PROGRESS"},
                           {RolloutState::kCompleted, "COMPLETED"},
                           {RolloutState::kFailed, "FAILED"}});
BERTH_WORDS(BreakerThresholdType, {{BreakerThresholdType::kBoundedPercent, "BOUNDED_PERCENT"},
                                   {BreakerThresholdType::kUnboundedPercent, "UNBOUNDED_PERCENT"},
                                   {BreakerThresholdType::kCount, "COUNT"}});
BERTH_WORDS(ServiceDeploymentStatus, {{ServiceDeploymentStatus::kInProgress, "IN_PROGRESS"},
                                      {ServiceDeploymentStatus::kSuccessful, "SUCCESSFUL"},
                                      {ServiceDeploymentStatus::kStopped, "STOPPED"},
                                      {ServiceDeploymentStatus::kRollbackInProgress, "ROLLBACK_IN_PROGRESS"},
                                      {ServiceDeploymentStatus::kRollbackSuccessful, "ROLLBACK_SUCCESSFUL"},
                                      {ServiceDeploymentStatus::kRollbackFailed, "ROLLBACK_FAILED"}});
BERTH_WORDS(DeploymentStrategy, {{DeploymentStrategy::kRolling, "ROLLING"},
                                 {DeploymentStrategy::kBlueGreen, "BLUE_GREEN"},
                                 {DeploymentStrategy::kLinear, "LINEAR"},
                                 {DeploymentStrategy::kCanary, "CANARY"}});
BERTH_WORDS(LifecycleStage, {{LifecycleStage::kNone, ""},
                             {LifecycleStage::kReconcileService, "RECONCILE_SERVICE"},
                             {LifecycleStage::kPreScaleUp, "PRE_SCALE_UP"},
                             {LifecycleStage::kScaleUp, "SCALE_UP"},
                             {LifecycleStage::kPostScaleUp, "POST_SCALE_UP"},
                             {LifecycleStage::kTestTrafficShift, "TEST_TRAFFIC_SHIFT"},
                             {LifecycleStage::kPostTestTrafficShift, "POST_TEST_TRAFFIC_SHIFT"},
                             {LifecycleStage::kPreProductionTrafficShift, "PRE_PRODUCTION_TRAFFIC_SHIFT"},
                             {LifecycleStage::kProductionTrafficShift, "PRODUCTION_TRAFFIC_SHIFT"},
                             {LifecycleStage::kPostProductionTrafficShift, "POST_PRODUCTION_TRAFFIC_SHIFT"},
                             {LifecycleStage::kBakeTime, "BAKE_TIME"},
                             {LifecycleStage::kCleanUp, "CLEAN_UP"}});
BERTH_WORDS(HookTarget, {{HookTarget::kCall, "AWS_LAMBDA"}, {HookTarget::kPause, "PAUSE"}});
BERTH_WORDS(HookAction, {{HookAction::kContinue, "CONTINUE"}, {HookAction::kRollback, "ROLLBACK"}});
BERTH_WORDS(HookStatus, {{HookStatus::kAwaitingAction, "AWAITING_ACTION"},
                         {HookStatus::kInProgress, "IN_PROGRESS"},
                         {HookStatus::kSucceeded, "SUCCEEDED"},
                         {HookStatus::kFailed, "FAILED"},
                         {HookStatus::kTimedOut, "TIMED_OUT"}});
BERTH_WORDS(StrategyType, {{StrategyType::kSpread, "spread"},
                           {StrategyType::kBinpack, "binpack"},
                           {StrategyType::kRandom, "random"}});
BERTH_WORDS(ConstraintType, {{ConstraintType::kDistinctInstance, "distinctInstance"},
                             {ConstraintType::kMemberOf, "memberOf"}});

#undef BERTH_WORDS

template <class Enum>
std::string_view word_of(Enum value) {
  for (const auto& [each, text] : Words<Enum>::kTable) {
    if (each == value) return text;
  }
  return "";
}

}  // namespace

template <class Enum>
std::optional<Enum> from_word(std::string_view text) {
  for (const auto& [each, word_text] : Words<Enum>::kTable) {
    if (word_text == text) return each;
  }
  return std::nullopt;
}

#define BERTH_WORD(Enum)                                       \
  std::string_view word(Enum value) { return word_of(value); } \
  template std::optional<Enum> from_word<Enum>(std::string_view)

BERTH_WORD(ClusterStatus);
BERTH_WORD(TaskDefinitionStatus);
BERTH_WORD(NetworkMode);
BERTH_WORD(InstanceStatus);
BERTH_WORD(LaunchType);
BERTH_WORD(TaskStatus);
BERTH_WORD(DesiredStatus);
BERTH_WORD(ContainerStatus);
BERTH_WORD(HealthStatus);
BERTH_WORD(ServiceStatus);
BERTH_WORD(SchedulingStrategy);
BERTH_WORD(DeploymentStatus);
BERTH_WORD(DeploymentController);
BERTH_WORD(RolloutState);
BERTH_WORD(StrategyType);
BERTH_WORD(BreakerThresholdType);
BERTH_WORD(ServiceDeploymentStatus);
BERTH_WORD(DeploymentStrategy);
BERTH_WORD(LifecycleStage);
BERTH_WORD(HookTarget);
BERTH_WORD(HookAction);
BERTH_WORD(HookStatus);
BERTH_WORD(ConstraintType);

#undef BERTH_WORD

}  // namespace agent::model
