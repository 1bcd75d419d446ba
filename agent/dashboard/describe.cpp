#include "agent/dashboard/describe.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/elb/target_health.h"
#include "agent/control/elb/targets.h"
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/health.h"
#include "agent/dashboard/json_parts.h"
#include "agent/model/words.h"
#include "shared/json/reader.h"

namespace agent::dashboard {

using nlohmann::json;

namespace {

constexpr std::string_view kServiceArnMark = ":targetgroup/";

json describe_container(const model::Container& container) {
  json ports = json::array();
  for (const model::NetworkBinding& each : container.bindings)
    ports.push_back(
        json{{"container", each.container_port}, {"host", each.host_port}, {"protocol", each.protocol}});
  json out{{"name", container.name},
           {"image", container.image},
           {"status", model::word(container.status)},
           {"health", model::word(container.health)},
           {"essential", container.essential},
           {"cpu", container.cpu},
           {"ports", std::move(ports)}};
  put_text(out, "digest", container.image_digest);
  put_text(out, "runtime", container.runtime_id);
  put_text(out, "reason", container.reason);
  if (container.exit_code) out["exit"] = *container.exit_code;
  if (container.memory) out["memory"] = *container.memory;
  if (container.memory_reservation) out["reservation"] = *container.memory_reservation;
  return out;
}

json times_of(const model::Task& task) {
  json out{{"created", millis(task.created_at)}};
  put_time(out, "pulling", task.pull_started_at);
  put_time(out, "pulled", task.pull_stopped_at);
  put_time(out, "started", task.started_at);
  put_time(out, "inService", task.in_service_at);
  put_time(out, "draining", task.draining_at);
  put_time(out, "acknowledged", task.acknowledged_at);
  put_time(out, "stopping", task.stopping_at);
  put_time(out, "ended", task.execution_stopped_at);
  put_time(out, "stopped", task.stopped_at);
  put_time(out, "protectedUntil", task.protected_until);
  return out;
}

}  // namespace

std::string service_owner(const std::string& service_key) { return "service:" + service_key; }

std::string name_in_arn(const std::string& target_group_arn) {
  const std::size_t at = target_group_arn.find(kServiceArnMark);
  if (at == std::string::npos) return target_group_arn;
  const std::string rest = target_group_arn.substr(at + kServiceArnMark.size());
  return rest.substr(0, rest.find('/'));
}

std::string describe_cluster(const model::Cluster& cluster) {
  json out = thing("cluster", cluster.name);
  out["name"] = cluster.name;
  out["status"] = model::word(cluster.status);
  out["created"] = millis(cluster.created_at);
  out["providers"] = cluster.capacity_providers;
  return shared::json::to_text(out);
}

std::string describe_host(const control::State& state, const model::ContainerInstance& host) {
  json out = thing("host", host.cluster + "/" + host.id);
  const auto& usage = state.task_index().usage(host.arn);
  out["cluster"] = host.cluster;
  out["instance"] = host.ec2_instance_id;
  out["address"] = host.address;
  out["status"] = model::word(host.status);
  out["connected"] = control::is_connected(state, host);
  out["cpu"] = host.registered.cpu;
  out["memory"] = host.registered.memory;
  out["usedCpu"] = usage.cpu;
  out["usedMemory"] = usage.memory;
  out["running"] = usage.running;
  out["pending"] = usage.pending;
  out["agent"] = host.agent_version;
  out["engine"] = host.docker_version;
  out["registered"] = millis(host.registered_at);
  put_text(out, "reason", host.status_reason);
  for (const model::NameValue& each : host.attributes) {
    if (each.name == "ecs.availability-zone") out["zone"] = each.value;
    if (each.name == "ecs.cpu-architecture") out["architecture"] = each.value;
    if (each.name == "berth.capacity-provider") out["provider"] = each.value;
  }
  return shared::json::to_text(out);
}

std::string describe_task(const control::State& state, const model::Task& task) {
  json out = thing("task", task.cluster + "/" + task.id);
  json containers = json::array();
  for (const model::Container& each : task.containers) containers.push_back(describe_container(each));
  out["cluster"] = task.cluster;
  out["service"] = task.service;
  out["group"] = task.group;
  out["definition"] = task.family + ":" + std::to_string(task.revision);
  out["deployment"] = task.deployment_id;
  out["status"] = model::word(task.last_status);
  out["desired"] = model::word(task.desired_status);
  out["health"] = model::word(control::health_of(task));
  out["cpu"] = task.reserved.cpu;
  out["memory"] = task.reserved.memory;
  out["launch"] = model::word(task.launch_type);
  out["containers"] = std::move(containers);
  out["times"] = times_of(task);
  put_text(out, "startedBy", task.started_by);
  put_text(out, "stopCode", task.stop_code);
  put_text(out, "stopReason", task.stopped_reason);
  put_text(out, "provider", task.capacity_provider);
  if (!task.container_instance_arn.empty())
    out["host"] = control::instance_id_in(task.container_instance_arn);
  json targets = json::array();
  for (const model::TaskTarget& each : task.targets) {
    const auto* row = control::find_target(state, each);
    if (row == nullptr) continue;
    targets.push_back(
        json{{"group", name_in_arn(each.target_group_arn)}, {"at", row->address}, {"port", row->port}});
  }
  out["targets"] = std::move(targets);
  return shared::json::to_text(out);
}

std::string describe_block(const model::Task& task) {
  json out = thing("block", task.cluster + "/" + task.id);
  out["host"] = task.cluster + "/" + control::instance_id_in(task.container_instance_arn);
  out["name"] = task.service.empty() ? task.family : task.service;
  out["service"] = task.service;
  out["status"] = model::word(task.last_status);
  out["cpu"] = task.reserved.cpu;
  out["memory"] = task.reserved.memory;
  return shared::json::to_text(out);
}

std::string describe_event(const std::string& key, const model::ServiceEvent& event) {
  json out = thing("event", key);
  out["service"] = control::owner_key(key);
  out["at"] = millis(event.created_at);
  out["text"] = event.message;
  return shared::json::to_text(out);
}

std::string describe_balancer(const control::State& state, const model::Balancer& balancer) {
  json out = thing("balancer", balancer.id);
  const auto found = state.live.balancers.find(balancer.id);
  const bool known = found != state.live.balancers.end();
  out["connected"] = known && found->second.connected;
  out["acknowledged"] = known ? found->second.acked_version : 0;
  out["newest"] = state.published->version;
  out["seen"] = millis(balancer.last_seen);
  if (known) put_text(out, "refusal", found->second.refusal);
  return shared::json::to_text(out);
}

json targets_in(const control::State& state, const model::TargetGroup& group) {
  json out = json::array();
  for (const model::RegisteredTarget* target : control::targets_of(state, group.arn)) {
    const control::TargetHealth health = control::health_of(state, *target);
    json one{{"id", target->id},
             {"port", target->port},
             {"at", target->address},
             {"state", lb::to_string(health.state)},
             {"since", millis(target->registered_at)}};
    put_text(one, "zone", target->zone);
    put_text(one, "reason", health.reason);
    put_text(one, "why", health.description);
    put_text(one, "task", control::task_key_in(target->task_arn));
    put_time(one, "draining", target->draining_since);
    if (target->draining_since) {
      int acknowledged = 0;
      int drained = 0;
      for (const auto& [id, view] : state.live.balancers) {
        if (control::has_acknowledged(view, *target)) ++acknowledged;
        if (control::has_drained(view, *target)) ++drained;
      }
      one["acknowledged"] = acknowledged;
      one["drained"] = drained;
      one["balancers"] = state.balancers.size();
    }
    std::uint64_t open = 0;
    for (const auto& [id, view] : state.live.balancers) {
      const auto told = view.targets.find(target->registration);
      if (view.connected && told != view.targets.end()) open += told->second.in_flight;
    }
    one["open"] = open;
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace agent::dashboard
