// Files for deploy, and what a deployment of them would change.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/cli/deploy/document.h"
#include "agent/cli/deploy/plan.h"

namespace agent::cli {
namespace {

using nlohmann::json;

Deployment deployment(const std::string& text) {
  Deployment out;
  const auto parsed = parse_document(text, "f");
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
  const auto added = out.add(*parsed, "f");
  EXPECT_TRUE(added) << (added ? "" : added.error().text());
  return out;
}

std::string refusal(const std::string& text) {
  Deployment out;
  const auto parsed = parse_document(text, "f");
  if (!parsed) return parsed.error().text();
  const auto added = out.add(*parsed, "f");
  return added ? "" : added.error().text();
}

TEST(Variables, AreTakenFromTheEnvironmentOrHaveAnotherValue) {
  const Variables variables = {{"TAG", "7"}, {"EMPTY", ""}};
  EXPECT_EQ(*interpolated("web:${TAG} ${NONE:-x} ${EMPTY:-y} $HOME $${TAG} $", variables),
            "web:7 x y $HOME ${TAG} $");
  EXPECT_EQ(*interpolated("[${EMPTY}]", variables), "[]");
}

TEST(Variables, ThatAreNotSetAreNamedWithTheirLine) {
  EXPECT_NE(interpolated("a\nb ${NONE}", {}).error().text().find("line 2: the variable NONE is not set"),
            std::string::npos);
  EXPECT_FALSE(interpolated("${A", {}));
  EXPECT_FALSE(interpolated("${A-B}", {}));
}

TEST(Yaml, HasTheTypesOfItsCoreSchema) {
  const auto value = parse_yaml(
      "a: 1\nb: '1'\nc: true\nd: yes\ne: ~\nf: 1.5\ng: [x, 0x]\nh: \"true\"\ni: 1:30\nj: 2024-01-01\nk:\n");
  ASSERT_TRUE(value) << value.error().text();
  EXPECT_EQ(
      *value,
      json::parse(
          R"({"a":1,"b":"1","c":true,"d":"yes","e":null,"f":1.5,"g":["x","0x"],"h":"true","i":"1:30","j":"2024-01-01","k":null})"));
}

TEST(Yaml, FollowsAnchorsAndMergeKeys) {
  const auto value = parse_yaml("base: &b {x: 1, y: 2}\none:\n  <<: *b\n  y: 3\n");
  ASSERT_TRUE(value) << value.error().text();
  EXPECT_EQ((*value)["one"], json::parse(R"({"x":1,"y":3})"));
}

TEST(Yaml, OfAliasesOfAliasesEndsWithAnError) {
  std::string text = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 9; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 9; ++k) text += (k == 0 ? "*a" : ",*a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_FALSE(parse_yaml(text));
}

TEST(Yaml, NamesTheLineOfAMistake) {
  EXPECT_NE(parse_yaml("a: 1\nb: [1, 2\n").error().text().find("line "), std::string::npos);
  EXPECT_NE(parse_yaml("a: 1\na: 2\n").error().text().find("line 2: 'a' is there twice"), std::string::npos);
}

TEST(DeployFiles, AreServicesDefinitionsOrBoth) {
  EXPECT_EQ(deployment("serviceName: web\ndesiredCount: 2\n").service_name(), "web");
  EXPECT_EQ(deployment(R"({"family":"web","containerDefinitions":[]})").definition()["family"], "web");
  const Deployment both = deployment(
      "service: {serviceName: web}\ntaskDefinition: {family: web, containerDefinitions: [{name: a, "
      "environment: [{name: PORT, value: 80}]}]}\n");
  EXPECT_EQ(both.service_name(), "web");
  // The API has texts there.
  EXPECT_EQ(both.definition()["containerDefinitions"][0]["environment"][0]["value"], "80");
}

TEST(DeployFiles, WithUnknownMembersAreRefusedWithTheNearestName) {
  EXPECT_NE(refusal("serviceName: web\ndesiredCuont: 2\n").find("desiredCount"), std::string::npos);
  EXPECT_NE(refusal("service: {serviceName: web}\ntaskdefinition: {}\n").find("taskDefinition"),
            std::string::npos);
  EXPECT_NE(refusal("replicas: 2\n").find("neither"), std::string::npos);
  EXPECT_NE(refusal("- a\n").find("no object"), std::string::npos);
}

TEST(DeployFiles, AreMadeOfWhatRunsWithoutWhatOnlyAnswersHave) {
  const json service = service_to_file(json::parse(
      R"({"serviceName":"web","serviceArn":"arn","status":"ACTIVE","desiredCount":2,"runningCount":2,"events":[{}],
    "launchType":"EC2","schedulingStrategy":"REPLICA","loadBalancers":[],"taskDefinition":"arn:web:1","deploymentController":{"type":"ECS"}})"));
  EXPECT_EQ(service, json::parse(R"({"serviceName":"web","desiredCount":2})"));
  const json definition = definition_to_file(json::parse(
      R"({"family":"web","revision":3,"taskDefinitionArn":"arn","status":"ACTIVE","compatibilities":["EC2"],
    "containerDefinitions":[{"name":"web","image":"i","cpu":0,"environment":[],"mountPoints":[],"essential":true}],"volumes":[]})"));
  EXPECT_EQ(definition,
            json::parse(
                R"({"family":"web","containerDefinitions":[{"name":"web","image":"i","essential":true}]})"));
}

TEST(Images, AreSetInTheContainerThatIsMeant) {
  json definition = json::parse(
      R"({"containerDefinitions":[{"name":"web","image":"a"},{"name":"side","image":"b","essential":false}]})");
  ASSERT_TRUE(set_image(definition, "c:2"));
  EXPECT_EQ(definition["containerDefinitions"][0]["image"], "c:2");
  ASSERT_TRUE(set_image(definition, "side=d"));
  EXPECT_EQ(definition["containerDefinitions"][1]["image"], "d");
  EXPECT_NE(set_image(definition, "wbe=d").error().text().find("there are web, side"), std::string::npos);
  definition["containerDefinitions"][1].erase("essential");
  EXPECT_FALSE(set_image(definition, "e"));
}

const char* kRegistered =
    R"({"family":"web","revision":1,"taskDefinitionArn":"arn:aws:ecs:r:a:task-definition/web:1","status":"ACTIVE",
  "containerDefinitions":[{"name":"web","image":"web:1","cpu":0,"memory":64,"essential":true,"environment":[],"mountPoints":[],"volumesFrom":[],
  "portMappings":[{"containerPort":80,"hostPort":0,"protocol":"tcp"}]}],"volumes":[],"placementConstraints":[]})";
