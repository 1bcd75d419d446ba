// TaskEngine: what the engine reports by itself, finding containers again after a crash, clean-up of stopped
// tasks.
#include <algorithm>
#include <chrono>
#include <utility>

#include "agent/node/engine/task_engine.h"
#include "agent/node/jitter.h"
#include "agent/node/task/container_spec.h"
#include "agent/node/task/namespaces.h"
#include "shared/log/log.h"

namespace agent::node {
namespace {

namespace log = shared::log;
using shared::Result;

constexpr shared::Millis kEngineProbe{1'000};   // while it is away
constexpr shared::Millis kEngineCheck{10'000};  // while it answers: one that hangs closes no connection
constexpr shared::Millis kSteadyJitter{30'000};
constexpr int kKilled = 137;

std::string label(const runtime::ContainerInfo& info, const char* name) {
  const auto found = info.labels.find(name);
  return found == info.labels.end() ? "" : found->second;
}

bool same(const Container& c, const runtime::ContainerHandle& handle) {
  if (!c.runtime_id.empty() && !handle.id.empty()) return c.runtime_id == handle.id;
  return !c.engine_name.empty() && c.engine_name == handle.name;
}

}  // namespace

// Pings until the engine answers, and from then on now and again. The first time our containers are found
// again before anything else happens.
void TaskEngine::connect_engine() {
  if (asking_engine_) return;
  asking_engine_ = true;
  last_asked_ = parts_.executor.now();
  parts_.runtime.ping(guarded([this](Result<std::string> version) {
    asking_engine_ = false;
    if (!version) return engine_away(version.error());
    const auto took = std::chrono::duration_cast<shared::Millis>(parts_.executor.now() - last_asked_);
    engine_version_ = *version;
    if (!recovered_) {  // which cgroups there are depends on the engine
      if (auto usable = parts_.cgroups.usable(); !usable) return ready_(std::move(usable));
    }
    if (!watching_) {
      watching_ = true;
      parts_.runtime.watch(guarded([this](runtime::Event event) { on_event(event); }), guarded([this] {
                             events_missed_ = true;
                             connect_engine();
                           }));
    }
    if (!recovered_) return recover();
    const auto before = health_.state();
    health_.answered(took, {slow_starts(), starts_.waiting() + starts_.running() > 0});
    health_changed(before);
    after("engine", health_.is_sure() ? kEngineCheck : kEngineProbe, [this] { connect_engine(); });
    if (health_.state() == EngineHealth::State::kGood && std::exchange(events_missed_, false)) inspect_all();
  }));
}

void TaskEngine::engine_away(const shared::Error& error) {
  const auto before = health_.state();
  health_.missed(error.text());
  health_changed(before);
  after("engine", kEngineProbe, [this] { connect_engine(); });
}

// Told once, when it begins and when it is over; how many starts may be under way goes with it.
void TaskEngine::health_changed(EngineHealth::State before) {
  using State = EngineHealth::State;
  const State now = health_.state();
  if (now != State::kGood) give_up_waiting();
  if (now == before) return;
  if (now == State::kGood) {
    log::info("engine_reachable", {{"version", engine_version_}});
    unreachable_since_.clear();  // who still waits then waits for its turn
  } else if (before == State::kGood || before == State::kUnknown) {
    log::warn("engine_unreachable",
              {{"reason", health_.reason()}, {"waiting", pulls_.waiting() + starts_.waiting()}});
    events_missed_ = true;
  }
  const std::size_t all = parts_.settings.concurrent_starts;
  const bool open = now == State::kGood || now == State::kTrial;
  pulls_.set_limit(open ? all : 0);
  starts_.set_limit(now == State::kTrial ? 1 : open ? all : 0);
}

void TaskEngine::start_answered(shared::Millis took) {
  const auto before = health_.state();
  health_.start_answered(took);
  health_changed(before);
}

std::size_t TaskEngine::slow_starts() const {
  const auto now = parts_.executor.now();
  return static_cast<std::size_t>(std::count_if(starts_under_way_.begin(), starts_under_way_.end(),
                                                [&](auto since) { return now - since >= kSlowStart; }));
}

// What waits for the engine does not wait for ever: counted from when it was first seen to wait.
void TaskEngine::give_up_waiting() {
  const auto now = parts_.executor.now();
  const auto waited_out = [&](const std::string& what) {
    return now - unreachable_since_.try_emplace(what, now).first->second >= parts_.settings.engine_patience;
  };
  std::vector<std::string> over;
  for (auto& [arn, task] : tasks_) {
    bool changed = task.queued && waited_out(arn) && give_up_preparing(task);
    for (std::size_t i = 0; i < task.containers.size(); ++i) {
      Container& c = task.containers[i];
      if (c.op != Op::kQueued || c.known == Status::kStopped || !waited_out(key(task, i))) continue;
      fail(c, std::string(c.known == Status::kNone     ? "CannotPullContainerError: "
                          : c.known == Status::kPulled ? "CannotCreateContainerError: "
                                                       : "CannotStartContainerError: ") +
                  health_.reason());
      changed = true;
    }
    if (changed) over.push_back(arn);
  }
  for (const std::string& arn : over) parts_.executor.post(guarded([this, arn] { go(arn); }));
}

// The engine itself is asked: what one call met may be over, or be that call's own.
void TaskEngine::note(const shared::Error& error) {
  if (error.code() != "engine_down" || !recovered_ || health_.state() != EngineHealth::State::kGood) return;
  if (parts_.executor.now() - last_asked_ >= kEngineProbe) connect_engine();
}

void TaskEngine::recover() {
  asking_engine_ = true;
  parts_.runtime.recover(kInstanceLabel, guarded([this](Result<std::vector<runtime::ContainerInfo>> found) {
                           asking_engine_ = false;
                           if (!found) return engine_away(found.error());
                           const auto before = std::exchange(health_, EngineHealth()).state();
                           health_.answered(shared::Millis(0), {});
                           health_changed(before);
                           recovered(*found);
                           connect_engine();
                         }));
}

void TaskEngine::recovered(const std::vector<runtime::ContainerInfo>& found) {
  std::set<const runtime::ContainerInfo*> ours;
  std::vector<std::string> arns;
  for (auto& [arn, task] : tasks_) {
    arns.push_back(arn);
    bool alive = false;
    for (Container& c : task.containers) {
      const auto match =
          std::find_if(found.begin(), found.end(), [&](const auto& info) { return same(c, info.handle); });
      if (match != found.end()) {
        ours.insert(&*match);
        adopt(task, c, *match);
      } else if (c.known == Status::kCreated || c.known == Status::kRunning) {
        vanished(c);
      }
      alive = alive || c.known == Status::kCreated || c.known == Status::kRunning;
    }
    if (alive && task.known != Status::kStopped) {
      task.admitted = true;
      host_.take(arn, demand_of(task));
    }
  }
  for (const auto& info : found) {
    if (ours.contains(&info)) continue;
    // Another agent's, or of a time when this host was in another cluster: control knows nothing of them.
    if (label(info, kClusterLabel) != parts_.settings.cluster) continue;
    if (!tasks_.contains(label(info, kTaskArnLabel))) unknown_.push_back(info);
  }
  log::info("node_recovered", {{"tasks", tasks_.size()}, {"unknown_containers", unknown_.size()}});
  recovered_ = true;
  for (const std::string& arn : arns) go(arn);
  steady_check();
  ready_({});
}

// Who made it may have asked for its start too.
void TaskEngine::adopt(Task& task, Container& c, const runtime::ContainerInfo& info) {
  observe(task, c, info);
  c.start_unanswered = c.known == Status::kCreated;
}

void TaskEngine::observe(Task& task, Container& c, const runtime::ContainerInfo& info) {
  if (c.runtime_id.empty()) c.runtime_id = info.handle.id;
  if (c.image_digest.empty()) c.image_digest = info.image_digest;
  if (info.started_at) c.started_at = info.started_at;
  if (info.created_at) c.created_at = info.created_at;
  if (!info.image_id.empty()) c.image_id = info.image_id;
  if (!info.networks.empty()) c.networks = info.networks;
  if (info.phase != runtime::ContainerPhase::kCreated) c.start_unanswered = false;
  if (c.known == Status::kStopped) {
    // Recorded as stopped and yet alive: once more, then it is left to the clean-up.
    if (info.phase == runtime::ContainerPhase::kRunning && stopped_again_.insert(info.handle.id).second) {
      stop_untold(info.handle, [] {});
    }
    return;
  }
  switch (info.phase) {
    case runtime::ContainerPhase::kCreated:
      c.known = std::max(c.known, Status::kCreated);
      break;
    case runtime::ContainerPhase::kRunning:
      c.known = Status::kRunning;
      if (c.health != info.health) c.health_since = parts_.executor.wall_now();
      c.health = info.health;
      c.health_output = info.health_output;
      // The host's own network has no bindings to report.
      if (task.payload.network_mode != "host") c.bindings = info.ports;
      break;
    case runtime::ContainerPhase::kExited:
      c.exit_code = info.exit_code;
      c.finished_at = info.finished_at ? info.finished_at : std::optional(parts_.executor.wall_now());
      if (c.reason.empty()) {
        bool oom = info.oom_killed || (info.exit_code == kKilled && out_of_memory_.contains(info.handle.id));
        if (!oom && info.exit_code == kKilled && c.desired == Status::kRunning) {
          const auto stats = parts_.cgroups.read(task.id());
          oom = stats && stats->oom_kills > 0;
        }
        if (oom) {
          c.reason = "OutOfMemoryError: Container killed due to memory usage";
        } else if (!info.error.empty()) {
          c.reason = "DockerStateError: " + info.error;
        }
      }
      c.known = Status::kStopped;
      break;
  }
}

void TaskEngine::vanished(Container& c) {
  if (c.known == Status::kStopped) return;
  if (c.reason.empty()) c.reason = "ContainerVanishedError: No container matching saved ID found";
  c.finished_at = parts_.executor.wall_now();
  c.known = Status::kStopped;
}

void TaskEngine::on_event(const runtime::Event& event) {
  if (event.type == runtime::EventType::kCreated) return;
  for (auto& [arn, task] : tasks_) {
    for (std::size_t i = 0; i < task.containers.size(); ++i) {
      if (!same(task.containers[i], event.handle)) continue;
      // The engine's own note of it may come too late for the inspection that follows the exit.
      if (event.type == runtime::EventType::kOom) out_of_memory_.insert(event.handle.id);
      return inspect(arn, i, event.exit_code);
    }
  }
}

void TaskEngine::inspect(const std::string& arn, std::size_t index, std::optional<int> exit_code) {
  inspections_.enter(0, [this, arn, index, exit_code] {
    if (!find(arn)) return inspections_.leave();
    inspect_now(arn, index, exit_code);
  });
}

void TaskEngine::inspect_now(const std::string& arn, std::size_t index, std::optional<int> exit_code) {
  const Container& c = tasks_.at(arn).containers[index];
  parts_.runtime.inspect(
      {c.runtime_id, c.engine_name},
      leaving<runtime::ContainerInfo>(inspections_, [this, arn, index, exit_code](auto info) {
        Task* task = find(arn);
        if (!task) return;
        Container& seen = task->containers[index];
        if (info) {
          observe(*task, seen, *info);
        } else if (info.error().code() == "not_found") {
          if (seen.known < Status::kCreated) return;
          if (exit_code && seen.known != Status::kStopped) {
            seen.exit_code = exit_code;
            seen.finished_at = parts_.executor.wall_now();
            seen.known = Status::kStopped;
          } else {
            vanished(seen);
          }
        } else {
          note(info.error());
          return;  // the next check will tell
        }
        go(arn);
      }));
}

void TaskEngine::inspect_all() {
  for (auto& [arn, task] : tasks_) {
    for (std::size_t i = 0; i < task.containers.size(); ++i) {
      const Container& c = task.containers[i];
      if (c.known == Status::kCreated || c.known == Status::kRunning) inspect(arn, i, std::nullopt);
    }
  }
}

void TaskEngine::steady_check() {
  after("steady", parts_.settings.steady_check + up_to(parts_.random, kSteadyJitter), [this] {
    inspect_all();
    steady_check();
  });
}

bool TaskEngine::has_containers() const {
  return !orphan_tasks().empty() || std::any_of(tasks_.begin(), tasks_.end(), [](const auto& entry) {
    return entry.second.known != Status::kStopped;
  });
}

std::vector<std::string> TaskEngine::orphan_tasks() const {
  std::set<std::string> arns;
  for (const auto& info : unknown_) {
    if (is_orphan(info, label(info, kTaskArnLabel))) arns.insert(label(info, kTaskArnLabel));
  }
  return {arns.begin(), arns.end()};
}

// Those of another control plane are none of our business, whatever its cluster is called, and those without
// the label cannot be told from its: both are left alone.
bool TaskEngine::is_orphan(const runtime::ContainerInfo& info, const std::string& task_arn) const {
  return !installation_.empty() && label(info, kInstallationLabel) == installation_ &&
         label(info, kTaskArnLabel) == task_arn;
}

// What holds namespaces goes after what is in them.
void TaskEngine::stop_orphan(const std::string& task_arn) {
  std::vector<runtime::ContainerHandle> mine;
  std::vector<runtime::ContainerHandle> internal;
  for (const auto& info : unknown_) {
    if (!is_orphan(info, task_arn)) continue;
    log::info("orphan_stopped", {{"task", task_arn}, {"container", info.handle.id}});
    (label(info, kContainerNameLabel) == kPauseContainer ? internal : mine).push_back(info.handle);
  }
  if (mine.empty() && internal.empty()) return;
  std::erase_if(unknown_, [&](const auto& info) { return is_orphan(info, task_arn); });
  remove_orphans(std::move(mine), [this, task_arn, internal = std::move(internal)] {
    remove_orphans(internal, [this, task_arn] {
      if (!find(task_arn)) remove_rest_of_orphan(task_arn);
    });
  });
}

void TaskEngine::remove_orphans(std::vector<runtime::ContainerHandle> handles, std::function<void()> done) {
  if (handles.empty()) return done();
  const auto left = std::make_shared<std::size_t>(handles.size());  // shared by the removals under way
  const auto removed = guarded([left, done = std::move(done)](auto) {
    if (--*left == 0) done();
  });
  for (const auto& handle : handles) {
    stop_untold(handle, [this, handle, removed] { remove_now(handle, removed); });
  }
}

bool TaskEngine::adopt_orphans(Task& task) {
  bool adopted = false;
  for (Container& c : task.containers) {
    const auto match = std::find_if(unknown_.begin(), unknown_.end(), [&](const auto& info) {
      return is_orphan(info, task.arn()) && label(info, kContainerNameLabel) == c.spec.name;
    });
    if (match == unknown_.end()) continue;
    c.engine_name = match->handle.name;
    adopt(task, c, *match);
    unknown_.erase(match);
    adopted = true;
  }
  return adopted;
}

void TaskEngine::schedule_cleanup(Task& task, shared::Millis delay) {
  after("clean " + task.arn(), delay, [this, arn = task.arn()] { clean_up(arn); });
}

void TaskEngine::clean_up(const std::string& arn) {
  Task* task = find(arn);
  if (!task) return;
  const auto since = parts_.executor.wall_now() - task->stopped_at.value_or(parts_.executor.wall_now());
  const bool untold = task->sent != Status::kStopped && since < kMaxCleanupDelay;
  if (untold || task->preparing) return schedule_cleanup(*task, kCleanupRetry);
  remove_container(arn, 0);
}

void TaskEngine::remove_container(const std::string& arn, std::size_t index) {
  Task* task = find(arn);
  if (!task) return;
  if (index >= task->containers.size()) return remove_volumes(arn, task->volumes);
  const Container& c = task->containers[index];
  remove_now({c.runtime_id, c.engine_name}, guarded([this, arn, index](Result<bool> removed) {
               Task* t = find(arn);
               if (!t) return;
               if (removed) return remove_container(arn, index + 1);
               note(removed.error());
               log::warn("container_not_removed", removed.error(), {{"task", arn}});
               schedule_cleanup(*t, kCleanupRetry);
             }));
}

void TaskEngine::remove_now(const runtime::ContainerHandle& handle, runtime::Runtime::Done<bool> done) {
  removals_.enter(0, [this, handle, done = std::move(done)] {
    parts_.runtime.remove(handle, leaving<bool>(removals_, done));
  });
}

void TaskEngine::remove_volume_now(const std::string& name, runtime::Runtime::Done<bool> done) {
  removals_.enter(0, [this, name, done = std::move(done)] {
    parts_.runtime.remove_volume(name, leaving<bool>(removals_, done));
  });
}

}  // namespace agent::node
