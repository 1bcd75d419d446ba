// From rows that changed to what has to be looked at again: which services, stopping tasks, draining targets
// and deleted rows a change concerns. Here, and nowhere else, is written down what the reconcilers' decisions
// depend on; a dependency that is missing here is work that is done late, by the sweep. The simulation
// compares every turn with a pass over everything. Thread: control's.
#pragma once
#include <set>
#include <string>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/state.h"

namespace agent::control {

class Marks {
 public:
  // Follows the tables of `state`, which outlives it. What is loaded afterwards counts as changed.
  explicit Marks(State& state);

  // Puts on the agenda what the changes since the last call concern.
  void refresh();
  // refresh() has something to do.
  bool pending() const;
  // Puts every subject there is on the agenda.
  void everything();

 private:
  void service_changed(const std::string& key);
  void task_changed(const std::string& key);
  void instance_changed(const std::string& key);
  void definition_changed(const std::string& key);
  void group_changed(const std::string& arn);
  void target_changed(const std::string& key);
  void judge_task_of(const std::string& target_key);
  void event_changed(const std::string& key);
  void cluster_lost_something(const std::string& child_key);
  void tasks_behind_balancers();
  void starved_services(const std::string& child_key);
  void services_that_watch(const std::set<std::string>& alarms);  // one walk over the services
  void look_at_service(const std::string& key);
  void daemons_on(const std::string& instance_key);
  void draining_groups();
  void take_signals();
  void orders_that_wait();
  void refresh_scaling();

  State& state_;
  Agenda& agenda_;
  Table<model::Cluster>::Reader clusters_;
  Table<model::Service>::Reader services_;
  Table<model::Task>::Reader tasks_;
  Table<model::ContainerInstance>::Reader instances_;
  Table<model::TaskDefinition>::Reader definitions_;
  Table<model::TargetGroup>::Reader groups_;
  Table<model::RegisteredTarget>::Reader targets_;
  Table<model::ServiceEvent>::Reader events_;
  Table<model::LoadBalancer>::Reader load_balancers_;
  Table<model::Listener>::Reader listeners_;
  Table<model::Rule>::Reader rules_;
  Table<model::Balancer>::Reader balancers_;
  Table<model::Certificate>::Reader certificates_;
  Table<model::AcmeOrder>::Reader acme_orders_;
  Table<model::IamIdentity>::Reader roles_;
  Table<model::TaskRoles>::Reader task_roles_;
  Table<model::Alarm>::Reader alarms_;
  Table<model::ScalableTarget>::Reader scalable_targets_;
  Table<model::ScalingPolicy>::Reader scaling_policies_;
  Table<model::ScheduledAction>::Reader scheduled_actions_;
  Table<model::EventRule>::Reader event_rules_;
  Table<model::Schedule>::Reader schedules_;
  Table<model::Invocation>::Reader invocations_;
  std::set<std::string> retiring_;  // task definitions that are DELETE_IN_PROGRESS
};

}  // namespace agent::control
