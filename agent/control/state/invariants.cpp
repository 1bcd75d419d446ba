#include "agent/control/state/invariants.h"

#include <algorithm>

#include "agent/control/state/lookup.h"
#include "agent/control/state/service_log.h"
#include "agent/control/state/step.h"
#include "agent/model/words.h"

namespace agent::control {
namespace {

using model::DesiredStatus;
using model::TaskStatus;

using Complaints = std::vector<std::string>;

// Host ports of live tasks on one instance: fixed ones from placement on, dynamic ones once reported.
void check_ports(const State& state, Complaints& out) {
  std::map<std::string, std::string> holder;  // "<instance> tcp 8080" -> task
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.last_status == TaskStatus::kStopped) continue;
    std::set<std::string> mine;
    const auto hold = [&](int port, const std::string& protocol) {
      mine.insert(task.container_instance_arn + " " + protocol + " " + std::to_string(port));
    };
    for (const int port : task.reserved.tcp_ports) hold(port, "tcp");
    for (const int port : task.reserved.udp_ports) hold(port, "udp");
    for (const model::Container& container : task.containers) {
      if (container.status == model::ContainerStatus::kStopped) continue;
      for (const model::NetworkBinding& each : container.bindings) hold(each.host_port, each.protocol);
    }
    for (const std::string& each : mine) {
      const auto [it, first] = holder.emplace(each, key);
      if (!first) out.push_back("tasks " + it->second + " and " + key + " both hold " + each);
    }
  }
}

void check_reservations(const State& state, Complaints& out) {
  std::map<std::string, InstanceUsage> usage;
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.last_status == TaskStatus::kStopped) continue;
    InstanceUsage& mine = usage[task.container_instance_arn];
    mine.cpu += task.reserved.cpu;
    mine.memory += task.reserved.memory;
    mine.tasks.insert(key);
  }
  for (const auto& [key, instance] : state.instances.rows()) {
    const InstanceUsage& used = usage[instance.arn];
    if (used.cpu > instance.registered.cpu || used.memory > instance.registered.memory) {
      out.push_back("tasks of instance " + key + " reserve more CPU or memory than it has");
    }
    const InstanceUsage& indexed = state.task_index().usage(instance.arn);
    if (indexed.cpu != used.cpu || indexed.memory != used.memory || indexed.tasks != used.tasks) {
      out.push_back("the task index disagrees with the tasks of instance " + key);
    }
    if (instance.status == model::InstanceStatus::kInactive && !used.tasks.empty()) {
      out.push_back("deregistered instance " + key + " still has tasks");
    }
  }
}

void check_tokens(const State& state, Complaints& out) {
  std::map<TaskIndex::Token, std::set<std::string>> tokens;
  for (const auto& [key, task] : state.tasks.rows()) {
    if (!task.client_token.empty()) tokens[{task.cluster, task.client_token}].insert(key);
  }
  if (state.task_index().tokens() != tokens)
    out.push_back("the task index disagrees about which tasks a client token made");
}

std::map<std::string, const model::RegisteredTarget*> rows_by_registration(const State& state) {
  std::map<std::string, const model::RegisteredTarget*> rows;
  for (const auto& [key, each] : state.targets.rows()) rows[each.registration] = &each;
  return rows;
}

// The rows belong to groups that exist, and the index finds them all.
void check_target_rows(const State& state, Complaints& out) {
  std::map<std::string, std::size_t> of_group;
  std::map<std::string, std::set<std::string>> draining;
  for (const auto& [key, row] : state.targets.rows()) {
    ++of_group[row.target_group_arn];
    if (key != key_of(row)) out.push_back("target " + key + " has the key of another");
    if (state.target_groups.find(row.target_group_arn) == nullptr)
      out.push_back("target " + key + " is of no target group");
    if (row.state == lb::TargetState::kDraining) draining[row.target_group_arn].insert(key);
  }
  for (const auto& [arn, count] : of_group) {
    const auto rows = targets_of(state, arn);
    const bool same = rows.size() == count && std::all_of(rows.begin(), rows.end(), [&](const auto* row) {
                        return state.targets.find(key_of(*row)) == row;
                      });
    if (!same) out.push_back("the target index disagrees with the targets of " + arn);
  }
  if (state.target_index().draining() != draining)
    out.push_back("the target index disagrees about which targets drain");
}

