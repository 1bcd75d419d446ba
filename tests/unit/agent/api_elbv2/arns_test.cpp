// ARNs that are not ours, in every member of every operation that takes one: refused, and nothing done.
#include <map>

#include "tests/support/text.h"
#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::tests::replaced;

struct ForeignArn {
  const char* operation;
  const char* form;  // {lb} {tg} {listener} {rule}: the ARN that is changed; *lb and so on: as it is
};

#define PATH "&Priority=7&Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=/a&"
#define FORWARD(list, arn) list ".member.1.Type=forward&" list ".member.1.TargetGroupArn=" arn
#define FORWARD_CONFIG(list, arn) \
  list ".member.1.Type=forward&" list ".member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn=" arn

constexpr ForeignArn kForeignArns[] = {
    {"DescribeLoadBalancers", "LoadBalancerArns.member.1={lb}"},
    {"DeleteLoadBalancer", "LoadBalancerArn={lb}"},
    {"SetSecurityGroups", "LoadBalancerArn={lb}&SecurityGroups.member.1=sg-1"},
    {"SetSubnets", "LoadBalancerArn={lb}&Subnets.member.1=subnet-1"},
    {"SetIpAddressType", "LoadBalancerArn={lb}&IpAddressType=ipv4"},
    {"DescribeCapacityReservation", "LoadBalancerArn={lb}"},
    {"ModifyCapacityReservation", "LoadBalancerArn={lb}&ResetCapacityReservation=true"},
    {"ModifyIpPools", "LoadBalancerArn={lb}"},
    {"DescribeLoadBalancerAttributes", "LoadBalancerArn={lb}"},
    {"ModifyLoadBalancerAttributes",
     "LoadBalancerArn={lb}&Attributes.member.1.Key=idle_timeout.timeout_seconds&Attributes.member.1.Value=7"},
    {"DescribeTargetGroups", "LoadBalancerArn={lb}"},
    {"DescribeTargetGroups", "TargetGroupArns.member.1={tg}"},
    {"ModifyTargetGroup", "TargetGroupArn={tg}&HealthCheckPath=/x"},
    {"DeleteTargetGroup", "TargetGroupArn={tg}"},
    {"DescribeTargetGroupAttributes", "TargetGroupArn={tg}"},
    {"ModifyTargetGroupAttributes",
     "TargetGroupArn={tg}&Attributes.member.1.Key=deregistration_delay.timeout_seconds&"
     "Attributes.member.1.Value=7"},
    {"RegisterTargets", "TargetGroupArn={tg}&Targets.member.1.Id=mi-1"},
    {"DeregisterTargets", "TargetGroupArn={tg}&Targets.member.1.Id=mi-1"},
    {"DescribeTargetHealth", "TargetGroupArn={tg}"},
    {"CreateListener", "LoadBalancerArn={lb}&Protocol=HTTP&Port=81&" FORWARD("DefaultActions", "*tg")},
    {"CreateListener", "LoadBalancerArn=*lb&Protocol=HTTP&Port=81&" FORWARD("DefaultActions", "{tg}")},
    {"CreateListener", "LoadBalancerArn=*lb&Protocol=HTTP&Port=81&" FORWARD_CONFIG("DefaultActions", "{tg}")},
    {"DescribeListeners", "LoadBalancerArn={lb}"},
    {"DescribeListeners", "ListenerArns.member.1={listener}"},
    {"ModifyListener", "ListenerArn={listener}&Port=82"},
    {"ModifyListener", "ListenerArn=*listener&" FORWARD("DefaultActions", "{tg}")},
    {"DeleteListener", "ListenerArn={listener}"},
    {"DescribeListenerCertificates", "ListenerArn={listener}"},
    {"DescribeListenerAttributes", "ListenerArn={listener}"},
    {"ModifyListenerAttributes",
     "ListenerArn={listener}&Attributes.member.1.Key=routing.http.response.server.enabled&"
     "Attributes.member.1.Value=false"},
    {"CreateRule", "ListenerArn={listener}" PATH FORWARD("Actions", "*tg")},
    {"CreateRule", "ListenerArn=*listener" PATH FORWARD("Actions", "{tg}")},
    {"CreateRule", "ListenerArn=*listener" PATH FORWARD_CONFIG("Actions", "{tg}")},
    {"DescribeRules", "ListenerArn={listener}"},
    {"DescribeRules", "RuleArns.member.1={rule}"},
    {"ModifyRule",
     "RuleArn={rule}&Conditions.member.1.Field=path-pattern&"
     "Conditions.member.1.Values.member.1=/b"},
    {"ModifyRule", "RuleArn=*rule&" FORWARD("Actions", "{tg}")},
    {"DeleteRule", "RuleArn={rule}"},
    {"SetRulePriorities", "RulePriorities.member.1.RuleArn={rule}&RulePriorities.member.1.Priority=9"},
    {"AddTags", "ResourceArns.member.1={lb}&Tags.member.1.Key=a"},
    {"AddTags", "ResourceArns.member.1={tg}&Tags.member.1.Key=a"},
    {"RemoveTags", "ResourceArns.member.1={listener}&TagKeys.member.1=a"},
    {"DescribeTags", "ResourceArns.member.1={rule}"},
};

