// DAEMON services: one task on each host that they want one on.
#include <algorithm>

#include "agent/control/services/daemon_plan.h"
#include "agent/control/services/reconcile/carry_out.h"
#include "agent/control/services/services.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/service_events.h"

namespace agent::control {

using model::ServiceStatus;

namespace {

// ARNs of the instances where a task is wanted and none is, as far as one could be there at all.
std::set<std::string> without_task(const Step& step, const DaemonHosts& wanted,
                                   const std::vector<DaemonHost>& hosts, const model::Service& service) {
  std::set<std::string> arns;
  for (const DaemonHost& host : hosts) {
    if (host.standing != DaemonStanding::kWanted || !host.tasks.empty()) continue;
    const auto* instance = step.state.instances.find(service.cluster + "/" + std::string(host.name));
    const bool could = instance != nullptr && wanted.each().cpu <= instance->registered.cpu &&
                       wanted.each().memory <= instance->registered.memory;
    const auto& usage = step.state.task_index().usage(could ? instance->arn : std::string());
    if (could && !usage.groups.contains("service:" + service.name)) arns.insert(instance->arn);
  }
  return arns;
}

// On each of these hosts; of those without room one is told of. What is kept free for the service there is
// free for it.
void start_daemons(Step& step, const std::string& key, const std::vector<std::string>& instance_ids) {
  const model::Service& service = *step.state.services.find(key);
  std::vector<std::string> started;
  PlacementFailure failure;
  for (const std::string& id : instance_ids) {
    const model::ContainerInstance* instance = step.state.instances.find(service.cluster + "/" + id);
    if (instance == nullptr) continue;
    auto& room = rows(step).live.daemon_room[instance->arn];
    const auto kept = room.extract(key);
    auto result = start_daemon_task(step, service, service.deployments.front(), *instance);
    if (result.task_keys.empty() && !kept.empty()) room.emplace(key, kept.mapped());
    for (std::string& task : result.task_keys) started.push_back(std::move(task));
    if (failure.reason.empty()) failure = result.failure;
  }
  tell_of_started(step, key, started);
  if (failure.reason.empty()) return;
  rows(step).live.starved.insert(key);
  add_event_once(step, key, placement_trouble(failure));
}

}  // namespace

void ServiceReconciler::look_at_daemon_host(Step& step, const std::string& instance_key) {
  for (const std::string& key : daemons_of(step.state, instance_key.substr(0, instance_key.find('/')))) {
    books_[key].hosts.look_at(step.state, instance_key);
    note_service(step, key);
  }
}

void ServiceReconciler::reconcile_daemon(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const bool active = service.status == ServiceStatus::kActive;
  Known& known = books_[key];
  DaemonFacts facts;
  facts.minimum_percent = service.configuration.minimum_healthy_percent;
  facts.starting = may_start(step, service);
  facts.hosts = known.hosts.facts(known.book);
  const DaemonPlan next = plan_daemon(facts);
  const std::vector<std::string> start(next.start.begin(), next.start.end());
  std::vector<ChosenStop> stops;
  for (const auto& [task, cause] : next.stop) stops.push_back({std::string(task), cause});
  rows(step).live.starved.erase(key);
  if (active) set_desired_count(step, key, next.desired);
  start_daemons(step, key, start);
  keep_room(step, key,
            active ? without_task(step, known.hosts, facts.hosts, service) : std::set<std::string>());
  stop_tasks(step, key, known.book, stops);
  if (!active) {
    if (stops.empty()) finish_deletion(step, key, known.book);
    return;
  }
  update_deployments(step, key, known.book);
  if (next.progress == Progress::kSteady && service.deployments.size() == 1) mark_steady(step, key);
  if (next.progress == Progress::kStuck) add_event_once(step, key, kPercentagesInTheWay);
}

// Who waits for room in the cluster is looked at when some of it is given back.
void ServiceReconciler::keep_room(Step& step, const std::string& key, std::set<std::string> instance_arns) {
  const auto it = books_.find(key);
  if (it == books_.end() || it->second.kept_room == instance_arns) return;
  State& state = rows(step);
  for (const std::string& arn : it->second.kept_room) {
    const auto kept = state.live.daemon_room.find(arn);
    if (kept == state.live.daemon_room.end()) continue;
    kept->second.erase(key);
    if (kept->second.empty()) state.live.daemon_room.erase(kept);
    state.capacity().note_usage(arn);
  }
  for (const std::string& arn : instance_arns) {
    state.live.daemon_room[arn][key] = it->second.hosts.each();
    state.capacity().note_usage(arn);
  }
  it->second.kept_room = std::move(instance_arns);
  const std::string prefix = key.substr(0, key.find('/') + 1);
  std::erase_if(state.live.unplaceable, [&](const auto& each) { return each.first.starts_with(prefix); });
  for (const std::string& each : std::set<std::string>(state.live.starved)) {
    if (each.starts_with(prefix) && each != key) note_service(step, each);
  }
}

}  // namespace agent::control
