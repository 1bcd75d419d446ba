// Both protocols' texts, and errors in the words of their services.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/cli/client/api.h"

namespace agent::cli {
namespace {

using nlohmann::json;

TEST(QueryForm, IsFlat) {
  const json input = json::parse(
      R"({"Name":"a b","Attributes":[{"Key":"k","Value":"1&2"},{"Key":"x","Value":""}],"Count":3,"Arns":[],"On":true})");
  EXPECT_EQ(query_form("ModifyX", "2015-12-01", input),
            "Action=ModifyX&Version=2015-12-01&Arns=&Attributes.member.1.Key=k&Attributes.member.1.Value=1%"
            "262&Attributes.member.2.Key=x&"
            "Attributes.member.2.Value=&Count=3&Name=a%20b&On=true");
}

TEST(QueryResult, IsTheJsonThatTheAwsCliShows) {
  const auto value = query_result(
      "DescribeRules",
      R"(<DescribeRulesResponse xmlns="http://x/"><DescribeRulesResult><Rules><member><Priority>10</Priority>
    <Conditions><member><Field>path-pattern</Field><Values><member>/a*</member><member>/&lt;b&gt;</member></Values></member></Conditions>
    </member></Rules></DescribeRulesResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></DescribeRulesResponse>)");
  ASSERT_TRUE(value);
  EXPECT_EQ((*value)["Rules"][0]["Priority"], "10");
  EXPECT_EQ((*value)["Rules"][0]["Conditions"][0]["Values"][1], "/<b>");
}

TEST(QueryResult, OfSomethingElseIsAnError) {
  EXPECT_FALSE(query_result("DescribeRules", "<html></html>"));
  EXPECT_FALSE(query_result("DescribeRules", "no"));
}

TEST(ApiErrors, HaveTheCodeAndTextOfEitherProtocol) {
  auto error = api_error(shared::http::make_response(
      400, "", R"({"__type":"com.amazonaws.ecs#ClusterNotFoundException","message":"Cluster not found."})"));
  EXPECT_EQ(error.code(), "ClusterNotFoundException");
  EXPECT_EQ(error.text(), "Cluster not found.");
  error = api_error(shared::http::make_response(
      400, "",
      "<ErrorResponse><Error><Code>TargetGroupNotFound</Code><Message>no</Message></Error></ErrorResponse>"));
  EXPECT_EQ(error.code(), "TargetGroupNotFound");
  error = api_error(
      shared::http::make_response(400, "", R"({"__type":"ThrottlingException","message":"Rate exceeded"})"));
  EXPECT_EQ(error.retry(), shared::Retry::kYes);
}

TEST(ApiErrors, SayWhenItIsNotControlThatAnswered) {
  const auto error = api_error(shared::http::make_response(404, "text/html", "<html>not here</html>"));
  EXPECT_EQ(error.code(), "not_berth");
  EXPECT_TRUE(is_access_error(error));
  EXPECT_FALSE(is_access_error(shared::Error("ClusterNotFoundException", "x")));
}

}  // namespace
}  // namespace agent::cli
