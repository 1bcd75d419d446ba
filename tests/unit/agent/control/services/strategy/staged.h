// A service behind two target groups, of which a deployment takes the one that the last did not, and what is
// seen of its traffic.
#pragma once
#include <algorithm>

#include "agent/control/elb/listeners.h"
#include "agent/control/elb/load_balancers.h"
#include "agent/control/services/history.h"
#include "agent/control/services/requests.h"
#include "agent/control/services/strategy/hooks.h"
#include "agent/control/state/neighbours.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {

using model::AlarmState;
using model::DeploymentStrategy;
using model::LifecycleStage;
using shared::Millis;
using shared::Result;

// Answers when the test says so.
class FakeHooks final : public hooks::Caller {
 public:
  void call(hooks::Call wanted, std::function<void(hooks::Reply)> done) override {
    calls.push_back(std::move(wanted));
    waiting.push_back(std::move(done));
  }
  void answer(hooks::Reply reply) {
    for (auto& done : std::exchange(waiting, {})) done(reply);
  }
  std::vector<hooks::Call> calls;
  std::vector<std::function<void(hooks::Reply)>> waiting;
};

class StagedTest : public ::testing::Test {
 protected:
  StagedTest() {
    world.add_target_group(30);
    world.hooks = &hooks;
    world.engine->use(hooks);
    first = world.target_group;
    const auto done = world.submit([&](Step& step) -> Result<void> {
      CreateTargetGroup request;
      request.vpc_id = "vpc-1";
      request.name = "other";
      request.protocol = "HTTP";
      request.port = 80;
      auto group = create_target_group(step, request);
      if (!group) return group.error();
      other = *group;
      const model::Listener& listener = step.state.listeners.rows().begin()->second;
      production = listener.default_rule_arn;
      lb::Action action;
      action.forward.target_groups.push_back({first, 1});
      CreateRule rule;
      rule.listener_arn = listener.arn;
      rule.priority = 5;
      rule.conditions.push_back({});
      rule.conditions.back().values = {"/test"};
      rule.actions = {action};
      auto made = create_rule(step, rule);
      if (!made) return made.error();
      test = *made;
      return {};
    });
    EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().text());
    agent = &world.add_agent(8192, 8192);
    definition = world.define("web", R"("cpu": 10, "memory": 10)", 80);
  }

  // An alarm is in that state until another is said: nothing is measured here.
  void say(const std::string& name, AlarmState state) {
    const auto said = world.submit([&](Step& step) -> Result<void> {
      model::Alarm alarm;
      alarm.name = name;
      alarm.treat_missing = "ignore";
      alarm.state = state;
      rows(step).neighbours().alarms.put(name, alarm);
      return {};
    });
    EXPECT_TRUE(said.has_value());
  }

  model::Service wanted(DeploymentStrategy kind, int desired = 2) const {
    auto service = world.service("web", definition, desired);
    service.configuration.strategy.kind = kind;
    service.load_balancers = {{first, "main", 80, other, production, test, ""}};
    return service;
  }
  std::string start(const model::Service& service) {
    const std::string key = world.create(service);
    EXPECT_TRUE(finish(key));
    return key;
  }
  Result<void> update(const std::string& key, const UpdateService& change) {
    return world.submit([&](Step& step) { return update_service(step, key, change); });
  }
  std::string deploy(const std::string& key) {
    world.pass(Millis(10));  // so that the deployments of a service are of different times
    UpdateService change;
    change.task_definition_arn = world.define("web", R"("cpu": 10, "memory": 10)", 80);
    EXPECT_TRUE(update(key, change).has_value());
    return primary(key).id;
  }
  bool finish(const std::string& key, Millis limit = Millis(3'600'000)) {
    return world.until([&] { return watch(key) && world.stable(key); }, limit);
  }
  bool reach(const std::string& key, LifecycleStage stage, Millis limit = Millis(3'600'000)) {
    return world.until([&] { return watch(key) && primary(key).rollout.stage == stage; }, limit);
  }

  const model::Deployment& primary(const std::string& key) const {
    return world.service_row(key).deployments.front();
  }
  const model::ServiceDeployment& newest(const std::string& key) const {
    return *deployments_of(world.state(), key).front();
  }
  // Per cent, or thousandths, of the group by the rule; as control has it.
  int weight(const std::string& rule, const std::string& group) const {
    for (const auto& each : actions_of_rule(world.state(), rule)->back().forward.target_groups) {
      if (each.target_group == group) return each.weight;
    }
    return 0;
  }
  int tasks_in(const std::string& group) const {
    int count = 0;
    for (const model::Task* task : world.live_tasks()) {
      for (const auto& each : task->targets) count += each.target_group_arn == group ? 1 : 0;
    }
    return count;
  }
  std::string group_of(const std::string& key) const {
    return primary(key).load_balancers.front().target_group_arn;
  }

  // No balancer sends a share of production traffic to a group without as many active targets as are desired.
  bool watch(const std::string& key) const {
    if (!watches) return true;
    const auto desired = static_cast<std::size_t>(world.service_row(key).desired_count);
    for (const auto& balancer : world.balancers) {
      if (balancer->config.listeners.empty()) continue;
      for (const auto& each : balancer->config.listeners.front()->default_action.forward.target_groups) {
        if (each.weight == 0) continue;
        for (const auto& group : balancer->config.target_groups) {
          if (group->id != each.target_group) continue;
          const auto active =
              std::count_if(group->targets.begin(), group->targets.end(),
                            [](const auto& target) { return target.state == lb::TargetState::kActive; });
          EXPECT_GE(static_cast<std::size_t>(active), desired) << balancer->id << " " << each.target_group;
        }
      }
    }
    return true;
  }

  World world;
  FakeHooks hooks;
  FakeAgent* agent = nullptr;
  std::string first;
  std::string other;
  std::string production;
  std::string test;
  std::string definition;
  bool watches = false;  // from the first deployment's end on
};

}  // namespace agent::control::test