void check_targets(const State& state, Complaints& out) {
  const auto rows = rows_by_registration(state);
  for (const auto& [registration, row] : rows) {
    if (row->task_arn.empty()) continue;
    const model::Task* task = find_task_by_arn(state, row->task_arn);
    const bool active = row->state == lb::TargetState::kActive;
    if (active && (task == nullptr || task->desired_status == DesiredStatus::kStopped)) {
      out.push_back("target " + registration +
                    " still gets traffic although its task is to stop: " + row->task_arn);
    }
  }
  for (const auto& [key, task] : state.tasks.rows()) {
    const bool told = task.last_status >= TaskStatus::kStopping && task.last_status != TaskStatus::kStopped;
    for (const model::TaskTarget& each : task.targets) {
      if (told && rows.contains(each.registration)) {
        out.push_back("task " + key + " is told to stop before target " + each.registration + " has drained");
      }
    }
    if (task.last_status == TaskStatus::kStopped && task.desired_status != DesiredStatus::kStopped) {
      out.push_back("task " + key + " is STOPPED but wanted RUNNING");
    }
  }
}

void check_containers(const State& state, Complaints& out) {
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.desired_status == DesiredStatus::kStopped) continue;
    for (const model::Container& each : task.containers) {
      if (each.essential && each.status == model::ContainerStatus::kStopped)
        out.push_back("task " + key + " is wanted although its essential container " + each.name + " ended");
    }
  }
}

void check_events(const State& state, Complaints& out) {
  for (const auto& [key, event] : state.service_events.rows()) {
    if (state.services.find(owner_key(key)) == nullptr) out.push_back("event " + key + " is of no service");
  }
}

void check_families(const State& state, Complaints& out) {
  for (const auto& [key, definition] : state.task_definitions.rows()) {
    const model::Family* family = state.families.find(definition.family);
    if (family == nullptr || family->last_revision < definition.revision)
      out.push_back("the family of task definition " + key + " does not know that revision");
  }
}

void check_services(const State& state, Complaints& out) {
  for (const auto& [key, service] : state.services.rows()) {
    if (events_of(state, key).size() > model::kMaxServiceEvents)
      out.push_back("service " + key + " has too many events");
    const auto primaries =
        std::count_if(service.deployments.begin(), service.deployments.end(),
                      [](const auto& each) { return each.status == model::DeploymentStatus::kPrimary; });
    const bool active = service.status == model::ServiceStatus::kActive;
    const bool external = service.controller == model::DeploymentController::kExternal;
    if (external && primaries > 1) out.push_back("service " + key + " has more than one PRIMARY task set");
    if (active && !external &&
        (primaries != 1 || service.deployments.front().status != model::DeploymentStatus::kPrimary)) {
      out.push_back("service " + key + " does not have exactly one PRIMARY deployment in front");
    }
    if (!active && !service.deployments.empty()) {
      out.push_back("service " + key + " is not ACTIVE but has deployments");
    }
  }
}

}  // namespace

Complaints check_invariants(const State& state) {
  Complaints out;
  check_ports(state, out);
  check_reservations(state, out);
  check_tokens(state, out);
  check_target_rows(state, out);
  check_targets(state, out);
  check_containers(state, out);
  check_services(state, out);
  check_events(state, out);
  check_families(state, out);
  const model::Meta* meta = state.meta.find(kMetaKey);
  if (meta != nullptr && state.published->version > meta->config_version) {
    out.push_back("the published configuration is newer than its durable version");
  }
  return out;
}

Complaints TransitionChecker::check(const State& state) {
  Complaints out;
  std::map<std::string, TaskStatus> now;
  for (const auto& [key, task] : state.tasks.rows()) {
    now[task.arn] = task.last_status;
    if (stopped_.contains(task.arn) && task.last_status != TaskStatus::kStopped) {
      out.push_back("stopped task " + key + " runs again");
    }
    if (const auto it = last_status_.find(task.arn);
        it != last_status_.end() && task.last_status < it->second) {
      out.push_back("task " + key + " went back to " + std::string(model::word(task.last_status)));
    }
    if (task.last_status == TaskStatus::kStopped) stopped_.insert(task.arn);
  }
  last_status_ = std::move(now);
  if (const model::Meta* meta = state.meta.find(kMetaKey)) {
    if (meta->config_version < config_version_) out.push_back("the configuration version went back");
    if (meta->message_counter < message_counter_) out.push_back("the message counter went back");
    config_version_ = meta->config_version;
    message_counter_ = meta->message_counter;
  }
  return out;
}

}  // namespace agent::control
