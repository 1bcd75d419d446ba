#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include "agent/api/sts/sts.h"
#include "shared/lbconfig/json.h"
#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::filesystem::path kGolden = std::string(BERTH_SOURCE_DIR) + "/tests/unit/agent/api_elbv2/golden";

// Compares with golden/<name>.xml. The answer of this run is left in the build tree for a look, or to become
// the new golden file.
void expect_golden(const std::string& name, const std::string& xml) {
  const auto folder = std::filesystem::path(BERTH_BINARY_DIR) / "golden_elbv2";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / (name + ".xml")) << xml << "\n";
  std::ostringstream wanted;
  wanted << std::ifstream(kGolden / (name + ".xml")).rdbuf();
  EXPECT_EQ(wanted.str(), xml + "\n") << "golden file " << name << ".xml";
}

TEST(Answers, HaveTheShapesOfTheGoldenFiles) {
  Api api;
  const auto created = api.good(
      "CreateLoadBalancer",
      "Name=web&Scheme=internal&Subnets.member.1=subnet-a&Subnets.member.2=subnet-b&SecurityGroups.member.1="
      "sg-1&Tags.member.1.Key=team&Tags.member.1.Value=a%20%2B%20b");
  expect_golden("CreateLoadBalancer", created);
  const auto balancer = Api::between(created, "LoadBalancerArn");
  const auto group_xml = api.good(
      "CreateTargetGroup",
      "Name=app&Protocol=HTTP&ProtocolVersion=&Port=8080&VpcId=vpc-1&HealthCheckPath=%2Fhealthz%3Fa%3D1%26b&"
      "HealthCheckIntervalSeconds=10&HealthyThresholdCount=2&Matcher.HttpCode=200-299");
  expect_golden("CreateTargetGroup", group_xml);
  const auto group = Api::between(group_xml, "TargetGroupArn");
  const auto other = api.create_target_group("other");
  const auto listener = api.create_listener(balancer, group);
  expect_golden("DescribeListeners", api.good("DescribeListeners", "LoadBalancerArn=" + balancer));
  api.good(
      "CreateRule",
      "ListenerArn=" + listener +
          "&Priority=20&Conditions.member.1.Field=host-header&Conditions.member.1.HostHeaderConfig.Values."
          "member.1=*.example.com&Conditions.member.2.Field=path-pattern&Conditions.member.2.Values.member."
          "1=%2Fimg%2F*&Conditions.member.3.Field=query-string&Conditions.member.3.QueryStringConfig.Values."
          "member.1.Key=v&Conditions.member.3.QueryStringConfig.Values.member.1.Value=1&Actions.member.1."
          "Type=forward&Actions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn=" +
          group +
          "&Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=80&Actions.member.1.ForwardConfig."
          "TargetGroups.member.2.TargetGroupArn=" +
          other +
          "&Actions.member.1.ForwardConfig.TargetGroups.member.2.Weight=20&Actions.member.1.ForwardConfig."
          "TargetGroupStickinessConfig.Enabled=false&Actions.member.1.ForwardConfig."
          "TargetGroupStickinessConfig.DurationSeconds=600");
  api.good(
      "CreateRule",
      "ListenerArn=" + listener +
          "&Priority=10&Conditions.member.1.Field=http-header&Conditions.member.1.HttpHeaderConfig."
          "HttpHeaderName=X-Kind&Conditions.member.1.HttpHeaderConfig.Values.member.1=old*&Conditions.member."
          "2.Field=source-ip&Conditions.member.2.SourceIpConfig.Values.member.1=10.0.0.0%2F8&Conditions."
          "member.3.Field=http-request-method&Conditions.member.3.HttpRequestMethodConfig.Values.member.1="
          "GET&Actions.member.1.Type=redirect&Actions.member.1.RedirectConfig.Protocol=HTTPS&Actions.member."
          "1.RedirectConfig.Port=443&Actions.member.1.RedirectConfig.StatusCode=HTTP_301");
  api.good(
      "ModifyListener",
      "ListenerArn=" + listener +
          "&DefaultActions.member.1.Type=fixed-response&DefaultActions.member.1.Order=1&DefaultActions."
          "member.1.FixedResponseConfig.StatusCode=404&DefaultActions.member.1.FixedResponseConfig."
          "ContentType=text%2Fhtml&DefaultActions.member.1.FixedResponseConfig.MessageBody=%3Cb%3Eno%3C%2Fb"
          "%3E");
  expect_golden("DescribeRules", api.good("DescribeRules", "ListenerArn=" + listener));
  api.good("RegisterTargets",
           "TargetGroupArn=" + group + "&Targets.member.1.Id=mi-1&Targets.member.1.Port=32768");
  expect_golden("DescribeTargetHealth",
                api.good("DescribeTargetHealth", "TargetGroupArn=" + group +
                                                     "&Targets.member.1.Id=mi-1&Targets.member.1.Port=32768&"
                                                     "Targets.member.2.Id=mi-2"));
  expect_golden("DescribeLoadBalancers", api.good("DescribeLoadBalancers", "Names.member.1=web"));
  expect_golden("DescribeTargetGroups", api.good("DescribeTargetGroups", "LoadBalancerArn=" + balancer));
  expect_golden("DescribeLoadBalancerAttributes",
                api.good("DescribeLoadBalancerAttributes", "LoadBalancerArn=" + balancer));
  expect_golden("DescribeTargetGroupAttributes",
                api.good("DescribeTargetGroupAttributes", "TargetGroupArn=" + group));
  expect_golden("DescribeListenerAttributes",
                api.good("DescribeListenerAttributes", "ListenerArn=" + listener));
  expect_golden("DescribeTags", api.good("DescribeTags", "ResourceArns.member.1=" + balancer +
                                                             "&ResourceArns.member.2=" + listener));
  expect_golden("DescribeAccountLimits", api.good("DescribeAccountLimits", "PageSize=2"));
  expect_golden("DescribeCapacityReservation",
                api.good("DescribeCapacityReservation", "LoadBalancerArn=" + balancer));
  expect_golden("DeleteLoadBalancer", api.good("DeleteLoadBalancer", "LoadBalancerArn=" + balancer));
}

