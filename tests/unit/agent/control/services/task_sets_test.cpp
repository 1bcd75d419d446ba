// Task sets: each holds its share of the service's desired count, whoever else is there.
#include "agent/control/services/task_sets.h"

#include <gmock/gmock.h>

#include "agent/control/cluster/instances.h"
#include "agent/control/services/requests.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using shared::Result;

class TaskSetTest : public ::testing::Test {
 protected:
  TaskSetTest() {
    world.add_agent();
    auto wanted = world.service("web", "", 4);
    wanted.load_balancers.clear();
    wanted.controller = model::DeploymentController::kExternal;
    key = world.create(wanted);
  }
  std::string add(double scale, const std::string& definition) {
    model::Deployment wanted;
    wanted.task_definition_arn = definition;
    wanted.scale = scale;
    if (!world.target_group.empty()) wanted.load_balancers = {{world.target_group, "main", 80}};
    std::string id;
    EXPECT_TRUE(world.submit([&](Step& step) -> Result<void> {
      auto made = create_task_set(step, key, wanted);
      if (!made) return made.error();
      id = *made;
      return {};
    }));
    return id;
  }
  bool call(const Engine::Apply& apply) { return world.submit(apply).has_value(); }
  int live_of(const std::string& id) const {
    int live = 0;
    for (const model::Task* each : world.live_tasks()) live += each->deployment_id == id ? 1 : 0;
    return live;
  }
  const model::Deployment& row(const std::string& id) const {
    return **find_task_set(world.state(), key, id);
  }
  bool steady(const std::string& id) {
    return world.until([&] { return row(id).stable; });
  }

  World world;
  std::string key;
};

TEST_F(TaskSetTest, EachRunsItsPercentOfTheDesiredCountRoundedUp) {
  const std::string blue = add(100, world.define("web"));
  const std::string green = add(30, world.define("web"));
  EXPECT_TRUE(steady(blue) && steady(green));
  EXPECT_EQ(live_of(blue), 4);
  EXPECT_EQ(live_of(green), 2);
  EXPECT_EQ(row(green).desired_count, 2);
  UpdateService more;
  more.desired_count = 7;
  EXPECT_TRUE(call([&](Step& step) { return update_service(step, key, more); }));
  EXPECT_TRUE(world.until([&] { return live_of(blue) == 7 && live_of(green) == 3; }));
  EXPECT_TRUE(call([&](Step& step) { return scale_task_set(step, key, blue, 0); }));
  EXPECT_TRUE(world.until([&] { return live_of(blue) == 0; }));
  EXPECT_EQ(live_of(green), 3) << "the other one is left alone";
}

TEST_F(TaskSetTest, ThePrimaryOneIsWhatTheServiceShows) {
  const std::string first = world.define("web");
  const std::string second = world.define("web");
  const std::string blue = add(100, first);
  EXPECT_EQ(world.service_row(key).task_definition_arn, "");
  EXPECT_TRUE(call([&](Step& step) { return make_primary(step, key, blue); }));
  EXPECT_EQ(world.service_row(key).task_definition_arn, first);
  const std::string green = add(100, second);
  EXPECT_TRUE(call([&](Step& step) { return make_primary(step, key, green); }));
  EXPECT_EQ(world.service_row(key).task_definition_arn, second);
  EXPECT_EQ(row(blue).status, model::DeploymentStatus::kActive);
  EXPECT_FALSE(call([&](Step& step) { return delete_task_set(step, key, green, ForceTaskSet::kNo); }));
  EXPECT_FALSE(call([&](Step& step) { return delete_task_set(step, key, blue, ForceTaskSet::kNo); }))
      << "it is scaled above 0";
  EXPECT_TRUE(call([&](Step& step) { return delete_task_set(step, key, blue, ForceTaskSet::kYes); }));
  EXPECT_TRUE(world.until([&] { return !find_task_set(world.state(), key, blue); }));
  EXPECT_TRUE(steady(green));
  EXPECT_EQ(world.live_tasks().size(), 4u);
}

TEST_F(TaskSetTest, ATaskThatEndsComesBackAndADrainingHostIsLeftWithinThePercentages) {
  const std::string blue = add(100, world.define("web"));
  EXPECT_TRUE(steady(blue));
  world.agents[0]->report(world.live_tasks().front()->arn, "STOPPED", 1);
  EXPECT_TRUE(world.until([&] { return live_of(blue) == 4; }));
  FakeAgent& refuge = world.add_agent();
  const std::string instance = world.named(*world.agents[0]).key;
  EXPECT_TRUE(call([&](Step& step) -> Result<void> {
    set_instance_status(step, instance, model::InstanceStatus::kDraining);
    return {};
  }));
  EXPECT_TRUE(world.until(
      [&] {
        const auto live = world.live_tasks();
        return live.size() == 4 && std::all_of(live.begin(), live.end(), [&](const auto* each) {
                 return each->container_instance_arn == refuge.arn;
               });
      },
      std::chrono::minutes(10)));
}

TEST_F(TaskSetTest, TargetsOfOneDrainBeforeItsTasksEnd) {
  world.add_target_group(30);
  auto& balancer = world.add_balancer("lb");
  const std::string blue = add(100, world.define("web", R"("cpu": 10, "memory": 10)", 80));
  EXPECT_TRUE(steady(blue));
  balancer.drains = false;
  EXPECT_TRUE(call([&](Step& step) { return delete_task_set(step, key, blue, ForceTaskSet::kYes); }));
  world.until([] { return false; }, std::chrono::seconds(20));
  EXPECT_TRUE(world.agents[0]->stop_order.empty()) << "requests are open";
  balancer.drains = true;
  EXPECT_TRUE(world.until([&] { return !find_task_set(world.state(), key, blue); }));
  EXPECT_EQ(world.agents[0]->stop_order.size(), 4u);
}

TEST_F(TaskSetTest, AllGoWithTheService) {
  add(100, world.define("web"));
  add(50, world.define("web"));
  EXPECT_TRUE(world.until([&] { return world.live_tasks().size() == 6; }));
  EXPECT_TRUE(call([&](Step& step) { return delete_service(step, key, ForceDelete::kYes); }));
  EXPECT_TRUE(world.until([&] { return world.service_row(key).status == model::ServiceStatus::kInactive; }));
  EXPECT_TRUE(world.live_tasks().empty());
}

TEST_F(TaskSetTest, OutlivesARestart) {
  const std::string blue = add(50, world.define("web"));
  EXPECT_TRUE(steady(blue));
  world.crash_and_restart();
  world.agents[0]->connect();
  world.until([] { return false; }, std::chrono::minutes(2));
  EXPECT_EQ(live_of(blue), 2);
  EXPECT_DOUBLE_EQ(row(blue).scale, 50);
}

}  // namespace
}  // namespace agent::control::test
