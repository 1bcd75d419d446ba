#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/servicediscovery/request.h"
#include "agent/control/state/faults.h"
#include "agent/dns/message.h"

namespace agent::api::servicediscovery {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMostServiceName = 127;
constexpr std::size_t kMostServiceId = 64;
constexpr std::int64_t kMostRecordTtl = 2'147'483'647;
constexpr std::int64_t kMostThreshold = 10;

json encode_dns(const model::DiscoveryService& row) {
  json records = json::array();
  for (const auto& each : row.records) records.push_back({{"Type", each.type}, {"TTL", each.ttl}});
  return json{
      {"NamespaceId", row.namespace_id}, {"RoutingPolicy", row.routing}, {"DnsRecords", std::move(records)}};
}

json encode_service(const control::State& state, const model::DiscoveryService& row) {
  json out{{"Id", row.id},     {"Arn", row.arn},
           {"Name", row.name}, {"InstanceCount", discovery::instance_count(state, row.id)},
           {"Type", row.type}, {"CreateDate", shared::epoch_seconds(row.created_at)}};
  if (!row.description.empty()) out["Description"] = row.description;
  if (!row.records.empty()) out["DnsConfig"] = encode_dns(row);
  if (row.custom_health) out["HealthCheckCustomConfig"] = {{"FailureThreshold", row.failure_threshold}};
  return out;
}

// A label is a letter, a digit or "_", then "-" too.
Result<void> check_service_name(const std::string& name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
  const bool edges = name.front() != '-' && name.front() != '.' && name.back() != '-' && name.back() != '.';
  if (plain && edges && name.find("..") == std::string::npos && agent::dns::normal(name)) return {};
  return invalid("Name: '" + name + "' must be made of labels of letters, digits, hyphens and underscores.");
}

Result<std::vector<model::DnsRecordConfig>> records_in(In dns) {
  std::vector<model::DnsRecordConfig> out;
  for (const auto& each : dns.children("DnsRecords")) {
    model::DnsRecordConfig record{each.required_string("Type"),
                                  each.required_integer<std::int64_t>("TTL", 0, kMostRecordTtl)};
    if (!dns.ok()) return dns.error();
    if (record.type != "A" && record.type != "AAAA" && record.type != "SRV" && record.type != "CNAME")
      return invalid(each.path_of("Type") + ": must be A, AAAA, SRV or CNAME.");
    const bool twice =
        std::any_of(out.begin(), out.end(), [&](const auto& one) { return one.type == record.type; });
    if (twice) return invalid(each.path_of("Type") + ": " + record.type + " is there twice.");
    out.push_back(std::move(record));
  }
  if (!dns.ok()) return dns.error();
  const bool cname = std::any_of(out.begin(), out.end(), [](const auto& one) { return one.type == "CNAME"; });
  if (cname && out.size() > 1)
    return invalid(dns.path_of("DnsRecords") + ": a CNAME record cannot stand beside others.");
  return out;
}

Result<void> read_dns(In in, model::DiscoveryService& service) {
  const auto dns = in.child("DnsConfig");
  if (!dns) return in.ok() ? Result<void>() : in.error();
  auto records = records_in(*dns);
  if (!records) return records.error();
  service.records = *std::move(records);
  service.routing = dns->string_or("RoutingPolicy", "MULTIVALUE");
  if (!in.ok()) return in.error();
  if (service.records.empty()) {
    service.routing.clear();
    return {};
  }
  if (service.routing != "MULTIVALUE" && service.routing != "WEIGHTED")
    return invalid("DnsConfig.RoutingPolicy: must be MULTIVALUE or WEIGHTED.");
  if (service.records[0].type == "CNAME" && service.routing != "WEIGHTED")
    return invalid("DnsConfig.RoutingPolicy: must be WEIGHTED for CNAME records.");
  return {};
}

Result<void> read_health(In in, model::DiscoveryService& service) {
  if (in.has("HealthCheckConfig"))
    return invalid(
        "HealthCheckConfig: health checks of Route 53 are not offered; use HealthCheckCustomConfig.");
  if (const auto custom = in.child("HealthCheckCustomConfig")) {
    service.custom_health = true;
    service.failure_threshold = custom->integer_or<std::int64_t>("FailureThreshold", 1, 1, kMostThreshold);
  }
  if (!in.ok()) return in.error();
  return {};
}

Answer create_service(const Context& at, In in) {
  model::DiscoveryService service;
  auto name = required(in, "Name", kMostServiceName);
  if (!name) return name.error();
  service.name = *std::move(name);
  if (auto ok = check_service_name(service.name); !ok) return ok.error();
  service.namespace_id = namespace_named(in);
  if (service.namespace_id.empty()) return invalid("NamespaceId: is required.");
  if (const auto dns = in.child("DnsConfig"); dns && in.has("NamespaceId") && dns->has("NamespaceId") &&
                                              dns->string_or("NamespaceId", "") != service.namespace_id)
    return invalid("DnsConfig.NamespaceId: is not the one that NamespaceId names.");
  auto description = optional_text(in, "Description");
  if (!description) return description.error();
  service.description = *std::move(description);
  auto creator = optional_text(in, "CreatorRequestId", kMostServiceId);
  if (!creator) return creator.error();
  service.creator_request = *std::move(creator);
  service.type = in.string_or("Type", "");
  if (!service.type.empty() && service.type != "HTTP") return invalid("Type: must be HTTP or absent.");
  if (auto read = read_dns(in, service); !read) return read.error();
  if (service.type == "HTTP" && !service.records.empty())
    return invalid("DnsConfig: cannot be given together with Type HTTP.");
  if (auto read = read_health(in, service); !read) return read.error();
  service.tags = read_tags(in);
  if (!in.ok()) return in.error();
  const auto made = discovery::create_service(at.step, std::move(service));
  if (!made) return made.error();
  json out = encode_service(at.step.state, **made);
  out["NamespaceId"] = (*made)->namespace_id;
  if (!(*made)->creator_request.empty()) out["CreatorRequestId"] = (*made)->creator_request;
  return json{{"Service", std::move(out)}};
}

Answer update_service(const Context& at, In in) {
  const auto id = required(in, "Id");
  if (!id) return id.error();
  const auto change = in.required_child("Service");
  if (!change) return in.error();
  if (change->has("HealthCheckConfig"))
    return invalid("Service.HealthCheckConfig: health checks of Route 53 are not offered.");
  discovery::ServiceUpdate update;
  auto description = optional_text(*change, "Description");
  if (!description) return description.error();
  update.description = *std::move(description);
  if (const auto dns = change->child("DnsConfig")) {
    auto records = records_in(*dns);
    if (!records) return records.error();
    update.records = *std::move(records);
  }
  if (!in.ok()) return in.error();
  const auto operation = discovery::update_service(at.step, *id, update);
  if (!operation) return operation.error();
  return json{{"OperationId", *operation}};
}

Answer delete_service(const Context& at, In in) {
  const auto id = required(in, "Id");
  if (!id) return id.error();
  if (auto done = discovery::delete_service(at.step, *id); !done) return done.error();
  return json::object();
}

Answer get_service(const Context& at, In in) {
  const auto id = required(in, "Id");
  if (!id) return id.error();
  const auto row = discovery::find_service(at.step, *id);
  if (!row) return row.error();
  json out = encode_service(at.step.state, **row);
  out["NamespaceId"] = (*row)->namespace_id;
  if (!(*row)->creator_request.empty()) out["CreatorRequestId"] = (*row)->creator_request;
  return json{{"Service", std::move(out)}};
}

Answer list_services(const Context& at, In in) {
  const auto page = page_in(in);
  if (!page) return page.error();
  const auto filters = filters_in(in, {"NAMESPACE_ID"});
  if (!filters) return filters.error();
  json out{{"Services", json::array()}};
  const std::string next = page_through(
      at.step.state.neighbours().discovery_services.rows(), *page,
      [&](const auto& each) { return passes(*filters, "NAMESPACE_ID", each.second.namespace_id); },
      [&](const auto& each) { out["Services"].push_back(encode_service(at.step.state, each.second)); });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

Answer get_service_attributes(const Context& at, In in) {
  const auto id = required(in, "ServiceId");
  if (!id) return id.error();
  const auto row = discovery::find_service(at.step, *id);
  if (!row) return row.error();
  return json{{"ServiceAttributes", {{"ServiceArn", (*row)->arn}, {"Attributes", (*row)->attributes}}}};
}

Answer update_service_attributes(const Context& at, In in) {
  const auto id = required(in, "ServiceId");
  if (!id) return id.error();
  const auto attributes = in.string_map_or_empty("Attributes");
  if (!in.ok()) return in.error();
  const auto row = discovery::find_service(at.step, *id);
  if (!row) return row.error();
  if (auto done = discovery::put_service_attributes(at.step, std::string((*row)->id), attributes); !done)
    return done.error();
  return json::object();
}

Answer delete_service_attributes(const Context& at, In in) {
  const auto id = required(in, "ServiceId");
  if (!id) return id.error();
  const auto names = in.strings_or_empty("Attributes");
  if (!in.ok()) return in.error();
  const auto row = discovery::find_service(at.step, *id);
  if (!row) return row.error();
  discovery::delete_service_attributes(at.step, std::string((*row)->id), names);
  return json::object();
}

constexpr auto kServiceOperations = std::to_array<Operation>({
    {"CreateService", create_service},
    {"DeleteService", delete_service},
    {"DeleteServiceAttributes", delete_service_attributes},
    {"GetService", get_service},
    {"GetServiceAttributes", get_service_attributes},
    {"ListServices", list_services},
    {"UpdateService", update_service},
    {"UpdateServiceAttributes", update_service_attributes},
});

}  // namespace

std::span<const Operation> service_operations() { return kServiceOperations; }

}  // namespace agent::api::servicediscovery
