// ARNs that are not ours, in every member of every operation that takes one: refused, and nothing done.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/text.h"
#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::tests::replaced;

struct ArnCase {
  const char* operation;
  const char* request;  // {cluster} {service} {task} {instance} {definition}: the ARN; one of them
};

constexpr ArnCase kCases[] = {
    {"DescribeClusters", R"({"clusters":["{cluster}"]})"},
    {"UpdateCluster", R"({"cluster":"{cluster}"})"},
    {"UpdateClusterSettings",
     R"({"cluster":"{cluster}","settings":[{"name":"containerInsights","value":"enabled"}]})"},
    {"PutClusterCapacityProviders",
     R"({"cluster":"{cluster}","capacityProviders":[],"defaultCapacityProviderStrategy":[]})"},
    {"DeleteCluster", R"({"cluster":"{cluster}"})"},
    {"DescribeTaskDefinition", R"({"taskDefinition":"{definition}"})"},
    {"DeregisterTaskDefinition", R"({"taskDefinition":"{definition}"})"},
    {"RunTask", R"({"taskDefinition":"{definition}"})"},
    {"RunTask", R"({"cluster":"{cluster}","taskDefinition":"web"})"},
    {"StartTask", R"({"taskDefinition":"{definition}","containerInstances":["none"]})"},
    {"StartTask", R"({"cluster":"{cluster}","taskDefinition":"web","containerInstances":["none"]})"},
    {"StartTask", R"({"taskDefinition":"web","containerInstances":["{instance}"]})"},
    {"StopTask", R"({"task":"{task}"})"},
    {"StopTask", R"({"cluster":"{cluster}","task":"none"})"},
    {"DescribeTasks", R"({"tasks":["{task}"]})"},
    {"DescribeTasks", R"({"cluster":"{cluster}","tasks":["none"]})"},
    {"ListTasks", R"({"cluster":"{cluster}"})"},
    {"ListTasks", R"({"containerInstance":"{instance}"})"},
    {"ListTasks", R"({"serviceName":"{service}"})"},
    {"CreateService",
     R"({"cluster":"{cluster}","serviceName":"other","taskDefinition":"web","desiredCount":1})"},
    {"CreateService", R"({"serviceName":"other","taskDefinition":"{definition}","desiredCount":1})"},
    {"UpdateService", R"({"cluster":"{cluster}","service":"web","desiredCount":9})"},
    {"UpdateService", R"({"service":"{service}","desiredCount":9})"},
    {"UpdateService", R"({"service":"web","taskDefinition":"{definition}","desiredCount":9})"},
    {"DeleteService", R"({"service":"{service}","force":true})"},
    {"DeleteService", R"({"cluster":"{cluster}","service":"web","force":true})"},
    {"DescribeServices", R"({"services":["{service}"]})"},
    {"DescribeServices", R"({"cluster":"{cluster}","services":["web"]})"},
    {"ListServices", R"({"cluster":"{cluster}"})"},
    {"RegisterContainerInstance", R"({"cluster":"{cluster}"})"},
    {"DeregisterContainerInstance", R"({"containerInstance":"{instance}","force":true})"},
    {"DeregisterContainerInstance", R"({"cluster":"{cluster}","containerInstance":"none","force":true})"},
    {"DescribeContainerInstances", R"({"containerInstances":["{instance}"]})"},
    {"DescribeContainerInstances", R"({"cluster":"{cluster}","containerInstances":["none"]})"},
    {"ListContainerInstances", R"({"cluster":"{cluster}"})"},
    {"UpdateContainerInstancesState", R"({"containerInstances":["{instance}"],"status":"DRAINING"})"},
    {"UpdateContainerInstancesState",
     R"({"cluster":"{cluster}","containerInstances":["none"],"status":"DRAINING"})"},
    {"DiscoverPollEndpoint", R"({"cluster":"{cluster}"})"},
    {"DiscoverPollEndpoint", R"({"containerInstance":"{instance}"})"},
    {"SubmitTaskStateChange", R"({"task":"{task}","status":"STOPPED"})"},
    {"SubmitTaskStateChange", R"({"cluster":"{cluster}","task":"none","status":"STOPPED"})"},
    {"SubmitContainerStateChange", R"({"task":"{task}","containerName":"web","status":"STOPPED"})"},
    {"SubmitContainerStateChange",
     R"({"cluster":"{cluster}","task":"none","containerName":"web","status":"STOPPED"})"},
    {"SubmitAttachmentStateChanges", R"({"cluster":"{cluster}","attachments":[]})"},
    {"TagResource", R"({"resourceArn":"{service}","tags":[{"key":"a","value":"b"}]})"},
    {"TagResource", R"({"resourceArn":"{cluster}","tags":[{"key":"a","value":"b"}]})"},
    {"TagResource", R"({"resourceArn":"{definition}","tags":[{"key":"a","value":"b"}]})"},
    {"UntagResource", R"({"resourceArn":"{task}","tagKeys":["a"]})"},
    {"ListTagsForResource", R"({"resourceArn":"{instance}"})"},
};

// A service with a running task on one instance.
struct World {
  Api api;
  std::map<std::string, std::string> arns;

