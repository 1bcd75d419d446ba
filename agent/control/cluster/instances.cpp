#include "agent/control/cluster/instances.h"
#include "agent/control/tasks/changes.h"

#include "agent/control/cluster/attributes.h"
#include "agent/control/elb/targets.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/placing.h"
#include "shared/net/endpoint.h"

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
  if (found == nullptr || found->status == InstanceStatus::kInactive || found->cluster != request.cluster) {
    return client_exception("The container instance '" + request.container_instance_arn +
                            "' is not registered in this cluster; register without its ARN.");
  }
  if (!still_fits(step.state.task_index().usage(found->arn), request.resources)) {
    return client_exception("Container instance '" + found->arn +
                            "' cannot register with less CPU or memory than its tasks hold.");
  }
  const std::string key = key_of(*found);
  model::ContainerInstance* instance = step.state.instances.edit(key);
  describe(*instance, request);
  ++instance->version;
  follow_host(step, *instance);
  return key;
}

}  // namespace

Result<std::string> register_instance(Step& step, const RegisterInstance& request) {
  for (const model::NameValue& each : request.attributes) {
    if (each.name == kAddressAttribute && !shared::net::is_ip_address(each.value)) {
      return invalid_parameter("attribute berth.address: '" + each.value + "' is not an IP address");
    }
  }
  if (!request.container_instance_arn.empty()) return register_again(step, request);
  model::ContainerInstance instance;
  instance.id = step.random.hex(kInstanceIdDigits);
  instance.cluster = request.cluster;
  instance.arn = step.arn("ecs", "container-instance/" + request.cluster + "/" + instance.id);
  describe(instance, request);
  instance.ec2_instance_id = attribute_of(instance, kInstanceIdAttribute);
  if (instance.ec2_instance_id.empty()) instance.ec2_instance_id = "mi-" + step.random.hex(kManagedIdDigits);
  instance.tags = request.tags;
  instance.registered_at = step.now;
  const std::string key = key_of(instance);
  follow_host(step, instance);
  step.state.instances.put(key, std::move(instance));
  return key;
}

Result<void> deregister_instance(Step& step, const std::string& key, Force force) {
  const model::ContainerInstance* found = step.state.instances.find(key);
  if (found == nullptr || found->status == InstanceStatus::kInactive) {
    return invalid_parameter("Referenced container instance " + key + " not found.");
  }
  const auto tasks = step.state.task_index().usage(found->arn).tasks;
  if (!tasks.empty() && force == Force::kNo) return invalid_parameter("Found running tasks on the instance.");
  for (const std::string& task : tasks) {
    orphan_task(step, task, "Container instance deregistration forced by user");
  }
  model::ContainerInstance* instance = step.state.instances.edit(key);
  instance->status = InstanceStatus::kInactive;
  ++instance->version;
  return {};
}

std::optional<Error> why_no_session(const ContainerInstance* instance, const std::string& arn) {
  const std::string subject = "Container instance " + arn;
  if (instance == nullptr) return Error("InvalidInstanceException", subject + " is not registered.");
  if (instance->status != InstanceStatus::kInactive) return std::nullopt;
  return Error("InactiveInstanceException", subject + " is deregistered.");
}

Result<void> set_instance_status(Step& step, const std::string& key, InstanceStatus status) {
  const model::ContainerInstance* found = step.state.instances.find(key);
  if (found == nullptr || found->status == InstanceStatus::kInactive) {
    return invalid_parameter("Referenced container instance " + key + " not found.");
  }
  if (status == InstanceStatus::kInactive) {
    return invalid_parameter("Container instance status should be one of [ACTIVE, DRAINING].");
  }
  if (found->status == status) return {};
  model::ContainerInstance* instance = step.state.instances.edit(key);
  instance->status = status;
  ++instance->version;
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