TEST(Answers, NestArnsTheWayTerraformTakesThemApart) {
  Api api;
  const auto listener = api.create_listener(api.create_load_balancer(), api.create_target_group());
  const auto rule =
      api.create_rule(listener, Api::between(api.good("DescribeTargetGroups", ""), "TargetGroupArn"), 1);
  std::smatch parts;
  ASSERT_TRUE(std::regex_match(rule, parts, std::regex("^(arn:.+:listener)-rule(/.+)/[^/]+$"))) << rule;
  EXPECT_EQ(parts[1].str() + parts[2].str(), listener);
}

TEST(Idempotency, RepeatedCreatesGiveTheSameObject) {
  Api api;
  const auto balancer = api.create_load_balancer();
  const auto group = api.create_target_group();
  const auto listener = api.create_listener(balancer, group);
  EXPECT_EQ(api.create_load_balancer(), balancer);
  EXPECT_EQ(api.create_target_group(), group);
  EXPECT_EQ(api.create_listener(balancer, group), listener);
  const auto version = api.state.published->version;
  api.good("RegisterTargets", "TargetGroupArn=" + group + "&Targets.member.1.Id=mi-1");
  api.good("RegisterTargets", "TargetGroupArn=" + group + "&Targets.member.1.Id=mi-1");
  EXPECT_EQ(api.state.published->version, version + 1);
  api.good("DeleteLoadBalancer", "LoadBalancerArn=" + balancer);
  api.good("DeleteLoadBalancer", "LoadBalancerArn=" + balancer);
  api.good("DeleteTargetGroup", "TargetGroupArn=" + group);
  api.good("DeleteTargetGroup", "TargetGroupArn=" + group);
  EXPECT_EQ(api.state.listeners.size(), 0U);
}

TEST(Pages, StayRightWhileThingsComeAndGo) {
  Api api;
  for (const char* name : {"a", "b", "c", "d"}) api.create_target_group(name);
  const auto first = api.good("DescribeTargetGroups", "PageSize=2");
  EXPECT_THAT(Api::all(first, "TargetGroupName"), ElementsAre("a", "b"));
  const auto gone = Api::all(first, "TargetGroupArn").at(1);
  api.good("DeleteTargetGroup", "TargetGroupArn=" + gone);
  api.create_target_group("aa");
  const auto second =
      api.good("DescribeTargetGroups", "PageSize=2&Marker=" + Api::between(first, "NextMarker"));
  EXPECT_THAT(Api::all(second, "TargetGroupName"), ElementsAre("c", "d"));
  EXPECT_THAT(second, Not(HasSubstr("NextMarker")));
}

