// Services of namespaces.
#include <algorithm>

#include "agent/control/discovery/discovery.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/table/owned.h"
#include "agent/control/state/tag_rules.h"
#include "shared/base/text.h"

namespace agent::control::discovery {

using shared::Result;

namespace {

Table<model::DiscoveryService>& services_table(Step& step) {
  return rows(step).neighbours().discovery_services;
}

}  // namespace

std::size_t instance_count(const State& state, std::string_view service_id) {
  return keys_under(state.neighbours().discovery_instances, std::string(service_id)).size();
}

// Names that differ only in case are one name in DNS.
Result<const model::DiscoveryService*> create_service(Step& step, model::DiscoveryService service) {
  const auto space = find_namespace(step, service.namespace_id);
  if (!space) return space.error();
  service.namespace_id = (*space)->id;
  const bool dns = (*space)->type != kHttp;
  if (!dns && !service.records.empty())
    return fault("InvalidInput", "DnsConfig cannot be given for a service of the HTTP namespace " +
                                     service.namespace_id + ".");
  if (service.type.empty()) service.type = !dns ? "HTTP" : service.records.empty() ? "HTTP" : "DNS_HTTP";
  for (const auto& [id, row] : services_table(step).rows()) {
    if (row.namespace_id != service.namespace_id) continue;
    const bool same =
        dns ? shared::lower_case(row.name) == shared::lower_case(service.name) : row.name == service.name;
    if (same)
      return fault("ServiceAlreadyExists",
                   "Service already exists: " + id + " has the name " + row.name + " in this namespace.");
  }
  if (services_table(step).size() >= kMaxServices)
    return fault("ResourceLimitExceeded", "There may be " + std::to_string(kMaxServices) + " services.");
  if (auto ok = check_tags(service.tags); !ok) return fault("InvalidInput", ok.error().text());
  service.id = fresh_id(step, "srv-");
  service.arn = arn_of(step, "service", service.id);
  service.created_at = step.now;
  const std::string id = service.id;
  return &services_table(step).put(id, std::move(service));
}

Result<std::string> update_service(Step& step, const std::string& id, const ServiceUpdate& update) {
  const auto found = find_service(step, id);
  if (!found) return found.error();
  if (update.records) {
    const auto of_type = [&](const std::string& type) {
      return [&type](const model::DnsRecordConfig& each) { return each.type == type; };
    };
    for (const auto& each : (*found)->records) {
      if (std::any_of(update.records->begin(), update.records->end(), of_type(each.type))) continue;
      return fault("InvalidInput", "DnsConfig.DnsRecords: all records of the service must be given; " +
                                       each.type + " is missing.");
    }
    for (const auto& each : *update.records) {
      if (std::any_of((*found)->records.begin(), (*found)->records.end(), of_type(each.type))) continue;
      return fault("InvalidInput",
                   "DnsConfig.DnsRecords: a record of type " + each.type + " cannot be added to a service.");
    }
  }
  const std::string key = (*found)->id;
  services_table(step).edit(key, [&](model::DiscoveryService& row) {
    row.description = update.description;
    if (update.records) row.records = *update.records;
  });
  return note_operation(step, "UPDATE_SERVICE", {{"SERVICE", key}});
}

Result<void> delete_service(Step& step, const std::string& id) {
  const auto found = find_service(step, id);
  if (!found) return found.error();
  if (instance_count(step.state, (*found)->id) != 0)
    return fault("ResourceInUse",
                 "Service contains registered instances; delete the instances before deleting the service");
  services_table(step).erase(std::string((*found)->id));
  return {};
}

Result<void> put_service_attributes(Step& step, const std::string& id,
                                    const std::map<std::string, std::string>& attributes) {
  auto merged = step.state.neighbours().discovery_services.find(id)->attributes;
  for (const auto& [name, value] : attributes) merged[name] = value;
  if (merged.size() > kMaxServiceAttributes)
    return fault("ServiceAttributesLimitExceededException",
                 "A service can have at most " + std::to_string(kMaxServiceAttributes) + " attributes.");
  services_table(step).edit(id, [&](model::DiscoveryService& row) { row.attributes = std::move(merged); });
  return {};
}

void delete_service_attributes(Step& step, const std::string& id, const std::vector<std::string>& names) {
  services_table(step).edit(id, [&](model::DiscoveryService& row) {
    for (const std::string& name : names) row.attributes.erase(name);
  });
}

}  // namespace agent::control::discovery
