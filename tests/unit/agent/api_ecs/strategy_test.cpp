// deploymentConfiguration's strategy, bake times, steps and lifecycle hooks: what is taken, shown and
// refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/elb/listeners.h"
#include "agent/control/elb/load_balancers.h"
#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class Strategy : public ::testing::Test {
 protected:
  Strategy() {
    api.ok("CreateCluster", json::object());
    api.define("web");
  }
  json create(const json& configuration, const json& more = json::object()) {
    json request{{"serviceName", "shop"},
                 {"taskDefinition", "web"},
                 {"desiredCount", 1},
                 {"deploymentConfiguration", configuration}};
    request.update(more);
    return request;
  }
  std::string refused(const json& configuration, const json& more = json::object()) {
    return api.refused("CreateService", create(configuration, more));
  }
  static json hook(json more) {
    json out{{"hookTargetArn", "https://hooks.test/run"}, {"lifecycleStages", {"POST_SCALE_UP"}}};
    out.update(more);
    return {{"strategy", "BLUE_GREEN"}, {"lifecycleHooks", {out}}};
  }

  Api api;
};

TEST_F(Strategy, WhatIsGivenIsShownAgain) {
  const json hooks{{{"targetType", "AWS_LAMBDA"},
                    {"hookTargetArn", "https://hooks.test/run"},
                    {"roleArn", "arn:aws:iam::000000000000:role/hooks"},
                    {"lifecycleStages", {"POST_SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT"}},
                    {"hookDetails", {{"deep", {1, 2}}}},
                    {"timeoutConfiguration", {{"timeoutInMinutes", 30}, {"action", "CONTINUE"}}}},
                   {{"targetType", "PAUSE"}, {"lifecycleStages", {"PRE_PRODUCTION_TRAFFIC_SHIFT"}}}};
  const json service = api.ok(
      "CreateService",
      create({{"strategy", "BLUE_GREEN"}, {"bakeTimeInMinutes", 7}, {"lifecycleHooks", hooks}}))["service"];
  const json shown = service["deploymentConfiguration"];
  EXPECT_EQ(shown["strategy"], "BLUE_GREEN");
  EXPECT_EQ(shown["bakeTimeInMinutes"], 7);
  EXPECT_EQ(shown["lifecycleHooks"], hooks);
  EXPECT_FALSE(shown.contains("linearConfiguration"));
  const json deployment = api.ok("DescribeServiceDeployments",
                                 {{"serviceDeploymentArns", {service["currentServiceDeployment"]}}});
  EXPECT_EQ(deployment["serviceDeployments"][0]["deploymentConfiguration"]["lifecycleHooks"], hooks);
}

TEST_F(Strategy, AnUpdateChangesTheMembersThatItHas) {
  api.ok("CreateService", create({{"strategy", "BLUE_GREEN"}, {"bakeTimeInMinutes", 7}}));
  const auto update = [&](const json& configuration) {
    return api.ok("UpdateService",
                  {{"service", "shop"},
                   {"deploymentConfiguration", configuration}})["service"]["deploymentConfiguration"];
  };
  EXPECT_EQ(update({{"maximumPercent", 150}})["bakeTimeInMinutes"], 7);
  const json rolling = update({{"strategy", "ROLLING"}});
  EXPECT_EQ(rolling["strategy"], "ROLLING");
  EXPECT_EQ(rolling["bakeTimeInMinutes"], 7);
}

TEST_F(Strategy, TheAlarmsThatADeploymentWatchesAreEchoed) {
  const json alarms{{"alarmNames", {"errors"}}, {"enable", true}, {"rollback", true}};
  const json made = api.ok("CreateService", create({{"alarms", alarms}}))["service"];
  EXPECT_EQ(made["deploymentConfiguration"]["alarms"], alarms);
}

