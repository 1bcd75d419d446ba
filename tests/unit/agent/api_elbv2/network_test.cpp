// Network load balancers: what they have and say that application load balancers do not, and the other way
// round; and what of it reaches the balancers.
#include "agent/control/records/elb.h"
#include "shared/lbconfig/json.h"
#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

namespace lb = shared::lbconfig;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

struct Network : testing::Test {
  Api api;
  const std::string balancer = Api::between(
      api.good("CreateLoadBalancer", "Name=net&Type=network&Subnets.member.1=subnet-1"), "LoadBalancerArn");
  const std::string group = create_group("db", "TCP");

  std::string create_group(const std::string& name, const std::string& protocol,
                           const std::string& more = "") {
    return Api::between(api.good("CreateTargetGroup",
                                 "Name=" + name + "&Protocol=" + protocol + "&Port=5432&VpcId=vpc-1" + more),
                        "TargetGroupArn");
  }
  std::string listen(const std::string& protocol, const std::string& to, const std::string& more = "",
                     int port = 5432) {
    return Api::between(api.good("CreateListener", form(protocol, to, more, port)), "ListenerArn");
  }
  std::string form(const std::string& protocol, const std::string& to, const std::string& more = "",
                   int port = 5432) {
    return "LoadBalancerArn=" + balancer + "&Protocol=" + protocol + "&Port=" + std::to_string(port) + "&" +
           Api::forward("DefaultActions", to) + more;
  }
  std::string error(const std::string& operation, const std::string& text) {
    const auto answer = api.call(operation, text);
    EXPECT_FALSE(answer) << operation << " " << text;
    return answer ? "" : std::string(answer.error().code()) + ": " + answer.error().text();
  }
  std::string set(const std::string& noun, const std::string& argument, const std::string& key,
                  const std::string& value) {
    const std::string text =
        argument + "&Attributes.member.1.Key=" + key + "&Attributes.member.1.Value=" + value;
    const auto answer = api.call("Modify" + noun + "Attributes", text);
    return answer ? "" : std::string(answer.error().code()) + ": " + answer.error().text();
  }
  const lb::TargetGroup& published_group() { return *api.state.published->target_groups.at(0); }
  const lb::Listener& published() { return *api.state.published->listeners.at(0); }
};

TEST_F(Network, LoadBalancersAreDescribedAsSuch) {
  EXPECT_THAT(balancer, HasSubstr(":loadbalancer/net/net/"));
  const auto xml = api.good("DescribeLoadBalancers", "LoadBalancerArns.member.1=" + balancer);
  EXPECT_EQ(Api::between(xml, "Type"), "network");
  EXPECT_THAT(xml, HasSubstr("<SubnetId>subnet-1</SubnetId>"));
  EXPECT_THAT(xml, HasSubstr("<LoadBalancerAddresses"));
  EXPECT_THAT(xml, Not(HasSubstr("SecurityGroups"))) << "it was given none";
  EXPECT_EQ(error("CreateLoadBalancer", "Name=net&Subnets.member.1=subnet-1").substr(0, 26),
            "DuplicateLoadBalancerName:")
      << "of another type";
  EXPECT_EQ(Api::between(api.good("CreateLoadBalancer", "Name=net&Type=network&Subnets.member.1=subnet-1"),
                         "LoadBalancerArn"),
            balancer);
}

