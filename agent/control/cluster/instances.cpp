#include "agent/control/cluster/instances.h"
#include "agent/control/tasks/changes.h"

#include "agent/control/cluster/attributes.h"
#include "agent/control/elb/targets.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/placing.h"
#include "shared/base/check.h"

namespace agent::control {

using model::ContainerInstance;
using model::InstanceStatus;
using shared::Error;
using shared::Result;

namespace {

constexpr std::size_t kInstanceIdDigits = 32;
constexpr std::size_t kManagedIdDigits = 17;  // "mi-" and these, as AWS names hosts that are not its own

void describe(model::ContainerInstance& instance, const RegisterInstance& request) {
  instance.registered = request.resources;
  instance.agent_version = request.agent_version;
  instance.agent_hash = request.agent_hash;
  instance.docker_version = request.docker_version;
  set_attributes(instance, after_registration(instance, request.attributes));
}

bool still_fits(const InstanceUsage& usage, const model::Resources& resources) {
  return usage.cpu <= resources.cpu && usage.memory <= resources.memory;
}

Result<std::string> register_again(Step& step, const RegisterInstance& request) {
  const model::ContainerInstance* found = find_instance_by_arn(step.state, request.container_instance_arn);
  if (!why_not_there(found).empty() || found->cluster != request.cluster) {
    return client_exception("The container instance '" + request.container_instance_arn +
                            "' is not registered in this cluster; register without its ARN.");
  }
  if (!still_fits(step.state.task_index().usage(found->arn), request.resources)) {
    return client_exception("Container instance '" + found->arn +
                            "' cannot register with less CPU or memory than its tasks hold.");
  }
  const std::string key = key_of(*found);
  rows(step).instances.edit(key, [&](ContainerInstance& instance) {
    describe(instance, request);
    ++instance.version;
  });
  follow_host(step, *step.state.instances.find(key));
  return key;
}

}  // namespace

Result<std::string> register_instance(Step& step, const RegisterInstance& request) {
  for (const model::NameValue& each : request.attributes) {
    if (auto ok = check_address(each); !ok) return ok.error();
  }
  if (!request.container_instance_arn.empty()) return register_again(step, request);
  model::ContainerInstance instance;
  instance.id = step.random.hex(kInstanceIdDigits);
  instance.cluster = request.cluster;
  instance.arn = step.arn(aws::EcsKind::kContainerInstance, key_of(instance));
  describe(instance, request);
  instance.ec2_instance_id = attribute_of(instance, kInstanceIdAttribute);
  if (instance.ec2_instance_id.empty()) instance.ec2_instance_id = "mi-" + step.random.hex(kManagedIdDigits);
  instance.tags = request.tags;
  instance.registered_at = step.now;
  const std::string key = key_of(instance);
  follow_host(step, instance);
  rows(step).instances.put(key, std::move(instance));
  return key;
}

bool says_news(const AgentVersions& said, const ContainerInstance& known) {
  const auto differs = [](const std::string& now, const std::string& before) {
    return !now.empty() && now != before;
  };
  return differs(said.agent, known.agent_version) || differs(said.hash, known.agent_hash) ||
         differs(said.docker, known.docker_version);
}

void note_agent_versions(Step& step, const std::string& instance_arn, const AgentVersions& said) {
  const ContainerInstance* found = find_instance_by_arn(step.state, instance_arn);
  if (found == nullptr) return;
  rows(step).instances.edit(key_of(*found), [&](ContainerInstance& row) {
    if (!said.agent.empty()) row.agent_version = said.agent;
    if (!said.hash.empty()) row.agent_hash = said.hash;
    if (!said.docker.empty()) row.docker_version = said.docker;
  });
}

Result<void> deregister_instance(Step& step, const std::string& key, Force force) {
  const model::ContainerInstance* found = step.state.instances.find(key);
  if (!why_not_there(found).empty()) {
    return invalid_parameter("The referenced container instance was not found.");
  }
  const auto tasks = step.state.task_index().usage(found->arn).tasks;
  if (!tasks.empty() && force == Force::kNo) return invalid_parameter("Found running tasks on the instance.");
  for (const std::string& task : tasks) {
    orphan_task(step, task, "Container instance deregistration forced by user");
  }
  rows(step).instances.edit(key, [](ContainerInstance& instance) {
    instance.status = InstanceStatus::kInactive;
    ++instance.version;
  });
  return {};
}

std::optional<Error> why_no_session(const ContainerInstance* instance, const std::string& arn) {
  const std::string subject = "Container instance " + arn;
  if (instance == nullptr) return Error("InvalidInstanceException", subject + " is not registered.");
  if (instance->status != InstanceStatus::kInactive) return std::nullopt;
  return Error("InactiveInstanceException", subject + " is deregistered.");
}

std::string set_instance_status(Step& step, const std::string& key, InstanceStatus status) {
  BERTH_CHECK(status != InstanceStatus::kInactive, "instances become INACTIVE by deregister_instance");
  const model::ContainerInstance* found = step.state.instances.find(key);
  if (std::string why = why_not_there(found); !why.empty()) return why;
  if (found->status == status) return {};
  rows(step).instances.edit(key, [&](ContainerInstance& instance) {
    instance.status = status;
    ++instance.version;
  });
  return {};
}

model::Resources remaining_resources(const State& state, const model::ContainerInstance& instance) {
  const InstanceUsage& usage = state.task_index().usage(instance.arn);
  model::Resources left = instance.registered;
  left.cpu -= usage.cpu;
  left.memory -= usage.memory;
  left.tcp_ports.insert(usage.tcp_ports.begin(), usage.tcp_ports.end());
  left.udp_ports.insert(usage.udp_ports.begin(), usage.udp_ports.end());
  return left;
}

int running_tasks(const State& state, const model::ContainerInstance& instance) {
  return state.task_index().usage(instance.arn).running;
}

int pending_tasks(const State& state, const model::ContainerInstance& instance) {
  return state.task_index().usage(instance.arn).pending;
}

}  // namespace agent::control
