// Whatever is created, changed and deleted in whatever order: what balancers are told stays valid, its
// version only rises, and what is shown can be asked for.
#include "agent/control/elb/target_health.h"
#include "shared/lbconfig/json.h"
#include "tests/unit/agent/api_elbv2/api.h"

namespace agent::api::elbv2 {
namespace {

class Caller {
 public:
  explicit Caller(std::uint64_t seed) : api_(seed), dice_(seed) {}

  void act() {
    const std::string n = std::to_string(dice_.below(4));
    switch (dice_.below(12)) {
      case 0:
        return send("CreateLoadBalancer", "Name=lb" + n);
      case 1:
        return send("CreateTargetGroup", "Name=tg" + n + "&VpcId=vpc-1&Protocol=HTTP&Port=8" + n);
      case 2:
        return send("CreateListener", "LoadBalancerArn=" + any(api_.state.load_balancers) +
                                          "&Protocol=HTTP&Port=800" + n + "&" + action("DefaultActions"));
      case 3:
        return send("CreateRule", "ListenerArn=" + any(api_.state.listeners) + "&Priority=" + n + "&" +
                                      condition() + "&" + action("Actions"));
      case 4:
        return send("ModifyListener", "ListenerArn=" + any(api_.state.listeners) + "&Port=800" + n + "&" +
                                          action("DefaultActions"));
      case 5:
        return send("ModifyRule",
                    "RuleArn=" + any(api_.state.rules) + "&" + condition() + "&" + action("Actions"));
      case 6:
        return send("SetRulePriorities",
                    "RulePriorities.member.1.RuleArn=" + any(api_.state.rules) +
                        "&RulePriorities.member.1.Priority=" + n +
                        "&RulePriorities.member.2.RuleArn=" + any(api_.state.rules) +
                        "&RulePriorities.member.2.Priority=" + std::to_string(dice_.below(4)));
      case 7:
        return send(dice_.below(2) == 0 ? "RegisterTargets" : "DeregisterTargets",
                    "TargetGroupArn=" + any(api_.state.target_groups) +
                        "&Targets.member.1.Id=mi-1&Targets.member.1."
                        "Port=900" +
                        n);
      case 8:
        return erase();
      case 9:
        return send("ModifyTargetGroup",
                    "TargetGroupArn=" + any(api_.state.target_groups) +
                        "&HealthCheckIntervalSeconds=" + std::to_string(4 + dice_.below(5)) +
                        "&HealthCheckTimeoutSeconds=" + std::to_string(2 + dice_.below(5)));
      case 10:
        return send("ModifyTargetGroupAttributes",
                    "TargetGroupArn=" + any(api_.state.target_groups) +
                        "&Attributes.member.1.Key=slow_start.duration_seconds&Attributes.member.1.Value=" +
                        std::to_string(dice_.below(1000)));
      default:
        return connect_or_leave();
    }
  }

  void check() {
    const auto& config = *api_.state.published;
    EXPECT_GE(config.version, version_);
    EXPECT_EQ(config.version, api_.state.meta.find("meta")->config_version);
    version_ = config.version;
    const auto valid = shared::lbconfig::validate(config);
    EXPECT_TRUE(valid) << (valid ? "" : valid.error().text());
    EXPECT_EQ(config.listeners.size(), api_.state.listeners.size());
    for (const auto& [arn, row] : api_.state.listeners.rows()) {
      EXPECT_NE(api_.state.load_balancers.find(row.load_balancer_arn), nullptr);
      api_.good("DescribeRules", "ListenerArn=" + arn);
    }
    for (const auto& [arn, row] : api_.state.target_groups.rows()) {
      EXPECT_LE(control::load_balancers_of(api_.state, arn).size(), 1U);
    }
  }
  int accepted() const { return accepted_; }

 private:
  void send(const std::string& operation, const std::string& form) {
    const auto answer = api_.call(operation, form);
    if (answer) {
      ++accepted_;
    } else {
      EXPECT_EQ(answer.error().blame(), shared::Blame::kClient) << operation << ": " << answer.error().text();
    }
  }

  template <class Row>
  std::string any(const control::Table<Row>& table) {
    if (table.size() == 0) return "arn:none";
    auto it = table.rows().begin();
    std::advance(it, static_cast<long>(dice_.below(table.size())));
    return it->first;
  }

  std::string action(const std::string& list) {
    const std::string member = list + ".member.1.";
    switch (dice_.below(3)) {
      case 0:
        return member + "Type=forward&" + member +
               "ForwardConfig.TargetGroups.member.1.TargetGroupArn=" + any(api_.state.target_groups) + "&" +
               member +
               "ForwardConfig.TargetGroups.member.2.TargetGroupArn=" + any(api_.state.target_groups) + "&" +
               member + "ForwardConfig.TargetGroups.member.2.Weight=" + std::to_string(dice_.below(1100));
      case 1:
        return member + "Type=redirect&" + member + "RedirectConfig.StatusCode=HTTP_302&" + member +
               "RedirectConfig.Port=" + std::to_string(dice_.below(70000));
      default:
        return Api::forward(list, any(api_.state.target_groups));
    }
  }
  std::string condition() {
    const char* values[] = {"%2Fa*", "%2F%3F", "a%20b", "", "%2F%7Ex"};
    return std::string("Conditions.member.1.Field=path-pattern&Conditions.member.1.Values.member.1=") +
           values[dice_.below(5)];
  }

  void erase() {
    switch (dice_.below(8)) {
      case 0:
        return send("DeleteLoadBalancer", "LoadBalancerArn=" + any(api_.state.load_balancers));
      case 1:
      case 2:
        return send("DeleteListener", "ListenerArn=" + any(api_.state.listeners));
      case 3:
      case 4:
        return send("DeleteTargetGroup", "TargetGroupArn=" + any(api_.state.target_groups));
      default:
        return send("DeleteRule", "RuleArn=" + any(api_.state.rules));
    }
  }

  // With a balancer that never acknowledges, draining targets pile up.
  void connect_or_leave() {
    control::Step step{api_.state, api_.now, dice_, api_.settings};
    if (dice_.below(2) == 0) {
      control::balancer_said_hello(step, {"b1", 0});
    } else {
      control::balancer_left(step, "b1");
    }
    api_.now += std::chrono::seconds(dice_.below(200));
  }

  Api api_;
  shared::env::SeededRandom dice_;
  std::uint64_t version_ = 0;
  int accepted_ = 0;
};

TEST(AnySequence, KeepsTheConfigurationValidAndItsVersionRising) {
  int accepted = 0;
  for (std::uint64_t seed = 1; seed <= 20 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Caller caller(seed);
    for (int i = 0; i < 400 && !testing::Test::HasFailure(); ++i) {
      caller.act();
      caller.check();
    }
    accepted += caller.accepted();
  }
  EXPECT_GT(accepted, 2000) << "too few calls did anything";
}

}  // namespace
}  // namespace agent::api::elbv2
