// Instances: registered, listed, discovered; their health.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/servicediscovery/request.h"
#include "agent/control/state/faults.h"

namespace agent::api::servicediscovery {

using control::fault;
using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMostInstanceId = 64;
constexpr std::size_t kMostAttributes = 30;
constexpr std::size_t kMostAttributeKey = 255;
constexpr std::size_t kMostAttributeValue = 1'024;
constexpr int kMostDiscovered = 1'000;
constexpr int kDiscoveredByDefault = 100;

Result<std::string> instance_id_in(In in) {
  auto id = required(in, "InstanceId", kMostInstanceId);
  if (!id) return id;
  const bool plain = std::all_of(id->begin(), id->end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           std::string_view("_/:.@-").find(c) != std::string_view::npos;
  });
  if (!plain) return invalid("InstanceId: must be made of letters, digits and _ / : . @ -");
  return id;
}

Result<std::map<std::string, std::string>> attributes_in(In in) {
  auto all = in.string_map_or_empty("Attributes");
  if (!in.ok()) return in.error();
  if (all.size() > kMostAttributes)
    return invalid("Attributes: an instance can have at most " + std::to_string(kMostAttributes) + ".");
  for (const auto& [name, value] : all) {
    const bool printable = std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
    if (name.empty() || name.size() > kMostAttributeKey || !printable)
      return invalid("Attributes: '" + name.substr(0, 64) + "' is no name of an attribute.");
    if (value.size() > kMostAttributeValue) return invalid("Attributes." + name + ": the value is too long.");
  }
  return all;
}

const char* health_of(const model::DiscoveryService& service, const model::DiscoveryInstance& row) {
  if (!service.custom_health) return "UNKNOWN";
  return row.unhealthy ? "UNHEALTHY" : "HEALTHY";
}

// What only says how it began is no attribute of it.
json shown_attributes(const model::DiscoveryInstance& row) {
  json out = row.attributes;
  out.erase(discovery::kInitialHealth);
  return out.is_null() ? json::object() : out;
}

Answer register_instance(const Context& at, In in) {
  model::DiscoveryInstance instance;
  auto service = required(in, "ServiceId");
  if (!service) return service.error();
  instance.service = *std::move(service);
  auto id = instance_id_in(in);
  if (!id) return id.error();
  instance.id = *std::move(id);
  auto creator = optional_text(in, "CreatorRequestId", kMostInstanceId);
  if (!creator) return creator.error();
  instance.creator_request = *std::move(creator);
  auto attributes = attributes_in(in);
  if (!attributes) return attributes.error();
  instance.attributes = *std::move(attributes);
  const auto operation = discovery::register_instance(at.step, std::move(instance));
  if (!operation) return operation.error();
  return json{{"OperationId", *operation}};
}

Answer deregister_instance(const Context& at, In in) {
  const auto service = required(in, "ServiceId");
  if (!service) return service.error();
  const auto id = instance_id_in(in);
  if (!id) return id.error();
  const auto operation = discovery::deregister_instance(at.step, *service, *id);
  if (!operation) return operation.error();
  return json{{"OperationId", *operation}};
}

Answer get_instance(const Context& at, In in) {
  const auto service = required(in, "ServiceId");
  if (!service) return service.error();
  const auto id = instance_id_in(in);
  if (!id) return id.error();
  const auto row = discovery::find_instance(at.step, *service, *id);
  if (!row) return row.error();
  json out{{"Id", (*row)->id}, {"Attributes", shown_attributes(**row)}};
  if (!(*row)->creator_request.empty()) out["CreatorRequestId"] = (*row)->creator_request;
  return json{{"Instance", std::move(out)}};
}

// The rows of one service, a page at a time, by their ids.
template <class Add>
Result<std::string> each_on_page(const Context& at, In in, Add add) {
  const auto page = page_in(in);
  if (!page) return page.error();
  const auto id = required(in, "ServiceId");
  if (!id) return id.error();
  const auto service = discovery::find_service(at.step, *id);
  if (!service) return service.error();
  return page_of_list(
      discovery::instances_of(at.step.state, (*service)->id), *page,
      [](const model::DiscoveryInstance* row) -> const std::string& { return row->id; },
      [&](const model::DiscoveryInstance* row) { add(**service, *row); });
}

Answer list_instances(const Context& at, In in) {
  json out{{"Instances", json::array()}};
  const auto next = each_on_page(at, in, [&](const auto&, const model::DiscoveryInstance& row) {
    out["Instances"].push_back({{"Id", row.id}, {"Attributes", shown_attributes(row)}});
  });
  if (!next) return next.error();
  if (!next->empty()) out["NextToken"] = *next;
  return out;
}

Answer get_instances_health_status(const Context& at, In in) {
  json out{{"Status", json::object()}};
  if (const auto wanted = in.strings("Instances")) {
    const auto id = required(in, "ServiceId");
    if (!id) return id.error();
    const auto service = discovery::find_service(at.step, *id);
    if (!service) return service.error();
    for (const std::string& each : *wanted) {
      const auto row = discovery::find_instance(at.step, *id, each);
      if (!row) return row.error();
      out["Status"][each] = health_of(**service, **row);
    }
    return out;
  }
  const auto next = each_on_page(at, in, [&](const auto& service, const model::DiscoveryInstance& row) {
    out["Status"][row.id] = health_of(service, row);
  });
  if (!next) return next.error();
  if (!next->empty()) out["NextToken"] = *next;
  return out;
}