TEST_F(Strategy, ErrorsNameTheMember) {
  EXPECT_THAT(refused({{"strategy", "SLOW"}}),
              HasSubstr("deploymentConfiguration.strategy: unknown strategy 'SLOW'"));
  EXPECT_THAT(refused({{"bakeTimeInMinutes", 1441}}),
              HasSubstr("bakeTimeInMinutes must be between 0 and 1440"));
  EXPECT_THAT(refused({{"linearConfiguration", json::object({{"stepPercent", 10}})}}),
              HasSubstr("linearConfiguration can only be given with the deployment strategy LINEAR."));
  EXPECT_THAT(refused({{"strategy", "LINEAR"}, {"canaryConfiguration", {{"canaryPercent", 10}}}}),
              HasSubstr("canaryConfiguration can only be given with the deployment strategy CANARY."));
  const auto linear = [&](const json& given) {
    return refused({{"strategy", "LINEAR"}, {"linearConfiguration", given}});
  };
  EXPECT_THAT(linear({{"stepPercent", 2.9}}),
              HasSubstr("linearConfiguration.stepPercent must be a multiple of 0.1 from 3.0 to 100.0."));
  EXPECT_THAT(linear({{"stepPercent", 10.05}}), HasSubstr("linearConfiguration.stepPercent"));
  EXPECT_THAT(linear({{"stepBakeTimeInMinutes", -1}}),
              HasSubstr("linearConfiguration.stepBakeTimeInMinutes must be between 0 and 1440"));
  EXPECT_THAT(refused({{"strategy", "CANARY"}, {"canaryConfiguration", {{"canaryPercent", 0}}}}),
              HasSubstr("canaryConfiguration.canaryPercent must be a multiple of 0.1 from 0.1 to 100.0."));
  EXPECT_THAT(linear({{"stepPercent", 10}}), HasSubstr("LINEAR and CANARY shift traffic in steps"));
  EXPECT_THAT(refused({{"strategy", "BLUE_GREEN"}}, {{"schedulingStrategy", "DAEMON"}, {"desiredCount", 0}}),
              HasSubstr("cannot be used with the DAEMON scheduling strategy"));
  const json many = json(std::vector<std::string>(101, "a"));
  EXPECT_THAT(refused({{"alarms", {{"alarmNames", many}, {"enable", true}, {"rollback", true}}}}),
              HasSubstr("alarms.alarmNames can have at most"));
}

TEST_F(Strategy, ErrorsOfHooksNameTheMember) {
  EXPECT_THAT(refused(hook({{"hookTargetArn", "arn:aws:lambda:us-east-1:000000000000:function:f"}})),
              StartsWith("UnsupportedFeatureException: lifecycleHooks.hookTargetArn: Lambda functions"));
  EXPECT_THAT(refused(hook({{"hookTargetArn", "ftp://hooks.test/"}})),
              HasSubstr("lifecycleHooks.hookTargetArn: 'ftp://hooks.test/'"));
  EXPECT_THAT(refused(hook({{"lifecycleStages", json::array()}})),
              HasSubstr("lifecycleHooks.lifecycleStages cannot be empty."));
  EXPECT_THAT(refused(hook({{"lifecycleStages", {"SCALE_UP"}}})),
              HasSubstr("'SCALE_UP' is no stage with hooks"));
  EXPECT_THAT(refused(hook({{"targetType", "WAIT"}})), HasSubstr("lifecycleHooks.targetType"));
  EXPECT_THAT(refused(hook({{"timeoutConfiguration", {{"timeoutInMinutes", 0}}}})),
              HasSubstr("timeoutInMinutes must be between 1 and 20160"));
  EXPECT_THAT(refused(hook({{"timeoutConfiguration", {{"action", "STOP"}}}})),
              HasSubstr("lifecycleHooks.timeoutConfiguration.action"));
  EXPECT_THAT(refused(hook({{"targetType", "PAUSE"}})),
              HasSubstr("cannot be given with the targetType PAUSE"));
  json pause = hook({{"targetType", "PAUSE"}, {"lifecycleStages", {"PRODUCTION_TRAFFIC_SHIFT"}}});
  pause["lifecycleHooks"][0].erase("hookTargetArn");
  EXPECT_THAT(refused(pause), HasSubstr("a PAUSE hook cannot be at the stage PRODUCTION_TRAFFIC_SHIFT"));
  json rolling = hook(json::object());
  rolling.erase("strategy");
  EXPECT_THAT(refused(rolling), HasSubstr("lifecycleHooks need the deployment strategy"));
}

