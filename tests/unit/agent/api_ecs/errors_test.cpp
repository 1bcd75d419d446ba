// ECS's errors, a row each: which operation raises it, and in which words where clients go by them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::StartsWith;

class Errors : public ::testing::Test {
 protected:
  Errors() {
    instance = api.join();
    api.define("web");
    api.ok("CreateService", {{"serviceName", "shop"}, {"taskDefinition", "web"}, {"desiredCount", 1}});
    api.ok("RunTask", {{"taskDefinition", "web"}, {"clientToken", "once"}});
    api.ok("CreateCluster", {{"clusterName", "gone"}});
    api.ok("DeleteCluster", {{"cluster", "gone"}});
    api.ok("CreateCluster", {{"clusterName", "services"}});
    api.ok("CreateService",
           {{"cluster", "services"}, {"serviceName", "s"}, {"taskDefinition", "web"}, {"desiredCount", 0}});
    api.ok("CreateService", {{"serviceName", "over"}, {"taskDefinition", "web"}, {"desiredCount", 0}});
    api.ok("DeleteService", {{"service", "over"}});
    api.ok("CreateCapacityProvider",
           {{"name", "hosts"}, {"autoScalingGroupProvider", {{"autoScalingGroupArn", "hosts"}}}});
  }

  Api api;
  std::string instance;
};

