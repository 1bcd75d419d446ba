// What the scheduler knows of the hosts of each cluster, kept up to date from the rows that changed: placing
// a task does not walk over all instances. Derived, as TaskIndex is: never stored. Thread: control's.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/model/container_instance.h"
#include "agent/scheduler/capacity_index.h"
#include "shared/env/random.h"

namespace agent::control {

struct State;

class Capacity {
 public:
  // What to look at in the next call: the row of an instance, what the tasks of one hold.
  void note_row(const std::string& key) { rows_.insert(key); }
  void note_usage(const std::string& instance_arn) { usage_.insert(instance_arn); }

  // ACTIVE instances of the cluster, connected or not.
  std::size_t hosts(const State& state, const std::string& cluster);
  // See scheduler::CapacityIndex. What is placed counts until the rows say what became of it, at the latest
  // in the next call.
  scheduler::Placed place(const State& state, const std::string& cluster, const scheduler::Demand& demand,
                          shared::env::Random& random);
  // Right after place(), of the same demand.
  std::vector<scheduler::Failure> failures(const std::string& cluster, const scheduler::Demand& demand) const;

 private:
  struct Place {
    std::string cluster;
    std::string key;
  };
  void refresh(const State& state);
  void forget(const std::string& key);

  std::map<std::string, scheduler::CapacityIndex> clusters_;  // those with hosts
  std::map<std::string, Place> by_arn_;
  std::map<std::string, std::string> arn_by_key_;
  std::set<std::string> rows_;
  std::set<std::string> usage_;
};

// The instance as the scheduler sees it.
scheduler::Candidate candidate_of(const State& state, const model::ContainerInstance& instance);

}  // namespace agent::control
