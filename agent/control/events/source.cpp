#include "agent/control/events/source.h"

#include <array>
#include <nlohmann/json.hpp>

#include "agent/control/events/events.h"
#include "agent/control/state/lookup.h"
#include "agent/model/words.h"
#include "shared/json/reader.h"

namespace agent::control::events {

using nlohmann::json;

namespace {

constexpr const char* kEcs = "aws.ecs";

struct Action {
  std::string_view part;  // of a service event's text
  const char* type;
  const char* name;
};
constexpr auto kActions = std::to_array<Action>({
    {"has reached a steady state.", "INFO", "SERVICE_STEADY_STATE"},
    {"was unable to place a task", "ERROR", "SERVICE_TASK_PLACEMENT_FAILURE"},
    {"is unable to consistently start tasks successfully", "WARN", "SERVICE_TASK_START_IMPAIRED"},
    {"failed to register an instance in", "WARN", "SERVICE_DISCOVERY_INSTANCE_UNHEALTHY"},
});

std::string arn_of_service(const State& state, const std::string& key) {
  const auto* service = state.services.find(key);
  return service == nullptr ? std::string() : service->arn;
}

}  // namespace

Source::Source(State& state)
    : tasks_(state.tasks.follow()),
      instances_(state.instances.follow()),
      events_(state.service_events.follow()),
      deployments_(state.service_deployments.follow()) {}

bool Source::is_news(std::map<std::string, std::int64_t>& told, const std::string& key,
                     std::int64_t version) {
  const auto [it, fresh] = told.try_emplace(key, version);
  const bool news = fresh || it->second < version;
  it->second = version;
  return news;
}

void Source::collect(Step& step, Outside* outside) {
  if (outside == nullptr || !anybody_listens(step.state)) {
    (void)step.state.tasks.take_changes(tasks_);
    (void)step.state.instances.take_changes(instances_);
    (void)step.state.service_events.take_changes(events_);
    (void)step.state.service_deployments.take_changes(deployments_);
    told_tasks_.clear();
    told_instances_.clear();
    told_deployments_.clear();
    return;
  }
  tasks(step, *outside);
  instances(step, *outside);
  service_events(step);
  deployments(step);
}

void Source::tasks(Step& step, Outside& outside) {
  for (const std::string& key : step.state.tasks.take_changes(tasks_)) {
    const model::Task* task = step.state.tasks.find(key);
    if (task == nullptr) {
      told_tasks_.erase(key);
      continue;
    }
    if (!is_news(told_tasks_, key, task->version)) continue;
    (void)put_event(step,
                    {kEcs, "ECS Task State Change", outside.task_detail(step.state, *task), {task->arn}, {}});
  }
}

void Source::instances(Step& step, Outside& outside) {
  for (const std::string& key : step.state.instances.take_changes(instances_)) {
    const auto* instance = step.state.instances.find(key);
    if (instance == nullptr) {
      told_instances_.erase(key);
      continue;
    }
    if (!is_news(told_instances_, key, instance->version)) continue;
    (void)put_event(step, {kEcs,
                           "ECS Container Instance State Change",
                           outside.instance_detail(step.state, *instance),
                           {instance->arn},
                           {}});
  }
}

// Events of a service are never changed: those that are there are new, unless their appearance was taken back
// in between, which makes them new again.
void Source::service_events(Step& step) {
  for (const std::string& key : step.state.service_events.take_changes(events_)) {
    const auto* event = step.state.service_events.find(key);
    if (event == nullptr) continue;
    const std::string service_key = owner_key(key);
    for (const Action& each : kActions) {
      if (event->message.find(each.part) == std::string::npos) continue;
      const std::string cluster = service_key.substr(0, service_key.find('/'));
      json detail{{"eventType", each.type},
                  {"eventName", each.name},
                  {"clusterArn", step.arn(aws::EcsKind::kCluster, cluster)},
                  {"createdAt", shared::epoch_seconds(event->created_at)},
                  {"reason", event->message}};
      (void)put_event(step, {kEcs,
                             "ECS Service Action",
                             shared::json::to_text(detail),
                             {arn_of_service(step.state, service_key)},
                             event->created_at});
      break;
    }
  }
}

void Source::deployments(Step& step) {
  using Status = model::ServiceDeploymentStatus;
  for (const std::string& key : step.state.service_deployments.take_changes(deployments_)) {
    const auto* row = step.state.service_deployments.find(key);
    if (row == nullptr) {
      told_deployments_.erase(key);
      continue;
    }
    if (!is_news(told_deployments_, key, static_cast<std::int64_t>(row->status))) continue;
    const bool running = row->status == Status::kInProgress || row->status == Status::kRollbackInProgress;
    const bool good = row->status == Status::kSuccessful || row->status == Status::kRollbackSuccessful;
    const char* name = running ? "SERVICE_DEPLOYMENT_IN_PROGRESS"
                       : good  ? "SERVICE_DEPLOYMENT_COMPLETED"
                               : "SERVICE_DEPLOYMENT_FAILED";
    json detail{{"eventType", running || good ? "INFO" : "ERROR"},
                {"eventName", name},
                {"deploymentId", row->deployment_id},
                {"updatedAt", shared::epoch_seconds(row->updated_at)},
                {"reason", "ECS deployment " + row->deployment_id +
                               (running ? " in progress."
                                : good  ? " completed."
                                        : " failed.")}};
    (void)put_event(step, {kEcs,
                           "ECS Deployment State Change",
                           shared::json::to_text(detail),
                           {arn_of_service(step.state, row->cluster + "/" + row->service)},
                           {}});
  }
}

}  // namespace agent::control::events
