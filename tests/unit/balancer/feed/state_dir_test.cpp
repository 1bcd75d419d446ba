#include "balancer/feed/state_dir.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace balancer::feed {
namespace {

struct TempDir {
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-state-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~TempDir() { std::filesystem::remove_all(path); }
  std::string path;
};

TEST(StateDir, KeepsItsIdAndTheLastConfigurationOverRestarts) {
  TempDir temp;
  shared::env::SeededRandom random(5);
  std::string id;
  shared::lbconfig::Config config;
  config.version = 12;
  {
    auto state = StateDir::open(temp.path + "/a/b");
    ASSERT_TRUE(state);
    id = *state->balancer_id(random);
    auto nothing = state->load();
    ASSERT_TRUE(nothing);
    EXPECT_FALSE(*nothing);
    ASSERT_TRUE(state->save(config));
  }
  auto again = StateDir::open(temp.path + "/a/b");
  ASSERT_TRUE(again);
  EXPECT_EQ(*again->balancer_id(random), id);
  auto loaded = again->load();
  ASSERT_TRUE(loaded);
  ASSERT_TRUE(*loaded);
  EXPECT_EQ((*loaded)->version, 12U);
}

TEST(StateDir, KeepsTheKeysOfCookiesAndRenewsThemInTime) {
  using namespace std::chrono_literals;
  TempDir temp;
  shared::env::SeededRandom random(5);
  const shared::WallTime start = shared::from_epoch_millis(1'800'000'000'000);
  const auto keys = [&](shared::WallTime now) {
    return *StateDir::open(temp.path)->cookie_keys(random, now);
  };
  const auto first = keys(start);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].secret.size(), shared::lbconfig::kCookieSecretBytes);
  EXPECT_EQ(keys(start + kOwnKeyLife - 1ms), first) << "clients stay with their targets over restarts";
  const auto second = keys(start + kOwnKeyLife);
  ASSERT_EQ(second.size(), 2U);
  EXPECT_EQ(second[1], first[0]);
  EXPECT_NE(second[0].id, first[0].id);
  const auto third = keys(start + 2 * kOwnKeyLife);
  ASSERT_EQ(third.size(), 2U);
  EXPECT_EQ(third[1], second[0]);
  const auto mode = std::filesystem::status(temp.path + "/cookie-keys").permissions();
  EXPECT_EQ(mode & std::filesystem::perms(0077), std::filesystem::perms::none);
  for (const char* broken : {"", "x", "1 2 abcd", "1 2", "99999999999999999999999 1 aa"}) {
    std::ofstream(temp.path + "/cookie-keys") << broken;
    EXPECT_EQ(keys(start).size(), 1U) << broken;
  }
}

// It may hold keys; also where a version of before left the files open to others.
TEST(StateDir, HasOneOwnerWhoIsNamedAndMayHandItOn) {
  TempDir temp;
  auto state = StateDir::open(temp.path);
  ASSERT_TRUE(state);
  auto lock = state->lock();
  ASSERT_TRUE(lock);
  const auto second = state->lock();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), "state_dir_in_use");
  EXPECT_NE(second.error().text().find("(pid " + std::to_string(::getpid()) + ")"), std::string::npos)
      << second.error().text();
  // Another process has a duplicate: the end of the first one does not free it.
  shared::UniqueFd handed_on(::dup(lock->get()));
  lock->reset();
  EXPECT_FALSE(state->lock());
  handed_on.reset();
  EXPECT_TRUE(state->lock());
}

TEST(StateDir, WhatItKeepsIsForItsOwnerOnly) {
  TempDir temp;
  const auto mode = [&](const char* name) {
    return std::filesystem::status(temp.path + name).permissions() & std::filesystem::perms::all;
  };
  for (const char* name : {"/snapshot.json.new", "/snapshot.journal"}) {
    std::ofstream(temp.path + name) << "old";
    std::filesystem::permissions(temp.path + name, std::filesystem::perms(0644));
  }
  auto state = StateDir::open(temp.path);
  ASSERT_TRUE(state);
  shared::lbconfig::Config config;
  config.version = 1;
  ASSERT_TRUE(state->save(config));
  EXPECT_EQ(mode("/snapshot.json"), std::filesystem::perms(0600));
  EXPECT_EQ(mode("/snapshot.journal"), std::filesystem::perms(0600));
}

using shared::lbconfig::Config;

// `version` with that many targets, of which a version takes out one and puts in another.
Config turned(std::uint64_t version, int targets = 50) {
  Config config;
  config.version = version;
  shared::lbconfig::TargetGroup group;
  group.id = "tg";
  for (std::uint64_t i = version; i < version + static_cast<std::uint64_t>(targets); ++i) {
    shared::lbconfig::Target target;
    target.address = "10.0.0.1";
    target.port = 80;
    target.id = target.registration = "r" + std::to_string(i);
    group.targets.push_back(target);
  }
  config.target_groups.push_back(group);
  return config;
}

