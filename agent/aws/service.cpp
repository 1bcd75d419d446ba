#include "agent/aws/service.h"

#include <array>
#include <optional>

#include "agent/aws/query.h"

namespace agent::aws {

using shared::Blame;
using shared::Error;
using shared::Result;

namespace {

struct ServiceRow {
  Service service;
  Protocol protocol;
  std::string_view signing_name;
  std::string_view selector;  // JSON: the prefix of X-Amz-Target; Query: the API version
  std::string_view xml_namespace;
};

constexpr std::array kServiceRows = {
    ServiceRow{Service::kEcs, Protocol::kJson, "ecs", "AmazonEC2ContainerServiceV20141113", ""},
    ServiceRow{Service::kElbv2, Protocol::kQuery, "elasticloadbalancing", "2015-12-01",
               "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"},
    ServiceRow{Service::kSts, Protocol::kQuery, "sts", "2011-06-15",
               "https://sts.amazonaws.com/doc/2011-06-15/"},
};

const ServiceRow& service_row(Service service) { return kServiceRows[static_cast<std::size_t>(service)]; }

const ServiceRow* find(Protocol protocol, std::string_view selector) {
  for (const ServiceRow& row : kServiceRows) {
    if (row.protocol == protocol && row.selector == selector) return &row;
  }
  return nullptr;
}

Result<Call> identify_json(const shared::http::Request& request) {
  const std::string_view target = request.headers.get("X-Amz-Target").value_or("");
  const std::size_t dot = target.find('.');
  const ServiceRow* row =
      dot == std::string_view::npos ? nullptr : find(Protocol::kJson, target.substr(0, dot));
  if (row == nullptr || request.headers.count("X-Amz-Target") != 1) {
    return Error("UnknownOperationException", "no service answers to the given X-Amz-Target", Blame::kClient);
  }
  return Call{row->service, std::string(target.substr(dot + 1)), request.body};
}

Result<Call> identify_query(const shared::http::Request& request) {
  const std::string_view form = request.method == "GET" ? request.query() : std::string_view(request.body);
  auto query = Query::parse(form);
  if (!query) return query.error();
  const auto action = query->root().string("Action");
  const std::string version = query->root().string("Version").value_or("");
  if (!action) {
    return Error("MissingAction", "The request must contain the parameter Action.", Blame::kClient);
  }
  const ServiceRow* row = find(Protocol::kQuery, version);
  if (row == nullptr) {
    return Error("InvalidAction", "Could not find operation " + *action + " for version " + version,
                 Blame::kClient);
  }
  return Call{row->service, *action, std::string(form)};
}

}  // namespace

std::string_view signing_name(Service service) { return service_row(service).signing_name; }
Protocol protocol_of(Service service) { return service_row(service).protocol; }
std::string_view xml_namespace(Service service) { return service_row(service).xml_namespace; }

Protocol protocol_of(const shared::http::Request& request) {
  if (request.headers.get("X-Amz-Target")) return Protocol::kJson;
  const std::string_view type = request.headers.get("Content-Type").value_or("");
  return type.starts_with("application/x-amz-json") || type.starts_with("application/json")
             ? Protocol::kJson
             : Protocol::kQuery;
}

Result<Call> identify(const shared::http::Request& request) {
  return protocol_of(request) == Protocol::kJson ? identify_json(request) : identify_query(request);
}

}  // namespace agent::aws
