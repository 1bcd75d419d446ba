#include "agent/aws/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::aws {
namespace {

namespace http = shared::http;

http::Request json_request(std::string target) {
  http::Request r;
  r.method = "POST";
  r.headers.add("X-Amz-Target", std::move(target));
  r.body = "{\"a\":1}";
  return r;
}

http::Request query_request(std::string method, std::string form) {
  http::Request r;
  r.method = std::move(method);
  if (r.method == "GET") {
    r.target = "/?" + form;
  } else {
    r.headers.add("Content-Type", "application/x-www-form-urlencoded; charset=utf-8");
    r.body = std::move(form);
  }
  return r;
}

TEST(Identify, ReadsTheJsonTarget) {
  const auto call = identify(json_request("AmazonEC2ContainerServiceV20141113.RunTask"));
  ASSERT_TRUE(call);
  EXPECT_EQ(call->service, Service::kEcs);
  EXPECT_EQ(call->operation, "RunTask");
  EXPECT_EQ(call->input, "{\"a\":1}");
  EXPECT_EQ(identify(json_request("CertificateManager.ListCertificates"))->service, Service::kAcm);
  for (const char* target : {"RunTask", "Other.RunTask", "", "amazonec2containerservicev20141113.RunTask"}) {
    EXPECT_EQ(identify(json_request(target)).error().code(), "UnknownOperationException") << target;
  }
}

TEST(Identify, ReadsActionAndVersionFromBodyOrQueryString) {
  for (const char* method : {"POST", "GET"}) {
    const std::string form = "Version=2015-12-01&Action=DescribeRules&PageSize=5";
    const auto elb = identify(query_request(method, form));
    ASSERT_TRUE(elb);
    EXPECT_EQ(elb->service, Service::kElbv2);
    EXPECT_EQ(elb->operation, "DescribeRules");
    EXPECT_EQ(elb->input, form);
    const auto sts = identify(query_request(method, "Action=GetCallerIdentity&Version=2011-06-15"));
    EXPECT_EQ(sts->service, Service::kSts);
  }
}

TEST(Identify, RefusesWhatNoServiceAnswers) {
  EXPECT_EQ(identify(query_request("POST", "Version=2015-12-01")).error().code(), "MissingAction");
  EXPECT_EQ(identify(query_request("POST", "")).error().code(), "MissingAction");
  EXPECT_EQ(identify(query_request("POST", "Action=DescribeTags")).error().code(), "InvalidAction");
  const auto classic = identify(query_request("POST", "Action=DescribeTags&Version=2012-06-01"));
  EXPECT_EQ(classic.error().code(), "InvalidAction");
  EXPECT_EQ(classic.error().text(), "Could not find operation DescribeTags for version 2012-06-01");
  EXPECT_EQ(identify(query_request("POST", "Action=%")).error().code(), "MalformedQueryString");
}

TEST(ProtocolOf, IsKnownEvenForNonsense) {
  EXPECT_EQ(protocol_of(json_request("x")), Protocol::kJson);
  EXPECT_EQ(protocol_of(query_request("POST", "x")), Protocol::kQuery);
  EXPECT_EQ(protocol_of(http::Request()), Protocol::kQuery);
}

TEST(Service, KnowsCloudWatchByEachOfItsProtocols) {
  const auto form = identify(query_request("POST", "Action=ListMetrics&Version=2010-08-01"));
  ASSERT_TRUE(form);
  EXPECT_EQ(form->service, Service::kCloudWatch);
  EXPECT_EQ(form->protocol, Protocol::kQuery);
  shared::http::Request by_target;
  by_target.method = "POST";
  by_target.target = "/";
  by_target.headers.set("X-Amz-Target", "GraniteServiceVersion20100801.ListMetrics");
  const auto as_json = identify(by_target);
  ASSERT_TRUE(as_json);
  EXPECT_EQ(as_json->service, Service::kCloudWatch);
  EXPECT_EQ(as_json->protocol, Protocol::kJson);
  shared::http::Request cbor;
  cbor.method = "POST";
  cbor.target = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
  cbor.headers.set("smithy-protocol", "rpc-v2-cbor");
  const auto as_cbor = identify(cbor);
  ASSERT_TRUE(as_cbor);
  EXPECT_EQ(as_cbor->operation, "ListMetrics");
  EXPECT_EQ(as_cbor->protocol, Protocol::kCbor);
  cbor.target = "/service/Other/operation/ListMetrics";
  EXPECT_FALSE(identify(cbor));
  EXPECT_EQ(action_prefix(Service::kCloudWatch), "cloudwatch");
  EXPECT_EQ(action_prefix(Service::kAutoScaling), "application-autoscaling");
}

TEST(Service, KnowsItsNames) {
  EXPECT_EQ(signing_name(Service::kElbv2), "elasticloadbalancing");
  EXPECT_EQ(protocol_of(Service::kSts), Protocol::kQuery);
  EXPECT_EQ(signing_name(Service::kAcm), "acm");
  EXPECT_EQ(protocol_of(Service::kAcm), Protocol::kJson);
  EXPECT_EQ(protocol_of(Service::kEc2), Protocol::kEc2);
  EXPECT_EQ(identify(query_request("POST", "Action=DescribeVpcs&Version=2016-11-15"))->service,
            Service::kEc2);
  EXPECT_EQ(identify(query_request("POST", "Action=GetRole&Version=2010-05-08"))->service, Service::kIam);
  EXPECT_TRUE(is_global(Service::kIam));
  EXPECT_FALSE(is_global(Service::kEc2));
  EXPECT_THAT(signing_names(),
              testing::StartsWith(
                  "acm, application-autoscaling, ec2, ecr, ecs, elasticloadbalancing, events, iam, logs, "
                  "monitoring, scheduler, secretsmanager, servicediscovery, ssm and sts"));
  for (const char* name : {"ecs", "elasticloadbalancing", "sts", "acm", "iam", "ec2", "logs"})
    EXPECT_TRUE(is_signing_name(name));
  EXPECT_FALSE(is_signing_name("s3"));
  EXPECT_EQ(xml_namespace(Service::kSts), "https://sts.amazonaws.com/doc/2011-06-15/");
}

}  // namespace
}  // namespace agent::aws
