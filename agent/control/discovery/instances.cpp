// Instances, those of callers and those of tasks.
#include <algorithm>
#include <charconv>

#include "agent/control/discovery/discovery.h"
#include "agent/control/discovery/tasks.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/table/owned.h"
#include "shared/net/endpoint.h"

namespace agent::control::discovery {

using shared::Result;

namespace {

Table<model::DiscoveryInstance>& instances_table(Step& step) {
  return rows(step).neighbours().discovery_instances;
}

void instances_changed(Step& step, const std::string& service) {
  rows(step).neighbours().discovery_services.edit(service,
                                                  [](model::DiscoveryService& row) { ++row.revision; });
}

shared::Error bad_attribute(const std::string& name, const std::string& why) {
  return fault("InvalidInput", "Attributes." + name + ": " + why);
}

Result<void> check_attributes(const std::map<std::string, std::string>& attributes) {
  const std::string v4 = value_in(attributes, kIpv4);
  if (!v4.empty() && (!shared::net::is_ip_address(v4) || v4.find(':') != std::string::npos))
    return bad_attribute(kIpv4, "'" + v4 + "' is not an IPv4 address.");
  const std::string v6 = value_in(attributes, kIpv6);
  if (!v6.empty() && (!shared::net::is_ip_address(v6) || v6.find(':') == std::string::npos))
    return bad_attribute(kIpv6, "'" + v6 + "' is not an IPv6 address.");
  if (const std::string port = value_in(attributes, kPort); !port.empty()) {
    int number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (error != std::errc() || end != port.data() + port.size() || number < 1 ||
        number > shared::net::kMaxPort)
      return bad_attribute(kPort, "'" + port + "' is not a port.");
  }
  const std::string health = value_in(attributes, kInitialHealth);
  if (!health.empty() && health != "HEALTHY" && health != "UNHEALTHY")
    return bad_attribute(kInitialHealth, "must be HEALTHY or UNHEALTHY.");
  for (const char* foreign : {"AWS_ALIAS_DNS_NAME", "AWS_EC2_INSTANCE_ID"}) {
    if (attributes.contains(foreign))
      return bad_attribute(foreign, "is not offered: give the address as AWS_INSTANCE_IPV4.");
  }
  return {};
}

// What the service's records are made of.
Result<void> check_for_records(const model::DiscoveryService& service,
                               const std::map<std::string, std::string>& attributes) {
  for (const auto& record : service.records) {
    const auto need = [&](const char* name) -> Result<void> {
      if (!value_in(attributes, name).empty()) return {};
      return bad_attribute(name, "is required for the " + record.type + " record of the service.");
    };
    if (record.type == "A") {
      if (auto ok = need(kIpv4); !ok) return ok;
    } else if (record.type == "AAAA") {
      if (auto ok = need(kIpv6); !ok) return ok;
    } else if (record.type == "CNAME") {
      if (auto ok = need(kCname); !ok) return ok;
    } else {
      if (auto ok = need(kPort); !ok) return ok;
      if (value_in(attributes, kIpv4).empty() && value_in(attributes, kIpv6).empty()) {
        if (auto ok = need(kIpv4); !ok) return ok;
      }
    }
  }
  return {};
}

}  // namespace

std::string value_in(const std::map<std::string, std::string>& attributes, const char* name) {
  const auto it = attributes.find(name);
  return it == attributes.end() ? std::string() : it->second;
}

std::vector<const model::DiscoveryInstance*> instances_of(const State& state, std::string_view service_id) {
  std::vector<const model::DiscoveryInstance*> out;
  each_of_cluster(state.neighbours().discovery_instances, service_id,
                  [&out](const model::DiscoveryInstance& row) { out.push_back(&row); });
  return out;
}

Result<const model::DiscoveryInstance*> find_instance(const Step& step, const std::string& service,
                                                      const std::string& instance) {
  const auto found = find_service(step, service);
  if (!found) return found.error();
  if (const auto* row = step.state.neighbours().discovery_instances.find((*found)->id + "/" + instance))
    return row;
  return fault("InstanceNotFound",
               "No instance with id " + instance + " is registered in service " + (*found)->id + ".");
}

// Without an operation: of tasks there would be so many that callers' were gone before they ask.
namespace {

Result<void> put_instance(Step& step, const model::DiscoveryService& service,
                          model::DiscoveryInstance instance) {
  instance.service = service.id;
  if (auto ok = check_attributes(instance.attributes); !ok) return ok;
  if (auto ok = check_for_records(service, instance.attributes); !ok) return ok;
  const std::string key = service.id + "/" + instance.id;
  const auto* before = step.state.neighbours().discovery_instances.find(key);
  if (before == nullptr && instance_count(step.state, service.id) >= kMaxInstancesOfService)
    return fault("ResourceLimitExceeded",
                 "A service can have at most " + std::to_string(kMaxInstancesOfService) + " instances.");
  if (before != nullptr) {
    instance.unhealthy = before->unhealthy;
    instance.registered_at = before->registered_at;
    if (instance.task.empty()) instance.task = before->task;
  } else {
    instance.unhealthy =
        service.custom_health && value_in(instance.attributes, kInitialHealth) == "UNHEALTHY";
    instance.registered_at = step.now;
  }
  const std::string service_id = service.id;
  instances_table(step).put(key, std::move(instance));
  instances_changed(step, service_id);
  return {};
}

// The row, when it is the task's.
const model::DiscoveryInstance* row_of_task(const Step& step, const std::string& service,
                                            const std::string& task_key) {
  const auto* row =
      step.state.neighbours().discovery_instances.find(service + task_key.substr(task_key.rfind('/')));
  return row != nullptr && row->task == task_key ? row : nullptr;
}

}  // namespace

Result<std::string> register_instance(Step& step, model::DiscoveryInstance instance) {
  const auto found = find_service(step, instance.service);
  if (!found) return found.error();
  const std::string service_id = (*found)->id;
  const std::string id = instance.id;
  if (auto done = put_instance(step, **found, std::move(instance)); !done) return done.error();
  return note_operation(step, "REGISTER_INSTANCE", {{"INSTANCE", id}, {"SERVICE", service_id}});
}

Result<std::string> deregister_instance(Step& step, const std::string& service, const std::string& instance) {
  const auto found = find_instance(step, service, instance);
  if (!found) return found.error();
  const std::string service_id = (*found)->service;
  instances_table(step).erase(service_id + "/" + instance);
  instances_changed(step, service_id);
  return note_operation(step, "DEREGISTER_INSTANCE", {{"INSTANCE", instance}, {"SERVICE", service_id}});
}

Result<void> set_instance_health(Step& step, const std::string& service, const std::string& instance,
                                 bool healthy) {
  const auto found = find_instance(step, service, instance);
  if (!found) return found.error();
  const std::string service_id = (*found)->service;
  if (!step.state.neighbours().discovery_services.find(service_id)->custom_health)
    return fault("CustomHealthNotFound", "The service " + service_id + " has no HealthCheckCustomConfig.");
  if ((*found)->unhealthy == !healthy) return {};
  instances_table(step).edit(service_id + "/" + instance,
                             [&](model::DiscoveryInstance& row) { row.unhealthy = !healthy; });
  instances_changed(step, service_id);
  return {};
}

Result<std::string> register_task(Step& step, const TaskInstance& wanted) {
  const auto service = find_service(step, wanted.registry_arn);
  if (!service) return service.error();
  model::DiscoveryInstance instance;
  instance.id = wanted.task_key.substr(wanted.task_key.rfind('/') + 1);
  instance.attributes = wanted.attributes;
  instance.attributes[kInitialHealth] = wanted.healthy ? "HEALTHY" : "UNHEALTHY";
  instance.task = wanted.task_key;
  const std::string id = (*service)->id;
  if (auto done = put_instance(step, **service, std::move(instance)); !done) return done.error();
  return id;
}

void deregister_task(Step& step, const std::string& task_key, const std::vector<std::string>& services) {
  for (const std::string& service : services) {
    const auto* row = row_of_task(step, service, task_key);
    if (row == nullptr) continue;
    instances_table(step).erase(service + "/" + std::string(row->id));
    instances_changed(step, service);
  }
}

void set_task_health(Step& step, const std::string& task_key, const std::vector<std::string>& services,
                     bool healthy) {
  for (const std::string& service : services) {
    const auto* row = row_of_task(step, service, task_key);
    const auto* config = step.state.neighbours().discovery_services.find(service);
    if (row == nullptr || config == nullptr || !config->custom_health || row->unhealthy == !healthy) continue;
    instances_table(step).edit(service + "/" + std::string(row->id),
                               [&](model::DiscoveryInstance& each) { each.unhealthy = !healthy; });
    instances_changed(step, service);
  }
}

}  // namespace agent::control::discovery