// A load balancer whose default rule forwards to "blue", and another group "green".
class TrafficOf : public Strategy {
 protected:
  TrafficOf() {
    shared::env::SeededRandom source{3};
    control::Step step{api.state, api.now, source, api.settings};
    control::CreateLoadBalancer balancer;
    balancer.name = "web";
    const std::string arn = *control::create_load_balancer(step, balancer);
    const auto group = [&](const char* name) {
      control::CreateTargetGroup request;
      request.name = name;
      request.vpc_id = "vpc-1";
      request.protocol = "HTTP";
      request.port = 80;
      return *control::create_target_group(step, request);
    };
    blue = group("blue");
    green = group("green");
    control::lb::Action action;
    action.forward.target_groups.push_back({blue, 1});
    const std::string listener = *control::create_listener(step, {arn, "HTTP", 80, {action}, {}});
    rule = api.state.listeners.find(listener)->default_rule_arn;
    api.define("port", {{"portMappings", {{{"containerPort", 80}}}}});
  }
  json balanced(const json& advanced) {
    return {{"taskDefinition", "port"},
            {"loadBalancers",
             {{{"targetGroupArn", blue},
               {"containerName", "web"},
               {"containerPort", 80},
               {"advancedConfiguration", advanced}}}}};
  }
  json advanced(json more = json::object()) {
    json out{{"alternateTargetGroupArn", green}, {"productionListenerRule", rule}};
    out.update(more);
    return out;
  }
  const json strategy{{"strategy", "BLUE_GREEN"}};
  std::string blue;
  std::string green;
  std::string rule;
};

TEST_F(TrafficOf, ServicesShowTheirAdvancedConfigurationAndRevisionsWhatTheyResolvedTo) {
  const json given = advanced({{"roleArn", "arn:aws:iam::000000000000:role/lb"}});
  const json service = api.ok("CreateService", create(strategy, balanced(given)))["service"];
  EXPECT_EQ(service["loadBalancers"][0]["advancedConfiguration"], given);
  EXPECT_EQ(service["loadBalancers"][0]["targetGroupArn"], blue);
  const json answer = api.ok("DescribeServiceRevisions",
                             {{"serviceRevisionArns", {service["currentServiceRevisions"][0]["arn"]}}});
  EXPECT_EQ(answer["serviceRevisions"][0]["resolvedConfiguration"],
            (json{{"loadBalancers", {{{"targetGroupArn", blue}, {"productionListenerRule", rule}}}}}));
}

TEST_F(TrafficOf, WhatCannotShiftTrafficIsRefused) {
  const auto refusal = [&](const json& given) { return refused(strategy, balanced(given)); };
  EXPECT_THAT(refusal(advanced({{"alternateTargetGroupArn", "arn:none"}})),
              HasSubstr("alternateTargetGroupArn: the target group 'arn:none' does not exist"));
  EXPECT_THAT(refusal(advanced({{"alternateTargetGroupArn", blue}})),
              HasSubstr("advancedConfiguration.alternateTargetGroupArn must be another target group"));
  EXPECT_THAT(refusal(advanced({{"productionListenerRule", "arn:rule"}})),
              HasSubstr("productionListenerRule: the listener rule 'arn:rule' does not exist"));
  EXPECT_THAT(refusal(advanced({{"testListenerRule", rule}})),
              HasSubstr("testListenerRule must not be the productionListenerRule"));
  EXPECT_THAT(refusal({{"alternateTargetGroupArn", green}}),
              HasSubstr("advancedConfiguration.productionListenerRule cannot be empty"));
  json plain = balanced(advanced());
  plain["loadBalancers"][0].erase("advancedConfiguration");
  EXPECT_THAT(refused(strategy, plain), HasSubstr("advancedConfiguration with an alternateTargetGroupArn"));
}

}  // namespace
}  // namespace agent::api::ecs::testing
