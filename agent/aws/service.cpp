#include "agent/aws/service.h"

#include <algorithm>
#include <array>
#include <optional>
#include <vector>

#include "agent/aws/query.h"
#include "agent/aws/rest.h"

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
    ServiceRow{Service::kAcm, Protocol::kJson, "acm", "CertificateManager", ""},
    ServiceRow{Service::kIam, Protocol::kQuery, "iam", "2010-05-08",
               "https://iam.amazonaws.com/doc/2010-05-08/"},
    ServiceRow{Service::kEc2, Protocol::kEc2, "ec2", "2016-11-15",
               "http://ec2.amazonaws.com/doc/2016-11-15/"},
    ServiceRow{Service::kLogs, Protocol::kJson, "logs", "Logs_20140328", ""},
    ServiceRow{Service::kSsm, Protocol::kJson, "ssm", "AmazonSSM", ""},
    ServiceRow{Service::kSecrets, Protocol::kJson, "secretsmanager", "secretsmanager", ""},
    ServiceRow{Service::kAutoScaling, Protocol::kJson, "application-autoscaling", "AnyScaleFrontendService",
               ""},
    ServiceRow{Service::kCloudWatch, Protocol::kQuery, "monitoring", "2010-08-01",
               "http://monitoring.amazonaws.com/doc/2010-08-01/"},
    ServiceRow{Service::kCloudMap, Protocol::kJson, "servicediscovery", "Route53AutoNaming_v20170314", ""},
    ServiceRow{Service::kEvents, Protocol::kJson, "events", "AWSEvents", ""},
    ServiceRow{Service::kScheduler, Protocol::kRest, "scheduler", "", ""},
    ServiceRow{Service::kEcr, Protocol::kJson, "ecr", "AmazonEC2ContainerRegistry_V20150921", ""},
};

// What names CloudWatch in its other two protocols.
constexpr std::string_view kCloudWatchTarget = "GraniteServiceVersion20100801";
constexpr std::string_view kRpcService = "/service/";
constexpr std::string_view kRpcOperation = "/operation/";

const ServiceRow& service_row(Service service) { return kServiceRows[static_cast<std::size_t>(service)]; }

const ServiceRow* find(bool json, std::string_view selector) {
  for (const ServiceRow& row : kServiceRows) {
    if (row.protocol == Protocol::kRest) continue;
    if ((row.protocol == Protocol::kJson) == json && row.selector == selector) return &row;
  }
  return nullptr;
}

Result<Call> identify_json(const shared::http::Request& request) {
  const std::string_view target = request.headers.get("X-Amz-Target").value_or("");
  const std::size_t dot = target.find('.');
  if (target.substr(0, dot) == kCloudWatchTarget && dot != std::string_view::npos &&
      request.headers.count("X-Amz-Target") == 1)
    return Call{Service::kCloudWatch, std::string(target.substr(dot + 1)), request.body, Protocol::kJson};
  const ServiceRow* row = dot == std::string_view::npos ? nullptr : find(true, target.substr(0, dot));
  if (row == nullptr || request.headers.count("X-Amz-Target") != 1) {
    return Error("UnknownOperationException", "no service answers to the given X-Amz-Target", Blame::kClient);
  }
  return Call{row->service, std::string(target.substr(dot + 1)), request.body, Protocol::kJson};
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
  const ServiceRow* row = find(false, version);
  if (row == nullptr) {
    return Error("InvalidAction", "Could not find operation " + *action + " for version " + version,
                 Blame::kClient);
  }
  return Call{row->service, *action, std::string(form), row->protocol};
}

Result<Call> identify_cbor(const shared::http::Request& request) {
  std::string_view path = request.path();
  path.remove_prefix(kRpcService.size());
  const std::size_t at = path.find(kRpcOperation);
  if (at == std::string_view::npos || path.substr(0, at) != kCloudWatchTarget)
    return Error("UnknownOperationException", "no service answers to this path", Blame::kClient);
  return Call{Service::kCloudWatch, std::string(path.substr(at + kRpcOperation.size())), request.body,
              Protocol::kCbor};
}

}  // namespace

std::string_view signing_name(Service service) { return service_row(service).signing_name; }
bool is_signing_name(std::string_view name) {
  return std::any_of(kServiceRows.begin(), kServiceRows.end(),
                     [name](const ServiceRow& row) { return row.signing_name == name; });
}
std::string signing_names() {
  std::vector<std::string_view> names;
  for (const ServiceRow& row : kServiceRows) names.push_back(row.signing_name);
  std::sort(names.begin(), names.end());
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i != 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  return out;
}
bool is_global(Service service) { return service == Service::kIam || service == Service::kSts; }
Protocol protocol_of(Service service) { return service_row(service).protocol; }
std::string_view action_prefix(Service service) {
  return service == Service::kCloudWatch ? "cloudwatch" : signing_name(service);
}
std::string_view xml_namespace(Service service) { return service_row(service).xml_namespace; }

Protocol protocol_of(const shared::http::Request& request) {
  if (is_rest(request)) return Protocol::kRest;
  if (request.headers.get("X-Amz-Target")) return Protocol::kJson;
  if (request.headers.get("smithy-protocol").value_or("") == "rpc-v2-cbor" &&
      request.path().starts_with(kRpcService))
    return Protocol::kCbor;
  const std::string_view type = request.headers.get("Content-Type").value_or("");
  return type.starts_with("application/x-amz-json") || type.starts_with("application/json")
             ? Protocol::kJson
             : Protocol::kQuery;
}

Result<Call> identify(const shared::http::Request& request) {
  if (is_rest(request)) return identify_rest(request);
  const Protocol protocol = protocol_of(request);
  if (protocol == Protocol::kCbor) return identify_cbor(request);
  return protocol == Protocol::kJson ? identify_json(request) : identify_query(request);
}

}  // namespace agent::aws
