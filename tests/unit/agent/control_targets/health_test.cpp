#include <gmock/gmock.h>

#include "tests/unit/agent/control_targets/world.h"

namespace agent::control {
namespace {

struct Words {
  lb::Health state;
  std::string reason;
  std::string description;
};
void expect(const TargetHealth& health, const Words& words) {
  EXPECT_STREQ(lb::to_string(health.state), lb::to_string(words.state));
  EXPECT_EQ(health.reason, words.reason);
  EXPECT_EQ(health.description, words.description);
}

const Words kRegistering{lb::Health::kInitial, "Elb.RegistrationInProgress",
                         "Target registration is in progress"};
const Words kChecking{lb::Health::kInitial, "Elb.InitialHealthChecking", "Initial health checks in progress"};

TEST(TargetHealth, IsTheWorstOfTheConnectedBalancers) {
  World world;
  const auto target = world.add();
  world.hello("b1", 0);
  world.hello("b2", 0);
  expect(world.health(target), kRegistering);
  world.report("b1", world.version(), {world.says(target, lb::Health::kHealthy)});
  expect(world.health(target), kRegistering);
  world.report("b2", world.version(), {world.says(target, lb::Health::kInitial)});
  expect(world.health(target), kChecking);
  world.report("b2", world.version(), {world.says(target, lb::Health::kHealthy)});
  expect(world.health(target), {lb::Health::kHealthy, "", ""});
  auto failed = world.says(target, lb::Health::kUnhealthy);
  failed.reason = "Target.ResponseCodeMismatch";
  failed.description = "Health checks failed with these codes: [503]";
  world.report("b1", world.version(), {failed});
  expect(world.health(target), {lb::Health::kUnhealthy, failed.reason, failed.description});
  world.leave("b1");
  expect(world.health(target), {lb::Health::kHealthy, "", ""});
}

TEST(TargetHealth, NeverCondemnsOnOldNews) {
  World world;
  const auto target = world.add();
  world.hello("b1", 0);
  world.report("b1", world.version(), {world.says(target, lb::Health::kUnhealthy)});
  expect(world.health(target), {lb::Health::kUnhealthy, "Target.FailedHealthChecks", "Health checks failed"});
  world.leave("b1");
  expect(world.health(target), kChecking);
  world.restart_control();
  expect(world.health(target), kRegistering);
}

TEST(TargetHealth, SaysWhyATargetGetsNoTraffic) {
  World world;
  const auto target = world.add();
  world.hello("b1", 0);
  world.apply([&](Step& step) { EXPECT_TRUE(delete_listener(step, world.listener)); });
  expect(world.health(target), {lb::Health::kUnused, "Target.NotInUse",
                                "Target group is not configured to receive traffic from the load balancer"});
  world.listen();
  world.drain(target);
  expect(world.health(target),
         {lb::Health::kDraining, "Target.DeregistrationInProgress", "Target deregistration is in progress"});
}

TEST(Rows, SurviveTheStore) {
  World world;
  world.add();
  world.drain(world.add("mi-2", 9090, "arn:x:task/default/t1"));
  world.hello("b1", 0);
  world.drain(world.add("mi-2", 9091));
  world.apply([&](Step& step) {
    lb::Action redirect;
    redirect.type = lb::ActionType::kRedirect;
    redirect.redirect.host = "other.example";
    lb::Condition header;
    header.field = lb::ConditionField::kHttpHeader;
    header.http_header_name = "X-Kind";
    header.values = {"a*", "b"};
    lb::Condition query;
    query.field = lb::ConditionField::kQueryString;
    query.query = {{"", "v"}, {"k", "w"}};
    EXPECT_TRUE(create_rule(step, {world.listener, 7, {header, query}, {redirect}, {{"k", "v"}}}));
    lb::Action fixed;
    fixed.type = lb::ActionType::kFixedResponse;
    fixed.fixed_response = {503, "text/plain", "closed\n"};
    EXPECT_TRUE(modify_listener(step, {world.listener, {}, {}, std::vector<lb::Action>{fixed}}));
  });
  const lb::Config before = *world.state->published;
  const auto group = *world.state->target_groups.find(world.group);
  world.restart_control();
  EXPECT_EQ(before.listeners, world.state->published->listeners);
  const auto& after = *world.state->target_groups.find(world.group);
  EXPECT_EQ(encode_target_group(group), encode_target_group(after));
  ASSERT_EQ(after.targets.size(), group.targets.size());
  EXPECT_EQ(after.targets.back().draining_since, group.targets.back().draining_since);
  model::Rule rule;
  EXPECT_FALSE(decode_rule("{", rule));
  EXPECT_FALSE(decode_rule(R"({"arn": 5})", rule));
  EXPECT_FALSE(decode_rule(R"({"arn": "a", "listener_arn": "b", "actions": [{"order": 1}]})", rule));
  EXPECT_TRUE(decode_rule(R"({"arn": "a", "listener_arn": "b", "newer": true})", rule));
}

}  // namespace
}  // namespace agent::control
