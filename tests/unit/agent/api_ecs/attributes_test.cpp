#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/state/lookup.h"
#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

json attribute(const std::string& name, const std::string& value = "") {
  return value.empty() ? json{{"name", name}} : json{{"name", name}, {"value", value}};
}

// What PutAttributes and DeleteAttributes take.
json of(const std::string& target, json attribute) {
  attribute["targetId"] = target;
  return {{"attributes", {attribute}}};
}

class Attributes : public ::testing::Test {
 protected:
  // As an ECS agent does it: custom attributes the first time only.
  std::string registered(const json& attributes, const std::string& again = "") {
    api.ok("CreateCluster", json::object());
    json request{{"attributes", attributes},
                 {"totalResources",
                  {{{"name", "CPU"}, {"type", "INTEGER"}, {"integerValue", 1024}},
                   {{"name", "MEMORY"}, {"type", "INTEGER"}, {"integerValue", 1024}}}}};
    if (!again.empty()) request["containerInstanceArn"] = again;
    const std::string arn =
        api.ok("RegisterContainerInstance", request)["containerInstance"]["containerInstanceArn"];
    api.connect(arn, true);
    return arn;
  }
  json attributes_of(const std::string& arn) {
    json found = json::object();
    const json answer = api.ok("DescribeContainerInstances", {{"containerInstances", {arn}}});
    for (const json& each : answer["containerInstances"][0]["attributes"]) {
      found[std::string(each["name"])] = each.value("value", "");
    }
    return found;
  }
  std::string address_of(const std::string& arn) {
    return control::find_instance_by_arn(api.state, arn)->address;
  }
  bool places(const std::string& expression) {
    return api
        .ok("RunTask", {{"taskDefinition", "web"},
                        {"placementConstraints", {{{"type", "memberOf"}, {"expression", expression}}}}})
        .at("failures")
        .empty();
  }

  Api api;
};

TEST_F(Attributes, AnAgentThatSendsItsCustomOnesOnlyOnceKeepsThem) {
  const std::string arn =
      registered({attribute("ecs.capability.old"), attribute("com.amazonaws.ecs.capability.logging-driver.x"),
                  attribute("ecs.os-type", "linux"), attribute("ecs.availability-zone", "a"),
                  attribute("rack", "a"), attribute("berth.address", "10.1.2.3")});
  ASSERT_EQ(registered({attribute("ecs.capability.new"), attribute("ecs.os-type", "linux")}, arn), arn);
  EXPECT_EQ(attributes_of(arn), json({{"ecs.capability.new", ""},
                                      {"ecs.os-type", "linux"},
                                      {"ecs.availability-zone", "a"},
                                      {"rack", "a"},
                                      {"berth.address", "10.1.2.3"}}));
  EXPECT_EQ(address_of(arn), "10.1.2.3");
  api.define("web");
  EXPECT_TRUE(places("attribute:rack == a"));
}

TEST_F(Attributes, AnAgentThatSendsItsCustomOnesSendsThemAll) {
  const std::string arn = registered({attribute("berth.address", "10.0.0.1"), attribute("rack", "a"),
                                      attribute("ssd"), attribute("ecs.availability-zone", "a")});
  registered({attribute("berth.address", "10.0.0.2"), attribute("rack", "b")}, arn);
  EXPECT_EQ(attributes_of(arn), json({{"berth.address", "10.0.0.2"}, {"rack", "b"}}));
  EXPECT_EQ(address_of(arn), "10.0.0.2");
}

TEST_F(Attributes, AnIdentityDocumentIsNoCustomAttribute) {
  const std::string arn = registered(json::array({attribute("rack", "a")}));
  api.ok("RegisterContainerInstance",
         {{"containerInstanceArn", arn}, {"instanceIdentityDocument", R"({"instanceId":"i-0abc"})"}});
  EXPECT_EQ(attributes_of(arn).value("rack", ""), "a");
}

