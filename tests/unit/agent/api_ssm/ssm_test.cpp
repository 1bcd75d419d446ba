#include "agent/api/ssm/ssm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/control/records/fields.h"
#include "agent/control/state/neighbours.h"
#include "tests/support/control_api.h"

namespace agent::api::ssm {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Api : public tests::ControlState {
 public:
  Api() : ControlState(1'796'000'000'000) {}
  shared::Result<json> call(const std::string& operation, const json& request) {
    return in_a_step([&](control::Step& step) -> shared::Result<json> {
      auto answer = handle(step,
                           {operation, request.dump(), "id", "arn:aws:iam::000000000000:user/administrator",
                            "000000000000", ""},
                           sealer);
      if (!answer) return answer.error();
      return json::parse(*answer);
    });
  }
  json good(const std::string& operation, const json& request) {
    return tests::expect_good(operation, call(operation, request), json::object());
  }
  std::string error(const std::string& operation, const json& request) {
    return tests::error_of(call(operation, request));
  }
  json put(const std::string& name, const std::string& value, json more = json::object()) {
    more.update({{"Name", name}, {"Value", value}});
    if (!more.contains("Type")) more["Type"] = "String";
    return good("PutParameter", more);
  }
  json get(const std::string& name) {
    return good("GetParameter", {{"Name", name}, {"WithDecryption", true}})["Parameter"];
  }