const char* kRunning =
    R"({"serviceName":"web","status":"ACTIVE","desiredCount":2,"schedulingStrategy":"REPLICA","loadBalancers":[],
  "deploymentConfiguration":{"maximumPercent":200,"minimumHealthyPercent":100,"strategy":"ROLLING"}})";

TEST(Plans, OfWhatRunsAlreadyAreEmpty) {
  const auto plan = plan_deployment(
      json::parse(
          R"({"serviceName":"web","desiredCount":2,"deploymentConfiguration":{"maximumPercent":200}})"),
      json::parse(
          R"({"family":"web","containerDefinitions":[{"name":"web","image":"web:1","memory":64,"portMappings":[{"containerPort":80}]}]})"),
      json::parse(kRunning), json::parse(kRegistered));
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->nothing());
}

TEST(Plans, TellARevisionFromAChangeOfTheServiceAlone) {
  auto plan = plan_deployment(json::parse(R"({"serviceName":"web","desiredCount":3})"), json::object(),
                              json::parse(kRunning), json::parse(kRegistered));
  ASSERT_TRUE(plan);
  EXPECT_FALSE(plan->registers);
  EXPECT_TRUE(plan->updates);
  ASSERT_EQ(plan->service.size(), 1U);
  EXPECT_EQ(plan->service[0].path, "desiredCount");
  plan = plan_deployment(
      json::object(),
      json::parse(
          R"({"family":"web","containerDefinitions":[{"name":"web","image":"web:2","memory":64,"portMappings":[{"containerPort":80}]}]})"),
      json::parse(kRunning), json::parse(kRegistered));
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->registers && plan->updates && !plan->creates);
}

TEST(Plans, OfANewServiceCreateIt) {
  const auto plan =
      plan_deployment(json::parse(R"({"serviceName":"new"})"),
                      json::parse(R"({"family":"new","containerDefinitions":[]})"), json(), json());
  ASSERT_TRUE(plan);
  EXPECT_TRUE(plan->creates && plan->registers && !plan->updates);
}

TEST(Plans, RefuseWhatNoUpdateCanChange) {
  const auto plan = plan_deployment(json::parse(R"({"serviceName":"web","schedulingStrategy":"DAEMON"})"),
                                    json::object(), json::parse(kRunning), json::parse(kRegistered));
  ASSERT_FALSE(plan);
  EXPECT_NE(plan.error().text().find("schedulingStrategy cannot be changed"), std::string::npos);
}

TEST(Plans, OfAMemberThatIsTakenOutRegisterARevisionWithoutIt) {
  json registered = json::parse(kRegistered);
  registered["containerDefinitions"][0]["command"] = {"x"};
  const auto plan = plan_deployment(
      json::object(),
      json::parse(
          R"({"family":"web","containerDefinitions":[{"name":"web","image":"web:1","memory":64,"portMappings":[{"containerPort":80}]}]})"),
      json::parse(kRunning), registered);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->definition.size(), 1U);
  EXPECT_EQ(plan->definition[0].kind, Difference::Kind::kRemoved);
}

}  // namespace
}  // namespace agent::cli
