#include "shared/lbconfig/delta.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "shared/lbconfig/feed.h"
#include "shared/lbconfig/json.h"
#include "tests/unit/shared/lbconfig/any_config.h"

namespace shared::lbconfig {
namespace {

// Random changes of a valid configuration that leave it valid.
class Changes {
 public:
  explicit Changes(std::uint64_t seed) : random_(seed) {}

  Config after(Config config) {
    config.version += 1 + random_.below(3);
    for (std::uint64_t i = random_.below(4); i > 0; --i) change(config);
    return config;
  }
  env::SeededRandom& random() { return random_; }

 private:
  template <class T>
  std::size_t somewhere(const std::vector<T>& list) {
    return static_cast<std::size_t>(random_.below(list.size()));
  }
  template <class T>
  void shuffle(std::vector<T>& list) {
    for (std::size_t i = 1; i < list.size(); ++i)
      std::swap(list[i], list[static_cast<std::size_t>(random_.below(i + 1))]);
  }
  Target target() {
    Target made;
    made.id = "i-" + random_.hex(6);
    made.address = "10.0.0.1";
    made.port = 80;
    made.registration = random_.hex(12);
    return made;
  }
  void change(Config& config) {
    const bool has_groups = !config.target_groups.empty();
    const bool has_listeners = !config.listeners.empty();
    switch (random_.below(9)) {
      case 0: {
        TargetGroup made;
        made.id = "new-" + random_.hex(6);
        for (std::uint64_t i = random_.below(4); i > 0; --i) made.targets.push_back(target());
        config.target_groups.insert(config.target_groups.begin() + static_cast<std::ptrdiff_t>(random_.below(
                                                                       config.target_groups.size() + 1)),
                                    made);
        break;
      }
      case 1:
        if (has_groups) targets_of(config);
        break;
      case 2:
        shuffle(config.target_groups);
        break;
      case 3:
        shuffle(config.listeners);
        break;
      case 4:
        if (has_listeners)
          config.listeners.erase(config.listeners.begin() +
                                 static_cast<std::ptrdiff_t>(somewhere(config.listeners)));
        break;
      case 5: {
        Listener made;
        made.id = "new-" + random_.hex(6);
        made.default_action.type = ActionType::kFixedResponse;
        config.listeners.push_back(made);
        break;
      }
      case 6:
        if (has_listeners) {
          Part<Listener>& part = config.listeners[somewhere(config.listeners)];
          Listener changed = *part;
          changed.dns_name = random_.hex(4);
          part = changed;
        }
        break;
      case 7:
        if (has_groups) {
          Part<TargetGroup>& part = config.target_groups[somewhere(config.target_groups)];
          TargetGroup changed = *part;
          changed.slow_start = Millis(static_cast<Millis::rep>(random_.below(1'000)));
          part = changed;
        }
        break;
      default:
        if (config.target_groups.size() > 1) {
          const auto at =
              config.target_groups.begin() + static_cast<std::ptrdiff_t>(somewhere(config.target_groups));
          Config without = config;
          without.target_groups.erase(without.target_groups.begin() + (at - config.target_groups.begin()));
          if (validate(without)) config = without;
        }
    }
  }
  void targets_of(Config& config) {
    Part<TargetGroup>& part = config.target_groups[somewhere(config.target_groups)];
    TargetGroup group = *part;
    auto& targets = group.targets;
    for (std::uint64_t i = 1 + random_.below(5); i > 0; --i) {
      switch (random_.below(4)) {
        case 0:
          targets.insert(targets.begin() + static_cast<std::ptrdiff_t>(random_.below(targets.size() + 1)),
                         target());
          break;
        case 1:
          if (!targets.empty())
            targets.erase(targets.begin() + static_cast<std::ptrdiff_t>(somewhere(targets)));
          break;
        case 2:
          if (!targets.empty()) targets[somewhere(targets)].state = TargetState::kDraining;
          break;
        default:
          shuffle(targets);
      }
    }
    part = group;
  }

  env::SeededRandom random_;
};

TEST(Delta, LeadsFromEveryConfigurationToEveryOther) {
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const Config a = testing::AnyConfig(seed).make();
    Config b = testing::AnyConfig(seed + 1'000).make();
    b.version = a.version + 1;
    const auto made = apply(a, diff(a, b));
    ASSERT_TRUE(made) << seed << ": " << made.error().text();
    ASSERT_EQ(*made, b) << seed;
  }
}

TEST(Delta, LeadsFromEveryConfigurationToEveryChangeOfItAlsoOverTheWire) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    Changes changes(seed);
    Config config = testing::AnyConfig(seed).make();
    for (int i = 0; i < 12; ++i) {
      const Config next = changes.after(config);
      ASSERT_TRUE(validate(next)) << validate(next).error().text();
      const Delta delta = diff(config, next);
      const auto read = feed_from_json(feed_to_json(delta));
      ASSERT_TRUE(read) << read.error().text();
      ASSERT_EQ(std::get<Delta>(*read), delta);
      const auto made = apply(config, delta);
      ASSERT_TRUE(made) << seed << ": " << made.error().text();
      ASSERT_EQ(*made, next) << seed << ", change " << i;
      config = *made;
    }
  }
}

Config large() {
  Config config;
  config.version = 1;
  for (int g = 0; g < 10; ++g) {
    TargetGroup group;
    group.id = "tg-" + std::to_string(g);
    for (int t = 0; t < 100; ++t) {
      Target target;
      target.address = "10.0.0.1";
      target.port = 80;
      target.registration = std::to_string(g) + "-" + std::to_string(t);
      group.targets.push_back(target);
    }
    config.target_groups.push_back(group);
  }
  return config;
}

TEST(Delta, OfOneTargetHoldsThatTargetAndLeavesTheOtherGroupsTheSame) {
  const Config a = large();
  Config b = a;
  b.version = 2;
  TargetGroup group = *b.target_groups[4];
  group.targets.erase(group.targets.begin() + 50);
  Target fresh = group.targets[0];
  fresh.registration = "fresh";
  group.targets.push_back(fresh);
  b.target_groups[4] = group;

  const Delta delta = diff(a, b);
  EXPECT_TRUE(delta.listeners.empty());
  EXPECT_TRUE(delta.target_groups.empty());
  ASSERT_EQ(delta.targets.size(), 1U);
  EXPECT_EQ(delta.targets[0].target_group, "tg-4");
  EXPECT_EQ(delta.targets[0].targets.removed, std::vector<std::string>{"4-50"});
  ASSERT_EQ(delta.targets[0].targets.put.size(), 1U);
  EXPECT_EQ(delta.targets[0].targets.put[0].at, 99U);
  EXPECT_LT(feed_to_json(delta).size(), 400U);
  const auto made = apply(a, delta);
  ASSERT_TRUE(made);
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(made->target_groups[i].is(a.target_groups[i]), i != 4) << i;
}

TEST(Delta, OfEqualConfigurationsIsEmptyAlsoWhenTheyShareNothing) {
  const Config a = large();
  Config b = large();
  b.version = 2;
  const Delta delta = diff(a, b);
  EXPECT_TRUE(delta.listeners.empty() && delta.target_groups.empty() && delta.targets.empty());
  EXPECT_TRUE(apply(a, delta)->target_groups[0].is(a.target_groups[0]));
}

TEST(Delta, ThatDoesNotFitIsRefusedWithTheReason) {
  const Config a = large();
  const auto refused = [&a](const std::function<void(Delta&)>& spoil) {
    Delta delta;
    delta.from_version = 1;
    delta.version = 2;
    spoil(delta);
    const auto made = apply(a, delta);
    return made ? std::string("applied") : made.error().text();
  };
  Target target = a.target_groups[0]->targets[0];
  target.registration = "new";
  EXPECT_EQ(refused([](Delta&) {}), "applied");
  EXPECT_EQ(refused([](Delta& d) { d.from_version = 7; }), "from_version: is 7, this is version 1");
  EXPECT_EQ(refused([](Delta& d) { d.version = 1; }), "version: must be above 1, got 1");
  EXPECT_EQ(refused([](Delta& d) {
              d.targets = {{"tg-99", {}}};
            }),
            "targets[0].target_group: no target group 'tg-99'");
  EXPECT_EQ(refused([](Delta& d) {
              d.targets = {{"tg-0", {{"0-0", "nobody"}, {}}}};
            }),
            "targets[0].removed: names what is not there");
  EXPECT_EQ(refused([](Delta& d) {
              d.targets = {{"tg-0", {{"0-0", "0-0"}, {}}}};
            }),
            "targets[0].removed: '0-0' is there twice");
  EXPECT_EQ(refused([&](Delta& d) {
              d.targets = {{"tg-0", {{}, {{101, target}}}}};
            }),
            "targets[0].put[0].at: no such place: 101");
  EXPECT_EQ(refused([&](Delta& d) {
              d.targets = {{"tg-0", {{}, {{5, target}, {5, target}}}}};
            }),
            "targets[0].put: 'new' is there twice");
  target.address = "nowhere";
  EXPECT_EQ(refused([&](Delta& d) {
              d.targets = {{"tg-0", {{}, {{0, target}}}}};
            }),
            "target_groups[0].targets[0].address: 'nowhere' is no IP address");
  EXPECT_EQ(refused([](Delta& d) { d.target_groups.removed = {"tg-0"}; }), "applied");
  EXPECT_EQ(refused([&a](Delta& d) {
              d.target_groups.put = {{0, a.target_groups[0]}};
            }),
            "target_groups.put: 'tg-0' has targets");
}

}  // namespace
}  // namespace shared::lbconfig
