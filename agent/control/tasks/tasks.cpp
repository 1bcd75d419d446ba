#include "agent/control/tasks/tasks.h"

#include <algorithm>

#include "agent/control/iam/task_roles.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/placing.h"
#include "agent/control/tasks/strategies.h"

namespace agent::control {

using shared::Result;

namespace {

constexpr std::size_t kTaskIdDigits = 32;

// What a new task gets besides its definition and its place.
struct Origin {
  std::string cluster;
  std::string group;
  std::string started_by;
  std::string service;
  std::string deployment_id;
  model::LaunchType launch_type = model::LaunchType::kEc2;
  std::string overrides = "{}";
  Sizes sizes;
  std::vector<model::Tag> tags;
  bool enable_execute_command = false;
  RunToken token;
  std::string provider;  // capacity provider
  iam::WantedRoles roles;
};

model::Container new_container(Step& step, const std::string& cluster, const std::string& task_id,
                               const model::ContainerDefinition& definition, const Sizes& sizes) {
  model::Container container;
  container.arn = step.arn(aws::EcsKind::kContainer, cluster + "/" + task_id + "/" + step.random.uuid());
  container.name = definition.name;
  container.image = definition.image;
  container.essential = definition.essential;
  container.cpu = definition.cpu;
  container.memory = definition.memory;
  container.memory_reservation = definition.memory_reservation;
  for (const ContainerOverride& each : sizes.containers) {
    if (each.name != definition.name) continue;
    if (each.cpu) container.cpu = *each.cpu;
    if (each.memory) container.memory = each.memory;
    if (each.memory_reservation) container.memory_reservation = each.memory_reservation;
  }
  return container;
}

std::string put_task(Step& step, const model::TaskDefinition& definition, const Origin& origin,
                     const std::string& instance_arn) {
  model::Task task;
  task.id = step.random.hex(kTaskIdDigits);
  task.cluster = origin.cluster;
  task.arn = step.arn(aws::EcsKind::kTask, key_of(task));
  task.task_definition_arn = definition.arn;
  task.family = definition.family;
  task.revision = definition.revision;
  task.container_instance_arn = instance_arn;
  task.group = origin.group;
  task.started_by = origin.started_by;
  task.service = origin.service;
  task.deployment_id = origin.deployment_id;
  task.launch_type = origin.launch_type;
  for (const model::ContainerDefinition& each : definition.containers) {
    task.containers.push_back(new_container(step, origin.cluster, task.id, each, origin.sizes));
  }
  task.reserved = resources_of(definition, origin.sizes);
  task.overrides = origin.overrides;
  task.enable_execute_command = origin.enable_execute_command;
  task.client_token = origin.token.text;
  task.request_digest = origin.token.digest;
  task.tags = origin.tags;
  task.capacity_provider = origin.provider;
  task.created_at = step.now;
  task.connectivity_at = step.now;
  const std::string key = key_of(task);
  iam::give_roles(step, task, origin.roles);
  rows(step).tasks.put(key, std::move(task));
  rows(step).live.unsent_tasks.insert(key);
  return key;
}

iam::WantedRoles roles_of(const model::TaskDefinition& definition) {
  return {definition.task_role, definition.execution_role};
}

// StartTask: each named instance gets one task if it fits there.
void start_on(Step& step, const RunTask& request, const model::TaskDefinition& definition,
              const Origin& origin, scheduler::Demand demand, RunTaskResult& result) {
  demand.member_of.clear();  // the caller has chosen
  demand.distinct_instance = false;
  std::vector<PlacementFailure> unusable;  // told last
  for (const NamedInstance& each : request.on_instances) {
    const model::ContainerInstance* instance = step.state.instances.find(each.key);
    if (const std::string why = why_not_there(instance); !why.empty()) {
      unusable.push_back({instance == nullptr ? each.arn : instance->arn, why, ""});
      continue;
    }
    const scheduler::Candidate candidate = candidate_of(step.state, *instance);
    const std::string reason = scheduler::misfit(candidate, demand);
    if (reason.empty()) {
      result.task_keys.push_back(put_task(step, definition, origin, instance->arn));
    } else {
      result.failures.push_back({instance->arn, reason, scheduler::detail_of(reason, candidate, demand)});
    }
  }
  result.failures.insert(result.failures.end(), unusable.begin(), unusable.end());
}

// How many of the next tasks each provider gets, in the order in which they come up.
std::vector<std::pair<std::string, int>> shares(const std::vector<model::StrategyItem>& strategy,
                                                std::map<std::string, int> present, int count) {
  std::vector<std::pair<std::string, int>> out;
  for (const std::string& each : distribute(strategy, std::move(present), count)) {
    const auto known =
        std::find_if(out.begin(), out.end(), [&](const auto& one) { return one.first == each; });
    if (known == out.end()) {
      out.emplace_back(each, 1);
    } else {
      ++known->second;
    }
  }
  return out;
}

bool is_of_provider(const State& state, const std::string& instance_arn, const std::string& provider) {
  const auto* instance = find_instance_by_arn(state, instance_arn);
  return instance != nullptr && attribute_of(*instance, kProviderAttribute) == provider;
}

// Only hosts of the provider are candidates.
Result<scheduler::Demand> demand_of_provider(const scheduler::Demand& all, const std::string& provider,
                                             int count) {
  auto own =
      scheduler::Query::parse("attribute:" + std::string(kProviderAttribute) + " == '" + provider + "'");
  if (!own) return own.error();
  scheduler::Demand demand = all;
  demand.count = count;
  demand.member_of.push_back(std::move(*own));
  return demand;
}

PlacementFailure empty_provider(const Step& step, const std::string& provider) {
  return {step.arn(aws::EcsKind::kCapacityProvider, provider), "EMPTY CAPACITY PROVIDER",
          "No ACTIVE container instance of the cluster has the attribute " + std::string(kProviderAttribute) +
              " with the value " + provider + "."};
}

// What does not find room is a failure for each host that was tried.
void place_for_caller(Step& step, const RunTask& request, const model::TaskDefinition& definition,
                      const Origin& origin, const scheduler::Demand& demand, RunTaskResult& result) {
  Capacity& capacity = rows(step).capacity();
  const scheduler::Placed placed = capacity.place(step.state, request.cluster, demand, step.random);
  if (placed.unplaced > 0) {
    std::vector<PlacementFailure> failures;
    for (const scheduler::Failure& each : capacity.failures(request.cluster, demand)) {
      const bool tried = origin.provider.empty() || is_of_provider(step.state, each.arn, origin.provider);
      if (tried) failures.push_back({each.arn, each.reason, each.detail});
    }
    if (failures.empty() && !origin.provider.empty())
      failures.push_back(empty_provider(step, origin.provider));
    for (int i = 0; i < placed.unplaced; ++i)
      result.failures.insert(result.failures.end(), failures.begin(), failures.end());
  }
  for (const std::string& arn : placed.arns) {
    result.task_keys.push_back(put_task(step, definition, origin, arn));
  }
}

}  // namespace

Result<const model::TaskDefinition*> runnable_definition(const Step& step, std::string_view reference) {
  const auto definition = task_definition_in(step, reference);
  if (!definition) return definition.error();
  if (*definition == nullptr) return client_exception("TaskDefinition not found.");
  if ((*definition)->status != model::TaskDefinitionStatus::kActive) {
    return client_exception("TaskDefinition is inactive");
  }
  return definition;
}

Result<void> check_constraints(const std::vector<model::PlacementConstraint>& constraints,
                               const model::TaskDefinition& definition) {
  if (constraints.size() + definition.placement_expressions.size() <= kMaxConstraints) return {};
  return invalid_parameter("At most " + std::to_string(kMaxConstraints) +
                           " placement constraints are allowed, counted with those of the task definition.");
}

Result<RunTaskResult> run_task(Step& step, const RunTask& request) {
  auto definition = runnable_definition(step, request.task_definition_arn);
  if (!definition) return definition.error();
  Origin origin;
  origin.cluster = request.cluster;
  origin.group = request.group.empty() ? "family:" + (*definition)->family : request.group;
  origin.started_by = request.started_by;
  origin.launch_type = request.launch_type;
  origin.overrides = request.overrides;
  origin.sizes = {request.container_overrides, request.cpu_override, request.memory_override};
  origin.tags = request.tags;
  origin.enable_execute_command = request.enable_execute_command;
  origin.token = request.token;
  origin.roles = roles_of(**definition);
  if (!request.task_role_override.empty()) origin.roles.application = request.task_role_override;
  if (!request.execution_role_override.empty()) origin.roles.execution = request.execution_role_override;
  if (auto fit = iam::check_task_roles(step, request.cluster, origin.roles); !fit) return fit.error();
  auto demand = demand_of(**definition, origin.sizes, request.strategy, request.constraints, origin.group);
  if (!demand) return demand.error();
  demand->max_tasks = step.settings.max_tasks_per_instance;

  RunTaskResult result;
  if (!request.on_instances.empty()) {
    start_on(step, request, **definition, origin, std::move(*demand), result);
    return result;
  }
  if (!request.providers.empty()) {
    for (const auto& [provider, count] : shares(request.providers, {}, request.count)) {
      origin.provider = provider;
      auto part = demand_of_provider(*demand, provider, count);
      if (!part) return part.error();
      place_for_caller(step, request, **definition, origin, *part, result);
    }
    return result;
  }
  if (rows(step).capacity().hosts(step.state, request.cluster) == 0) {
    return invalid_parameter("No Container Instances were found in your cluster.");
  }
  demand->count = request.count;
  place_for_caller(step, request, **definition, origin, *demand, result);
  return result;
}

EarlierRun earlier_run(const State& state, const std::string& cluster, const RunToken& token) {
  EarlierRun found;
  if (token.text.empty()) return found;
  for (const std::string& key : state.task_index().of_token(cluster, token.text)) {
    found.task_keys.push_back(key);
    found.same = found.same && state.tasks.find(key)->request_digest == token.digest;
  }
  return found;
}

namespace {

// Constraints can ask for what changes without any task coming or going.
bool depends_on_room_alone(const model::Service& service, const model::TaskDefinition& definition) {
  return service.placement_constraints.empty() && definition.placement_expressions.empty();
}

const Unplaceable* still_unplaceable(const State& state, const model::Service& service,
                                     const model::Deployment& deployment) {
  const auto it = state.live.unplaceable.find(key_of(service));
  if (it == state.live.unplaceable.end()) return nullptr;
  const Unplaceable& found = it->second;
  const bool same = found.room == state.task_index().room() &&
                    found.instances == state.instances.generation() && found.deployment == deployment.id;
  return same ? &found : nullptr;
}

Origin origin_of(const model::Service& service, const model::Deployment& deployment,
                 const model::TaskDefinition& definition) {
  Origin origin;
  origin.cluster = service.cluster;
  origin.group = "service:" + service.name;
  origin.started_by = deployment.id;
  origin.service = service.name;
  origin.deployment_id = deployment.id;
  const bool own = service.controller == model::DeploymentController::kExternal;
  origin.launch_type = own ? deployment.launch_type : service.launch_type;
  origin.roles = roles_of(definition);
  origin.enable_execute_command = service.enable_execute_command;
  if (service.propagate_tags == "SERVICE") origin.tags = service.tags;
  if (service.propagate_tags == "TASK_DEFINITION") origin.tags = definition.tags;
  if (service.enable_ecs_managed_tags) {
    origin.tags.push_back({"aws:ecs:clusterName", service.cluster});
    origin.tags.push_back({"aws:ecs:serviceName", service.name});
  }
  return origin;
}

// The closest host need not be one of the provider's.
PlacementFailure failure_in_provider(Step& step, const std::string& cluster, const std::string& provider,
                                     const scheduler::Placed& placed, const scheduler::Demand& demand) {
  if (placed.closest && is_of_provider(step.state, placed.closest->arn, provider))
    return {placed.closest->arn, placed.closest->reason, placed.closest->detail};
  for (const scheduler::Failure& each : rows(step).capacity().failures(cluster, demand)) {
    if (is_of_provider(step.state, each.arn, provider)) return {each.arn, each.reason, each.detail};
  }
  return {"", empty_provider(step, provider).reason, ""};
}

// By how many of the deployment's tasks each provider has already. A provider without room is waited for:
// its tasks do not go elsewhere.
ServiceTasksResult start_by_strategy(Step& step, const model::Service& service,
                                     const model::Deployment& deployment,
                                     const model::TaskDefinition& definition, int count) {
  std::map<std::string, int> present;
  for (const std::string& key : step.state.task_index().of_service(key_of(service))) {
    const model::Task& task = *step.state.tasks.find(key);
    const bool stays = task.desired_status == model::DesiredStatus::kRunning;
    if (stays && task.deployment_id == deployment.id) ++present[task.capacity_provider];
  }
  Origin origin = origin_of(service, deployment, definition);
  auto demand =
      demand_of(definition, {}, service.placement_strategy, service.placement_constraints, origin.group);
  if (!demand) return {{}, {"", demand.error().text(), ""}};
  demand->deployment = deployment.id;
  demand->max_tasks = step.settings.max_tasks_per_instance;
  ServiceTasksResult result;
  for (const auto& [provider, share] : shares(deployment.strategy, std::move(present), count)) {
    const auto part = demand_of_provider(*demand, provider, share);
    if (!part) return {{}, {"", part.error().text(), ""}};
    origin.provider = provider;
    const scheduler::Placed placed =
        rows(step).capacity().place(step.state, service.cluster, *part, step.random);
    if (placed.unplaced > 0 && result.failure.reason.empty())
      result.failure = failure_in_provider(step, service.cluster, provider, placed, *part);
    for (const std::string& arn : placed.arns)
      result.task_keys.push_back(put_task(step, definition, origin, arn));
  }
  return result;
}

}  // namespace

ServiceTasksResult start_service_tasks(Step& step, const model::Service& service,
                                       const model::Deployment& deployment, int count) {
  const model::TaskDefinition* definition = find_task_definition(step.state, deployment.task_definition_arn);
  if (definition == nullptr) return {{}, {"", "TaskDefinition not found.", ""}};
  if (auto fit = iam::check_task_roles(step, service.cluster, roles_of(*definition)); !fit)
    return {{}, {"", fit.error().text(), ""}};
  if (!deployment.strategy.empty()) return start_by_strategy(step, service, deployment, *definition, count);
  const bool by_room = depends_on_room_alone(service, *definition);
  if (const Unplaceable* known = by_room ? still_unplaceable(step.state, service, deployment) : nullptr) {
    return {{}, {known->instance_arn, known->reason, known->detail}};
  }
  const Origin origin = origin_of(service, deployment, *definition);
  auto demand =
      demand_of(*definition, {}, service.placement_strategy, service.placement_constraints, origin.group);
  if (!demand) return {{}, {"", demand.error().text(), ""}};
  demand->deployment = deployment.id;
  demand->max_tasks = step.settings.max_tasks_per_instance;
  demand->count = count;
  Capacity& capacity = rows(step).capacity();
  if (capacity.hosts(step.state, service.cluster) == 0) {
    return {{}, {"", "No Container Instances were found in your cluster.", ""}};
  }
  ServiceTasksResult result;
  const scheduler::Placed placed = capacity.place(step.state, service.cluster, *demand, step.random);
  for (const std::string& arn : placed.arns) {
    result.task_keys.push_back(put_task(step, *definition, origin, arn));
  }
  if (placed.closest) result.failure = {placed.closest->arn, placed.closest->reason, placed.closest->detail};
  if (placed.unplaced > 0 && by_room) {
    rows(step).live.unplaceable[key_of(service)] = {step.state.task_index().room(),
                                                    step.state.instances.generation(),
                                                    deployment.id,
                                                    result.failure.arn,
                                                    result.failure.reason,
                                                    result.failure.detail};
  } else {
    rows(step).live.unplaceable.erase(key_of(service));
  }
  return result;
}

ServiceTasksResult start_daemon_task(Step& step, const model::Service& service,
                                     const model::Deployment& deployment,
                                     const model::ContainerInstance& instance) {
  const model::TaskDefinition* definition = find_task_definition(step.state, deployment.task_definition_arn);
  if (definition == nullptr) return {{}, {"", "TaskDefinition not found.", ""}};
  if (auto fit = iam::check_task_roles(step, service.cluster, roles_of(*definition)); !fit)
    return {{}, {"", fit.error().text(), ""}};
  const Origin origin = origin_of(service, deployment, *definition);
  auto demand = demand_of(*definition, {}, {}, {}, origin.group);
  if (!demand) return {{}, {"", demand.error().text(), ""}};
  demand->max_tasks = step.settings.max_tasks_per_instance;
  const scheduler::Candidate candidate = candidate_of(step.state, instance);
  const std::string reason = scheduler::misfit(candidate, *demand);
  if (reason.empty()) return {{put_task(step, *definition, origin, instance.arn)}, {}};
  return {{}, {instance.arn, reason, scheduler::detail_of(reason, candidate, *demand)}};
}

}  // namespace agent::control
