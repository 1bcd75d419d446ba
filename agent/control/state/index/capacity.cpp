#include "agent/control/state/index/capacity.h"

#include <utility>

#include "agent/control/state/lookup.h"

namespace agent::control {
namespace {

using scheduler::Availability;
using scheduler::Candidate;
using scheduler::CapacityIndex;

// What the tasks there leave, and daemons that are to come, and what they are.
void set_usage(Candidate& candidate, const State& state, const model::ContainerInstance& instance) {
  const InstanceUsage& usage = state.task_index().usage(instance.arn);
  candidate.cpu = instance.registered.cpu - usage.cpu;
  candidate.memory = instance.registered.memory - usage.memory;
  candidate.tcp_ports = instance.registered.tcp_ports;
  candidate.tcp_ports.insert(usage.tcp_ports.begin(), usage.tcp_ports.end());
  candidate.udp_ports = instance.registered.udp_ports;
  candidate.udp_ports.insert(usage.udp_ports.begin(), usage.udp_ports.end());
  if (const auto kept = state.live.daemon_room.find(instance.arn); kept != state.live.daemon_room.end()) {
    for (const auto& [service, room] : kept->second) {
      candidate.cpu -= room.cpu;
      candidate.memory -= room.memory;
      candidate.tcp_ports.insert(room.tcp_ports.begin(), room.tcp_ports.end());
      candidate.udp_ports.insert(room.udp_ports.begin(), room.udp_ports.end());
    }
  }
  candidate.groups = usage.groups;
  candidate.deployments = usage.deployments;
  candidate.running_tasks = usage.running;
  candidate.tasks = static_cast<int>(usage.tasks.size());
}

}  // namespace

Candidate candidate_of(const State& state, const model::ContainerInstance& instance) {
  Candidate candidate;
  candidate.arn = instance.arn;
  candidate.ec2_instance_id = instance.ec2_instance_id;
  candidate.agent_version = instance.agent_version;
  candidate.registered_at = instance.registered_at;
  candidate.availability =
      is_connected(state, instance) ? Availability::kUsable : Availability::kDisconnected;
  if (instance.status != model::InstanceStatus::kActive) candidate.availability = Availability::kDraining;
  for (const model::NameValue& each : instance.attributes) candidate.attributes[each.name] = each.value;
  set_usage(candidate, state, instance);
  return candidate;
}

void Capacity::forget(const std::string& key) {
  const auto it = arn_by_key_.find(key);
  if (it == arn_by_key_.end()) return;
  const auto host = by_arn_.find(it->second);
  const auto cluster = clusters_.find(host->second.cluster);
  cluster->second.erase(it->second);
  if (cluster->second.size() == 0) clusters_.erase(cluster);
  by_arn_.erase(host);
  arn_by_key_.erase(it);
}

void Capacity::refresh(const State& state) {
  for (const std::string& key : std::exchange(rows_, {})) {
    const model::ContainerInstance* row = state.instances.find(key);
    const auto known = arn_by_key_.find(key);
    const bool is_host = row != nullptr && row->status == model::InstanceStatus::kActive;
    if (!is_host || (known != arn_by_key_.end() && known->second != row->arn)) forget(key);
    if (!is_host) continue;
    arn_by_key_[key] = row->arn;
    by_arn_[row->arn] = {row->cluster, key};
    clusters_[row->cluster].put(candidate_of(state, *row));
    usage_.erase(row->arn);
  }
  for (const std::string& arn : std::exchange(usage_, {})) {
    const auto it = by_arn_.find(arn);
    const model::ContainerInstance* row =
        it == by_arn_.end() ? nullptr : state.instances.find(it->second.key);
    if (row == nullptr) continue;
    Candidate candidate;
    candidate.arn = arn;
    set_usage(candidate, state, *row);
    clusters_[it->second.cluster].put_usage(candidate);
  }
}

std::size_t Capacity::hosts(const State& state, const std::string& cluster) {
  refresh(state);
  const auto it = clusters_.find(cluster);
  return it == clusters_.end() ? 0 : it->second.size();
}

scheduler::Placed Capacity::place(const State& state, const std::string& cluster,
                                  const scheduler::Demand& demand, shared::env::Random& random) {
  refresh(state);
  const auto it = clusters_.find(cluster);
  scheduler::Placed placed;
  if (it == clusters_.end()) {
    placed.unplaced = demand.count;
    return placed;
  }
  placed = it->second.place(demand, random);
  usage_.insert(placed.arns.begin(), placed.arns.end());  // should their rows be taken back
  return placed;
}

std::vector<scheduler::Failure> Capacity::failures(const std::string& cluster,
                                                   const scheduler::Demand& demand) const {
  const auto it = clusters_.find(cluster);
  return it == clusters_.end() ? std::vector<scheduler::Failure>() : it->second.failures(demand);
}

}  // namespace agent::control
