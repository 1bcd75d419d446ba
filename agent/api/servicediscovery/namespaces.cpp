#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/servicediscovery/request.h"
#include "agent/control/state/faults.h"
#include "agent/dns/message.h"

namespace agent::api::servicediscovery {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMostName = 253;
constexpr std::size_t kMostHttpName = 1'024;
constexpr std::size_t kMostId = 64;
constexpr std::int64_t kMostTtl = 2'147'483'647;

json encode_namespace(const control::State& state, const model::Namespace& row) {
  json properties{{"HttpProperties", {{"HttpName", row.name}}}};
  if (row.type != discovery::kHttp)
    properties["DnsProperties"] = {{"HostedZoneId", row.hosted_zone}, {"SOA", {{"TTL", row.soa_ttl}}}};
  json out{{"Id", row.id},
           {"Arn", row.arn},
           {"Name", row.name},
           {"Type", row.type},
           {"ServiceCount", discovery::service_count(state, row.id)},
           {"Properties", std::move(properties)},
           {"CreateDate", shared::epoch_seconds(row.created_at)}};
  if (!row.description.empty()) out["Description"] = row.description;
  return out;
}

// In Properties (of an update: in its change), DnsProperties, SOA.
Result<std::optional<std::int64_t>> soa_ttl_in(In in) {
  std::optional<std::int64_t> ttl;
  if (const auto properties = in.child("Properties")) {
    if (const auto dns = properties->child("DnsProperties")) {
      if (const auto soa = dns->child("SOA")) ttl = soa->required_integer<std::int64_t>("TTL", 0, kMostTtl);
    }
  }
  if (!in.ok()) return in.error();
  return ttl;
}

Result<void> check_dns_name(const std::string& name) {
  const auto normal = agent::dns::normal(name);
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f && c != '\\'; });
  if (normal && !normal->empty() && printable && name.back() != '.') return {};
  return invalid("Name: '" + name.substr(0, 128) + "' is not the name of a DNS zone.");
}

Answer created(const Context& at, In in, const char* type) {
  discovery::NewNamespace request;
  request.type = type;
  const bool dns = request.type != discovery::kHttp;
  auto name = required(in, "Name", dns ? kMostName : kMostHttpName);
  if (!name) return name.error();
  request.name = *std::move(name);
  if (dns) {
    if (auto ok = check_dns_name(request.name); !ok) return ok.error();
  }
  if (request.type == discovery::kPrivate) {
    auto vpc = required(in, "Vpc", kMostId);
    if (!vpc) return vpc.error();
    request.vpc = *std::move(vpc);
  }
  auto description = optional_text(in, "Description");
  if (!description) return description.error();
  request.description = *std::move(description);
  auto creator = optional_text(in, "CreatorRequestId", kMostId);
  if (!creator) return creator.error();
  request.creator_request = *std::move(creator);
  const auto ttl = soa_ttl_in(in);
  if (!ttl) return ttl.error();
  request.soa_ttl = ttl->value_or(request.soa_ttl);
  request.tags = read_tags(in);
  if (!in.ok()) return in.error();
  const auto operation = discovery::create_namespace(at.step, request);
  if (!operation) return operation.error();
  return json{{"OperationId", *operation}};
}

Answer create_http_namespace(const Context& at, In in) { return created(at, in, discovery::kHttp); }
Answer create_private_dns_namespace(const Context& at, In in) { return created(at, in, discovery::kPrivate); }
Answer create_public_dns_namespace(const Context& at, In in) { return created(at, in, discovery::kPublic); }

Answer updated(const Context& at, In in, const char* type) {
  const auto id = required(in, "Id");
  if (!id) return id.error();
  const auto change = in.required_child("Namespace");
  if (!change) return in.error();
  discovery::NamespaceUpdate update;
  update.description = change->string("Description");
  const auto ttl = soa_ttl_in(*change);
  if (!ttl) return ttl.error();
  update.soa_ttl = *ttl;
  if (!in.ok()) return in.error();
  const auto operation = discovery::update_namespace(at.step, *id, type, update);
  if (!operation) return operation.error();
  return json{{"OperationId", *operation}};
}

Answer update_http_namespace(const Context& at, In in) { return updated(at, in, discovery::kHttp); }
Answer update_private_dns_namespace(const Context& at, In in) { return updated(at, in, discovery::kPrivate); }
Answer update_public_dns_namespace(const Context& at, In in) { return updated(at, in, discovery::kPublic); }

Answer delete_namespace(const Context& at, In in) {
  const auto id = required(in, "Id");
  if (!id) return id.error();
  const auto operation = discovery::delete_namespace(at.step, *id);
  if (!operation) return operation.error();
  return json{{"OperationId", *operation}};
}

Answer get_namespace(const Context& at, In in) {
  const auto id = required(in, "Id");
  if (!id) return id.error();
  const auto row = discovery::find_namespace(at.step, *id);
  if (!row) return row.error();
  json out = encode_namespace(at.step.state, **row);
  if (!(*row)->creator_request.empty()) out["CreatorRequestId"] = (*row)->creator_request;
  return json{{"Namespace", std::move(out)}};
}

Answer list_namespaces(const Context& at, In in) {
  const auto page = page_in(in);
  if (!page) return page.error();
  const auto filters = filters_in(in, {"TYPE", "NAME", "HTTP_NAME"});
  if (!filters) return filters.error();
  json out{{"Namespaces", json::array()}};
  const std::string next = page_through(
      at.step.state.neighbours().namespaces.rows(), *page,
      [&](const auto& each) {
        const model::Namespace& row = each.second;
        return passes(*filters, "TYPE", row.type) && passes(*filters, "NAME", row.name) &&
               passes(*filters, "HTTP_NAME", row.name);
      },
      [&](const auto& each) { out["Namespaces"].push_back(encode_namespace(at.step.state, each.second)); });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

constexpr auto kNamespaceOperations = std::to_array<Operation>({
    {"CreateHttpNamespace", create_http_namespace},
    {"CreatePrivateDnsNamespace", create_private_dns_namespace},
    {"CreatePublicDnsNamespace", create_public_dns_namespace},
    {"DeleteNamespace", delete_namespace},
    {"GetNamespace", get_namespace},
    {"ListNamespaces", list_namespaces},
    {"UpdateHttpNamespace", update_http_namespace},
    {"UpdatePrivateDnsNamespace", update_private_dns_namespace},
    {"UpdatePublicDnsNamespace", update_public_dns_namespace},
});

}  // namespace

std::span<const Operation> namespace_operations() { return kNamespaceOperations; }

}  // namespace agent::api::servicediscovery
