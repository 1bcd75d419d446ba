// TaskEngine: what a task needs before its first container (cgroup, volumes) and what goes after its last.
#include <algorithm>

#include "agent/node/engine/task_engine.h"
#include "agent/node/task/container_spec.h"
#include "shared/base/text.h"
#include "shared/log/log.h"

namespace agent::node {
namespace {

namespace log = shared::log;
using shared::Error;
using shared::Result;

constexpr shared::Millis kPrepareRetry{30'000};
constexpr const char* kNoSecrets = "ResourceInitializationError: unable to pull secrets or registry auth: ";
constexpr int kMaxSecretAttempts = 5;
constexpr shared::Millis kSecretRetry{2'000};

cgroup::Limits limits_of(const Task& task, const NodeSettings& settings) {
  cgroup::Limits limits;
  if (task.payload.cpu > 0) limits.cpu = task.payload.cpu;
  if (task.payload.memory > 0) limits.memory_mib = task.payload.memory;
  limits.pids = settings.task_pids_limit;
  for (const Container& c : task.containers) {
    limits.cpu_shares += std::max<std::int64_t>(c.spec.cpu, cgroup::kMinShares);
  }
  return limits;
}

// The container that could never be made inside its task's limit, as the ECS agent refuses it.
std::string memory_conflict(const Task& task) {
  if (task.payload.memory <= 0) return "";
  for (const Container& c : task.containers) {
    if (c.spec.memory > task.payload.memory) {
      return "container '" + c.spec.name + "' has a memory limit of " + std::to_string(c.spec.memory) +
             " MiB, more than the task's " + std::to_string(task.payload.memory) + " MiB";
    }
  }
  return "";
}

// The ECS agent's words for a task whose resources it could not even begin to make.
std::string cannot_initialize(const Task& task, const std::string& what) {
  return "resource cannot be initialized for task " + task.arn() + ": " + what;
}

bool begun(const Task& task) {
  return std::any_of(task.containers.begin(), task.containers.end(), [](const Container& c) {
    return c.known == Status::kCreated || c.known == Status::kRunning;
  });
}

// Control was not there; an answer has a code of the service.
bool control_answered(const Error& error) {
  return error.code() != "connect" && error.code() != "timeout" && error.code() != "closed";
}

std::string waiting_key(const std::string& arn) { return "volumes " + arn; }
std::string secrets_key(const std::string& arn) { return "secrets " + arn; }

}  // namespace

// Takes its turn among the starts: making cgroups and volumes for a thousand tasks at once would keep the
// engine, and this thread, from everything else.
void TaskEngine::prepare(Task& task) {
  task.preparing = task.queued = true;
  starts_.enter(task.order, [this, arn = task.arn()] {
    Task* still = find(arn);
    if (!still) return starts_.leave();
    still->preparing = still->queued = false;
    unreachable_since_.erase(arn);
    if (still->desired == Status::kStopped) return starts_.leave();
    make_ready(*still);
    if (!still->preparing || still->fetching) starts_.leave();
    parts_.executor.post(guarded([this, arn] { go(arn); }));
  });
}

void TaskEngine::make_ready(Task& task) {
  if (const std::string problem = memory_conflict(task); !problem.empty())
    return not_prepared(task, cannot_initialize(task, "cgroup resource: " + problem));
  auto made = parts_.cgroups.create(task.id(), limits_of(task, parts_.settings));
  if (!made && !begun(task))
    return not_prepared(task, cannot_initialize(task, "cgroup resource: " + made.error().text()));
  if (!made) return prepare_later(task, made.error());
  task.cgroup_parent = *made;
  // Containers that were all made hold their volumes already: a task found again does not depend on the
  // volume driver a second time.
  if (std::all_of(task.containers.begin(), task.containers.end(),
                  [](const Container& c) { return c.known >= Status::kCreated; })) {
    return prepared(task);
  }
  auto volumes = volumes_of(task, instance_id_);
  if (!volumes) {
    return not_prepared(task, cannot_initialize(task, "initialize volume: " + volumes.error().text()));
  }
  std::erase_if(*volumes, [](const Volume& v) { return v.kind == VolumeKind::kHostPath; });
  if (volumes->empty()) return fetch_secrets(task);
  for (Volume& v : *volumes) {
    if (v.kind == VolumeKind::kTask && !installation_.empty())
      v.spec.labels[kInstallationLabel] = installation_;
  }
  task.preparing = true;
  provision(task.arn(), *std::move(volumes), 0);
}

// Found again after a restart: what runs has its cgroup from then, and does not end because it could not be
// looked after now.
void TaskEngine::prepare_later(Task& task, const Error& error) {
  log::warn("task_cgroup_not_renewed", error, {{"task", task.arn()}});
  starts_.leave();
  task.preparing = true;
  after(waiting_key(task.arn()), kPrepareRetry, [this, arn = task.arn()] {
    if (Task* again = find(arn)) again->preparing = false;
    go(arn);
  });
}

// One volume after the other.
void TaskEngine::provision(const std::string& arn, std::vector<Volume> volumes, std::size_t index) {
  Task* task = find(arn);
  if (!task) return starts_.leave();
  if (index >= volumes.size() || task->desired == Status::kStopped) {
    starts_.leave();
    task->preparing = false;
    if (index >= volumes.size()) fetch_secrets(*task);
    return go(arn);
  }
  const Volume volume = volumes[index];
  const auto answered =
      guarded([this, arn, volumes = std::move(volumes), index](Result<runtime::VolumeInfo> result) {
        if (result) return provision(arn, volumes, index + 1);
        note(result.error());
        provision_failed(arn, volumes[index], result.error());
      });
  if (volume.kind == VolumeKind::kExisting) return parts_.runtime.find_volume(volume.source, answered);
  parts_.runtime.create_volume(volume.spec, answered);
}

void TaskEngine::provision_failed(const std::string& arn, const Volume& volume, const Error& error) {
  starts_.leave();
  Task* task = find(arn);
  if (!task) return;
  const auto now = parts_.executor.now();
  const auto since = unreachable_since_.try_emplace(waiting_key(arn), now).first->second;
  if (error.code() == "engine_down" && now - since < parts_.settings.engine_patience) {
    return after(waiting_key(arn), parts_.settings.engine_retry, [this, arn] {
      if (Task* again = find(arn)) again->preparing = false;
      go(arn);
    });
  }
  std::string reason = shared::with_code(error);
  if (volume.kind == VolumeKind::kExisting) {
    reason =
        cannot_initialize(*task, "initialize volume: volume detection failed, volume '" + volume.name +
                                     "' does not exist and autoprovision is set to false: " + error.text());
  }
  task->preparing = false;
  not_prepared(*task, reason);
  go(arn);
}

// Not among the starts: control is asked, not the engine.
void TaskEngine::fetch_secrets(Task& task) {
  auto requests = secret_requests(task);
  if (!requests) return not_prepared(task, kNoSecrets + requests.error().text());
  if (requests->empty()) return prepared(task);
  if (parts_.role_calls == nullptr || !task.payload.execution_role_credentials) {
    return not_prepared(task, std::string(kNoSecrets) +
                                  "the task has no keys of an execution role that this installation knows");
  }
  task.preparing = task.fetching = true;
  fetch_next(task.arn(), *std::move(requests), 0);
}

void TaskEngine::fetch_next(const std::string& arn, std::vector<SecretRequest> requests, std::size_t index) {
  Task* task = find(arn);
  if (!task) return;
  if (index >= requests.size() || task->desired == Status::kStopped) {
    task->preparing = task->fetching = false;
    if (index >= requests.size()) prepared(*task);
    return go(arn);
  }
  const SecretRequest request = requests[index];
  parts_.role_calls->call_as(
      *task->payload.execution_role_credentials, request.call,
      guarded([this, arn, requests = std::move(requests), index](Result<std::string> answer) {
        Task* asked = find(arn);
        if (!asked) return;
        const bool again =
            !answer && (answer.error().retry() == shared::Retry::kYes || !control_answered(answer.error()));
        auto& tries = secret_attempts_[arn];
        if (again && ++tries < kMaxSecretAttempts) {
          return after(secrets_key(arn), kSecretRetry,
                       [this, arn, requests, index] { fetch_next(arn, requests, index); });
        }
        secret_attempts_.erase(arn);
        const auto taken = answer ? take_secrets(*asked, requests[index], *answer)
                                  : Result<void>(cannot_fetch(requests[index], answer.error()));
        if (taken) return fetch_next(arn, requests, index + 1);
        asked->preparing = asked->fetching = false;
        not_prepared(*asked, kNoSecrets + taken.error().text());
        go(arn);
      }));
}

void TaskEngine::prepared(Task& task) {
  unreachable_since_.erase(waiting_key(task.arn()));
  task.ready = true;
}

void TaskEngine::not_prepared(Task& task, const std::string& reason) {
  unreachable_since_.erase(waiting_key(task.arn()));
  if (task.reason.empty()) task.reason = reason;
  log::warn("task_not_prepared", {{"task", task.arn()}, {"reason", reason}});
  task.desired = Status::kStopped;
  settle(task, parts_.executor.wall_now());
}

// Of a task that waits for the engine. One that has containers already does not end for that.
bool TaskEngine::give_up_preparing(Task& task) {
  if (begun(task)) return false;
  not_prepared(task, cannot_initialize(task, health_.reason()));
  return true;
}

void TaskEngine::remove_volumes(const std::string& arn, std::vector<std::string> names) {
  if (names.empty()) return remove_rest(arn);
  const std::string name = names.back();
  names.pop_back();
  remove_volume_now(name, guarded([this, arn, name, names](Result<bool> removed) {
                      Task* task = find(arn);
                      if (!task) return;
                      if (removed) {
                        std::erase(task->volumes, name);
                      } else {
                        note(removed.error());
                        log::warn("volume_not_removed", removed.error(), {{"task", arn}, {"volume", name}});
                      }
                      remove_volumes(arn, names);
                    }));
}

void TaskEngine::remove_rest(const std::string& arn) {
  Task* task = find(arn);
  if (!task) return;
  if (auto removed = parts_.cgroups.remove(task->id()); !removed) {
    log::warn("task_cgroup_not_removed", removed.error(), {{"task", arn}});
    if (removed.error().retry() == shared::Retry::kYes) return schedule_cleanup(*task, kCleanupRetry);
  }
  if (!task->volumes.empty()) {
    parts_.records.put(*task);
    persist();
    if (++task->clean_ups < kMaxVolumeRemovals) return schedule_cleanup(*task, kCleanupRetry);
    for (const std::string& name : task->volumes)
      log::error("volume_left_behind", {{"task", arn}, {"volume", name}});
  }
  for (const Container& c : task->containers) {
    stopped_again_.erase(c.runtime_id);
    out_of_memory_.erase(c.runtime_id);
  }
  parts_.records.erase_task(arn);
  tasks_.erase(arn);
  persist();
  log::info("task_cleaned_up", {{"task", arn}});
}

// Nobody remembers what an orphan's task had: its volumes carry its name, its cgroup has it.
void TaskEngine::remove_rest_of_orphan(const std::string& task_arn) {
  if (auto removed = parts_.cgroups.remove(id_of(task_arn)); !removed)
    log::warn("task_cgroup_not_removed", removed.error(), {{"task", task_arn}});
  parts_.runtime.labelled_volumes(
      kTaskArnLabel, task_arn, guarded([this, task_arn](Result<std::vector<runtime::VolumeInfo>> found) {
        if (!found) return log::warn("volumes_not_listed", found.error(), {{"task", task_arn}});
        for (const auto& volume : *found) {
          remove_volume_now(volume.name, [task_arn, name = volume.name](Result<bool> removed) {
            if (!removed)
              log::warn("volume_not_removed", removed.error(), {{"task", task_arn}, {"volume", name}});
          });
        }
      }));
}

}  // namespace agent::node