// A load balancer with a listener, a rule and a target group.
struct World {
  Api api;
  std::map<std::string, std::string> arns;

  World() {
    arns["lb"] = api.create_load_balancer();
    arns["tg"] = api.create_target_group();
    arns["listener"] = api.create_listener(arns["lb"], arns["tg"]);
    arns["rule"] = api.create_rule(arns["listener"], arns["tg"], 1);
  }
  template <class Change>
  std::string form(const ForeignArn& of, Change change) const {
    std::string text = of.form;
    for (const auto& [name, arn] : arns) {
      text = replaced(text, "{" + name + "}", change(arn));
      text = replaced(text, "*" + name, arn);
    }
    return text;
  }
  std::string all() {
    std::string out;
    out += api.good("DescribeLoadBalancers", "") + api.good("DescribeTargetGroups", "");
    out += api.good("DescribeListeners", "LoadBalancerArn=" + arns["lb"]);
    out += api.good("DescribeRules", "ListenerArn=" + arns["listener"]);
    out += api.good("DescribeLoadBalancerAttributes", "LoadBalancerArn=" + arns["lb"]);
    out += api.good("DescribeTargetGroupAttributes", "TargetGroupArn=" + arns["tg"]);
    out += api.good("DescribeTargetHealth", "TargetGroupArn=" + arns["tg"]);
    out += api.good("DescribeTags", "ResourceArns.member.1=" + arns["lb"]);
    return out;
  }
};

TEST(ElbArns, OfOthersAreRefusedByEveryOperationAndNothingIsDone) {
  struct Wrong {
    const char* from;
    const char* to;
  };
  for (const ForeignArn& each : kForeignArns) {
    World world;
    const std::string before = world.all();
    for (const Wrong& wrong :
         {Wrong{"arn:aws:", "arn:aws-us-gov:"}, Wrong{":elasticloadbalancing:", ":ecs:"},
          Wrong{":us-east-1:", ":ap-south-1:"}, Wrong{":000000000000:", ":123456789012:"},
          Wrong{"000000000000:", "000000000000:x-"}, Wrong{"arn:aws", "name"}}) {
      const std::string form =
          world.form(each, [&](const std::string& arn) { return replaced(arn, wrong.from, wrong.to); });
      const auto answer = world.api.call(each.operation, form);
      ASSERT_FALSE(answer) << each.operation << " " << form;
      EXPECT_EQ(answer.error().code(), "ValidationError") << each.operation << " " << form;
      EXPECT_THAT(answer.error().text(), HasSubstr("is not a valid ")) << each.operation << " " << form;
    }
    EXPECT_EQ(world.all(), before) << each.operation;
  }
}

TEST(ElbArns, OfOurOwnAreTaken) {
  for (const ForeignArn& each : kForeignArns) {
    World world;
    const auto answer =
        world.api.call(each.operation, world.form(each, [](const std::string& arn) { return arn; }));
    const bool used = std::string(each.operation) == "DeleteTargetGroup";
    EXPECT_EQ(answer.has_value(), !used) << each.operation << " " << (answer ? "" : answer.error().text());
  }
}

TEST(ElbArns, OfAnotherKindAreNamedInTheError) {
  World world;
  const auto text = [&](const char* operation, const std::string& form) {
    return world.api.call(operation, form).error().text();
  };
  const std::string& group = world.arns["tg"];
  EXPECT_EQ(text("DeleteLoadBalancer", "LoadBalancerArn=" + group),
            "'" + group + "' is not a valid load balancer ARN");
  EXPECT_THAT(text("DeleteRule", "RuleArn=" + world.arns["listener"]), HasSubstr("listener rule ARN"));
  EXPECT_THAT(text("DescribeTags", "ResourceArns.member.1=arn:aws:ecs:us-east-1:000000000000:cluster/a"),
              HasSubstr("load balancing ARN"));
}

}  // namespace
}  // namespace agent::api::elbv2
