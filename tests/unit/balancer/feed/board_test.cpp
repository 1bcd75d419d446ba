#include "balancer/feed/board.h"

#include <gtest/gtest.h>

#include <map>
#include <tuple>

#include "shared/env/random.h"
#include "tests/support/manual_executor.h"

namespace balancer::feed {
namespace {

using shared::Millis;
namespace lb = shared::lbconfig;

using Facts = std::tuple<lb::Health, std::string, bool>;  // state, reason, drained

// A board as the pipeline, the checker and the program use it, and what control makes of its reports.
struct BoardRig {
  void configure(lb::Config config) {
    targets::DrainTracker drains = board.drains();
    drains.on_config(config, executor.now());
    auto groups = registry.compile(config, drains).value();
    board.drains() = std::move(drains);
    board.on_applied(config.version, std::move(groups));
  }
  void begin() {
    view.clear();
    for (auto& report : board.target_reports()) take(report);
  }
  void follow() {
    const auto changes = board.changed_reports();
    told = changes.targets.size() + changes.removed.size();
    for (const auto& name : changes.removed) view.erase({name.target_group, name.registration});
    for (const auto& report : changes.targets) take(report);
  }
  void take(const lb::TargetReport& report) {
    view[{report.target_group, report.registration}] = {report.health, report.reason, report.drained};
  }
  std::map<targets::TargetKey, Facts> truth() {
    std::map<targets::TargetKey, Facts> out;
    for (const auto& report : board.all_targets())
      out[{report.target_group, report.registration}] = {report.health, report.reason, report.drained};
    return out;
  }

  ::tests::ManualExecutor executor;
  targets::Registry registry{1};
  TargetBoard board{executor};
  std::map<targets::TargetKey, Facts> view;
  std::size_t told = 0;
};

lb::Target board_target(const std::string& registration, lb::TargetState state = lb::TargetState::kActive) {
  lb::Target out;
  out.id = out.registration = registration;
  out.address = "10.0.0.1";
  out.port = 80;
  out.state = state;
  out.drain_limit = Millis(5'000);
  return out;
}

lb::Config with(std::uint64_t version, std::vector<lb::Target> targets) {
  lb::TargetGroup group;
  group.id = "tg";
  group.targets = std::move(targets);
  lb::Config out;
  out.version = version;
  out.target_groups.push_back(group);
  return out;
}

TEST(TargetBoard, TellsWhatChangedAndNothingElse) {
  BoardRig rig;
  rig.configure(with(1, {board_target("a"), board_target("b")}));
  rig.begin();
  rig.follow();
  EXPECT_EQ(rig.told, 0U);
  rig.board.on_health({{"tg", "a"}, lb::Health::kHealthy, "", ""});
  rig.follow();
  EXPECT_EQ(rig.told, 1U);
  rig.board.groups()[0]->active[0]->opened(0);
  rig.follow();
  EXPECT_EQ(rig.told, 0U) << "open requests are no news";
  rig.configure(
      with(2, {board_target("a", lb::TargetState::kDraining), board_target("b"), board_target("c")}));
  rig.follow();
  EXPECT_EQ(rig.told, 2U) << "a drains, c is new";
  EXPECT_EQ(std::get<2>(rig.view.at({"tg", "a"})), false);
  EXPECT_FALSE(rig.board.poll_drains());
  EXPECT_TRUE(rig.board.drain_times().empty());
  rig.executor.advance(Millis(4'000));
  rig.board.groups()[0]->draining[0].target->closed(0);
  EXPECT_TRUE(rig.board.poll_drains());
  EXPECT_EQ(rig.board.drain_times().at("tg").sum_micros.get(), 4'000'000U);
  rig.follow();
  EXPECT_EQ(rig.told, 1U);
  EXPECT_EQ(std::get<2>(rig.view.at({"tg", "a"})), true);
  rig.configure(with(3, {board_target("b"), board_target("c")}));
  rig.follow();
  EXPECT_EQ(rig.told, 1U);
  EXPECT_EQ(rig.view, rig.truth());
}

TEST(TargetBoard, HealthOfATargetThatComesWithTheNextConfigurationIsKeptForIt) {
  BoardRig rig;
  rig.configure(with(1, {board_target("a")}));
  rig.begin();
  rig.board.on_health({{"tg", "b"}, lb::Health::kHealthy, "", ""});  // the checker was quicker than a worker
  rig.follow();
  EXPECT_EQ(rig.told, 0U);
  rig.configure(with(2, {board_target("a"), board_target("b")}));
  rig.follow();
  EXPECT_EQ(std::get<0>(rig.view.at({"tg", "b"})), lb::Health::kHealthy);
}

TEST(TargetBoard, ItsChangesAddUpToWhatIsTrue) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    shared::env::SeededRandom random(seed);
    BoardRig rig;
    std::map<std::string, std::vector<lb::Target>> groups;
    std::map<std::string, lb::Part<lb::TargetGroup>> parts;
    std::uint64_t version = 0;
    int next = 0;
    const auto some_target = [&](const auto& use) {
      if (groups.empty()) return;
      auto group = groups.begin();
      std::advance(group, static_cast<std::ptrdiff_t>(random.below(groups.size())));
      if (group->second.empty()) return;
      const auto i = static_cast<std::size_t>(random.below(group->second.size()));
      use(group->first, group->second, i);
    };
    rig.begin();
    for (int step = 0; step < 120; ++step) {
      switch (random.below(9)) {
        case 0:
          groups.try_emplace("tg-" + std::to_string(random.below(3)));
          break;
        case 1:
          groups.erase("tg-" + std::to_string(random.below(3)));
          break;
        case 2:
          for (auto& [id, list] : groups) list.push_back(board_target("r" + std::to_string(next++)));
          break;
        case 3:
          some_target([](const auto&, auto& list, std::size_t i) {
            list[i].state = list[i].state == lb::TargetState::kActive ? lb::TargetState::kDraining
                                                                      : lb::TargetState::kActive;
          });
          break;
        case 4:
          some_target([](const auto&, auto& list, std::size_t i) {
            list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
          });
          break;
        case 5:
          some_target([](const auto&, auto& list, std::size_t i) { list[i].address = "10.0.0.2"; });
          break;
        case 6:
          some_target([&](const std::string& id, auto& list, std::size_t i) {
            rig.board.on_health(
                {{id, list[i].registration}, static_cast<lb::Health>(random.below(3)), "why", ""});
          });
          break;
        case 7:
          rig.executor.advance(Millis(static_cast<Millis::rep>(random.below(3'000))));
          rig.board.poll_drains();
          break;
        default:
          rig.follow();
          ASSERT_EQ(rig.view, rig.truth()) << "seed " << seed << ", step " << step;
          continue;
      }
      lb::Config config;
      config.version = ++version;
      for (const auto& [id, list] : groups) {
        lb::TargetGroup group;
        group.id = id;
        group.targets = list;
        auto& part = parts[id];
        if (!(*part == group)) part = group;
        config.target_groups.push_back(part);
      }
      rig.configure(config);
    }
  }
}

}  // namespace
}  // namespace balancer::feed
