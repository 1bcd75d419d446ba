#include "agent/api/ecs/ecs.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/api/ecs/access.h"
#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/wire/shapes.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Blame;
using shared::Error;
using shared::Result;

namespace {

using Operation = Answer (*)(const Context&);

constexpr std::pair<std::string_view, Operation> kOffered[] = {
    {"ContinueServiceDeployment", continue_service_deployment},
    {"CreateCapacityProvider", create_capacity_provider},
    {"CreateCluster", create_cluster},
    {"CreateService", create_service},
    {"CreateTaskSet", create_task_set},
    {"DeleteAccountSetting", delete_account_setting},
    {"DeleteAttributes", delete_attributes},
    {"DeleteCapacityProvider", delete_capacity_provider},
    {"DeleteCluster", delete_cluster},
    {"DeleteService", delete_service},
    {"DeleteTaskDefinitions", delete_task_definitions},
    {"DeleteTaskSet", delete_task_set},
    {"DeregisterContainerInstance", deregister_container_instance},
    {"DeregisterTaskDefinition", deregister_task_definition},
    {"DescribeCapacityProviders", describe_capacity_providers},
    {"DescribeClusters", describe_clusters},
    {"DescribeContainerInstances", describe_container_instances},
    {"DescribeServiceDeployments", describe_service_deployments},
    {"DescribeServiceRevisions", describe_service_revisions},
    {"DescribeServices", describe_services},
    {"DescribeTaskDefinition", describe_task_definition},
    {"DescribeTaskSets", describe_task_sets},
    {"DescribeTasks", describe_tasks},
    {"DiscoverPollEndpoint", discover_poll_endpoint},
    {"GetTaskProtection", get_task_protection},
    {"ListAccountSettings", list_account_settings},
    {"ListAttributes", list_attributes},
    {"ListClusters", list_clusters},
    {"ListContainerInstances", list_container_instances},
    {"ListServiceDeployments", list_service_deployments},
    {"ListServices", list_services},
    {"ListServicesByNamespace", list_services_by_namespace},
    {"ListTagsForResource", list_tags_for_resource},
    {"ListTaskDefinitionFamilies", list_task_definition_families},
    {"ListTaskDefinitions", list_task_definitions},
    {"ListTasks", list_tasks},
    {"PutAccountSetting", put_account_setting},
    {"PutAccountSettingDefault", put_account_setting_default},
    {"PutAttributes", put_attributes},
    {"PutClusterCapacityProviders", put_cluster_capacity_providers},
    {"RegisterContainerInstance", register_container_instance},
    {"RegisterTaskDefinition", register_task_definition},
    {"RunTask", run_task},
    {"StartTask", start_task},
    {"StopServiceDeployment", stop_service_deployment},
    {"StopTask", stop_task},
    {"SubmitAttachmentStateChanges", submit_attachment_state_changes},
    {"SubmitContainerStateChange", submit_container_state_change},
    {"SubmitTaskStateChange", submit_task_state_change},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
    {"UpdateCapacityProvider", update_capacity_provider},
    {"UpdateCluster", update_cluster},
    {"UpdateClusterSettings", update_cluster_settings},
    {"UpdateContainerInstancesState", update_container_instances_state},
    {"UpdateService", update_service},
    {"UpdateServicePrimaryTaskSet", update_service_primary_task_set},
    {"UpdateTaskProtection", update_task_protection},
    {"UpdateTaskSet", update_task_set},
};

// The rest of ECS's 77, with the reason a caller gets.
constexpr std::string_view kNoDaemons =
    "Managed daemons are not offered: run a service with a distinctInstance constraint.";
constexpr std::string_view kNoExpress =
    "Express gateway services are not offered: create a service and a load balancer.";
constexpr std::string_view kNoExec = "ExecuteCommand is not offered.";
constexpr std::string_view kNoAgentUpdate =
    "Agents are not updated through the API: install a newer package on the host.";

constexpr std::pair<std::string_view, std::string_view> kNotOffered[] = {
    {"CreateDaemon", kNoDaemons},
    {"CreateExpressGatewayService", kNoExpress},
    {"DeleteDaemon", kNoDaemons},
    {"DeleteDaemonTaskDefinition", kNoDaemons},
    {"DeleteExpressGatewayService", kNoExpress},
    {"DescribeDaemon", kNoDaemons},
    {"DescribeDaemonDeployments", kNoDaemons},
    {"DescribeDaemonRevisions", kNoDaemons},
    {"DescribeDaemonTaskDefinition", kNoDaemons},
    {"DescribeExpressGatewayService", kNoExpress},
    {"ExecuteCommand", kNoExec},
    {"ListDaemonDeployments", kNoDaemons},
    {"ListDaemonTaskDefinitions", kNoDaemons},
    {"ListDaemons", kNoDaemons},
    {"RegisterDaemonTaskDefinition", kNoDaemons},
    {"UpdateContainerAgent", kNoAgentUpdate},
    {"UpdateDaemon", kNoDaemons},
    {"UpdateExpressGatewayService", kNoExpress},
};

static_assert(std::size(kOffered) + std::size(kNotOffered) == 77, "every operation of ECS is answered");

// Words that cannot be empty: "" is how several tools write what is not set.
constexpr const char* kUnsetWhenEmpty[] = {"availabilityZoneRebalancing",
                                           "cpu",
                                           "desiredStatus",
                                           "executionRoleArn",
                                           "ipcMode",
                                           "launchType",
                                           "memory",
                                           "networkMode",
                                           "pidMode",
                                           "platformVersion",
                                           "propagateTags",
                                           "schedulingStrategy",
                                           "sort",
                                           "status",
                                           "taskRoleArn"};

template <class Table>
auto find_in(const Table& table, std::string_view operation) {
  return std::find_if(std::begin(table), std::end(table),
                      [&](const auto& each) { return each.first == operation; });
}

void drop_unset(json& in) {
  for (const char* member : kUnsetWhenEmpty) {
    if (has(in, member) && in.at(member) == "") in.erase(member);
  }
}

Result<json> parse_request(std::string_view operation, const std::string& body) {
  const auto parsed = shared::json::parse(body.empty() ? "{}" : body);
  if (!parsed) return Error("SerializationException", parsed.error().text(), Blame::kClient);
  auto request = modelled(operation, *parsed);
  if (!request) return request;
  drop_unset(*request);
  if (has(*request, "overrides")) drop_unset(request->at("overrides"));
  return request;
}

}  // namespace

Result<std::string> handle(control::Step& step, const Call& call, std::vector<std::string>& resource_ids) {
  const auto* const offered = find_in(kOffered, call.operation);
  if (offered == std::end(kOffered)) {
    const auto* const known = find_in(kNotOffered, call.operation);
    if (known != std::end(kNotOffered)) return unsupported(std::string(known->second));
    return Error("UnknownOperationException", "The operation " + call.operation + " does not exist.",
                 Blame::kClient);
  }
  const Result<json> request = parse_request(call.operation, call.body);
  if (!request) return request.error();
  const Context context{step, call, *request, resource_ids};
  if (call.by_policy) {
    if (auto allowed = permit(step, call, accesses_of(context)); !allowed) return allowed.error();
  }
  const Answer answer = offered->second(context);
  if (!answer) return answer.error();
  return shared::json::to_text(*answer);
}

Offers offers() {
  Offers out;
  add_offered(out, kOffered);
  add_refused(out, kNotOffered);
  return out;
}

}  // namespace agent::api::ecs
