#include <gmock/gmock.h>

#include "agent/control/cluster/attributes.h"
#include "agent/control/cluster/instances.h"
#include "tests/unit/agent/control/elb/world.h"

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
  const auto targets = world.state->targets.rows();
  world.restart_control();
  EXPECT_EQ(before.listeners, world.state->published->listeners);
  const auto& after = *world.state->target_groups.find(world.group);
  EXPECT_EQ(encode_target_group(group), encode_target_group(after));
  ASSERT_EQ(world.state->targets.size(), targets.size());
  for (const auto& [key, target] : targets) {
    EXPECT_EQ(encode_target(*world.state->targets.find(key)), encode_target(target));
  }
  model::Rule rule;
  EXPECT_FALSE(decode_rule("{", rule));
  EXPECT_FALSE(decode_rule(R"({"arn": 5})", rule));
  EXPECT_FALSE(decode_rule(R"({"arn": "a", "listener_arn": "b", "actions": [{"order": 1}]})", rule));
  EXPECT_TRUE(decode_rule(R"({"arn": "a", "listener_arn": "b", "newer": true})", rule));
}

RegisterInstance host_at(const std::string& address) {
  RegisterInstance request;
  request.cluster = "default";
  request.attributes = {{"berth.instance-id", "i-1"}, {"berth.address", address}};
  return request;
}

TEST(TargetAddress, FollowsItsHostWhenThatRegistersAgainElsewhere) {
  World world;
  RegisterInstance request = host_at("10.0.1.1");
  world.apply([&](Step& step) {
    const auto key = register_instance(step, request).value();
    request.container_instance_arn = step.state.instances.find(key)->arn;
  });
  const auto active = world.add("i-1", 8080);
  const auto draining = world.add("i-1", 8081);
  const auto other = world.add("mi-1", 8080);
  world.hello("b1", 0);
  world.drain(draining);
  world.report("b1", world.version(), {world.says(active, lb::Health::kHealthy)});
  const auto before = world.version();

  request.attributes = host_at("10.0.1.2").attributes;
  world.apply([&](Step& step) { ASSERT_TRUE(register_instance(step, request)); });
  EXPECT_GT(world.version(), before);
  EXPECT_EQ(world.published_target(active)->address, "10.0.1.2");
  EXPECT_EQ(world.published_target(draining)->address, "10.0.1.1") << "its open requests are there";
  EXPECT_EQ(world.published_target(other)->address, "10.0.0.1");
  expect(world.health(active), kRegistering);
  world.restart_control();
  EXPECT_EQ(world.row(active)->address, "10.0.1.2");
}

TEST(TargetAddress, FollowsTheAttributeAsSoonAsItIsPutOrDeleted) {
  World world;
  std::string host;
  world.apply([&](Step& step) { host = register_instance(step, host_at("10.0.1.1")).value(); });
  const auto target = world.add("i-1", 8080);
  world.apply([&](Step& step) { ASSERT_TRUE(put_attribute(step, host, {kAddressAttribute, "10.0.1.2"})); });
  EXPECT_EQ(world.published_target(target)->address, "10.0.1.2");
  world.apply([&](Step& step) { ASSERT_TRUE(delete_attribute(step, host, {kAddressAttribute, ""})); });
  EXPECT_EQ(world.published_target(target)->address, "127.0.0.1") << "that of a host that says nothing";
}

TEST(TargetAddress, IsThatOfTheNewestHostWhereOneLostItsStateAndRegisteredAnew) {
  World world;
  for (const char* address : {"10.0.1.1", "10.0.1.2", "10.0.1.3"}) {
    world.pass(shared::Millis(1'000));
    world.apply([&](Step& step) { ASSERT_TRUE(register_instance(step, host_at(address))); });
    EXPECT_EQ(world.row(world.add("i-1", 8080))->address, address);
    EXPECT_EQ(targets_of(*world.state, world.group).size(), 1U);
  }
  EXPECT_EQ(world.row(world.add("i-1", 8081))->address, "10.0.1.3");
}

}  // namespace
}  // namespace agent::control