TEST_F(Attributes, ThoseThatWerePutOutlastEveryRegistration) {
  const std::string arn = registered({attribute("berth.address", "10.0.0.1"), attribute("rack", "a")});
  api.ok("PutAttributes", of(arn, attribute("berth.address", "10.0.0.9")));
  api.ok("PutAttributes", of(arn, attribute("rack", "z")));
  api.ok("PutAttributes", of(arn, attribute("stack", "prod")));
  EXPECT_EQ(address_of(arn), "10.0.0.9");
  registered({attribute("berth.address", "10.0.0.1"), attribute("rack", "a")}, arn);
  EXPECT_EQ(attributes_of(arn), json({{"berth.address", "10.0.0.9"}, {"rack", "z"}, {"stack", "prod"}}));
  EXPECT_EQ(address_of(arn), "10.0.0.9");
  // Deleted, they are the agent's again.
  api.ok("DeleteAttributes", of(arn, attribute("berth.address")));
  EXPECT_EQ(address_of(arn), "127.0.0.1");
  for (const char* address : {"10.0.0.1", "10.0.0.2"}) {
    registered({attribute("berth.address", address), attribute("rack", "a")}, arn);
    EXPECT_EQ(address_of(arn), address);
  }
}

TEST_F(Attributes, CountForPlacementAtOnce) {
  const std::string arn = registered(json::array());
  const std::string id = arn.substr(arn.rfind('/') + 1);
  api.define("web");
  EXPECT_FALSE(places("attribute:stack == prod"));
  json by_id = of(id, attribute("stack", "prod"));
  by_id["attributes"][0]["targetType"] = "container-instance";
  EXPECT_EQ(api.ok("PutAttributes", by_id)["attributes"],
            json::array({{{"name", "stack"}, {"value", "prod"}, {"targetId", arn}}}));
  EXPECT_TRUE(places("attribute:stack == prod"));
  api.ok("PutAttributes", of(arn, attribute("stack", "test")));
  EXPECT_FALSE(places("attribute:stack == prod"));
  EXPECT_EQ(api.ok("DeleteAttributes", of(arn, attribute("stack")))["attributes"],
            json::array({{{"name", "stack"}, {"value", "test"}, {"targetId", arn}}}));
  EXPECT_FALSE(places("attribute:stack exists"));
  EXPECT_EQ(api.ok("DeleteAttributes", of(arn, attribute("stack")))["attributes"], json::array());
}

TEST_F(Attributes, AreListedByNameAndValuePageByPage) {
  const std::string a = registered({attribute("rack", "a"), attribute("ssd")});
  const std::string b = registered({attribute("rack", "b"), attribute("x-1", "1"), attribute("x-2", "2")});
  const auto list = [&](json request) {
    request["targetType"] = "container-instance";
    return api.ok("ListAttributes", request);
  };
  EXPECT_EQ(list({{"attributeName", "rack"}})["attributes"].size(), 2U);
  EXPECT_EQ(list({{"attributeName", "rack"}, {"attributeValue", "b"}})["attributes"],
            json::array({{{"name", "rack"}, {"value", "b"}, {"targetId", b}}}));
  EXPECT_EQ(list({{"attributeName", "ssd"}})["attributes"],
            json::array({{{"name", "ssd"}, {"targetId", a}}}));
  EXPECT_TRUE(list({{"attributeName", "rac"}})["attributes"].empty());
  json all = json::array();
  json page = list({{"maxResults", 2}});
  for (int pages = 1; pages < 10; ++pages) {
    for (const json& each : page["attributes"]) all.push_back(each);
    if (!page.contains("nextToken")) break;
    EXPECT_EQ(page["attributes"].size(), 2U);
    page = list({{"maxResults", 2}, {"nextToken", page["nextToken"]}});
  }
  EXPECT_EQ(all, list(json::object())["attributes"]);
  EXPECT_EQ(all.size(), 5U);
  api.ok("DeregisterContainerInstance", {{"containerInstance", b}});
  EXPECT_EQ(list(json::object())["attributes"].size(), 2U);
}

