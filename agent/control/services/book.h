// What the scheduler knows of the tasks of one service, kept task by task instead of being gathered from all
// of them: how many of each kind there are, and which of a kind go first when the service shrinks. Derived,
// never stored. Thread: control's.
#pragma once
#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/services/plan.h"
#include "agent/control/state/state.h"

namespace agent::control {

struct Judgement {
  PlanHealth health = PlanHealth::kUnknown;
  std::string stop_reason;  // of a task that is to be replaced
  std::string event;
};

class Book {
 public:
  struct Entry {
    PlanTask task;
    Judgement judgement;
    std::string deployment;
    std::string instance;  // ARN
    std::string zone;
    bool waits_to_stop = false;  // to stop, and its agent may not be told yet
  };

  void put(const std::string& task_key, Entry entry);
  void erase(const std::string& task_key);
  const Entry* find(const std::string& task_key) const;

  // `visit(key, entry)`, by key.
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& [key, entry] : entries_) visit(key, entry);
  }

  const PlanCounts& counts() const { return counts_; }
  int wanted(const std::string& deployment) const;  // its tasks that are not to stop
  bool any_wanted() const { return !wanted_.empty(); }
  bool any_waits_to_stop() const { return waiting_ > 0; }

  // `count` tasks of these kinds (there are as many), the one to stop first in front; they count as stopping
  // from here on. As ECS chooses: spread (and the default) takes from the zone, then the instance with most
  // of the service's tasks; binpack from the instance that then has most free; random any, which a task's id
  // is.
  std::vector<std::string> take(const State& state, const PlanKinds& kinds, int count,
                                const std::vector<model::PlacementStrategy>& strategies);

 private:
  using Keys = std::set<std::string_view>;  // of entries_
  using ByKind = std::array<Keys, kPlanKinds>;
  struct Host {
    int tasks = 0;
    std::map<std::size_t, Keys> by_kind;
  };
  // Of tasks that are not to stop.
  struct Zone {
    int tasks = 0;
    PlanCounts counts{};
    std::map<std::string, Host> hosts;
    std::set<std::pair<int, std::string>> fullest;  // hosts by their number of tasks
  };
  void count(std::map<std::string, Entry>::iterator entry, int by);
  void place(const std::string& key, const Entry& entry, int by);
  std::string_view first_by_spread(const PlanKinds& kinds) const;
  std::string_view first_by_binpack(const State& state, const PlanKinds& kinds, bool by_cpu,
                                    const std::map<std::string, std::int64_t>& freed) const;
  std::string_view any_of(const PlanKinds& kinds) const;

  std::map<std::string, Entry> entries_;
  PlanCounts counts_{};
  std::map<std::string, int> wanted_;  // by deployment that has any
  int waiting_ = 0;
  ByKind by_kind_;  // not to stop
  std::map<std::string, Zone> zones_;
};

}  // namespace agent::control
