#include "agent/aws/foreign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/aws/sigv4.h"

namespace agent::aws {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace http = shared::http;

http::Request signed_for(const std::string& service, http::Request request = {}) {
  request.headers.set("Host", "127.0.0.1:4566");
  sign(request, {"AKIAX", "secret", ""}, "us-east-1", service, shared::from_epoch_millis(1'700'000'000'000));
  return request;
}

http::Request with(const char* header, const char* value, const char* method = "POST",
                   const char* target = "/") {
  http::Request request;
  request.method = method;
  request.target = target;
  request.headers.set(header, value);
  return request;
}

std::string_view type_of(const http::Response& response) {
  return response.headers.get("Content-Type").value_or("");
}

TEST(Foreign, AreServicesThatARequestIsSignedForAndWeAreNot) {
  EXPECT_EQ(foreign_service(signed_for("lambda")), "lambda");
  for (const char* ours : {"ecs", "elasticloadbalancing", "sts"}) {
    EXPECT_EQ(foreign_service(signed_for(ours)), std::nullopt) << ours;
  }
  EXPECT_EQ(foreign_service(http::Request{}), std::nullopt);
  EXPECT_EQ(foreign_service(with("Authorization", "Bearer x")), std::nullopt);
}

TEST(Foreign, AreRefusedInTheShapeTheirClientsRead) {
  const auto json11 =
      not_offered(signed_for("logs", with("X-Amz-Target", "Logs_20140328.DescribeLogGroups")), "logs", "r-1");
  EXPECT_EQ(json11.status, 404);
  EXPECT_EQ(type_of(json11), "application/x-amz-json-1.1");
  EXPECT_EQ(json11.headers.get("x-amzn-RequestId"), "r-1");
  EXPECT_EQ(json::parse(json11.body)["__type"], "UnknownOperationException");
  EXPECT_THAT(std::string(json::parse(json11.body)["message"]),
              StartsWith("The service 'logs' is not offered here"));

  auto old = with("X-Amz-Target", "DynamoDB_20120810.ListTables");
  old.headers.set("Content-Type", "application/x-amz-json-1.0");
  EXPECT_EQ(type_of(not_offered(old, "dynamodb", "r")), "application/x-amz-json-1.0");

  const auto cbor = not_offered(with("Content-Type", "application/cbor"), "monitoring", "r");
  EXPECT_EQ(type_of(cbor), "application/cbor");
  EXPECT_EQ(cbor.headers.get("smithy-protocol"), "rpc-v2-cbor");
  EXPECT_THAT(std::string(json::from_cbor(cbor.body)["message"]), HasSubstr("'monitoring'"));

  auto form = with("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
  form.body = "Action=ListUsers&Version=2010-05-08";
  const auto query = not_offered(form, "iam", "r-1");
  EXPECT_EQ(query.status, 400);
  EXPECT_THAT(query.body, StartsWith("<ErrorResponse"));
  EXPECT_THAT(query.body, HasSubstr("<Code>InvalidAction</Code><Message>The service 'iam'"));

  form.body = "Action=DescribeVpcs&Version=2016-11-15";
  const auto ec2 = not_offered(form, "ec2", "r-1");
  EXPECT_EQ(ec2.status, 400);
  EXPECT_THAT(ec2.body, StartsWith("<Response><Errors><Error><Code>InvalidAction</Code>"));
  EXPECT_THAT(ec2.body, HasSubstr("</Errors><RequestID>r-1</RequestID></Response>"));

  const auto s3 = not_offered(with("Host", "h", "GET", "/bucket?list-type=2"), "s3", "r-1");
  EXPECT_EQ(s3.status, 404) << "a 400 is taken for a bucket of another region";
  EXPECT_THAT(s3.body, StartsWith("<Error><Code>InvalidAction</Code>"));

  const auto rest = not_offered(with("Host", "h", "GET", "/2015-03-31/functions"), "lambda", "r");
  EXPECT_EQ(rest.status, 404);
  EXPECT_EQ(type_of(rest), "application/json");
  EXPECT_EQ(rest.headers.get("x-amzn-ErrorType"), "UnknownOperationException");
  EXPECT_THAT(not_offered(with("Host", "h", "GET", "/2013-04-01/hostedzone"), "route53", "r").body,
              StartsWith("<ErrorResponse"));
}

TEST(Foreign, NamesAreRepeatedOnlyAsFarAsTheyAreNames) {
  const auto answer =
      not_offered(with("X-Amz-Target", "a.b"), std::string("x'\n") + std::string(200, 'y'), "r");
  const std::string text = json::parse(answer.body)["message"];
  EXPECT_THAT(text, StartsWith("The service 'x??yyy"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr(std::string(kQuotedServiceChars, 'y'))));
}

TEST(HttpRefusal, HasTheShapeOfWhateverTheHeadWasFor) {
  const auto ecs =
      http_refusal(413, "too large", with("X-Amz-Target", "AmazonEC2ContainerServiceV20141113.RunTask"), "r");
  EXPECT_EQ(ecs.status, 413);
  EXPECT_EQ(json::parse(ecs.body),
            json({{"__type", "RequestEntityTooLargeException"}, {"message", "too large"}}));
  auto form = with("Content-Type", "application/x-www-form-urlencoded");
  EXPECT_THAT(http_refusal(413, "too large", form, "r").body,
              HasSubstr("<Code>RequestEntityTooLarge</Code>"));
  EXPECT_THAT(http_refusal(431, "head", http::Request{}, "r").body,
              HasSubstr("<Code>RequestHeaderFieldsTooLarge</Code><Message>head</Message>"));
  EXPECT_THAT(http_refusal(400, "what", http::Request{}, "r").body,
              HasSubstr("<Code>MalformedHttpRequest</Code>"));
  EXPECT_THAT(http_refusal(413, "large", signed_for("s3", with("Host", "h", "PUT", "/b/k")), "r").body,
              StartsWith("<Error><Code>RequestEntityTooLarge</Code>"));
}

}  // namespace
}  // namespace agent::aws
