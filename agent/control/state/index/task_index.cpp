#include "agent/control/state/index/task_index.h"

#include "agent/control/state/plant.h"

namespace agent::control {
namespace {

void take_one(std::multiset<int>& ports, int port) {
  const auto it = ports.find(port);
  if (it != ports.end()) ports.erase(it);
}

}  // namespace

void TaskIndex::refresh(const Table<model::Task>& tasks) {
  for (const std::string& key : tasks.take_changes(changes_)) {
    static const Entry kNone;
    const Entry before = remove(key);
    const model::Task* task = tasks.find(key);
    const Entry& after = task == nullptr ? kNone : add(key, *task);
    const bool holds_the_same =
        before.instance == after.instance && before.reserved == after.reserved && before.group == after.group;
    if (!holds_the_same) ++room_;
  }
}

const TaskIndex::Entry& TaskIndex::add(const std::string& key, const model::Task& task) {
  Entry entry;
  entry.status = task.last_status;
  if (!task.client_token.empty()) {
    entry.token = {task.cluster, task.client_token};
    tokens_[entry.token].insert(key);
  }
  if (task.last_status == model::TaskStatus::kStopped) {
    entry.stopped_at = task.stopped_at.value_or(task.created_at);
    stopped_.emplace(entry.stopped_at, key);
  } else {
    entry.definition = task.task_definition_arn;
    ++definitions_[entry.definition];
    entry.instance = task.container_instance_arn;
    if (!task.service.empty()) entry.service = task.cluster + "/" + task.service;
    entry.group = task.group;
    entry.stopping = task.desired_status == model::DesiredStatus::kStopped;
    const bool frees_early = entry.stopping && BERTH_PLANTED(kFreeBeforeStopped);
    if (!frees_early) entry.reserved = task.reserved;
    changed_usage_.insert(entry.instance);
    InstanceUsage& usage = instances_[entry.instance];
    usage.cpu += entry.reserved.cpu;
    usage.memory += entry.reserved.memory;
    usage.tcp_ports.insert(entry.reserved.tcp_ports.begin(), entry.reserved.tcp_ports.end());
    usage.udp_ports.insert(entry.reserved.udp_ports.begin(), entry.reserved.udp_ports.end());
    usage.running += task.last_status == model::TaskStatus::kRunning ? 1 : 0;
    usage.pending += task.last_status < model::TaskStatus::kRunning ? 1 : 0;
    ++usage.groups[task.group];
    if (!entry.stopping) entry.deployment = task.deployment_id;
    if (!entry.deployment.empty()) ++usage.deployments[entry.deployment];
    usage.tasks.insert(key);
    if (!entry.service.empty()) services_[entry.service].insert(key);
    if (entry.stopping) stopping_.insert(key);
  }
  return entries_.insert_or_assign(key, std::move(entry)).first->second;
}

TaskIndex::Entry TaskIndex::remove(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return {};
  Entry entry = std::move(found->second);
  entries_.erase(found);
  if (!entry.token.second.empty()) {
    const auto token = tokens_.find(entry.token);
    token->second.erase(key);
    if (token->second.empty()) tokens_.erase(token);
  }
  if (entry.status == model::TaskStatus::kStopped) {
    stopped_.erase({entry.stopped_at, key});
    return entry;
  }
  if (--definitions_[entry.definition] == 0) definitions_.erase(entry.definition);
  changed_usage_.insert(entry.instance);
  const auto it = instances_.find(entry.instance);
  InstanceUsage& usage = it->second;
  usage.cpu -= entry.reserved.cpu;
  usage.memory -= entry.reserved.memory;
  for (const int port : entry.reserved.tcp_ports) take_one(usage.tcp_ports, port);
  for (const int port : entry.reserved.udp_ports) take_one(usage.udp_ports, port);
  usage.running -= entry.status == model::TaskStatus::kRunning ? 1 : 0;
  usage.pending -= entry.status < model::TaskStatus::kRunning ? 1 : 0;
  if (--usage.groups[entry.group] == 0) usage.groups.erase(entry.group);
  if (!entry.deployment.empty() && --usage.deployments[entry.deployment] == 0) {
    usage.deployments.erase(entry.deployment);
  }
  usage.tasks.erase(key);
  if (usage.tasks.empty()) instances_.erase(it);
  if (!entry.service.empty()) {
    const auto service = services_.find(entry.service);
    service->second.erase(key);
    if (service->second.empty()) services_.erase(service);
  }
  stopping_.erase(key);
  return entry;
}

const InstanceUsage& TaskIndex::usage(const std::string& instance_arn) const {
  static const InstanceUsage kNone;
  const auto it = instances_.find(instance_arn);
  return it == instances_.end() ? kNone : it->second;
}

const std::set<std::string>& TaskIndex::of_token(const std::string& cluster, const std::string& token) const {
  static const std::set<std::string> kNone;
  const auto it = tokens_.find({cluster, token});
  return it == tokens_.end() ? kNone : it->second;
}

const std::set<std::string>& TaskIndex::of_service(const std::string& service_key) const {
  static const std::set<std::string> kNone;
  const auto it = services_.find(service_key);
  return it == services_.end() ? kNone : it->second;
}

}  // namespace agent::control