TEST_F(Errors, EachIsRaisedByTheOperationsThatHaveIt) {
  json fifty_one = json::array();
  for (int i = 0; i < 51; ++i) fifty_one.push_back({{"key", "k" + std::to_string(i)}, {"value", "v"}});
  json eleven = json::array();
  for (int i = 0; i < 10; ++i) {
    eleven.push_back(
        {{"name", "a" + std::to_string(i)}, {"targetType", "container-instance"}, {"targetId", instance}});
  }
  api.ok("PutAttributes", {{"attributes", eleven}});
  const json one_more =
      json::array({{{"name", "more"}, {"targetType", "container-instance"}, {"targetId", instance}}});
  const json of_none =
      json::array({{{"name", "a"}, {"targetType", "container-instance"}, {"targetId", "none"}}});
  const std::string here = "arn:aws:ecs:us-east-1:000000000000:";
  struct Row {
    const char* operation;
    json request;
    const char* error;
  };
  const std::vector<Row> rows{
      {"RegisterTaskDefinition",
       {{"family", ""}, {"containerDefinitions", json::array()}},
       "ClientException: "},
      {"DescribeTaskDefinition",
       {{"taskDefinition", "none"}},
       "ClientException: Unable to describe task definition."},
      {"RunTask", {{"taskDefinition", "none"}}, "ClientException: TaskDefinition not found."},
      {"RunTask", {{"taskDefinition", "web"}, {"count", 11}}, "InvalidParameterException: "},
      {"StopTask", {{"task", "none"}}, "InvalidParameterException: The referenced task was not found."},
      {"DescribeTasks", json::object(), "InvalidParameterException: Tasks cannot be empty."},
      {"DescribeServices", json::object(), "InvalidParameterException: Services cannot be empty."},
      {"DescribeContainerInstances", json::object(),
       "InvalidParameterException: Container Instances cannot be empty."},
      {"ListTasks", {{"cluster", "none"}}, "ClusterNotFoundException: Cluster not found."},
      {"ListTasks", {{"cluster", "gone"}}, "ClusterNotFoundException: The referenced cluster was inactive."},
      {"PutClusterCapacityProviders",
       {{"cluster", "gone"},
        {"capacityProviders", json::array()},
        {"defaultCapacityProviderStrategy", json::array()}},
       "ClientException: Cluster was not ACTIVE"},
      {"UpdateService", {{"service", "none"}}, "ServiceNotFoundException: Service not found."},
      {"DeleteService", {{"service", "none"}}, "ServiceNotFoundException: Service not found."},
      {"ListTasks", {{"serviceName", "none"}}, "ServiceNotFoundException: Service not found."},
      {"UpdateService", {{"service", "over"}}, "ServiceNotActiveException: Service was not ACTIVE."},
      {"DeleteService",
       {{"service", "shop"}},
       "InvalidParameterException: The service cannot be stopped while it is scaled above 0."},
      {"CreateService",
       {{"serviceName", "shop"}, {"taskDefinition", "web"}, {"desiredCount", 3}},
       "InvalidParameterException: Creation of service was not idempotent."},
      {"CreateService",
       {{"serviceName", "over"}, {"taskDefinition", "web"}, {"desiredCount", 3}},
       "InvalidParameterException: Unable to Start a service that is still Draining."},
      {"DeleteCluster",
       {{"cluster", "default"}},
       "ClusterContainsContainerInstancesException: The Cluster cannot be deleted while Container Instances "
       "are active "
       "or draining."},
      {"DeleteCluster",
       {{"cluster", "services"}},
       "ClusterContainsServicesException: The Cluster cannot be deleted while Services are active."},
      {"DeregisterContainerInstance",
       {{"containerInstance", instance}},
       "InvalidParameterException: Found running tasks on the instance."},
      {"TagResource",
       {{"resourceArn", here + "capacity-provider/none"}, {"tags", {{{"key", "k"}, {"value", "v"}}}}},
       "ResourceNotFoundException: "},
      {"TagResource",
       {{"resourceArn", here + "moon/none"}, {"tags", {{{"key", "k"}, {"value", "v"}}}}},
       "InvalidParameterException: "},
      {"PutAttributes", {{"attributes", of_none}}, "TargetNotFoundException: "},
      {"PutAttributes", {{"attributes", one_more}}, "AttributeLimitExceededException: "},
      {"RunTask", {{"taskDefinition", "web"}, {"clientToken", "once"}, {"count", 2}}, "ConflictException: "},
      {"CreateCapacityProvider",
       {{"name", "hosts"}, {"autoScalingGroupProvider", {{"autoScalingGroupArn", "hosts"}}}},
       "ClientException: A capacity provider with the name 'hosts' already exists."},
      {"DeleteCapacityProvider",
       {{"capacityProvider", "none"}},
       "ClientException: The specified capacity provider does not exist. Specify a valid name or ARN and try "
       "again."},
      {"RunTask",
       {{"taskDefinition", "web"},
        {"capacityProviderStrategy", {{{"capacityProvider", "hosts"}, {"weight", 1}}}}},
       "InvalidParameterException: The specified capacity provider strategy cannot contain a capacity "
       "provider that is "
       "not associated with the cluster."},
      {"StopServiceDeployment",
       {{"serviceDeploymentArn", here + "service-deployment/default/shop/none"}},
       "ServiceDeploymentNotFoundException: "},
      {"ListServicesByNamespace", {{"namespace", "none"}}, "NamespaceNotFoundException: "},
      {"UpdateContainerAgent", {{"containerInstance", instance}}, "UnsupportedFeatureException: "},
      {"ExecuteCommand", json::object(), "UnsupportedFeatureException: "},
      {"DeleteTaskSet",
       {{"cluster", "default"}, {"service", "shop"}, {"taskSet", "ecs-svc/1"}},
       "InvalidParameterException: Task sets are only of services with the EXTERNAL deployment controller."},
      {"DescribeDaemon", json::object(), "UnsupportedFeatureException: "},
      {"CreateExpressGatewayService", json::object(), "UnsupportedFeatureException: "},
      {"MakeCoffee", json::object(), "UnknownOperationException: "},
      {"ListTasks", {{"maxResults", "ten"}}, "SerializationException: "},
      {"ListTasks", {{"maxResults", 101}}, "InvalidParameterException: "},
      {"ListTasks", {{"nextToken", "garbage"}}, "InvalidParameterException: "},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(api.refused(row.operation, row.request), StartsWith(row.error))
        << row.operation << " " << row.request;
  }
  // A limit of its own, and what only a cluster without hosts and services says.
  EXPECT_THAT(
      api.refused("TagResource", {{"resourceArn", here + "cluster/default"}, {"tags", fifty_one}}),
      ::testing::AnyOf(StartsWith("LimitExceededException: "), StartsWith("InvalidParameterException: ")));
}

TEST_F(Errors, AClusterWithTasksAloneIsNotDeletedEither) {
  api.ok("DeleteService", {{"service", "shop"}, {"force", true}});
  for (auto& [key, row] : api.state.services.rows())
    api.state.services.edit(key, [](auto& service) { service.status = model::ServiceStatus::kInactive; });
  for (auto& [key, row] : api.state.instances.rows())
    api.state.instances.edit(key, [](auto& one) { one.status = model::InstanceStatus::kInactive; });
  EXPECT_EQ(api.refused("DeleteCluster", {{"cluster", "default"}}),
            "ClusterContainsTasksException: The Cluster cannot be deleted while Tasks are active.");
}

}  // namespace
}  // namespace agent::api::ecs::testing
