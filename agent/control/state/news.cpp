#include "agent/control/state/news.h"

#include "agent/control/state/neighbours.h"

namespace agent::control {

template <class Visit>
void News::each_table(Changes& changes, Visit visit) {
  visit(state_.clusters, clusters_, changes.clusters);
  visit(state_.instances, instances_, changes.instances);
  visit(state_.tasks, tasks_, changes.tasks);
  visit(state_.services, services_, changes.services);
  visit(state_.service_events, service_events_, changes.service_events);
  visit(state_.service_deployments, service_deployments_, changes.service_deployments);
  visit(state_.load_balancers, load_balancers_, changes.load_balancers);
  visit(state_.listeners, listeners_, changes.listeners);
  visit(state_.rules, rules_, changes.rules);
  visit(state_.target_groups, target_groups_, changes.target_groups);
  visit(state_.targets, targets_, changes.targets);
  visit(state_.balancers, balancers_, changes.balancers);
  Neighbours& neighbours = state_.neighbours();
  visit(neighbours.scalable_targets, scalable_targets_, changes.scalable_targets);
  visit(neighbours.scaling_policies, scaling_policies_, changes.scaling_policies);
  visit(neighbours.scaling_activities, scaling_activities_, changes.scaling_activities);
}

News::News(State& state) : state_(state) {
  Changes none;
  each_table(none, [](auto& table, std::size_t& reader, auto&) {
    reader = table.follow();
    table.pause(reader);
  });
}

void News::listen() {
  listening_ = true;
  Changes none;
  each_table(none, [](auto& table, std::size_t reader, auto&) { table.resume(reader); });
}

void News::stop_listening() {
  listening_ = false;
  Changes none;
  each_table(none, [](auto& table, std::size_t reader, auto&) { table.pause(reader); });
}

Changes News::take() {
  Changes out;
  if (!listening_) return out;
  each_table(out, [](auto& table, std::size_t reader, auto& keys) { keys = table.take_changes(reader); });
  return out;
}

}  // namespace agent::control