  Sealer own{std::string(32, 'k')};
  Sealer* sealer = &own;
};

TEST(Parameters, AreReadByNameArnVersionAndLabel) {
  Api api;
  EXPECT_EQ(api.put("/app/db/host", "a"), json({{"Version", 1}, {"Tier", "Standard"}}));
  EXPECT_EQ(api.put("/app/db/host", "b", {{"Overwrite", true}})["Version"], 2);
  const json now = api.get("/app/db/host");
  EXPECT_EQ(now["Value"], "b");
  EXPECT_EQ(now["ARN"], "arn:aws:ssm:us-east-1:000000000000:parameter/app/db/host");
  EXPECT_EQ(now["LastModifiedDate"], 1'796'000'000.0);
  EXPECT_EQ(api.get(now["ARN"])["Value"], "b");
  EXPECT_EQ(api.get("/app/db/host:1")["Value"], "a");
  EXPECT_EQ(api.get("/app/db/host:1")["Selector"], ":1");
  api.good("LabelParameterVersion",
           {{"Name", "/app/db/host"}, {"ParameterVersion", 1}, {"Labels", {"prod", "1bad"}}});
  EXPECT_EQ(api.get("/app/db/host:prod")["Value"], "a");
  api.good("LabelParameterVersion", {{"Name", "/app/db/host"}, {"Labels", {"prod"}}});  // moves
  EXPECT_EQ(api.get("/app/db/host:prod")["Value"], "b");
  EXPECT_EQ(api.good("UnlabelParameterVersion",
                     {{"Name", "/app/db/host"}, {"ParameterVersion", 2}, {"Labels", {"prod", "x"}}}),
            json({{"RemovedLabels", {"prod"}}, {"InvalidLabels", {"x"}}}));
  EXPECT_EQ(api.error("GetParameter", {{"Name", "/app/db/host:9"}}),
            "ParameterVersionNotFound: Systems Manager could not find version 9 of /app/db/host. Verify the "
            "version and try again.");
  EXPECT_THAT(api.error("GetParameter", {{"Name", "/none"}}), StartsWith("ParameterNotFound"));
  api.put("x", "1");
  api.put("/x", "2");
  EXPECT_EQ(api.get("x")["Value"], "1");
  EXPECT_EQ(api.good("GetParameterHistory", {{"Name", "/app/db/host"}})["Parameters"].size(), 2U);
}

TEST(Parameters, SayWhatIsWrongWithThem) {
  Api api;
  api.put("x", "1");
  EXPECT_THAT(api.error("PutParameter", {{"Name", "x"}, {"Value", "2"}, {"Type", "String"}}),
              StartsWith("ParameterAlreadyExists: The parameter already exists. To overwrite"));
  EXPECT_THAT(api.error("PutParameter", {{"Name", "x"},
                                         {"Value", "2"},
                                         {"Overwrite", true},
                                         {"Tags", json::array({{{"Key", "a"}, {"Value", "b"}}})}}),
              HasSubstr("tags and overwrite can't be used together"));
  EXPECT_THAT(api.error("PutParameter", {{"Name", "y"}, {"Value", "2"}}), HasSubstr("type is required"));
  EXPECT_THAT(api.error("PutParameter", {{"Name", "y"}, {"Value", "2"}, {"Type", "Number"}}),
              StartsWith("UnsupportedParameterType"));
  EXPECT_THAT(api.error("PutParameter", {{"Name", "y"}, {"Type", "String"}}),
              HasSubstr("Value null at 'value'"));
  EXPECT_THAT(api.error("PutParameter", {{"Name", "a b"}, {"Value", "2"}, {"Type", "String"}}),
              HasSubstr("got 'a b'"));
  EXPECT_THAT(api.error("PutParameter", {{"Name", "/AWS/x"}, {"Value", "2"}, {"Type", "String"}}),
              HasSubstr("can't be prefixed with \"aws\""));
  EXPECT_THAT(api.error("PutParameter", {{"Name", "a/b"}, {"Value", "2"}, {"Type", "String"}}),
              HasSubstr("a hierarchy begins with '/'"));
  EXPECT_THAT(
      api.error("PutParameter",
                {{"Name", "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16"}, {"Value", "2"}, {"Type", "String"}}),
      StartsWith("HierarchyLevelLimitExceeded"));
  EXPECT_THAT(
      api.error("PutParameter", {{"Name", "y"}, {"Value", std::string(4097, 'v')}, {"Type", "String"}}),
      HasSubstr("Value has 4097 bytes"));
  EXPECT_EQ(api.put("large", std::string(8192, 'v'), {{"Tier", "Intelligent-Tiering"}})["Tier"], "Advanced");
  EXPECT_THAT(
      api.error("PutParameter",
                {{"Name", "y"}, {"Value", "abc"}, {"Type", "String"}, {"AllowedPattern", "^[0-9]+$"}}),
      StartsWith("ParameterPatternMismatchException"));
  api.put("y", "12", {{"AllowedPattern", "^[0-9]+$"}, {"Description", ""}});
  EXPECT_THAT(
      api.error("PutParameter", {{"Name", "z"}, {"Value", "1"}, {"Type", "String"}, {"Policies", "[{}]"}}),
      HasSubstr("Policies is not offered"));
  EXPECT_THAT(api.error("SendCommand", json::object()), StartsWith("UnknownOperationException"));
}

TEST(Parameters, KeepWhatANewVersionDoesNotSay) {
  Api api;
  api.put("x", "12", {{"Description", "d"}, {"AllowedPattern", "^[0-9]+$"}});
  EXPECT_EQ(api.good("PutParameter", {{"Name", "x"}, {"Value", "13"}, {"Overwrite", true}})["Version"], 2);
  const json now = api.good("DescribeParameters", json::object())["Parameters"][0];
  EXPECT_EQ(now["Description"], "d");
  EXPECT_EQ(now["Type"], "String");
  EXPECT_THAT(api.error("PutParameter", {{"Name", "x"}, {"Value", "abc"}, {"Overwrite", true}}),
              StartsWith("ParameterPatternMismatch"));
  api.good("PutParameter", {{"Name", "x"}, {"Value", "abc"}, {"Overwrite", true}, {"AllowedPattern", ""}});
  EXPECT_FALSE(api.good("DescribeParameters", json::object())["Parameters"][0].contains("AllowedPattern"));
}

TEST(SecureStrings, AreSealedInTheirRowsAndOpenWithTheirKeyOnly) {
  Api api;
  api.put("/secret", "hunter2", {{"Type", "SecureString"}});
  const auto& row = *api.state.neighbours().parameters.find("/secret");
  EXPECT_THAT(control::to_row(row), Not(HasSubstr("hunter2")));
  EXPECT_EQ(api.get("/secret")["Value"], "hunter2");
  EXPECT_THAT(std::string(api.good("GetParameter", {{"Name", "/secret"}})["Parameter"]["Value"]),
              Not(HasSubstr("hunter2")));
  EXPECT_EQ(api.good("DescribeParameters", json::object())["Parameters"][0]["KeyId"], "alias/aws/ssm");
  // Another value each time, and not that of another name.
  const std::string first = row.versions.back().value;
  api.put("/secret", "hunter2", {{"Type", "SecureString"}, {"Overwrite", true}});
  EXPECT_NE(api.state.neighbours().parameters.find("/secret")->versions.back().value, first);
  EXPECT_FALSE(api.own.open("/other", first));
  Sealer other(std::string(32, 'x'));
  api.sealer = &other;
  EXPECT_THAT(api.error("GetParameter", {{"Name", "/secret"}, {"WithDecryption", true}}),
              StartsWith("InvalidKeyId"));
  api.sealer = nullptr;
  EXPECT_THAT(api.error("PutParameter", {{"Name", "s"}, {"Value", "v"}, {"Type", "SecureString"}}),
              StartsWith("InvalidKeyId"));
}

TEST(Lists, GoByNamePathAndFilter) {
  Api api;
  for (const char* name : {"/a/1", "/a/2", "/a/b/3", "/c"}) api.put(name, name);
  const json several = api.good("GetParameters", {{"Names", {"/a/1", "/none", "/c"}}});
  EXPECT_EQ(several["Parameters"].size(), 2U);
  EXPECT_EQ(several["InvalidParameters"], json({"/none"}));
  EXPECT_EQ(api.good("GetParametersByPath", {{"Path", "/a"}})["Parameters"].size(), 2U);
  EXPECT_EQ(api.good("GetParametersByPath", {{"Path", "/a/"}, {"Recursive", true}})["Parameters"].size(), 3U);
  const json page = api.good("GetParametersByPath", {{"Path", "/"}, {"Recursive", true}, {"MaxResults", 3}});
  EXPECT_EQ(api.good("GetParametersByPath",
                     {{"Path", "/"}, {"Recursive", true}, {"NextToken", page["NextToken"]}})["Parameters"]
                .size(),
            1U);
  const auto names = [&](const json& filter) {
    std::vector<std::string> out;
    const json answer = api.good("DescribeParameters", {{"ParameterFilters", json::array({filter})}});
    for (const auto& each : answer["Parameters"]) out.push_back(each["Name"]);
    return out;
  };
  EXPECT_THAT(names({{"Key", "Name"}, {"Option", "Equals"}, {"Values", {"/c"}}}), ElementsAre("/c"));
  EXPECT_THAT(names({{"Key", "Name"}, {"Option", "BeginsWith"}, {"Values", {"/a"}}}),
              ElementsAre("/a/1", "/a/2", "/a/b/3"));
  EXPECT_THAT(names({{"Key", "Name"}, {"Option", "Contains"}, {"Values", {"b"}}}), ElementsAre("/a/b/3"));
  EXPECT_THAT(api.error("DescribeParameters", {{"ParameterFilters", json::array({{{"Key", "Colour"}}})}}),
              StartsWith("InvalidFilterKey"));
  EXPECT_EQ(api.good("DeleteParameters", {{"Names", {"/c", "/none"}}}),
            json({{"DeletedParameters", {"/c"}}, {"InvalidParameters", {"/none"}}}));
}

TEST(Tags, AreKept) {
  Api api;
  api.put("/x", "v", {{"Tags", json::array({{{"Key", "team"}, {"Value", "red"}}})}});
  const json of{{"ResourceType", "Parameter"}, {"ResourceId", "/x"}};
  json change = of;
  change["Tags"] = json::array({{{"Key", "env"}, {"Value", "p"}}});
  api.good("AddTagsToResource", change);
  change = of;
  change["TagKeys"] = {"team"};
  api.good("RemoveTagsFromResource", change);
  EXPECT_EQ(api.good("ListTagsForResource", of),
            json({{"TagList", json::array({{{"Key", "env"}, {"Value", "p"}}})}}));
  EXPECT_THAT(api.error("ListTagsForResource", {{"ResourceType", "Parameter"}, {"ResourceId", "/none"}}),
              StartsWith("InvalidResourceId"));
}

TEST(Public, ImagesOfHostsAreTextsThatHoldJson) {
  Api api;
  const json found = api.get("/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended");
  EXPECT_EQ(json::parse(std::string(found["Value"]))["image_id"], "ami-0be57000000000001");
  EXPECT_EQ(api.get("/aws/service/ecs/optimized-ami/amazon-linux-2/arm64/recommended/image_id")["Value"],
            "ami-0be57000000000004");
  EXPECT_THAT(api.error("GetParameter", {{"Name", "/aws/service/ecs/optimized-ami/windows/recommended"}}),
              StartsWith("ParameterNotFound"));
}

TEST(Versions, AreAHundredAndTheLabelledOldestStays) {
  Api api;
  for (int i = 0; i < 101; ++i) api.put("x", std::to_string(i), {{"Overwrite", true}});
  EXPECT_EQ(api.state.neighbours().parameters.find("x")->versions.size(), 100U);
  EXPECT_EQ(api.get("x")["Version"], 101);
  api.good("LabelParameterVersion", {{"Name", "x"}, {"ParameterVersion", 2}, {"Labels", {"keep"}}});
  EXPECT_THAT(api.error("PutParameter", {{"Name", "x"}, {"Value", "v"}, {"Overwrite", true}}),
              StartsWith("ParameterMaxVersionLimitExceeded"));
}

}  // namespace
}  // namespace agent::api::ssm
