
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/services/service_requests.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/api/ecs/wire/kept_only.h"
#include "agent/api/ecs/wire/pages.h"
#include "agent/control/services/requests.h"
#include "agent/control/state/lookup.h"
#include "agent/model/words.h"
#include "shared/base/check.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxDescribedServices = 10;

Answer answer_service(const Context& context, const std::string& key) {
  const model::Service* service = context.state().services.find(key);
  BERTH_CHECK(service != nullptr, "a service keeps its row");
  return json{{"service", encode_service(context.step, *service, Tags::kShow)}};
}

// Its id; empty for a service that is not there or has none.
std::string newest_deployment(const Context& context, const std::string& key) {
  const model::Service* service = context.state().services.find(key);
  return service == nullptr || service->deployments.empty() ? "" : service->deployments.front().id;
}

// Key of the service that a request names, which need not exist.
Result<std::string> service_in(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const std::string asked = text_in(context.in, "service");
  if (asked.empty()) return invalid_parameter("Service cannot be empty.");
  return control::service_key(context.step.settings.realm(), *cluster, asked);
}

}  // namespace

Answer create_service(const Context& context) {
  auto service = new_service_in(context);
  if (!service) return service.error();
  const std::string before = newest_deployment(context, service->cluster + "/" + service->name);
  const auto key = control::create_service(context.step, *std::move(service));
  if (!key) return key.error();
  if (newest_deployment(context, *key) != before) tell_of_service(context, *key, "");
  return answer_service(context, *key);
}

Answer update_service(const Context& context) {
  const auto key = service_in(context);
  if (!key) return key.error();
  const auto service = control::active_service(context.state(), *key);
  if (!service) return service.error();
  const auto update = service_update_in(context, **service);
  if (!update) return update.error();
  const std::string before = newest_deployment(context, *key);
  if (auto updated = control::update_service(context.step, *key, *update); !updated) return updated.error();
  tell_of_service(context, *key, before);
  return answer_service(context, *key);
}

Answer delete_service(const Context& context) {
  const auto key = service_in(context);
  if (!key) return key.error();
  const bool force = boolean_in(context.in, "force").value_or(false);
  const auto deleted = control::delete_service(
      context.step, *key, force ? control::ForceDelete::kYes : control::ForceDelete::kNo);
  if (!deleted) return deleted.error();
  return answer_service(context, *key);
}

Answer describe_services(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const auto asked = batch_in(context.in, "services", "Services", kMaxDescribedServices);
  if (!asked) return asked.error();
  const Tags tags = includes(context, "TAGS") ? Tags::kShow : Tags::kHide;
  json services = json::array();
  json failures = json::array();
  for (const std::string& each : *asked) {
    const auto key = control::service_key(context.step.settings.realm(), *cluster, each);
    if (!key) return key.error();
    if (const model::Service* service = context.state().services.find(*key)) {
      services.push_back(encode_service(context.step, *service, tags));
    } else {
      failures.push_back(missing(arn_named(context.step, each, aws::EcsKind::kService, *key)));
    }
  }
  return json{{"services", std::move(services)}, {"failures", std::move(failures)}};
}

Answer list_services(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const std::string launch_type = text_in(context.in, "launchType");
  const std::string scheduling = text_in(context.in, "schedulingStrategy");
  if (!scheduling.empty() && !model::from_word<model::SchedulingStrategy>(scheduling)) {
    return invalid_parameter("Unknown schedulingStrategy '" + scheduling +
                             "'. It must be REPLICA or DAEMON.");
  }
  const std::string managed_by = text_in(context.in, "resourceManagementType");
  if (!managed_by.empty() && managed_by != "CUSTOMER" && managed_by != "ECS") {
    return invalid_parameter("Unknown resourceManagementType '" + managed_by +
                             "'. It must be CUSTOMER or ECS.");
  }
  std::vector<Item> items;
  control::each_of_cluster(context.state().services, *cluster, [&](const model::Service& service) {
    const bool listed = service.status == model::ServiceStatus::kActive && managed_by != "ECS" &&
                        (launch_type.empty() || launch_type == model::word(service.launch_type)) &&
                        (scheduling.empty() || scheduling == model::word(service.scheduling));
    if (listed) items.push_back({service.name, service.arn});
  });
  return page_of(context, "serviceArns", std::move(items), kServicesPage);
}

// No service can be in a namespace: Service Connect is refused, so that there are none.
Answer list_services_by_namespace(const Context& context) {
  const std::string name = text_in(context.in, "namespace");
  if (name.empty()) return invalid_parameter("Namespace cannot be empty.");
  if (auto page = page_of(context, "serviceArns", {}, kServicesPage); !page) return page;
  return control::fault("NamespaceNotFoundException", "The namespace '" + name + "' was not found.");
}

}  // namespace agent::api::ecs
