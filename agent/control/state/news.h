// The keys of rows that changed, of the tables that people look at, for who shows them as they change. Costs
// nothing while nobody listens. Thread: control's.
#pragma once
#include <string>
#include <vector>

#include "agent/control/state/state.h"

namespace agent::control {

// Row keys, each once, in key order.
struct Changes {
  std::vector<std::string> clusters;
  std::vector<std::string> instances;
  std::vector<std::string> tasks;
  std::vector<std::string> services;
  std::vector<std::string> service_events;
  std::vector<std::string> service_deployments;
  std::vector<std::string> load_balancers;
  std::vector<std::string> listeners;
  std::vector<std::string> rules;
  std::vector<std::string> target_groups;
  std::vector<std::string> targets;
  std::vector<std::string> balancers;
  std::vector<std::string> scalable_targets;
  std::vector<std::string> scaling_policies;
  std::vector<std::string> scaling_activities;
};

class News {
 public:
  // Follows the tables of `state`, which outlives it; deaf until listen().
  explicit News(State& state);

  // What changes from here on is kept until it is taken.
  void listen();
  void stop_listening();
  bool listening() const { return listening_; }
  // What changed since listen() or the last take(): also what was taken back, and what is not durable yet.
  Changes take();

 private:
  State& state_;
  bool listening_ = false;
  Table<model::Cluster>::Reader clusters_;
  Table<model::ContainerInstance>::Reader instances_;
  Table<model::Task>::Reader tasks_;
  Table<model::Service>::Reader services_;
  Table<model::ServiceEvent>::Reader service_events_;
  Table<model::ServiceDeployment>::Reader service_deployments_;
  Table<model::LoadBalancer>::Reader load_balancers_;
  Table<model::Listener>::Reader listeners_;
  Table<model::Rule>::Reader rules_;
  Table<model::TargetGroup>::Reader target_groups_;
  Table<model::RegisteredTarget>::Reader targets_;
  Table<model::Balancer>::Reader balancers_;
  std::size_t scalable_targets_;
  std::size_t scaling_policies_;
  std::size_t scaling_activities_;
};

}  // namespace agent::control