std::string content(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

struct Saved {
  // What is on the disk is looked at after each `looks`-th version.
  explicit Saved(std::uint64_t last, int targets = 50, std::uint64_t looks = 1) {
    auto state = StateDir::open(temp.path).value();
    for (std::uint64_t version = 1; version <= last; ++version) {
      EXPECT_TRUE(state.save(turned(version, targets)));
      if (version % looks != 0) continue;
      const auto loaded = load();
      EXPECT_TRUE(loaded == turned(version, targets)) << version;
    }
  }
  Config load() const { return StateDir::open(temp.path).value().load().value().value_or(Config{}); }
  TempDir temp;
  std::string snapshot = temp.path + "/snapshot.json";
  std::string journal = temp.path + "/snapshot.journal";
};

TEST(StateDir, AChangeIsOnTheDiskWithoutWritingTheWholeAgain) {
  Saved saved(20);
  EXPECT_NE(content(saved.snapshot).find("\"version\": 1"), std::string::npos);
  EXPECT_LT(content(saved.journal).size(), 20 * 400U);
}

TEST(StateDir, AJournalThatGrewLargeIsBegunAnew) {
  Saved saved(400, 50, 40);
  EXPECT_EQ(content(saved.snapshot).find("\"version\": 1\n"), std::string::npos);
  EXPECT_LT(content(saved.journal).size(), 64U * 1024);
}

// A crash may end the journal anywhere: what was acknowledged before is there.
TEST(StateDir, WhatACrashCutOffIsNotThereAndTheRestIs) {
  constexpr int kTargets = 4;
  Saved saved(6, kTargets);
  const std::string journal = content(saved.journal);
  std::uint64_t before = 1;
  for (std::size_t end = 0; end <= journal.size(); ++end) {
    std::ofstream(saved.journal) << journal.substr(0, end);
    const Config loaded = saved.load();
    ASSERT_GE(loaded.version, before);
    ASSERT_EQ(loaded, turned(loaded.version, kTargets));
    before = loaded.version;
  }
  EXPECT_EQ(before, 6U);
  // The next process does not go on behind what was cut off.
  std::ofstream(saved.journal) << journal.substr(0, journal.size() - 3);
  auto state = StateDir::open(saved.temp.path).value();
  ASSERT_TRUE(state.save(turned(7, kTargets)));
  ASSERT_TRUE(state.save(turned(8, kTargets)));
  EXPECT_EQ(saved.load(), turned(8, kTargets));
}

TEST(StateDir, AJournalOfBeforeTheSnapshotCountsForNothing) {
  Saved saved(6);
  const std::string journal = content(saved.journal);
  ASSERT_TRUE(StateDir::open(saved.temp.path).value().save(turned(9)));
  std::ofstream(saved.journal) << journal;  // a crash came before it was emptied
  EXPECT_EQ(saved.load(), turned(9));
}

TEST(StateDir, ABrokenSnapshotIsAnErrorThatNamesTheFile) {
  TempDir temp;
  auto state = StateDir::open(temp.path);
  ASSERT_TRUE(state);
  std::ofstream(temp.path + "/snapshot.json") << "{\"version\": 3, \"listen";
  const auto loaded = state->load();
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text().find(temp.path + "/snapshot.json"), std::string::npos);
}

TEST(StateDir, KeepsWhichTargetsWereHealthyAndWhenTheirSlowStartBegan) {
  using namespace std::chrono_literals;
  TempDir temp;
  auto state = StateDir::open(temp.path);
  const shared::SteadyTime now(5h);
  const shared::WallTime wall = shared::from_epoch_millis(1'800'000'000'000);
  EXPECT_FALSE(state->load_targets(now, wall)) << "nothing is known";
  targets::HealthyBefore healthy;
  healthy[{"arn:aws:tg/a b", "r-1"}] = std::nullopt;
  healthy[{"tg", "r-2"}] = now - 10s;
  ASSERT_TRUE(state->save_targets(healthy, now, wall));
  const shared::SteadyTime later(1min);  // of another process, on another clock
  const auto loaded = StateDir::open(temp.path)->load_targets(later, wall + 5s);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->size(), 2U);
  EXPECT_EQ(loaded->at({"arn:aws:tg/a b", "r-1"}), std::nullopt);
  EXPECT_EQ(loaded->at({"tg", "r-2"}), later - 15s);
  EXPECT_EQ(StateDir::open(temp.path)->load_targets(later, wall - 1h)->at({"tg", "r-2"}), later)
      << "the wall clock was put back";
  ASSERT_TRUE(state->save_targets({}, now, wall));
  EXPECT_EQ(state->load_targets(now, wall)->size(), 0U) << "it is known that none was";
  std::ofstream(temp.path + "/targets") << "x r tg\n";
  EXPECT_FALSE(state->load_targets(now, wall));
}

}  // namespace
}  // namespace balancer::feed