  World() {
    arns["{instance}"] = api.join();
    arns["{definition}"] = api.define("web");
    arns["{cluster}"] = "arn:aws:ecs:us-east-1:000000000000:cluster/default";
    arns["{service}"] =
        api.ok("CreateService", {{"serviceName", "web"}, {"taskDefinition", "web"}, {"desiredCount", 0}})
            .at("service")
            .at("serviceArn");
    arns["{task}"] = api.ok("RunTask", {{"taskDefinition", "web"}})["tasks"][0]["taskArn"];
  }
  // The request with `change` done to the ARN in it.
  template <class Change>
  json request(const ArnCase& of, Change change) const {
    std::string text = of.request;
    for (const auto& [placeholder, arn] : arns) text = replaced(text, placeholder, change(arn));
    return json::parse(text);
  }
  json all() {
    return {api.ok("DescribeClusters", {{"include", {"SETTINGS", "TAGS"}}}),
            api.ok("DescribeServices", {{"services", {"web"}}, {"include", {"TAGS"}}}),
            api.ok("DescribeTasks", {{"tasks", {arns["{task}"]}}, {"include", {"TAGS"}}}),
            api.ok("DescribeContainerInstances", {{"containerInstances", {arns["{instance}"]}}}),
            api.ok("DescribeTaskDefinition", {{"taskDefinition", "web"}, {"include", {"TAGS"}}}),
            api.ok("ListServices", json::object()),
            api.ok("ListTasks", json::object())};
  }
};

TEST(Arns, OfOthersAreRefusedByEveryOperationAndNothingIsDone) {
  struct Wrong {
    const char* what;
    const char* from;
    const char* to;
    const char* text;
  };
  for (const ArnCase& each : kCases) {
    World world;
    const json before = world.all();
    for (const Wrong& wrong : {Wrong{"partition", "arn:aws:", "arn:aws-cn:", "another partition"},
                               Wrong{"service", ":ecs:", ":eks:", "is not an ECS ARN"},
                               Wrong{"region", ":us-east-1:", ":ap-south-1:", "Invalid Region in ARN"},
                               Wrong{"account", ":000000000000:", ":123456789012:", "another account"},
                               Wrong{"kind", "000000000000:", "000000000000:x-", "known kind"}}) {
      const json request =
          world.request(each, [&](const std::string& arn) { return replaced(arn, wrong.from, wrong.to); });
      const std::string refused = world.api.refused(each.operation, request);
      EXPECT_THAT(refused, StartsWith("InvalidParameterException: ")) << each.operation << request;
      EXPECT_THAT(refused, HasSubstr(wrong.text)) << each.operation << request;
    }
    EXPECT_EQ(world.all(), before) << each.operation;
  }
}

TEST(Arns, OfOurOwnAreTaken) {
  for (const ArnCase& each : kCases) {
    World world;
    const json request = world.request(each, [](const std::string& arn) { return arn; });
    const auto answer = world.api.call(each.operation, request);
    // Some of the requests ask for what cannot be, but none because of its ARN.
    const std::string error = answer ? "" : answer.error().text();
    EXPECT_THAT(error, ::testing::Not(HasSubstr("ARN"))) << each.operation;
    EXPECT_THAT(error, ::testing::Not(HasSubstr("dentifier"))) << each.operation;
  }
}

TEST(Arns, OfAnotherKindDoNotPassForTheOneAskedFor) {
  World world;
  const auto& arns = world.arns;
  EXPECT_THAT(world.api.refused("DeleteCluster", {{"cluster", arns.at("{service}")}}),
              HasSubstr("is not the ARN of a cluster"));
  EXPECT_THAT(world.api.refused("StopTask", {{"task", arns.at("{instance}")}}),
              HasSubstr("is not the ARN of a task"));
  EXPECT_THAT(world.api.refused("RunTask", {{"taskDefinition", arns.at("{cluster}")}}),
              HasSubstr("is not the ARN of a task definition"));
  EXPECT_THAT(world.api.refused("DeleteService", {{"service", arns.at("{task}")}}),
              HasSubstr("is not the ARN of a service"));
}

TEST(Arns, OfOthersInAListOfDefinitionsToDeleteFailOneByOne) {
  World world;
  world.api.ok("DeregisterTaskDefinition", {{"taskDefinition", "web:1"}});
  const std::string foreign = "arn:aws:ecs:ap-south-1:000000000000:task-definition/web:1";
  const json answer = world.api.ok("DeleteTaskDefinitions", {{"taskDefinitions", {foreign, "web:1"}}});
  EXPECT_EQ(answer["taskDefinitions"].size(), 1U);
  EXPECT_EQ(answer["failures"][0]["arn"], foreign);
  EXPECT_THAT(std::string(answer["failures"][0]["reason"]), HasSubstr("Invalid Region in ARN"));
}

TEST(Arns, OfOthersTargetGroupsAndInstancesAreUnknown) {
  World world;
  const json service{
      {"serviceName", "other"},
      {"taskDefinition", "web"},
      {"desiredCount", 1},
      {"loadBalancers",
       {{{"targetGroupArn", "arn:aws:elasticloadbalancing:ap-south-1:000000000000:targetgroup/a/1"},
         {"containerName", "web"},
         {"containerPort", 80}}}}};
  EXPECT_THAT(world.api.refused("CreateService", service), HasSubstr("target group does not exist"));
  // An agent that kept the ARN of another installation takes this as the word to register anew.
  EXPECT_THAT(
      world.api.refused(
          "RegisterContainerInstance",
          {{"containerInstanceArn", replaced(world.arns.at("{instance}"), "us-east-1", "ap-south-1")}}),
      ::testing::AllOf(StartsWith("ClientException: "), HasSubstr("is not registered in this cluster")));
  EXPECT_THAT(world.api.refused("SubmitAttachmentStateChanges",
                                {{"attachments",
                                  {{{"attachmentArn", "arn:aws:ecs:ap-south-1:000000000000:attachment/c/1"},
                                    {"status", "ATTACHED"}}}}}),
              HasSubstr("Invalid Region in ARN"));
}

}  // namespace
}  // namespace agent::api::ecs::testing
