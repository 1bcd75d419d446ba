#include "agent/control/services/daemon_hosts.h"

#include <algorithm>
#include <utility>

#include "agent/control/state/lookup.h"
#include "agent/control/state/plant.h"
#include "agent/control/tasks/placing.h"

namespace agent::control {
namespace {

// Only DAEMON services are left there, or nobody.
bool others_are_gone(const State& state, const model::ContainerInstance& instance) {
  if (BERTH_PLANTED(kLeaveEarly)) return true;
  const auto& tasks = state.task_index().usage(instance.arn).tasks;
  return std::all_of(tasks.begin(), tasks.end(), [&](const std::string& key) {
    const model::Task& task = *state.tasks.find(key);
    return !task.service.empty() && state.live.daemons.contains(task.cluster + "/" + task.service);
  });
}

}  // namespace

void DaemonHosts::look_at_all(const Step& step, const model::Service& service) {
  hosts_.clear();
  demand_.reset();
  const model::TaskDefinition* definition =
      service.deployments.empty()
          ? nullptr
          : find_task_definition(step.state, service.deployments.front().task_definition_arn);
  if (definition == nullptr) return;
  group_ = "service:" + service.name;
  auto demand = demand_of(*definition, {}, {}, service.placement_constraints, group_);
  if (!demand) return;
  // What a host can be short of does not make it another host: it is told when no task can be placed.
  demand_ = *std::move(demand);
  each_ = std::exchange(demand_->each, {});
  demand_->required_attributes.clear();
  demand_->gpus = 0;
  demand_->distinct_instance = false;
  each_of_cluster(step.state.instances, service.cluster,
                  [&](const model::ContainerInstance& instance) { look_at(step.state, key_of(instance)); });
}

void DaemonHosts::look_at(const State& state, const std::string& instance_key) {
  const std::string id = id_in(instance_key);
  const model::ContainerInstance* instance = state.instances.find(instance_key);
  if (!demand_ || instance == nullptr || instance->status == model::InstanceStatus::kInactive) {
    hosts_.erase(id);
    return;
  }
  if (instance->status == model::InstanceStatus::kDraining) {
    hosts_[id] = {others_are_gone(state, *instance) ? DaemonStanding::kUnwanted : DaemonStanding::kLeaving,
                  false};
    return;
  }
  scheduler::Candidate candidate = candidate_of(state, *instance);
  candidate.availability = scheduler::Availability::kUsable;
  // What is kept free for daemons can be more than there is.
  candidate.cpu = candidate.memory = 0;
  // Its own task must not decide whether it is to be there.
  if (const auto own = candidate.groups.find(group_); own != candidate.groups.end()) {
    candidate.running_tasks -= std::min(candidate.running_tasks, own->second);
    candidate.groups.erase(own);
  }
  const bool wanted = scheduler::misfit(candidate, *demand_).empty();
  hosts_[id] = {wanted ? DaemonStanding::kWanted : DaemonStanding::kUnwanted, is_connected(state, *instance)};
}

std::vector<DaemonHost> DaemonHosts::facts(const Book& book) const {
  std::map<std::string_view, DaemonHost> all;
  for (const auto& [id, known] : hosts_) all[id] = {id, known.standing, known.reachable, {}};
  book.each([&](const std::string& key, const Book::Entry& entry) {
    const std::string_view id = std::string_view(entry.instance).substr(entry.instance.rfind('/') + 1);
    DaemonHost& host =
        all.try_emplace(id, DaemonHost{id, DaemonStanding::kUnwanted, false, {}}).first->second;
    host.tasks.push_back({key, entry.task});
  });
  std::vector<DaemonHost> hosts;
  hosts.reserve(all.size());
  for (auto& [id, host] : all) hosts.push_back(std::move(host));
  return hosts;
}

bool has_daemons(const State& state, std::string_view cluster) { return !daemons_of(state, cluster).empty(); }

std::vector<std::string> daemons_of(const State& state, std::string_view cluster) {
  const std::string prefix = std::string(cluster) + "/";
  std::vector<std::string> keys;
  const auto& daemons = state.live.daemons;
  for (auto it = daemons.lower_bound(prefix); it != daemons.end() && it->starts_with(prefix); ++it) {
    keys.push_back(*it);
  }
  return keys;
}

}  // namespace agent::control
