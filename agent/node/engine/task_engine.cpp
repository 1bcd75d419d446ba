#include "agent/node/engine/task_engine.h"

#include <algorithm>

#include "agent/node/jitter.h"
#include "agent/node/task/container_spec.h"
#include "agent/node/task/namespaces.h"
#include "shared/log/log.h"

namespace agent::node {
namespace {

namespace log = shared::log;
constexpr std::size_t kNameSuffixDigits = 20;
constexpr shared::Millis kStoreRetry{1'000};

// "web: exit 137, OutOfMemoryError: ...; side: exit 0"
std::string endings(const Task& task) {
  std::string text;
  for (const Container& c : task.containers) {
    if (is_internal(c)) continue;
    text += (text.empty() ? "" : "; ") + c.spec.name + ":";
    if (c.exit_code) text += " exit " + std::to_string(*c.exit_code);
    if (!c.reason.empty()) text += (c.exit_code ? ", " : " ") + c.reason;
    if (!c.exit_code && c.reason.empty()) text += " not started";
  }
  return text;
}

}  // namespace

TaskEngine::TaskEngine(Parts parts, std::function<void(const std::string&)> changed)
    : parts_(parts),
      changed_(std::move(changed)),
      host_(parts.settings),
      pulls_(parts.executor, parts.settings.concurrent_starts),
      starts_(parts.executor, parts.settings.concurrent_starts),
      stops_(parts.executor, kMaxConcurrentStops),
      inspections_(parts.executor, kMaxConcurrentInspections),
      removals_(parts.executor, kMaxConcurrentRemovals) {}

void TaskEngine::start(std::string instance_id, std::map<std::string, Task> tasks,
                       std::set<std::string> pulled_images, std::function<void(shared::Result<void>)> ready) {
  instance_id_ = std::move(instance_id);
  tasks_ = std::move(tasks);
  pulled_images_ = std::move(pulled_images);
  ready_ = std::move(ready);
  for (const auto& [arn, task] : tasks_) next_order_ = std::max(next_order_, task.order + 1);
  connect_engine();
}

Task* TaskEngine::find(const std::string& arn) {
  const auto found = tasks_.find(arn);
  return found == tasks_.end() ? nullptr : &found->second;
}

bool TaskEngine::accept(const link::TaskPayload& payload) {
  const bool stop = payload.desired_status == "STOPPED";
  if (Task* known = find(payload.arn)) {
    if (stop && known->desired != Status::kStopped) {
      known->desired = Status::kStopped;
      parts_.records.put(*known);
    }
    for (const auto* keys : {&payload.role_credentials, &payload.execution_role_credentials}) {
      if (*keys) take_keys(payload.arn, **keys);
    }
    return false;
  }
  Task task;
  task.payload = payload;
  task.order = next_order_++;
  for (auto& spec : task.payload.containers) {
    Container c;
    c.spec = std::move(spec);
    task.containers.push_back(std::move(c));
  }
  task.payload.containers.clear();
  add_pause_container(task);
  for (Container& c : task.containers) {
    c.engine_name = engine_name(task, c, parts_.random.hex(kNameSuffixDigits));
    if (!parts_.settings.metadata_url.empty()) c.endpoint_id = parts_.random.uuid();
  }
  if (stop) task.desired = Status::kStopped;
  if (!dependencies_resolve(task)) {
    task.desired = Status::kStopped;
    task.reason = "Task dependencies cannot be resolved, taskArn: " + task.arn();
  }
  adopt_orphans(task);
  task.volumes = task_volumes(task);
  parts_.records.put(task);
  tasks_.emplace(payload.arn, std::move(task));
  return true;
}

bool TaskEngine::take_keys(const std::string& arn, const link::RoleCredentials& keys) {
  Task* task = find(arn);
  if (!task) return false;
  for (auto* mine : {&task->payload.role_credentials, &task->payload.execution_role_credentials}) {
    if (!*mine || (*mine)->credentials_id != keys.credentials_id) continue;
    *mine = keys;
    return true;
  }
  return false;
}

void TaskEngine::forget(const std::string& arn) {
  parts_.records.erase_task(arn);
  tasks_.erase(arn);
}

void TaskEngine::want_stopped(const std::string& arn) {
  Task* task = find(arn);
  if (!task || task->desired == Status::kStopped) return;
  task->desired = Status::kStopped;
  go(arn);
}

void TaskEngine::go(const std::string& arn) {
  Task* task = find(arn);
  if (!task || !recovered_) return;
  const Status before = task->known;
  settle(*task, parts_.executor.wall_now());
  if (before < Status::kRunning && task->known == Status::kRunning)
    log::info("task_running",
              {{"task", arn}, {"definition", task->payload.family + ":" + task->payload.version}});
  if (!task->admitted && task->desired == Status::kRunning && task->known < Status::kRunning) admit_waiting();
  if (task->admitted && !task->ready && !task->preparing && task->desired == Status::kRunning &&
      !waits_for_keys(*task))
    prepare(*task);
  if (task->known == Status::kStopped && !task->ended) on_stopped(*task);
  parts_.records.put(*task);
  const bool durable = persist();
  const Plan next = plan(*task, parts_.executor.wall_now());
  wake_at(arn, next.wake_at);
  perform(*task, next, durable);
  changed_(arn);
}

bool TaskEngine::persist() {
  auto flushed = parts_.records.flush();
  if (flushed) {
    store_problem_.clear();
    return true;
  }
  if (store_problem_.empty()) log::error("store_refused", flushed.error());
  store_problem_ = "the node's store: " + flushed.error().text();
  after("store", kStoreRetry, [this] {
    std::vector<std::string> arns;
    for (const auto& [arn, task] : tasks_) arns.push_back(arn);
    for (const auto& arn : arns) go(arn);
  });
  return false;
}

// Strictly in the order of arrival: a big task is not starved by small ones behind it.
void TaskEngine::admit_waiting() {
  std::vector<Task*> waiting;
  for (auto& [arn, task] : tasks_) {
    if (!task.admitted && task.desired == Status::kRunning && task.known < Status::kStopped)
      waiting.push_back(&task);
  }
  std::sort(waiting.begin(), waiting.end(), [](const Task* a, const Task* b) { return a->order < b->order; });
  for (Task* task : waiting) {
    const Demand demand = demand_of(*task);
    if (!host_.fits(demand)) return;
    host_.take(task->arn(), demand);
    task->admitted = true;
    parts_.executor.post(guarded([this, arn = task->arn()] { go(arn); }));
  }
}

void TaskEngine::on_stopped(Task& task) {
  task.ended = true;
  task.admitted = false;
  host_.release(task.arn());
  // Not again at each start of the agent until its clean-up.
  if (task.sent != Status::kStopped)
    log::info("task_stopped", {{"task", task.arn()}, {"reason", task.reason}, {"containers", endings(task)}});
  const auto wait =
      parts_.settings.task_cleanup_wait + up_to(parts_.random, parts_.settings.task_cleanup_wait_jitter);
  const auto since = parts_.executor.wall_now() - task.stopped_at.value_or(parts_.executor.wall_now());
  schedule_cleanup(task, std::max(shared::Millis(0), wait - since));
  admit_waiting();
}

void TaskEngine::perform(Task& task, const Plan& next, bool durable) {
  for (const Action& action : next.actions) {
    switch (action.work) {
      case Work::kStop:
        stop(task, action.container);
        break;
      // Nothing new comes to life that could be forgotten.
      case Work::kPull:
        if (durable) queue(pulls_, task, action.container, &TaskEngine::pull);
        break;
      case Work::kCreate:
        if (durable) queue(starts_, task, action.container, &TaskEngine::create);
        break;
      case Work::kStart:
        if (durable) queue(starts_, task, action.container, &TaskEngine::start_container);
        break;
    }
  }
}

void TaskEngine::wake_at(const std::string& arn, std::optional<shared::WallTime> at) {
  if (!at) {
    timers_.erase("wake " + arn);
    return;
  }
  const auto delay = std::max(shared::Millis(0), shared::Millis(*at - parts_.executor.wall_now()));
  after("wake " + arn, delay, [this, arn] { go(arn); });
}

// A second timer of the same key replaces the first.
void TaskEngine::after(const std::string& timer, shared::Millis delay, std::function<void()> work) {
  timers_[timer] = parts_.executor.after(delay, [this, timer, work = std::move(work)] {
    const auto run = work;  // the entry that holds us goes away
    const std::string name = timer;
    timers_.erase(name);
    run();
  });
}

void TaskEngine::fail(Container& c, const std::string& reason) {
  if (c.reason.empty()) c.reason = reason;
  c.desired = Status::kStopped;
}

}  // namespace agent::node
