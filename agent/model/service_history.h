// What a service asked for with each of its deployments, and what became of these: the resources behind
// DescribeServiceRevisions and DescribeServiceDeployments.
#pragma once
#include "agent/model/capacity_provider.h"
#include "agent/model/common.h"
#include "agent/model/service.h"

namespace agent::model {

// Key: "<cluster>/<service>/<number>". Never changed.
struct ServiceRevision {
  std::string arn;
  std::string cluster;  // name
  std::string service;  // name
  std::string number;   // the digits of the deployment that it was made with
  std::string task_definition_arn;
  LaunchType launch_type = LaunchType::kEc2;
  std::vector<StrategyItem> strategy;  // empty: the launch type counts
  std::vector<ServiceLoadBalancer> load_balancers;
  WallTime created_at{};
  std::vector<ServiceRegistry> registries{};
  std::vector<ServiceLoadBalancer> resolved{};  // the groups that its tasks are in; empty: as load_balancers
};

// In the order of the API's words, see words.cpp.
enum class ServiceDeploymentStatus {
  kInProgress,
  kSuccessful,
  kStopped,
  kRollbackInProgress,
  kRollbackSuccessful,
  kRollbackFailed
};

struct Rollback {
  std::string reason;
  WallTime started_at{};
  std::string revision;       // number; empty: it is not known any more
  std::string deployment_id;  // "ecs-svc/..." of the deployment that goes back
};

// Key: "<cluster>/<service>/<id>".
struct ServiceDeployment {
  std::string arn;
  std::string id;
  std::string cluster;
  std::string service;
  std::string deployment_id;                  // "ecs-svc/<number of the target revision>"
  std::vector<std::string> source_revisions;  // numbers of those that had tasks when it began
  std::string target_revision;
  ServiceDeploymentStatus status = ServiceDeploymentStatus::kInProgress;
  std::string status_reason;
  DeploymentConfiguration configuration;  // as it was when it began
  bool breaker_triggered = false;
  std::vector<std::string>
      alarms_ignored{};  // names of those that were in ALARM when it began, and are still
  std::vector<std::string> alarms_triggered{};
  int failed_tasks = 0;
  std::optional<Rollback> rollback;
  WallTime created_at{};
  WallTime updated_at{};
  std::optional<WallTime> finished_at;
  std::optional<WallTime> stopped_at;
};
inline constexpr std::size_t kMaxServiceDeployments = 100;  // of one service, the oldest go

}  // namespace agent::model
