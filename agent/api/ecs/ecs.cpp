#include "agent/api/ecs/ecs.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/shapes.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Blame;
using shared::Error;
using shared::Result;

namespace {

using Operation = Answer (*)(const Context&);

constexpr std::pair<std::string_view, Operation> kOffered[] = {
    {"CreateCluster", create_cluster},
    {"CreateService", create_service},
    {"DeleteAttributes", delete_attributes},
    {"DeleteCluster", delete_cluster},
    {"DeleteService", delete_service},
    {"DeleteTaskDefinitions", delete_task_definitions},
    {"DeregisterContainerInstance", deregister_container_instance},
    {"DeregisterTaskDefinition", deregister_task_definition},
    {"DescribeClusters", describe_clusters},
    {"DescribeContainerInstances", describe_container_instances},
    {"DescribeServices", describe_services},
    {"DescribeTaskDefinition", describe_task_definition},
    {"DescribeTasks", describe_tasks},
    {"DiscoverPollEndpoint", discover_poll_endpoint},
    {"ListAttributes", list_attributes},
    {"ListClusters", list_clusters},
    {"ListContainerInstances", list_container_instances},
    {"ListServices", list_services},
    {"ListTagsForResource", list_tags_for_resource},
    {"ListTaskDefinitionFamilies", list_task_definition_families},
    {"ListTaskDefinitions", list_task_definitions},
    {"ListTasks", list_tasks},
    {"PutAttributes", put_attributes},
    {"PutClusterCapacityProviders", put_cluster_capacity_providers},
    {"RegisterContainerInstance", register_container_instance},
    {"RegisterTaskDefinition", register_task_definition},
    {"RunTask", run_task},
    {"StartTask", start_task},
    {"StopTask", stop_task},
    {"SubmitAttachmentStateChanges", submit_attachment_state_changes},
    {"SubmitContainerStateChange", submit_container_state_change},
    {"SubmitTaskStateChange", submit_task_state_change},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
    {"UpdateCluster", update_cluster},
    {"UpdateClusterSettings", update_cluster_settings},
    {"UpdateContainerInstancesState", update_container_instances_state},
    {"UpdateService", update_service},
};

// The rest of ECS's 77, with the reason a caller gets.
constexpr std::string_view kNoProviders =
    "Capacity providers that scale are not offered: hosts join by themselves.";
constexpr std::string_view kNoTaskSets =
    "Task sets and external deployment controllers are not offered: use a service with rolling updates.";
constexpr std::string_view kNoDaemons =
    "Managed daemons are not offered: run a service with a distinctInstance constraint.";
constexpr std::string_view kNoExpress =
    "Express gateway services are not offered: create a service and a load balancer.";
constexpr std::string_view kNoHistory =
    "Service deployments and revisions are not kept as resources: DescribeServices shows the deployments.";
constexpr std::string_view kNoProtection = "Task scale-in protection is not offered.";
constexpr std::string_view kNoSettings = "Account settings are fixed: long ARNs, Container Insights off.";
constexpr std::string_view kNoExec = "ExecuteCommand is not offered.";
constexpr std::string_view kNoAgentUpdate =
    "Agents are not updated through the API: install a newer package on the host.";
constexpr std::string_view kNoNamespaces = "Service discovery namespaces are not offered.";

constexpr std::pair<std::string_view, std::string_view> kNotOffered[] = {
    {"ContinueServiceDeployment", kNoHistory},
    {"CreateCapacityProvider", kNoProviders},
    {"CreateDaemon", kNoDaemons},
    {"CreateExpressGatewayService", kNoExpress},
    {"CreateTaskSet", kNoTaskSets},
    {"DeleteAccountSetting", kNoSettings},
    {"DeleteCapacityProvider", kNoProviders},
    {"DeleteDaemon", kNoDaemons},
    {"DeleteDaemonTaskDefinition", kNoDaemons},
    {"DeleteExpressGatewayService", kNoExpress},
    {"DeleteTaskSet", kNoTaskSets},
    {"DescribeCapacityProviders", kNoProviders},
    {"DescribeDaemon", kNoDaemons},
    {"DescribeDaemonDeployments", kNoDaemons},
    {"DescribeDaemonRevisions", kNoDaemons},
    {"DescribeDaemonTaskDefinition", kNoDaemons},
    {"DescribeExpressGatewayService", kNoExpress},
    {"DescribeServiceDeployments", kNoHistory},
    {"DescribeServiceRevisions", kNoHistory},
    {"DescribeTaskSets", kNoTaskSets},
    {"ExecuteCommand", kNoExec},
    {"GetTaskProtection", kNoProtection},
    {"ListAccountSettings", kNoSettings},
    {"ListDaemonDeployments", kNoDaemons},
    {"ListDaemonTaskDefinitions", kNoDaemons},
    {"ListDaemons", kNoDaemons},
    {"ListServiceDeployments", kNoHistory},
    {"ListServicesByNamespace", kNoNamespaces},
    {"PutAccountSetting", kNoSettings},
    {"PutAccountSettingDefault", kNoSettings},
    {"RegisterDaemonTaskDefinition", kNoDaemons},
    {"StopServiceDeployment", kNoHistory},
    {"UpdateCapacityProvider", kNoProviders},
    {"UpdateContainerAgent", kNoAgentUpdate},
    {"UpdateDaemon", kNoDaemons},
    {"UpdateExpressGatewayService", kNoExpress},
    {"UpdateServicePrimaryTaskSet", kNoTaskSets},
    {"UpdateTaskProtection", kNoProtection},
    {"UpdateTaskSet", kNoTaskSets},
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
  const Answer answer = offered->second(Context{step, call, *request, resource_ids});
  if (!answer) return answer.error();
  return shared::json::to_text(*answer);
}

}  // namespace agent::api::ecs
