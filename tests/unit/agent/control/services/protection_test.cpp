// What UpdateTaskProtection keeps from happening to a task, and what not.
#include "agent/control/services/protection.h"

#include <gmock/gmock.h>

#include "agent/control/cluster/instances.h"
#include "agent/control/services/requests.h"
#include "agent/control/tasks/changes.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using std::chrono::minutes;
using ::testing::Contains;
using ::testing::HasSubstr;

class ProtectionTest : public ::testing::Test {
 protected:
  ProtectionTest() {
    world.add_agent();
    key = world.create(world.service("web", world.define("web"), 2));
    EXPECT_TRUE(world.until([&] { return world.stable(key); }));
    guarded = key_of(*world.live_tasks().front());
    EXPECT_TRUE(world.submit([&](Step& step) -> shared::Result<void> {
      EXPECT_EQ(protect_task(step, guarded, minutes(60)), "");
      return {};
    }));
  }
  void update(const UpdateService& change) {
    EXPECT_TRUE(world.submit([&](Step& step) { return update_service(step, key, change); }));
  }
  void settle() {
    world.until([] { return false; }, minutes(3));
  }
  bool stays(const std::string& task) const {
    return world.task(task).desired_status == model::DesiredStatus::kRunning;
  }

  World world;
  std::string key;
  std::string guarded;
};

TEST_F(ProtectionTest, ScaleInTakesTheOthersAndWaitsForTheProtectedOne) {
  UpdateService none;
  none.desired_count = 0;
  update(none);
  settle();
  EXPECT_TRUE(stays(guarded));
  EXPECT_EQ(world.live_tasks().size(), 1u);
  EXPECT_THAT(world.events(key),
              Contains(HasSubstr("was unable to scale in. Reason: The number of protected tasks "
                                 "are more than the desired count of tasks.")));
  world.pass(minutes(60));
  settle();
  EXPECT_FALSE(stays(guarded)) << "nobody asked again: only time has passed";
  EXPECT_TRUE(world.live_tasks().empty());
}

TEST_F(ProtectionTest, ADeploymentLeavesItWhileTheNewTasksRun) {
  UpdateService change;
  change.force_new_deployment = true;
  update(change);
  settle();
  EXPECT_TRUE(stays(guarded));
  EXPECT_EQ(world.live_tasks().size(), 3u) << "two new ones, and the protected one";
  EXPECT_EQ(world.service_row(key).deployments.size(), 2u);
  world.pass(minutes(60));
  EXPECT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_FALSE(stays(guarded));
}

TEST_F(ProtectionTest, ADrainingInstanceKeepsIt) {
  world.add_agent();
  const std::string instance = world.named(*world.agents[0]).key;
  EXPECT_TRUE(world.submit([&](Step& step) -> shared::Result<void> {
    set_instance_status(step, instance, model::InstanceStatus::kDraining);
    return {};
  }));
  settle();
  EXPECT_TRUE(stays(guarded));
  for (const model::Task* each : world.live_tasks()) {
    EXPECT_TRUE(key_of(*each) == guarded || each->container_instance_arn == world.agents[1]->arn);
  }
}

TEST_F(ProtectionTest, ItStillGoesByStopTaskAndWithItsService) {
  EXPECT_TRUE(world.submit([&](Step& step) { return delete_service(step, key, ForceDelete::kYes); }));
  settle();
  EXPECT_TRUE(world.live_tasks().empty());
}

}  // namespace
}  // namespace agent::control::test
