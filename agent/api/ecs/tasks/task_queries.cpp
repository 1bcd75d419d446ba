// StopTask, DescribeTasks, ListTasks.
#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/api/ecs/wire/pages.h"
#include "agent/control/services/requests.h"
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/changes.h"
#include "agent/model/words.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxDescribedTasks = 100;

struct TaskFilter {
  std::string instance_arn;
  std::string family;
  std::string service;
  std::string started_by;
  std::optional<model::LaunchType> launch_type;
  model::DesiredStatus desired = model::DesiredStatus::kRunning;
  bool nothing = false;  // a filter that no task can pass

  bool passes(const model::Task& task) const {
    return !nothing && task.desired_status == desired &&
           (instance_arn.empty() || task.container_instance_arn == instance_arn) &&
           (family.empty() || task.family == family) && (service.empty() || task.service == service) &&
           (started_by.empty() || task.started_by == started_by) &&
           (!launch_type || task.launch_type == *launch_type);
  }
};

Result<void> read_places(const Context& context, const std::string& cluster, TaskFilter& filter) {
  if (const std::string asked = text_in(context.in, "containerInstance"); !asked.empty()) {
    const auto key = control::instance_key(context.step.settings.realm(), cluster, asked);
    if (!key) return key.error();
    const model::ContainerInstance* instance = context.state().instances.find(*key);
    filter.nothing = instance == nullptr;
    if (instance != nullptr) filter.instance_arn = instance->arn;
  }
  if (const std::string asked = text_in(context.in, "serviceName"); !asked.empty()) {
    const auto key = control::service_key(context.step.settings.realm(), cluster, asked);
    if (!key) return key.error();
    const auto service = control::find_service(context.state(), *key);
    if (!service) return service.error();
    filter.service = (*service)->name;
  }
  return {};
}

Result<void> read_words(const json& in, TaskFilter& filter) {
  if (const std::string word = text_in(in, "desiredStatus"); !word.empty()) {
    // PENDING is a word of the API that no task's desired status has.
    const auto status = model::from_word<model::DesiredStatus>(word);
    if (!status && word != "PENDING") {
      return invalid_parameter("Invalid desiredStatus '" + word +
                               "'. It must be RUNNING, PENDING or STOPPED.");
    }
    filter.nothing = filter.nothing || !status;
    filter.desired = status.value_or(model::DesiredStatus::kRunning);
  }
  if (const std::string word = text_in(in, "launchType"); !word.empty()) {
    filter.launch_type = model::from_word<model::LaunchType>(word);
    if (!filter.launch_type && word != "MANAGED_INSTANCES") {
      return invalid_parameter("Unknown launch type '" + word + "'.");
    }
    filter.nothing = filter.nothing || !filter.launch_type;
  }
  filter.nothing = filter.nothing || has(in, "daemonName");
  filter.family = text_in(in, "family");
  filter.started_by = text_in(in, "startedBy");
  return {};
}

}  // namespace

Answer stop_task(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const std::string asked = text_in(context.in, "task");
  if (asked.empty()) return invalid_parameter("Task cannot be empty.");
  const auto key = control::task_key(context.step.settings.realm(), *cluster, asked);
  if (!key) return key.error();
  const std::string reason = text_in(context.in, "reason");
  const auto stopped =
      control::stop_task_by_caller(context.step, *key, reason.empty() ? "Task stopped by user" : reason);
  if (!stopped) return stopped.error();
  return json{{"task", encode_task(context.state(), *context.state().tasks.find(*key), Tags::kHide)}};
}

Answer describe_tasks(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const auto asked = batch_in(context.in, "tasks", "Tasks", kMaxDescribedTasks);
  if (!asked) return asked.error();
  const Tags tags = includes(context, "TAGS") ? Tags::kShow : Tags::kHide;
  json tasks = json::array();
  json failures = json::array();
  for (const std::string& each : *asked) {
    const auto key = control::task_key(context.step.settings.realm(), *cluster, each);
    if (!key) return key.error();
    if (const model::Task* task = context.state().tasks.find(*key)) {
      tasks.push_back(encode_task(context.state(), *task, tags));
    } else {
      failures.push_back(missing(arn_named(context.step, each, aws::EcsKind::kTask, *key)));
    }
  }
  return json{{"tasks", std::move(tasks)}, {"failures", std::move(failures)}};
}

Answer list_tasks(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  TaskFilter filter;
  if (auto read = read_places(context, *cluster, filter); !read) return read.error();
  if (auto read = read_words(context.in, filter); !read) return read.error();
  if (!filter.started_by.empty() &&
      (has(context.in, "family") || has(context.in, "serviceName") || has(context.in, "containerInstance"))) {
    return invalid_parameter("When you filter by startedBy, it must be the only filter.");
  }
  std::vector<Item> items;
  control::each_of_cluster(context.state().tasks, *cluster, [&](const model::Task& task) {
    if (filter.passes(task)) items.push_back({task.id, task.arn});
  });
  return page_of(context, "taskArns", std::move(items), kMaxPage);
}

}  // namespace agent::api::ecs