TEST_F(Attributes, WhatCannotBeMeantIsRefusedWithItsName) {
  const std::string arn = registered(json::array());
  const auto put = [&](const json& attribute) { return api.refused("PutAttributes", of(arn, attribute)); };
  EXPECT_THAT(put(attribute("")), HasSubstr("name of an attribute cannot be empty"));
  EXPECT_THAT(put(attribute("a b")), HasSubstr("'a b'"));
  EXPECT_THAT(put(attribute(std::string(129, 'n'))), HasSubstr("1 to 128"));
  EXPECT_THAT(put(attribute("a", std::string(129, 'v'))), HasSubstr("The value of attribute a"));
  EXPECT_THAT(put(attribute("a", " outer")), HasSubstr("' outer'"));
  EXPECT_THAT(put(attribute("a", "b;c")), HasSubstr("'b;c'"));
  EXPECT_THAT(put(attribute("ecs.os-type", "plan9")), HasSubstr("set by the agent"));
  EXPECT_THAT(put(attribute("com.amazonaws.ecs.capability.x")), HasSubstr("reserved"));
  EXPECT_THAT(put(attribute("berth.address", "host")), HasSubstr("'host' is not an IP address"));
  EXPECT_THAT(put(attribute("berth.instance-id", "i-1")), HasSubstr("registers first"));
  api.ok("PutAttributes", of(arn, attribute("a/b\\c.d_e-f", "v.@/\\: -_w")));

  EXPECT_THAT(api.refused("PutAttributes", {{"attributes", json::array()}}), HasSubstr("cannot be empty"));
  EXPECT_THAT(api.refused("PutAttributes", {{"attributes", {attribute("a")}}}),
              HasSubstr("targetId of attribute 'a' cannot be empty"));
  EXPECT_THAT(api.refused("PutAttributes", of("0123", attribute("a"))),
              HasSubstr("targetType must be given"));
  json typed = of("0123", attribute("a"));
  typed["attributes"][0]["targetType"] = "container-instance";
  for (const char* operation : {"PutAttributes", "DeleteAttributes"}) {
    EXPECT_THAT(api.refused(operation, typed), StartsWith("TargetNotFoundException: "));
    json elsewhere = typed;
    elsewhere["cluster"] = "nowhere";
    EXPECT_EQ(api.refused(operation, elsewhere), "ClusterNotFoundException: Cluster not found.");
  }
  typed["attributes"][0]["targetType"] = "task";
  EXPECT_THAT(api.refused("PutAttributes", typed), HasSubstr("Invalid targetType 'task'"));
  EXPECT_THAT(api.refused("DeleteAttributes", of(arn, attribute("a/b\\c.d_e-f", "other"))),
              HasSubstr("not 'other'"));
  EXPECT_THAT(api.refused("ListAttributes", json::object()), HasSubstr("Invalid targetType ''"));
  EXPECT_THAT(api.refused("ListAttributes", {{"targetType", "container-instance"}, {"attributeValue", "v"}}),
              HasSubstr("only be given with an attributeName"));
  api.ok("DeregisterContainerInstance", {{"containerInstance", arn}});
  EXPECT_THAT(put(attribute("a")), StartsWith("TargetNotFoundException: "));
}

TEST_F(Attributes, AreTenAtMostAndAFailedCallPutsNone) {
  const std::string arn =
      registered({attribute("berth.address", "10.0.0.1"), attribute("ecs.os-type", "linux")});
  json ten = json::array();
  for (int i = 0; i < 10; ++i) {
    ten.push_back({{"name", "a" + std::to_string(i)}, {"targetId", arn}});
  }
  api.ok("PutAttributes", {{"attributes", ten}});
  EXPECT_THAT(api.refused("PutAttributes", {{"attributes",
                                             {{{"name", "a0"}, {"value", "new"}, {"targetId", arn}},
                                              {{"name", "one-more"}, {"targetId", arn}}}}}),
              StartsWith("AttributeLimitExceededException: "));
  EXPECT_EQ(attributes_of(arn)["a0"], "");
  api.ok("PutAttributes", of(arn, attribute("a0", "new")));
  api.ok("PutAttributes", of(arn, attribute("berth.address", "10.0.0.2")));
  ten.push_back(ten[0]);
  EXPECT_THAT(api.refused("PutAttributes", {{"attributes", ten}}), HasSubstr("at most 10 items, got 11"));
}

}  // namespace
}  // namespace agent::api::ecs::testing