TEST(Rules, AreShownByPriorityAndSwapAtOnce) {
  Api api;
  const auto group = api.create_target_group();
  const auto listener = api.create_listener(api.create_load_balancer(), group);
  const auto a = api.create_rule(listener, group, 100);
  const auto b = api.create_rule(listener, group, 9);
  const auto shown = [&] {
    return Api::all(api.good("DescribeRules", "ListenerArn=" + listener), "Priority");
  };
  EXPECT_THAT(shown(), ElementsAre("9", "100", "default"));
  api.good("SetRulePriorities", "RulePriorities.member.1.RuleArn=" + a +
                                    "&RulePriorities.member.1.Priority=9&RulePriorities.member.2.RuleArn=" +
                                    b + "&RulePriorities.member.2.Priority=100");
  EXPECT_EQ(Api::between(api.good("DescribeRules", "RuleArns.member.1=" + a), "Priority"), "9");
  EXPECT_EQ(api.state.published->listeners.at(0)->rules.at(0).id, a);
  api.good("ModifyRule", "RuleArn=" + a +
                             "&Conditions.member.1.Field=path-pattern&Conditions.member.1."
                             "PathPatternConfig.Values.member.1=%2Fnew");
  EXPECT_EQ(api.state.published->listeners.at(0)->rules.at(0).conditions.at(0).values.at(0), "/new");
  EXPECT_EQ(api.state.rules.find(a)->actions.size(), 1U) << "what is not given stays";
}

TEST(Attributes, TakeWhatTerraformSendsAndReachTheBalancers) {
  Api api;
  const auto balancer = api.create_load_balancer();
  api.create_listener(balancer, api.create_target_group());
  const std::vector<std::pair<std::string, std::string>> sent{
      {"access_logs.s3.enabled", "false"},
      {"connection_logs.s3.enabled", "false"},
      {"deletion_protection.enabled", "false"},
      {"routing.http2.enabled", "true"},
      {"routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false"},
      {"zonal_shift.config.enabled", "false"},
      {"waf.fail_open.enabled", "false"},
      {"routing.http.xff_client_port.enabled", "true"},
      {"routing.http.preserve_host_header.enabled", "true"},
      {"routing.http.xff_header_processing.mode", "preserve"},
      {"client_keep_alive.seconds", "600"},
      {"routing.http.desync_mitigation_mode", "strictest"},
      {"routing.http.drop_invalid_header_fields.enabled", "true"},
      {"idle_timeout.timeout_seconds", "120"}};
  std::string form = "LoadBalancerArn=" + balancer;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    const std::string member = "&Attributes.member." + std::to_string(i + 1);
    form += member + ".Key=" + sent[i].first + member + ".Value=" + sent[i].second;
  }
  const auto answer = api.good("ModifyLoadBalancerAttributes", form);
  for (const auto& [key, value] : sent) {
    EXPECT_THAT(answer, HasSubstr("<Key>" + key + "</Key><Value>" + value + "</Value>"));
  }
  const auto& options = api.state.published->listeners.at(0)->options;
  EXPECT_EQ(options.idle_timeout, std::chrono::seconds(120));
  EXPECT_EQ(options.client_keep_alive, std::chrono::seconds(600));
  EXPECT_EQ(options.desync, shared::lbconfig::DesyncMode::kStrictest);
  EXPECT_EQ(options.xff, shared::lbconfig::XffMode::kPreserve);
  EXPECT_TRUE(options.xff_client_port && options.preserve_host && options.drop_invalid_headers);
}

TEST(TargetHealth, ShowsOneEntryForATargetRegisteredAgainWhileItDrains) {
  Api api;
  const auto group = api.create_target_group();
  api.create_listener(api.create_load_balancer(), group);
  api.state.balancers.put("b1", {"b1", api.now, api.now});
  api.good("RegisterTargets", "TargetGroupArn=" + group + "&Targets.member.1.Id=mi-1");
  api.good("DeregisterTargets", "TargetGroupArn=" + group + "&Targets.member.1.Id=mi-1");
  EXPECT_EQ(Api::between(api.good("DescribeTargetHealth", "TargetGroupArn=" + group), "State"), "draining");
  api.good("RegisterTargets", "TargetGroupArn=" + group + "&Targets.member.1.Id=mi-1");
  EXPECT_THAT(Api::all(api.good("DescribeTargetHealth", "TargetGroupArn=" + group), "State"),
              ElementsAre("initial"));
  EXPECT_EQ(api.state.published->target_groups.at(0)->targets.size(), 2U);
}

TEST(Sts, SaysWhoIsCalling) {
  const auto answer = sts::who_am_i(
      {"GetCallerIdentity", "", "r-1", "arn:aws:iam::123456789012:user/ci", "123456789012", "AIDA1"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(
      *answer,
      "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">"
      "<GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:user/ci</Arn><UserId>AIDA1</UserId>"
      "<Account>123456789012</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r-1</RequestId>"
      "</ResponseMetadata></GetCallerIdentityResponse>");
}

}  // namespace
}  // namespace agent::api::elbv2
