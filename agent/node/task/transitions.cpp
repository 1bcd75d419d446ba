#include "agent/node/task/transitions.h"

#include <algorithm>

#include "agent/node/task/namespaces.h"

namespace agent::node {
namespace {

using shared::WallTime;

// What ECS agents report for a container whose dependency failed.
constexpr int kDependencyFailedExit = 143;

// "name:alias" or "name"
std::string link_target(const std::string& link) { return link.substr(0, link.find(':')); }

struct Edge {
  std::string on;
  std::string condition;
};
// Links hold back as START does; volumesFrom needs a container that exists.
std::vector<Edge> edges_of(const Container& c) {
  std::vector<Edge> edges;
  for (const auto& d : c.spec.depends_on) edges.push_back({d.container, d.condition});
  for (const auto& l : c.spec.links) edges.push_back({link_target(l), "START"});
  for (const auto& v : c.spec.volumes_from) edges.push_back({v.source_container, "CREATE"});
  return edges;
}

const Container* named(const Task& task, const std::string& name) {
  for (const Container& c : task.containers) {
    if (c.spec.name == name) return &c;
  }
  return nullptr;
}

bool has_health_check(const Container& c) { return c.spec.health_check_type == "docker"; }

// When waiting for `on` ends in failure; none without a start timeout or before it runs.
std::optional<WallTime> deadline(const Edge& edge, const Container& on) {
  if (on.spec.start_timeout <= 0 || !on.started_at) return std::nullopt;
  if (edge.condition != "COMPLETE" && edge.condition != "SUCCESS" && edge.condition != "HEALTHY")
    return std::nullopt;
  return *on.started_at + std::chrono::seconds(on.spec.start_timeout);
}

enum class Wait { kSatisfied, kBlocked, kFailed };

Wait check(const Edge& edge, const Container& on, WallTime now, std::string* why) {
  const auto fail = [&](const std::string& text) {
    if (why) *why = text;
    return Wait::kFailed;
  };
  const bool stopped = on.known == Status::kStopped;
  if (edge.condition == "CREATE") return on.known >= Status::kCreated ? Wait::kSatisfied : Wait::kBlocked;
  if (edge.condition == "START") return on.known >= Status::kRunning ? Wait::kSatisfied : Wait::kBlocked;
  if (edge.condition == "COMPLETE" && stopped) return Wait::kSatisfied;
  if (edge.condition == "SUCCESS" && stopped) {
    if (on.exit_code == 0) return Wait::kSatisfied;
    return fail("container '" + edge.on + "' did not exit successfully" +
                (on.exit_code ? ", its exit code is " + std::to_string(*on.exit_code) : ""));
  }
  if (edge.condition == "HEALTHY") {
    if (!has_health_check(on)) return fail("container '" + edge.on + "' has no health check");
    if (stopped) return fail("container '" + edge.on + "' stopped before it was healthy");
    if (on.known == Status::kRunning && on.health == "healthy") return Wait::kSatisfied;
  }
  if (const auto by = deadline(edge, on); by && now >= *by) {
    return fail("container '" + edge.on + "' did not meet condition " + edge.condition +
                " within its startTimeout of " + std::to_string(on.spec.start_timeout) + " s");
  }
  return Wait::kBlocked;
}

bool may_start(const Task& task, const Container& c, WallTime now, std::optional<WallTime>& wake_at) {
  bool free = true;
  for (const Edge& edge : edges_of(c)) {
    const Container* on = named(task, edge.on);
    if (!on || check(edge, *on, now, nullptr) == Wait::kSatisfied) continue;
    free = false;
    if (const auto by = deadline(edge, *on); by && (!wake_at || *by < *wake_at)) wake_at = by;
  }
  return free;
}

// A container outlives everything that depends on it.
bool may_stop(const Task& task, const Container& c) {
  for (const Container& other : task.containers) {
    if (&other == &c || other.known == Status::kStopped) continue;
    for (const Edge& edge : edges_of(other)) {
      if (edge.on == c.spec.name) return false;
    }
  }
  return true;
}

bool idle(const Container& c) {
  return c.op == Op::kNone || c.op == Op::kQueued || c.op == Op::kRetry || c.op == Op::kPull;
}

bool propagate_wishes(Task& task) {
  bool changed = false;
  const bool essential_ended =
      std::any_of(task.containers.begin(), task.containers.end(), [](const Container& c) {
        return c.spec.essential && (c.known == Status::kStopped || c.desired == Status::kStopped);
      });
  if (essential_ended && task.desired != Status::kStopped) {
    task.desired = Status::kStopped;
    if (task.reason.empty()) task.reason = why_namespaces_ended(task);
    changed = true;
  }
  const bool all_ended = std::all_of(task.containers.begin(), task.containers.end(), [](const Container& c) {
    return is_internal(c) || c.known == Status::kStopped;
  });
  for (Container& c : task.containers) {
    if (is_internal(c) && all_ended && c.desired != Status::kStopped) {
      c.desired = Status::kStopped;
      changed = true;
    }
    if (task.desired != Status::kStopped || c.desired == Status::kStopped) continue;
    c.desired = Status::kStopped;
    changed = true;
  }
  return changed;
}

// What never ran and will not needs no engine to stop. A pull is left to itself, a step that waits for its
// turn is skipped; a create or start in flight is awaited.
bool stop_without_engine(Container& c) {
  if (c.desired != Status::kStopped || c.known >= Status::kRunning || !idle(c)) return false;
  if (c.start_unanswered) return false;
  c.known = Status::kStopped;
  return true;
}

bool fail_on_dependency(const Task& task, Container& c, WallTime now) {
  if (c.desired != Status::kRunning || c.known >= Status::kRunning || !idle(c)) return false;
  for (const Edge& edge : edges_of(c)) {
    const Container* on = named(task, edge.on);
    std::string why;
    if (!on || check(edge, *on, now, &why) != Wait::kFailed) continue;
    if (!c.start_unanswered) c.known = Status::kStopped;
    c.desired = Status::kStopped;
    c.exit_code = kDependencyFailedExit;
    if (c.reason.empty()) c.reason = "CannotStartContainerError: dependency graph: " + why;
    return true;
  }
  return false;
}

bool raise_task(Task& task, WallTime now) {
  Status lowest = Status::kStopped;
  for (const Container& c : task.containers) {
    lowest = std::min(lowest, c.known);
    if (c.spec.essential && c.known == Status::kStopped && !task.execution_stopped_at) {
      task.execution_stopped_at = c.finished_at.value_or(now);
    }
  }
  if (task.containers.empty() && task.known != Status::kStopped && task.reason.empty()) {
    task.reason = "TaskStateError: Agent could not progress task's state to stopped";
  }
  // A task on its way down never shows up as running for the first time.
  if (lowest <= task.known || (task.desired == Status::kStopped && lowest != Status::kStopped)) return false;
  task.known = lowest;
  if (lowest == Status::kStopped) {
    task.desired = Status::kStopped;
    task.stopped_at = now;
  }
  return true;
}

}  // namespace

bool settle(Task& task, WallTime now) {
  bool changed = false;
  for (bool again = true; again;) {
    again = propagate_wishes(task);
    for (Container& c : task.containers) {
      again = stop_without_engine(c) || again;
      again = fail_on_dependency(task, c, now) || again;
    }
    again = raise_task(task, now) || again;
    changed = changed || again;
  }
  return changed;
}

Plan plan(const Task& task, WallTime now) {
  Plan out;
  for (std::size_t i = 0; i < task.containers.size(); ++i) {
    const Container& c = task.containers[i];
    if (c.op != Op::kNone || c.known == Status::kStopped) continue;
    if (c.desired == Status::kStopped) {
      if ((c.known == Status::kRunning || c.start_unanswered) && may_stop(task, c))
        out.actions.push_back({i, Work::kStop});
      continue;
    }
    if (c.known == Status::kRunning || !task.admitted || !task.ready) continue;
    if (!may_start(task, c, now, out.wake_at)) continue;
    const Work next = c.known == Status::kNone     ? Work::kPull
                      : c.known == Status::kPulled ? Work::kCreate
                                                   : Work::kStart;
    out.actions.push_back({i, next});
  }
  return out;
}

bool dependencies_resolve(const Task& task) {
  // Take away containers whose dependencies are all taken; what is left over waits for itself.
  std::vector<std::string> resolved;
  const auto known = [&](const std::string& name) {
    return std::find(resolved.begin(), resolved.end(), name) != resolved.end();
  };
  for (bool progress = true; progress;) {
    progress = false;
    for (const Container& c : task.containers) {
      if (known(c.spec.name)) continue;
      const auto edges = edges_of(c);
      if (!std::all_of(edges.begin(), edges.end(), [&](const Edge& e) { return known(e.on); })) continue;
      resolved.push_back(c.spec.name);
      progress = true;
    }
  }
  return resolved.size() == task.containers.size();
}

}  // namespace agent::node
