// TaskEngine: one container's way through the engine: pull, create, start, stop.
#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/node/engine/task_engine.h"
#include "agent/node/task/container_spec.h"
#include "agent/node/task/namespaces.h"
#include "agent/runtime/pause/pause_image.h"
#include "shared/base/text.h"
#include "shared/log/log.h"

namespace agent::node {
namespace {

namespace log = shared::log;
using shared::Error;
using shared::Result;

constexpr const char* kTimeout = "DockerTimeoutError";
constexpr double kStopBackoff = 1.3;
constexpr shared::Millis kFirstStopRetry{1'000};
constexpr shared::Millis kLongestStopRetry{5'000};

bool down(const Error& error) { return error.code() == "engine_down"; }

// A registry host has a dot, a port, or is "localhost" (how the engine itself tells).
bool names_registry(const std::string& image) {
  const auto slash = image.find('/');
  if (slash == std::string::npos) return false;
  const std::string host = image.substr(0, slash);
  return host == "localhost" || host.find_first_of(".:") != std::string::npos;
}

bool only_local(const std::string& image, const runtime::ImageInfo& info) {
  return info.digest.empty() && !names_registry(image);
}

}  // namespace

std::string TaskEngine::key(const Task& task, std::size_t index) const {
  return task.arn() + " " + task.containers[index].spec.name;
}

// Earlier tasks first, so that a queue of many starts brings some of them up instead of all of them a step
// further.
void TaskEngine::queue(Lane& lane, Task& task, std::size_t index,
                       void (TaskEngine::*step)(Task&, std::size_t)) {
  task.containers[index].op = Op::kQueued;
  lane.enter(task.order, [this, &lane, arn = task.arn(), index, step] {
    Task* still = its_turn(arn, index);
    if (!still) return lane.leave();
    (this->*step)(*still, index);
  });
}

// The task, if the step that waited is still wanted. What was stopped meanwhile is settled already.
Task* TaskEngine::its_turn(const std::string& arn, std::size_t index) {
  Task* task = find(arn);
  if (!task) return nullptr;
  Container& c = task->containers[index];
  if (c.op != Op::kQueued) return nullptr;
  c.op = Op::kNone;
  if (c.known == Status::kStopped || c.desired == Status::kStopped) return nullptr;
  return store_problem_.empty() ? task : nullptr;  // the store's retry looks at every task again
}

template <class T>
runtime::Runtime::Done<T> TaskEngine::then(std::string arn, std::size_t index,
                                           std::function<void(Task&, Container&, Result<T>)> handle) {
  return guarded([this, arn = std::move(arn), index, handle = std::move(handle)](Result<T> result) {
    Task* task = find(arn);
    if (!task || index >= task->containers.size()) return;
    if (!result) note(result.error());
    handle(*task, task->containers[index], std::move(result));
    go(arn);
  });
}

void TaskEngine::retry(Task& task, std::size_t index, Op waiting, shared::Millis delay) {
  task.containers[index].op = waiting;
  after(key(task, index), delay, [this, arn = task.arn(), index] {
    Task* again = find(arn);
    if (!again) return;
    Container& c = again->containers[index];
    if (c.op == Op::kRetry || c.op == Op::kStopRetry) c.op = Op::kNone;
    go(arn);
  });
}

// While the engine is away, or too slow for everybody, it is nothing about the container: wait for it, but
// not for ever.
bool TaskEngine::retry_engine(Task& task, std::size_t index, const Error& error) {
  const bool in_trouble = error.code() == kTimeout && health_.state() != EngineHealth::State::kGood;
  if (!down(error) && !in_trouble) {
    unreachable_since_.erase(key(task, index));
    return false;
  }
  const auto now = parts_.executor.now();
  const auto since = unreachable_since_.try_emplace(key(task, index), now).first->second;
  if (now - since >= parts_.settings.engine_patience) return false;
  retry(task, index, Op::kRetry, parts_.settings.engine_retry);
  return true;
}

void TaskEngine::pull(Task& task, std::size_t index) {
  Container& c = task.containers[index];
  c.op = Op::kPull;
  if (!c.pull_started_at) c.pull_started_at = parts_.executor.wall_now();
  const auto behavior = parts_.settings.pull_behavior;
  const std::string image = c.spec.image;
  if (behavior == PullBehavior::kAlways ||
      (behavior == PullBehavior::kOnce && !pulled_images_.contains(image))) {
    return pull_from_registry(task.arn(), index, std::nullopt);
  }
  parts_.runtime.find_image(image,
                            guarded([this, arn = task.arn(), index, image](Result<runtime::ImageInfo> local) {
                              Task* t = find(arn);
                              if (!t) return pulls_.leave();
                              Container& container = t->containers[index];
                              if (!local && down(local.error())) {
                                pulls_.leave();
                                note(local.error());
                                container.op = Op::kNone;
                                if (!retry_engine(*t, index, local.error()))
                                  fail(container, "CannotPullContainerError: " + local.error().text());
                                return go(arn);
                              }
                              const auto how = parts_.settings.pull_behavior;
                              if (local && (how != PullBehavior::kDefault || only_local(image, *local))) {
                                pulls_.leave();
                                pulled(container, *local);
                                return go(arn);
                              }
                              pull_from_registry(arn, index, local ? std::optional(*local) : std::nullopt);
                            }));
}

void TaskEngine::pull_from_registry(const std::string& arn, std::size_t index,
                                    std::optional<runtime::ImageInfo> local) {
  const std::string image = find(arn)->containers[index].spec.image;
  auto done = then<runtime::ImageInfo>(arn, index, [=, this](Task& task, Container& c, auto result) {
    c.op = Op::kNone;
    if (c.known == Status::kStopped) return;  // stopped meanwhile
    if (result) {
      pulled_images_.insert(image);
      parts_.records.put_pulled_image(image);
      unreachable_since_.erase(key(task, index));
      return pulled(c, *result);
    }
    if (retry_engine(task, index, result.error())) return;
    if (local) {
      log::info("pull_failed_local_image_used", {{"image", image}, {"reason", result.error().text()}});
      return pulled(c, *local);
    }
    fail(c, shared::with_code(result.error()));
  });
  parts_.runtime.pull(image, leaving<runtime::ImageInfo>(pulls_, std::move(done)));
}

void TaskEngine::pulled(Container& c, const runtime::ImageInfo& image) {
  c.op = Op::kNone;
  if (c.known >= Status::kPulled) return;
  c.known = Status::kPulled;
  c.image_digest = image.digest;
  c.pull_stopped_at = parts_.executor.wall_now();
}

void TaskEngine::create(Task& task, std::size_t index) {
  Container& c = task.containers[index];
  auto spec = container_spec(task, c, parts_.settings, instance_id_);
  if (!spec) {
    starts_.leave();
    fail(c, shared::with_code(spec.error()));
    parts_.executor.post(guarded([this, arn = task.arn()] { go(arn); }));
    return;
  }
  if (!installation_.empty()) spec->labels[kInstallationLabel] = installation_;
  c.op = Op::kCreate;
  auto done =
      then<runtime::ContainerHandle>(task.arn(), index, [this, index](Task& t, Container& made, auto result) {
        made.op = Op::kNone;
        if (result) {
          unreachable_since_.erase(key(t, index));
          made.runtime_id = result->id;
          made.known = std::max(made.known, Status::kCreated);
        } else if (!retry_engine(t, index, result.error())) {
          fail(made, shared::with_code(result.error()));
        }
      });
  auto created = starting<runtime::ContainerHandle>(std::move(done));
  if (!is_internal(c)) return parts_.runtime.create(*spec, std::move(created));
  // Its image may have been removed since the last one was made: nobody but us needs it.
  provide_pause_image([this, spec = *spec, created](Result<runtime::ImageInfo> image) {
    if (!image) return created(image.error());
    parts_.runtime.create(spec, created);
  });
}

// One import for all tasks that wait for it.
void TaskEngine::provide_pause_image(std::function<void(Result<runtime::ImageInfo>)> done) {
  image_waiters_.push_back(std::move(done));
  if (image_waiters_.size() > 1) return;
  const auto provided = guarded([this](Result<runtime::ImageInfo> image) {
    for (const auto& waiter : std::exchange(image_waiters_, {})) waiter(image);
  });
  const std::string& name = runtime::pause::image_name();
  parts_.runtime.find_image(name, guarded([this, name, provided](Result<runtime::ImageInfo> found) {
                              if (found || found.error().code() != "not_found") return provided(found);
                              log::info("pause_image_imported", {{"image", name}});
                              parts_.runtime.import_image(name, runtime::pause::image_tree(), provided);
                            }));
}

void TaskEngine::start_container(Task& task, std::size_t index) {
  Container& c = task.containers[index];
  c.op = Op::kStart;
  parts_.runtime.start({c.runtime_id, c.engine_name},
                       starting<runtime::ContainerInfo>([this, arn = task.arn(), index](auto result) {
                         Task* t = find(arn);
                         if (!t) return;
                         if (!result && !down(result.error()))
                           return start_failed(arn, index, result.error());
                         Container& started = t->containers[index];
                         started.op = Op::kNone;
                         if (result) {
                           unreachable_since_.erase(key(*t, index));
                           observe(*t, started, *result);
                           if (started.known == Status::kRunning && !started.started_at)
                             started.started_at = parts_.executor.wall_now();
                         } else {
                           note(result.error());
                           if (!retry_engine(*t, index, result.error()))
                             fail(started, "CannotStartContainerError: " + result.error().text());
                         }
                         go(arn);
                       }));
}

// It may run all the same (a call that took too long): then it has to be stopped in the ordinary way.
void TaskEngine::start_failed(const std::string& arn, std::size_t index, Error error) {
  Task* task = find(arn);
  Container& c = task->containers[index];
  parts_.runtime.inspect(
      {c.runtime_id, c.engine_name},
      then<runtime::ContainerInfo>(arn, index, [this, index, error](Task& t, Container& failed, auto info) {
        failed.op = Op::kNone;
        const bool runs = info && info->phase == runtime::ContainerPhase::kRunning;
        if (runs && error.code() == kTimeout && health_.state() != EngineHealth::State::kGood)
          return observe(t, failed, *info);
        if (!runs && retry_engine(t, index, error)) return;
        fail(failed, shared::with_code(error));
        failed.start_unanswered = error.code() == kTimeout;
        if (runs) observe(t, failed, *info);
      }));
}

void TaskEngine::stop(Task& task, std::size_t index) {
  Container& c = task.containers[index];
  c.op = Op::kStop;
  stops_.enter(0, [this, arn = task.arn(), index] { stop_now(arn, index); });
}

void TaskEngine::stop_now(const std::string& arn, std::size_t index) {
  Task* task = find(arn);
  if (!task) return stops_.leave();
  Container& c = task->containers[index];
  if (c.known == Status::kStopped) {  // ended by itself while it waited
    c.op = Op::kNone;
    return stops_.leave();
  }
  if (c.start_unanswered) return remove_unstarted(*task, index);
  const shared::Millis grace = c.spec.stop_timeout > 0 ? std::chrono::seconds(c.spec.stop_timeout)
                                                       : parts_.settings.container_stop_timeout;
  auto done = then<runtime::ContainerInfo>(arn, index, [this, index](Task& t, Container& s, auto result) {
    s.op = Op::kNone;
    if (result) {
      stop_attempts_.erase(key(t, index));
      observe(t, s, *result);
      if (s.known != Status::kStopped) s.known = Status::kStopped;
    } else {
      stop_failed(t, index, result.error());
    }
  });
  parts_.runtime.stop({c.runtime_id, c.engine_name}, grace,
                      leaving<runtime::ContainerInfo>(stops_, std::move(done)));
}

// Stopping a container that does not run yet would not keep a start that is under way from succeeding; what
// is removed cannot be started. One that was started meanwhile is not removed, and is stopped like any other.
void TaskEngine::remove_unstarted(Task& task, std::size_t index) {
  const Container& c = task.containers[index];
  auto done = then<bool>(task.arn(), index, [this, index](Task& t, Container& removed, auto result) {
    removed.op = Op::kNone;
    if (!result) {
      inspect(t.arn(), index, std::nullopt);
      return stop_failed(t, index, result.error());
    }
    stop_attempts_.erase(key(t, index));
    removed.start_unanswered = false;
    removed.known = Status::kStopped;
  });
  parts_.runtime.remove({c.runtime_id, c.engine_name}, leaving<bool>(stops_, std::move(done)));
}

// A container that is no task's, or no longer.
void TaskEngine::stop_untold(const runtime::ContainerHandle& handle, std::function<void()> done) {
  stops_.enter(0, [this, handle, done = std::move(done)] {
    parts_.runtime.stop(handle, parts_.settings.container_stop_timeout,
                        leaving<runtime::ContainerInfo>(stops_, [done](auto) { done(); }));
  });
}

void TaskEngine::stop_failed(Task& task, std::size_t index, const Error& error) {
  Container& c = task.containers[index];
  if (c.known == Status::kStopped) return;  // its exit was seen meanwhile
  if (error.code() == "not_found") return vanished(c);
  if (down(error)) return retry(task, index, Op::kStopRetry, parts_.settings.engine_retry);
  int& attempts = stop_attempts_[key(task, index)];
  if (++attempts < kMaxStopAttempts) {
    const auto delay = shared::Millis(
        std::llround(static_cast<double>(kFirstStopRetry.count()) * std::pow(kStopBackoff, attempts - 1)));
    return retry(task, index, Op::kStopRetry, std::min(delay, kLongestStopRetry));
  }
  attempts = 0;
  c.op = Op::kStop;
  parts_.runtime.ping(guarded([this, arn = task.arn(), index, error](Result<std::string> alive) {
    Task* t = find(arn);
    if (!t) return;
    Container& s = t->containers[index];
    s.op = Op::kNone;
    if (s.known == Status::kStopped) return go(arn);
    if (!alive) {
      note(alive.error());
      retry(*t, index, Op::kStopRetry, parts_.settings.engine_retry);
    } else {
      // The engine answers and cannot stop it: as the ECS agent does, it counts as stopped from here on.
      if (s.reason.empty()) s.reason = shared::with_code(error);
      s.known = Status::kStopped;
      log::error("container_not_stopped", error, {{"task", arn}, {"container", s.spec.name}});
    }
    go(arn);
  }));
}

}  // namespace agent::node
