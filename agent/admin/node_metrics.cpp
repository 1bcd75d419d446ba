#include "agent/admin/metrics.h"

#include <map>

namespace agent::admin {

using shared::log::Exposition;
using shared::log::Labels;

namespace {

constexpr double kNanos = 1e9;

std::string last_part(const std::string& arn) { return arn.substr(arn.rfind('/') + 1); }

Labels labels_of(const node::Task& task) {
  return {{"cluster", last_part(task.payload.task_cluster_arn)},
          {"service", task.payload.service_name},
          {"family", task.payload.family},
          {"task", task.id()}};
}

}  // namespace

void write_node(Exposition& out, const node::Node& node, const cgroup::TaskCgroups& cgroups) {
  out.family("berth_node_ready", "gauge", "The node can run new tasks");
  out.sample("berth_node_ready", {}, std::uint64_t{node.not_ready().empty() ? 1U : 0U});
  std::map<std::string_view, std::uint64_t> counts;
  for (const auto& [arn, task] : node.tasks()) ++counts[node::word(task.known)];
  out.family("berth_node_tasks", "gauge",
             "Tasks that the node knows, stopped ones until they are cleaned up");
  for (const auto& [state, count] : counts)
    out.sample("berth_node_tasks", {{"state", std::string(state)}}, count);

  std::vector<std::pair<Labels, cgroup::Stats>> measured;
  for (const auto& [arn, task] : node.tasks()) {
    if (task.known != node::Status::kRunning) continue;
    if (const auto stats = cgroups.read(task.id())) measured.emplace_back(labels_of(task), *stats);
  }
  struct Family {
    const char* name;
    const char* type;
    const char* help;
    double (*of)(const cgroup::Stats&);
  };
  constexpr Family kFamilies[] = {
      {"berth_task_cpu_seconds_total", "counter", "CPU time of all containers of a task",
       [](const cgroup::Stats& s) { return static_cast<double>(s.cpu_usage_ns) / kNanos; }},
      {"berth_task_cpu_throttled_seconds_total", "counter", "Time in which a task was held at its CPU limit",
       [](const cgroup::Stats& s) { return static_cast<double>(s.throttled_ns) / kNanos; }},
      {"berth_task_memory_bytes", "gauge", "Memory of all containers of a task",
       [](const cgroup::Stats& s) { return static_cast<double>(s.memory_bytes); }},
      {"berth_task_oom_kills_total", "counter", "Processes killed for the task's memory limit",
       [](const cgroup::Stats& s) { return static_cast<double>(s.oom_kills); }},
  };
  for (const Family& family : kFamilies) {
    out.family(family.name, family.type, family.help);
    for (const auto& [labels, stats] : measured) out.sample(family.name, labels, family.of(stats));
  }
}

void write_build(Exposition& out, const std::string& version) {
  out.family("berth_build_info", "gauge", "Which program this is");
  out.sample("berth_build_info", {{"program", "berth-agent"}, {"version", version}}, std::uint64_t{1});
}

}  // namespace agent::admin