TEST_F(Network, TargetGroupsAreCheckedByConnectingUnlessToldOtherwise) {
  const auto xml = api.good("DescribeTargetGroups", "TargetGroupArns.member.1=" + group);
  EXPECT_EQ(Api::between(xml, "HealthCheckProtocol"), "TCP");
  EXPECT_EQ(Api::between(xml, "HealthCheckTimeoutSeconds"), "10");
  EXPECT_EQ(Api::between(xml, "HealthyThresholdCount"), "5");
  for (const char* absent : {"HealthCheckPath", "Matcher", "ProtocolVersion"})
    EXPECT_THAT(xml, Not(HasSubstr(absent)));
  const auto checked =
      api.good("CreateTargetGroup",
               "Name=by-http&Protocol=TLS&Port=1&VpcId=vpc-1&HealthCheckProtocol=HTTP&HealthCheckPath=/ok");
  EXPECT_EQ(Api::between(checked, "HealthCheckTimeoutSeconds"), "6");
  EXPECT_EQ(Api::between(checked, "HttpCode"), "200-399");
  EXPECT_EQ(Api::between(checked, "HealthCheckPath"), "/ok");
  listen("TCP", group);
  EXPECT_EQ(published_group().protocol, lb::Protocol::kTcp);
  EXPECT_EQ(published_group().health_check.protocol, lb::Protocol::kTcp);
  EXPECT_EQ(published_group().health_check.timeout, shared::Millis(10'000));
  const auto valid = shared::lbconfig::validate(*api.state.published);
  EXPECT_TRUE(valid) << (valid ? "" : valid.error().text());
}

TEST_F(Network, ATimeoutOfATcpCheckMayBeAsLongAsItsInterval) {
  api.good("ModifyTargetGroup",
           "TargetGroupArn=" + group + "&HealthCheckIntervalSeconds=10&HealthCheckTimeoutSeconds=10");
  EXPECT_THAT(error("ModifyTargetGroup", "TargetGroupArn=" + group +
                                             "&HealthCheckIntervalSeconds=10&HealthCheckTimeoutSeconds=11"),
              HasSubstr("or equal to the interval"));
  EXPECT_THAT(error("ModifyTargetGroup", "TargetGroupArn=" + group + "&HealthCheckPath=/"),
              StartsWith("ValidationError: HealthCheckPath cannot be specified"));
}

TEST_F(Network, ListenersForwardStreamsAndNothingElse) {
  const std::string http = Api::between(
      api.good("CreateTargetGroup", "Name=http&Protocol=HTTP&Port=80&VpcId=vpc-1"), "TargetGroupArn");
  const std::string tls = create_group("tls", "TLS");
  EXPECT_EQ(error("CreateListener", form("HTTP", http)),
            "ValidationError: Listener protocol 'HTTP' must be one of 'TCP, TLS'");
  for (const char* protocol : {"UDP", "TCP_UDP", "QUIC"})
    EXPECT_THAT(error("CreateListener", form(protocol, group)),
                StartsWith("UnsupportedProtocol: Protocol '"));
  EXPECT_EQ(
      error("CreateListener", form("TCP", http)),
      "InvalidConfigurationRequest: Listener protocol 'TCP' is not supported with a target group with the "
      "protocol 'HTTP'");
  EXPECT_THAT(error("CreateListener", form("TCP", tls)), HasSubstr("with the protocol 'TLS'"));
  EXPECT_EQ(error("CreateListener", form("TLS", tls)),
            "ValidationError: A certificate must be specified for TLS listeners");
  EXPECT_THAT(
      error("CreateListener",
            "LoadBalancerArn=" + balancer +
                "&Protocol=TCP&Port=1&DefaultActions.member.1.Type=fixed-response&DefaultActions.member."
                "1.FixedResponseConfig.StatusCode=404"),
      StartsWith("InvalidLoadBalancerAction: Listeners of network load balancers support only"));
  const std::string forward = "&DefaultActions.member.1.ForwardConfig.TargetGroups.member.";
  const std::string other = create_group("db2", "TCP");
  EXPECT_THAT(
      error("CreateListener", "LoadBalancerArn=" + balancer +
                                  "&Protocol=TCP&Port=1&DefaultActions.member.1.Type=forward" + forward +
                                  "1.TargetGroupArn=" + group + forward + "2.TargetGroupArn=" + other),
      HasSubstr("exactly one target group"));
  EXPECT_THAT(error("CreateListener", form("TCP", group, "&AlpnPolicy.member.1=None")),
              StartsWith("InvalidConfigurationRequest: AlpnPolicy is for TLS listeners"));
  EXPECT_THAT(error("CreateListener", form("TCP", group, "&SslPolicy=ELBSecurityPolicy-2016-08")),
              HasSubstr("cannot be specified for TCP listeners"));
  const auto listener = listen("TCP", group);
  EXPECT_THAT(
      error("CreateRule", "ListenerArn=" + listener +
                              "&Priority=1&Conditions.member.1.Field=path-pattern&Conditions.member.1."
                              "Values.member.1=/x&" +
                              Api::forward("Actions", group)),
      StartsWith("InvalidConfigurationRequest: Rules cannot be added"));
  EXPECT_THAT(error("ModifyListener", "ListenerArn=" + listener + "&Protocol=HTTP"),
              StartsWith("ValidationError: Listener protocol 'HTTP'"));
  const auto web = api.create_load_balancer("web");
  EXPECT_THAT(
      error("CreateListener", "LoadBalancerArn=" + web + "&Protocol=HTTP&Port=80&" +
                                  Api::forward("DefaultActions", create_group("db3", "TCP"))),
      HasSubstr("Listener protocol 'HTTP' is not supported with a target group with the protocol 'TCP'"));
  const auto xml = api.good("DescribeListeners", "ListenerArns.member.1=" + listener);
  EXPECT_EQ(Api::between(xml, "Protocol"), "TCP");
  for (const char* absent : {"SslPolicy", "Certificates", "AlpnPolicy", "MutualAuthentication"})
    EXPECT_THAT(xml, Not(HasSubstr(absent)));
}

TEST_F(Network, ListenerAttributesReachTheBalancers) {
  const auto listener = listen("TCP", group);
  const std::string argument = "ListenerArn=" + listener;
  EXPECT_EQ(published().protocol, lb::Protocol::kTcp);
  EXPECT_EQ(published().options.idle_timeout, shared::Millis(350'000));
  EXPECT_EQ(set("Listener", argument, "tcp.idle_timeout.seconds", "6000"), "");
  EXPECT_EQ(
      set("Listener", argument, "berth.proxy_protocol.trusted_cidrs", "10.0.0.0/8,2001:db8::/32,192.0.2.7"),
      "");
  EXPECT_EQ(published().options.idle_timeout, shared::Millis(6'000'000));
  EXPECT_EQ(published().options.proxy_protocol_from,
            (std::vector<std::string>{"10.0.0.0/8", "2001:db8::/32", "192.0.2.7"}));
  EXPECT_THAT(set("Listener", argument, "tcp.idle_timeout.seconds", "59"), HasSubstr("from 60 to 6000"));
  for (const char* wrong : {"10.0.0.0/33", "10.0.0.0/8,", "x", "10.0.0.0/8 ,::1"})
    EXPECT_THAT(set("Listener", argument, "berth.proxy_protocol.trusted_cidrs", wrong),
                HasSubstr("address ranges"));
  const auto valid = shared::lbconfig::validate(*api.state.published);
  EXPECT_TRUE(valid) << (valid ? "" : valid.error().text());
}

TEST_F(Network, TargetGroupAttributesReachTheBalancers) {
  listen("TCP", group);
  const std::string argument = "TargetGroupArn=" + group;
  EXPECT_EQ(published_group().stream, lb::StreamSettings());
  EXPECT_EQ(set("TargetGroup", argument, "proxy_protocol_v2.enabled", "true"), "");
  EXPECT_THAT(set("TargetGroup", argument, "berth.proxy_protocol_v1.enabled", "true"),
              HasSubstr("cannot both be true"));
  EXPECT_EQ(set("TargetGroup", argument, "deregistration_delay.connection_termination.enabled", "true"), "");
  EXPECT_EQ(
      set("TargetGroup", argument, "target_health_state.unhealthy.connection_termination.enabled", "false"),
      "");
  EXPECT_EQ(set("TargetGroup", argument, "stickiness.enabled", "true"), "");
  const lb::StreamSettings wanted{lb::ProxyProtocol::kV2, true, false};
  EXPECT_EQ(published_group().stream, wanted);
  EXPECT_EQ(published_group().stickiness.type, lb::StickinessType::kSourceIp);
  EXPECT_THAT(set("TargetGroup", argument, "preserve_client_ip.enabled", "true"),
              HasSubstr("proxy_protocol_v2.enabled tells them the client's"));
  EXPECT_THAT(set("TargetGroup", argument, "stickiness.type", "lb_cookie"), HasSubstr("source_ip"));
  EXPECT_THAT(set("TargetGroup", argument, "load_balancing.algorithm.type", "round_robin"),
              HasSubstr("attribute key 'load_balancing.algorithm.type' is not supported"));
  const auto valid = shared::lbconfig::validate(*api.state.published);
  EXPECT_TRUE(valid) << (valid ? "" : valid.error().text());
}

TEST_F(Network, LoadBalancerAttributesAreThoseOfTheType) {
  const auto xml = api.good("DescribeLoadBalancerAttributes", "LoadBalancerArn=" + balancer);
  EXPECT_THAT(xml, HasSubstr("<Key>load_balancing.cross_zone.enabled</Key><Value>false</Value>"));
  EXPECT_THAT(xml, HasSubstr("<Key>dns_record.client_routing_policy</Key>"));
  EXPECT_THAT(xml, Not(HasSubstr("routing.http")));
  EXPECT_THAT(set("LoadBalancer", "LoadBalancerArn=" + balancer, "idle_timeout.timeout_seconds", "60"),
              HasSubstr("is not recognized"));
  // What Terraform sends when it makes one.
  for (const auto& [key, value] :
       std::map<std::string, std::string>{{"access_logs.s3.enabled", "false"},
                                          {"deletion_protection.enabled", "false"},
                                          {"load_balancing.cross_zone.enabled", "true"},
                                          {"dns_record.client_routing_policy", "any_availability_zone"},
                                          {"zonal_shift.config.enabled", "false"}})
    EXPECT_EQ(set("LoadBalancer", "LoadBalancerArn=" + balancer, key, value), "");
}

TEST_F(Network, RowsAreReadAsTheyWereWritten) {
  const auto listener = listen("TCP", group);
  model::TargetGroup again;
  ASSERT_TRUE(control::decode_target_group(control::encode_target_group(*api.state.target_groups.find(group)),
                                           again));
  EXPECT_EQ(again.health_check.protocol, lb::Protocol::kTcp);
  model::Listener row = *api.state.listeners.find(listener);
  row.protocol = "TLS";
  row.alpn = "HTTP2Only";
  row.certificate = "arn";
  model::Listener read;
  ASSERT_TRUE(control::decode_listener(control::encode_listener(row), read));
  EXPECT_EQ(read.alpn, "HTTP2Only");
  EXPECT_EQ(read.certificate, "arn");
}

}  // namespace
}  // namespace agent::api::elbv2
