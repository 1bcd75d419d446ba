#include "balancer/feed/state_dir.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

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

TEST(StateDir, ABrokenSnapshotIsAnErrorThatNamesTheFile) {
  TempDir temp;
  auto state = StateDir::open(temp.path);
  ASSERT_TRUE(state);
  std::ofstream(temp.path + "/snapshot.json") << "{\"version\": 3, \"listen";
  const auto loaded = state->load();
  ASSERT_FALSE(loaded);
  EXPECT_NE(loaded.error().text().find(temp.path + "/snapshot.json"), std::string::npos);
}

}  // namespace
}  // namespace balancer::feed
