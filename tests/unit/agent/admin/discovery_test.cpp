#include "agent/admin/discovery.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/agent/control/world.h"

namespace agent::admin {
namespace {

using control::test::World;
using nlohmann::json;

json discovered(World& world) {
  json found;
  EXPECT_TRUE(world.submit([&](control::Step& step) -> shared::Result<void> {
    found = json::parse(discovery_json(step.state));
    return {};
  }));
  return found;
}

TEST(Discovery, TellsPortsOfRunningTasksWithTheLabelsThatWereMadeForIt) {
  World world;
  world.add_agent();
  const std::string key = world.create(world.service(
      "web",
      world.define(
          "web",
          R"("cpu": 256, "memory": 256, "dockerLabels": {"prometheus.io/path": "/m", "PROMETHEUS_X": "y", "secret": "hidden"})",
          80),
      1));
  EXPECT_EQ(discovered(world), json::array());
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  const json found = discovered(world);
  ASSERT_EQ(found.size(), 1U);
  const json& labels = found[0]["labels"];
  EXPECT_EQ(labels["__meta_berth_cluster"], "default");
  EXPECT_EQ(labels["__meta_berth_service"], "web");
  EXPECT_EQ(labels["__meta_berth_container_port"], "80");
  EXPECT_EQ(labels["__meta_berth_label_prometheus_io_path"], "/m");
  EXPECT_EQ(labels["__meta_berth_label_PROMETHEUS_X"], "y");
  EXPECT_EQ(found.dump().find("hidden"), std::string::npos);
  const model::Task& task = *world.live_tasks().front();
  const std::string port = std::to_string(task.containers.front().bindings.front().host_port);
  EXPECT_TRUE(found[0]["targets"][0].get<std::string>().ends_with(":" + port));
}

}  // namespace
}  // namespace agent::admin
