#pragma once
#include "agent/model/capacity_provider.h"
#include "agent/model/common.h"
#include "agent/model/rollout.h"

namespace agent::model {

enum class ServiceStatus { kActive, kDraining, kInactive };
enum class SchedulingStrategy { kReplica, kDaemon };
enum class DeploymentStatus { kPrimary, kActive, kDraining };
// Who decides about deployments: ECS, or a caller by task sets.
enum class DeploymentController { kEcs, kExternal };
enum class RolloutState { kInProgress, kCompleted, kFailed };
enum class StrategyType { kSpread, kBinpack, kRandom };
enum class ConstraintType { kDistinctInstance, kMemberOf };

struct PlacementStrategy {
  StrategyType type = StrategyType::kSpread;
  std::string field;
};
struct PlacementConstraint {
  ConstraintType type = ConstraintType::kMemberOf;
  std::string expression;
};

struct ServiceLoadBalancer {
  std::string target_group_arn;
  std::string container_name;
  int container_port = 0;
  // advancedConfiguration; empty without it. A deployment whose tasks are in the alternate group has the two
  // groups the other way round.
  std::string alternate_target_group_arn{};
  std::string production_rule{};  // ARN
  std::string test_rule{};        // ARN, may be empty
  std::string role_arn{};
  bool operator==(const ServiceLoadBalancer&) const = default;
};

// Where Cloud Map is told of the service's tasks.
struct ServiceRegistry {
  std::string arn;  // of a service of Cloud Map
  int port = 0;     // of SRV records, in network mode awsvpc; 0: not given
  std::string container_name;
  int container_port = 0;
  bool operator==(const ServiceRegistry&) const = default;
};

struct Deployment {
  std::string id;  // "ecs-svc/<19 digits>"
  DeploymentStatus status = DeploymentStatus::kPrimary;
  std::string task_definition_arn;
  RolloutState rollout_state = RolloutState::kInProgress;
  std::string rollout_state_reason;
  int desired_count = 0;
  int failed_tasks = 0;          // consecutive failures as the circuit breaker counts them
  bool reached_running = false;  // one task of it has been RUNNING
  std::vector<ServiceLoadBalancer> load_balancers;
  WallTime created_at{};
  WallTime updated_at{};
  bool is_rollback = false;
  std::vector<StrategyItem> strategy{};  // of capacity providers; empty: the service's launch type counts
  std::string revision{};                // number of its service revision; empty: made by an older version
  Rollout rollout{};
  // Of a task set (controller EXTERNAL) only.
  std::string external_id{};
  double scale = 100;  // percent of the service's desired count
  LaunchType launch_type = LaunchType::kEc2;
  std::string client_token{};
  std::vector<Tag> tags{};
  WallTime stable_at{};  // the last change of stabilityStatus
  bool stable = false;
  std::vector<ServiceRegistry> registries{};
};

// Key: "<cluster>/<service>/<number>" (control/state/service_log.h).
struct ServiceEvent {
  std::string id;
  WallTime created_at{};
  std::string message;
};

enum class BreakerThresholdType { kBoundedPercent, kUnboundedPercent, kCount };
// Failed tasks at which the circuit breaker gives a deployment up: a number, or percent of the desired count,
// bounded to 3 to 200.
struct BreakerThreshold {
  BreakerThresholdType type = BreakerThresholdType::kBoundedPercent;
  int value = 50;
  bool operator==(const BreakerThreshold&) const = default;
};

struct DeploymentConfiguration {
  int maximum_percent = 200;
  int minimum_healthy_percent = 100;
  bool circuit_breaker = false;
  bool circuit_breaker_rollback = false;
  BreakerThreshold threshold{};
  bool reset_on_healthy_task = true;
  Strategy strategy{};
};

// Key: "<cluster>/<name>".
struct Service {
  std::string arn;
  std::string name;
  std::string cluster;  // name
  ServiceStatus status = ServiceStatus::kActive;
  SchedulingStrategy scheduling = SchedulingStrategy::kReplica;
  LaunchType launch_type = LaunchType::kEc2;
  int desired_count = 0;
  std::string task_definition_arn;
  DeploymentConfiguration configuration;
  std::vector<Deployment> deployments;  // PRIMARY first
  std::vector<ServiceLoadBalancer> load_balancers;
  std::vector<PlacementStrategy> placement_strategy;
  std::vector<PlacementConstraint> placement_constraints;
  int health_check_grace_seconds = 0;
  std::string propagate_tags = "NONE";
  bool enable_ecs_managed_tags = false;
  bool enable_execute_command = false;
  std::string
      document;  // JSON object: further members to echo verbatim (deploymentConfiguration extras, ...)
  std::string client_token;
  std::string create_request;  // canonical JSON of the create call, for idempotency without a token
  std::vector<Tag> tags;
  std::string role_arn;
  std::string created_by;
  WallTime created_at{};
  std::optional<WallTime> inactive_since{};  // noted by the purge, which counts from then
  // Back-off after tasks that stopped without ever running: doubles, at most 15 minutes.
  int failed_starts = 0;
  std::optional<WallTime> next_start_at;
  // The revision a rollback goes back to: the newest COMPLETED deployment.
  std::string last_completed_task_definition;
  std::vector<StrategyItem> strategy{};  // of capacity providers; empty: launch_type counts
  // EXTERNAL: the deployments are task sets, none need be PRIMARY.
  DeploymentController controller = DeploymentController::kEcs;
  std::string
      last_completed_revision{};  // number, of the deployment that last_completed_task_definition is of
  std::vector<ServiceRegistry> registries{};
  // Of a row that an older version wrote, newest first: control/state/migrate.h makes rows of them.
  std::vector<ServiceEvent> old_events;
};
inline constexpr std::size_t kMaxServiceEvents = 100;  // of one service

}  // namespace agent::model
