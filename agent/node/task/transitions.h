// The task state machine, pure: what follows from what is known (settle) and what to do next (plan). Rules as
// the ECS agent's: essential containers end their task, dependsOn and links hold back starting and, reversed,
// stopping. No clock, no engine: the caller performs the plan and writes down what came of it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "agent/node/task/task_state.h"

namespace agent::node {

enum class Work { kPull, kCreate, kStart, kStop };
struct Action {
  std::size_t container = 0;
  Work work = Work::kPull;
  bool operator==(const Action&) const = default;
};
struct Plan {
  std::vector<Action> actions;
  std::optional<shared::WallTime> wake_at;  // a startTimeout that may expire; settle again then
};

// Moves statuses as far as the rules alone carry them, until nothing changes. Returns whether anything did.
bool settle(Task& task, shared::WallTime now);

// Legal next steps of a settled task, at most one for a container; none for a container with something in
// flight.
Plan plan(const Task& task, shared::WallTime now);

// Names resolve and nothing waits for itself.
bool dependencies_resolve(const Task& task);

}  // namespace agent::node
