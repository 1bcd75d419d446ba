#include "agent/node/task/namespaces.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/runtime/pause/pause_image.h"
#include "shared/json/reader.h"

namespace agent::node {
namespace {

constexpr std::string_view kInternalPrefix = "~internal~ecs~";
constexpr const char* kTask = "task";

const Container* pause_of(const Task& task) {
  const auto found = std::find_if(task.containers.begin(), task.containers.end(),
                                  [](const Container& c) { return c.spec.name == kPauseContainer; });
  return found == task.containers.end() ? nullptr : &*found;
}

std::string mode_of(const std::string& wanted, const Container& pause) {
  return wanted == kTask ? "container:" + pause.engine_name : wanted;
}

// /dev/shm is the namespace owner's: the largest that a container asks for, in bytes; 0 = the engine's
// default.
std::int64_t shared_memory_of(const Task& task) {
  std::int64_t largest = 0;
  for (const Container& c : task.containers) {
    const auto host = shared::json::Document::parse(c.spec.docker_host_config, "malformed");
    if (host) largest = std::max(largest, host->root().integer_or<std::int64_t>("ShmSize", 0));
  }
  return largest;
}

void set_pause(const Task& task, runtime::ContainerSpec& spec) {
  spec.image = runtime::pause::image_name();
  spec.entry_point = {runtime::pause::kEntryPoint};
  spec.network_mode = "none";
  nlohmann::json host = {{"CapDrop", {"ALL"}},
                         {"SecurityOpt", {"no-new-privileges"}},
                         {"ReadonlyRootfs", true},
                         {"LogConfig", {{"Type", "none"}}}};
  if (task.payload.ipc_mode == kTask) {
    spec.ipc_mode = "shareable";
    if (const auto bytes = shared_memory_of(task); bytes > 0) host["ShmSize"] = bytes;
  }
  spec.engine_config = R"({"StopSignal":"SIGKILL"})";
  spec.engine_host_config = shared::json::to_text(host);
}

}  // namespace

bool is_internal(const Container& container) { return container.spec.name.starts_with(kInternalPrefix); }

void add_pause_container(Task& task) {
  if (task.payload.pid_mode != kTask && task.payload.ipc_mode != kTask) return;
  for (Container& c : task.containers) c.spec.depends_on.push_back({kPauseContainer, "START"});
  Container pause;
  pause.spec.name = kPauseContainer;
  pause.spec.image = runtime::pause::image_name();
  pause.spec.essential = true;
  pause.spec.docker_config = pause.spec.docker_host_config = "{}";
  pause.known = Status::kPulled;  // nothing to pull
  task.containers.push_back(std::move(pause));
}

void set_namespaces(const Task& task, const Container& container, runtime::ContainerSpec& spec) {
  if (is_internal(container)) return set_pause(task, spec);
  spec.pid_mode = task.payload.pid_mode;
  spec.ipc_mode = task.payload.ipc_mode;
  const Container* pause = pause_of(task);
  if (!pause) return;
  spec.pid_mode = mode_of(task.payload.pid_mode, *pause);
  spec.ipc_mode = mode_of(task.payload.ipc_mode, *pause);
}

std::string why_namespaces_ended(const Task& task) {
  const Container* pause = pause_of(task);
  if (!pause || (pause->known != Status::kStopped && pause->desired != Status::kStopped)) return "";
  if (std::any_of(task.containers.begin(), task.containers.end(), [&](const Container& c) {
        return &c != pause && c.spec.essential &&
               (c.known == Status::kStopped || c.desired == Status::kStopped);
      })) {
    return "";
  }
  if (!pause->started_at) return "Task failed to start: its shared namespaces: " + pause->reason;
  return "The container that holds the task's shared namespaces ended" +
         (pause->reason.empty() ? "" : ": " + pause->reason);
}

}  // namespace agent::node
