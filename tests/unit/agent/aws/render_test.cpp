#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pugixml.hpp>

#include "agent/aws/json11.h"
#include "agent/aws/xml.h"

namespace agent::aws {
namespace {

constexpr char kNamespace[] = "http://example.com/doc/";

TEST(QueryResult, WrapsResultAndRequestId) {
  QueryResult out("DescribeRules", kNamespace);
  XmlElement rules = out.result().child("Rules");
  XmlElement rule = rules.child("member");
  rule.text("RuleArn", "arn:x");
  rule.integer("Priority", 5);
  rule.boolean("IsDefault", false);
  rule.time("Created", shared::from_epoch_millis(1714566896789));
  rule.text_if("Absent", std::nullopt);
  rule.text_if("Given", std::optional<std::string>(""));
  rule.text_unless_empty("Empty", "");
  rule.strings("Values", {"a", "b"});
  rule.strings("None", {});
  const auto response = out.response("id-1");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers.get("Content-Type"), "text/xml");
  EXPECT_EQ(response.headers.get("x-amzn-RequestId"), "id-1");
  EXPECT_EQ(response.body,
            "<DescribeRulesResponse xmlns=\"http://example.com/doc/\"><DescribeRulesResult><Rules><member>"
            "<RuleArn>arn:x</RuleArn><Priority>5</Priority><IsDefault>false</IsDefault>"
            "<Created>2024-05-01T12:34:56.789Z</Created><Given></Given>"
            "<Values><member>a</member><member>b</member></Values><None/>"
            "</member></Rules></DescribeRulesResult>"
            "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></DescribeRulesResponse>");
}

TEST(QueryResult, WritesTheEmptyResultElement) {
  EXPECT_THAT(QueryResult("DeleteRule", kNamespace).response("x").body,
              testing::HasSubstr("<DeleteRuleResult/>"));
}

TEST(QueryResult, AnyTextComesBackFromAParserWithOnlyTheImpossibleReplaced) {
  const struct {
    std::string text;
    std::string read;
  } cases[] = {
      {"<a&b>\"']]>", "<a&b>\"']]>"},
      {"  keep\ttabs\nlines ", "  keep\ttabs\nlines "},
      {std::string("nul\0here", 8), "nul\xef\xbf\xbdhere"},
      {"\x01\x1b[0m\x7f", "\xef\xbf\xbd\xef\xbf\xbd[0m\xef\xbf\xbd"},
      {"\xc3\xbc \xf0\x9f\x9a\xa2", "\xc3\xbc \xf0\x9f\x9a\xa2"},
      {"\xff\xc3", "\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
      {"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
  };
  for (const auto& c : cases) {
    QueryResult out("Op", kNamespace);
    out.result().text("T", c.text);
    const auto response = out.response("x");
    pugi::xml_document document;
    ASSERT_TRUE(
        document.load_string(response.body.c_str(), pugi::parse_default | pugi::parse_ws_pcdata_single));
    EXPECT_EQ(document.child("OpResponse").child("OpResult").child_value("T"), c.read);
  }
}

TEST(QueryError, SaysWhoseFaultItIs) {
  EXPECT_EQ(
      query_error(400, "RuleNotFound", "One <x>", kNamespace, "id-2").body,
      "<ErrorResponse xmlns=\"http://example.com/doc/\"><Error><Type>Sender</Type><Code>RuleNotFound</Code>"
      "<Message>One &lt;x&gt;</Message></Error><RequestId>id-2</RequestId></ErrorResponse>");
  EXPECT_THAT(query_error(503, "ServiceUnavailable", "", kNamespace, "x").body,
              testing::HasSubstr("<Type>Receiver</Type>"));
}

TEST(Json11, WritesSuccessAndErrors) {
  const auto ok = json_success("{\"a\":1}", "id-3");
  EXPECT_EQ(ok.status, 200);
  EXPECT_EQ(ok.headers.get("Content-Type"), "application/x-amz-json-1.1");
  EXPECT_EQ(ok.headers.get("x-amzn-RequestId"), "id-3");
  EXPECT_EQ(ok.body, "{\"a\":1}");
  const auto missing = json_error("ClusterNotFoundException", "Cluster not found.", "id-4");
  EXPECT_EQ(missing.status, 400);
  EXPECT_EQ(missing.body, R"({"__type":"ClusterNotFoundException","message":"Cluster not found."})");
  EXPECT_EQ(missing.headers.get("x-amzn-ErrorType"), "ClusterNotFoundException");
  EXPECT_EQ(json_error("ServerException", "x", "y").status, 500);
  EXPECT_EQ(json_error("ConflictException", "m", "y", {"arn:1"}).body,
            R"({"__type":"ConflictException","message":"m","resourceIds":["arn:1"]})");
}

TEST(ErrorResponse, SpeaksTheProtocolOfTheCall) {
  const shared::Error error = auth_error(AuthFailure::kUnknownKey);
  const auto as_json = error_response(error, Protocol::kJson, "", "id-5");
  EXPECT_EQ(as_json.status, 400);
  EXPECT_EQ(as_json.body, R"({"__type":"UnrecognizedClientException",)"
                       R"("message":"The security token included in the request is invalid."})");
  const auto as_query = error_response(error, Protocol::kQuery, kNamespace, "id-5");
  EXPECT_EQ(as_query.status, 403);
  EXPECT_THAT(as_query.body, testing::HasSubstr("<Code>InvalidClientTokenId</Code>"));
}

}  // namespace
}  // namespace agent::aws
