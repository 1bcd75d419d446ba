// The keys of rows that changed, of the tables that people look at, for who shows them as they change. Costs
// nothing while nobody listens. Thread: control's.
#pragma once
#include <cstddef>
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
  // Hands each table that is followed to `visit`, with its reader here and its keys in `changes`.
  template <class Visit>
  void each_table(Changes& changes, Visit visit);

  State& state_;
  bool listening_ = false;
  std::size_t clusters_ = 0;
  std::size_t instances_ = 0;
  std::size_t tasks_ = 0;
  std::size_t services_ = 0;
  std::size_t service_events_ = 0;
  std::size_t service_deployments_ = 0;
  std::size_t load_balancers_ = 0;
  std::size_t listeners_ = 0;
  std::size_t rules_ = 0;
  std::size_t target_groups_ = 0;
  std::size_t targets_ = 0;
  std::size_t balancers_ = 0;
  std::size_t scalable_targets_ = 0;
  std::size_t scaling_policies_ = 0;
  std::size_t scaling_activities_ = 0;
};

}  // namespace agent::control
