// How long tasks take to start and to go, counted from their rows whenever somebody asks: nothing is noted
// while nobody does. What was over before the first look is not counted. Thread: the engine's.
#pragma once
#include <optional>
#include <set>
#include <string>

#include "agent/control/state/state.h"
#include "shared/base/durations.h"

namespace agent::admin {

class Observer {
 public:
  // Counts what has been reached since the last time.
  void look(const control::State& state, shared::WallTime now);

  // Of starts: placed until its image is there; from there until it runs; from there until it is healthy in
  // all its target groups.
  shared::Durations pull, start, healthy;
  // Of stops: told to leave until every balancer has acknowledged; from there until its requests have ended;
  // from SIGTERM until it is STOPPED.
  shared::Durations acknowledge, drain, stop;

 private:
  void count_start(const std::string& key, const model::Task& task);
  void count_stop(const model::Task& task);

  std::optional<shared::WallTime> begun_;
  std::set<std::string> started_;  // row keys of tasks whose start was counted
  std::set<std::string> healthy_;  // likewise
  std::pair<shared::WallTime, std::string> last_stop_;
};

}  // namespace agent::admin