Answer update_instance_custom_health_status(const Context& at, In in) {
  const auto service = required(in, "ServiceId");
  if (!service) return service.error();
  const auto id = instance_id_in(in);
  if (!id) return id.error();
  const auto status = required(in, "Status");
  if (!status) return status.error();
  if (*status != "HEALTHY" && *status != "UNHEALTHY") return invalid("Status: must be HEALTHY or UNHEALTHY.");
  if (auto done = discovery::set_instance_health(at.step, *service, *id, *status == "HEALTHY"); !done)
    return done.error();
  return json::object();
}

// ---- By names ----

Result<const model::DiscoveryService*> service_named(const Context& at, In in) {
  const auto space = required(in, "NamespaceName");
  if (!space) return space.error();
  const auto name = required(in, "ServiceName");
  if (!name) return name.error();
  const auto& tables = at.step.state.neighbours();
  bool any_space = false;
  for (const auto& [id, row] : tables.namespaces.rows()) {
    if (row.name != *space) continue;
    any_space = true;
    for (const auto& [service_id, service] : tables.discovery_services.rows()) {
      if (service.namespace_id == id && service.name == *name) return &service;
    }
  }
  if (!any_space) return fault("NamespaceNotFound", "Namespace not found: " + *space);
  return fault("ServiceNotFound", "Service not found: " + *name + " in namespace " + *space);
}

bool has_all(const model::DiscoveryInstance& row, const std::map<std::string, std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& each) {
    const auto it = row.attributes.find(each.first);
    return it != row.attributes.end() && it->second == each.second;
  });
}

using Found = std::vector<const model::DiscoveryInstance*>;

// OptionalParameters narrow what is found only as long as anything is left.
Found matching(const Found& all, const std::map<std::string, std::string>& query,
               const std::map<std::string, std::string>& optional) {
  Found found;
  for (const auto* row : all) {
    if (has_all(*row, query)) found.push_back(row);
  }
  if (optional.empty()) return found;
  Found narrowed;
  for (const auto* row : found) {
    if (has_all(*row, optional)) narrowed.push_back(row);
  }
  return narrowed.empty() ? found : narrowed;
}

Result<Found> by_health(In in, const Found& all) {
  const std::string wanted = in.string_or("HealthStatus", "HEALTHY");
  if (!in.ok()) return in.error();
  if (wanted == "ALL") return all;
  if (wanted != "HEALTHY" && wanted != "UNHEALTHY" && wanted != "HEALTHY_OR_ELSE_ALL")
    return invalid("HealthStatus: must be HEALTHY, UNHEALTHY, ALL or HEALTHY_OR_ELSE_ALL.");
  Found out;
  for (const auto* row : all) {
    if (row->unhealthy == (wanted == "UNHEALTHY")) out.push_back(row);
  }
  if (out.empty() && wanted == "HEALTHY_OR_ELSE_ALL") return all;
  return out;
}

Answer discover_instances(const Context& at, In in) {
  const auto service = service_named(at, in);
  if (!service) return service.error();
  const auto query = in.string_map_or_empty("QueryParameters");
  const auto optional = in.string_map_or_empty("OptionalParameters");
  const int most = in.integer_or<int>("MaxResults", kDiscoveredByDefault, 1, kMostDiscovered);
  if (!in.ok()) return in.error();
  auto found =
      by_health(in, matching(discovery::instances_of(at.step.state, (*service)->id), query, optional));
  if (!found) return found.error();
  for (std::size_t i = found->size(); i > 1; --i)
    std::swap((*found)[i - 1], (*found)[at.step.random.below(i)]);
  if (found->size() > static_cast<std::size_t>(most)) found->resize(static_cast<std::size_t>(most));
  json out{{"Instances", json::array()}, {"InstancesRevision", (*service)->revision}};
  for (const auto* row : *found) {
    out["Instances"].push_back({{"InstanceId", row->id},
                                {"NamespaceName", in.string_or("NamespaceName", "")},
                                {"ServiceName", (*service)->name},
                                {"HealthStatus", health_of(**service, *row)},
                                {"Attributes", shown_attributes(*row)}});
  }
  return out;
}

Answer discover_instances_revision(const Context& at, In in) {
  const auto service = service_named(at, in);
  if (!service) return service.error();
  return json{{"InstancesRevision", (*service)->revision}};
}

constexpr auto kInstanceOperations = std::to_array<Operation>({
    {"DeregisterInstance", deregister_instance},
    {"DiscoverInstances", discover_instances},
    {"DiscoverInstancesRevision", discover_instances_revision},
    {"GetInstance", get_instance},
    {"GetInstancesHealthStatus", get_instances_health_status},
    {"ListInstances", list_instances},
    {"RegisterInstance", register_instance},
    {"UpdateInstanceCustomHealthStatus", update_instance_custom_health_status},
});

}  // namespace

std::span<const Operation> instance_operations() { return kInstanceOperations; }

}  // namespace agent::api::servicediscovery
