// 10,000 targets in 1,000 target groups behind 1,000 host rules: what a change makes anew, and what stays as
// it is, counted.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "balancer/feed/board.h"
#include "balancer/proxy/worker/snapshot.h"
#include "shared/lbconfig/feed.h"
#include "shared/lbconfig/json.h"

namespace balancer::feed {
namespace {

namespace lb = shared::lbconfig;

constexpr std::size_t kGroups = 1'000;
constexpr std::size_t kTargetsOfEach = 10;
constexpr std::size_t kChanges = 300;

lb::Config many_targets() {
  lb::Config config;
  config.version = 1;
  lb::Listener listener;
  listener.id = "web";
  listener.address = "127.0.0.1";
  listener.port = 80;
  listener.default_action.forward.target_groups = {{"tg-0", 1}};
  for (std::size_t g = 0; g < kGroups; ++g) {
    lb::TargetGroup group;
    group.id = group.name = "tg-" + std::to_string(g);
    for (std::size_t t = 0; t < kTargetsOfEach; ++t) {
      lb::Target target;
      target.id = target.registration = group.id + "-" + std::to_string(t);
      target.address =
          "10." + std::to_string(g / 250) + "." + std::to_string(g % 250) + "." + std::to_string(t);
      target.port = 80;
      group.targets.push_back(target);
    }
    config.target_groups.push_back(group);
    lb::Rule rule;
    rule.priority = static_cast<int>(g) + 1;
    lb::Condition condition;
    condition.field = lb::ConditionField::kHostHeader;
    condition.values = {"host-" + std::to_string(g) + ".example"};
    rule.conditions = {condition};
    rule.action.forward.target_groups = {{group.id, 1}};
    listener.rules.push_back(rule);
  }
  config.listeners.push_back(listener);
  return config;
}

struct ScaleRig {
  using Groups = std::vector<std::shared_ptr<const targets::Group>>;
  using Listeners = std::vector<std::shared_ptr<const proxy::CompiledListener>>;

  void apply(lb::Config next) {
    EXPECT_TRUE(config.version == 0 ? lb::validate(next) : lb::validate_change(next, config));
    config = std::move(next);
    listeners = compiler.compile(config, {}).value();
    drains.on_config(config, {});
    const Groups former = std::move(groups);
    groups = registry.compile(config, drains).value();
    for (std::size_t i = 0; i < groups.size(); ++i) {
      if (i < former.size() && groups[i] == former[i]) continue;
      ++groups_made;
      for (const auto& target : groups[i]->active) {
        const bool known =
            i < former.size() && std::count(former[i]->active.begin(), former[i]->active.end(), target) != 0;
        if (!known) made.push_back(target);
      }
    }
  }
  std::size_t targets_alive() const {
    std::size_t alive = 0;
    for (const auto& each : made) alive += each.expired() ? 0 : 1;
    return alive;
  }

  lb::Config config;
  proxy::StatsRegistry stats{2};
  proxy::ListenerCompiler compiler{"", stats};
  targets::Registry registry{2};
  targets::DrainTracker drains;
  Listeners listeners;
  Groups groups;
  std::size_t groups_made = 0;
  std::vector<std::weak_ptr<const targets::TargetRuntime>> made;
};

TEST(TenThousandTargets, AreCompiledOnceAndAChangeOfOneMakesOneAnew) {
  ScaleRig rig;
  rig.apply(many_targets());
  ASSERT_EQ(rig.groups_made, kGroups);
  ASSERT_EQ(rig.made.size(), kGroups * kTargetsOfEach);

  const auto listeners = rig.listeners;
  const auto groups = rig.groups;
  lb::Config next = rig.config;
  ++next.version;
  lb::TargetGroup changed = *next.target_groups[500];
  changed.targets[3].registration = "fresh";
  next.target_groups[500] = changed;
  const std::string message = lb::feed_to_json(lb::diff(rig.config, next));
  EXPECT_LT(message.size(), 1'000U) << "what the wire and the disk get";
  // As it comes: from the text of what changed.
  const auto delta = lb::feed_from_json(message);
  ASSERT_TRUE(delta);
  rig.apply(lb::apply(rig.config, std::get<lb::Delta>(*delta)).value());

  EXPECT_EQ(rig.groups_made, kGroups + 1);
  EXPECT_EQ(rig.made.size(), kGroups * kTargetsOfEach + 1);
  EXPECT_EQ(rig.listeners, listeners) << "its thousand rules are not compiled again";
  std::size_t same = 0;
  for (std::size_t i = 0; i < kGroups; ++i) same += rig.groups[i] == groups[i] ? 1 : 0;
  EXPECT_EQ(same, kGroups - 1);
  EXPECT_EQ(rig.groups[500]->runtime, groups[500]->runtime);
  EXPECT_EQ(rig.groups[500]->active[2], groups[500]->active[2])
      << "its neighbours keep their health and load";
}

TEST(TenThousandTargets, HundredsOfChangesLeaveNothingBehind) {
  ScaleRig rig;
  rig.apply(many_targets());
  for (std::size_t i = 0; i < kChanges; ++i) {
    lb::Config next = rig.config;
    ++next.version;
    auto& part = next.target_groups[i * 7 % kGroups];
    lb::TargetGroup changed = *part;
    changed.targets.erase(changed.targets.begin());
    lb::Target fresh = changed.targets.back();
    fresh.id = fresh.registration = "fresh-" + std::to_string(i);
    changed.targets.push_back(fresh);
    part = changed;
    rig.apply(std::move(next));
  }
  EXPECT_EQ(rig.targets_alive(), kGroups * kTargetsOfEach);
}

}  // namespace
}  // namespace balancer::feed
