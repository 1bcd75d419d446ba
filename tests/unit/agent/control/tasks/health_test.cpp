#include "agent/control/tasks/health.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace agent::control {
namespace {

using model::HealthStatus;

struct Said {
  HealthStatus health;
  bool essential = true;
};
model::Task task_of(std::initializer_list<Said> all) {
  model::Task task;
  for (const Said& each : all) {
    model::Container container;
    container.name = "c" + std::to_string(task.containers.size());
    container.health = each.health;
    container.essential = each.essential;
    task.containers.push_back(std::move(container));
  }
  return task;
}

constexpr Said kGood{HealthStatus::kHealthy};
constexpr Said kBad{HealthStatus::kUnhealthy};
constexpr Said kSilent{HealthStatus::kUnknown};

TEST(TaskHealth, OneUnhealthyEssentialContainerDecidesWhateverTheOthersSay) {
  EXPECT_EQ(health_of(task_of({kSilent, kBad})), HealthStatus::kUnhealthy);
  EXPECT_EQ(health_of(task_of({kBad, kSilent})), HealthStatus::kUnhealthy);
  EXPECT_EQ(health_of(task_of({kGood, kBad, kSilent})), HealthStatus::kUnhealthy);
}

TEST(TaskHealth, HealthyAreOnlyTasksWhoseEssentialContainersAllAre) {
  EXPECT_EQ(health_of(task_of({kGood, kGood})), HealthStatus::kHealthy);
  EXPECT_EQ(health_of(task_of({kSilent, kGood})), HealthStatus::kUnknown);
  EXPECT_EQ(health_of(task_of({kGood, kSilent})), HealthStatus::kUnknown);
  EXPECT_EQ(health_of(task_of({kGood, {HealthStatus::kUnhealthy, false}})), HealthStatus::kHealthy);
  EXPECT_EQ(health_of(task_of({{HealthStatus::kHealthy, false}})), HealthStatus::kUnknown);
  EXPECT_EQ(health_of(task_of({})), HealthStatus::kUnknown);
}

TEST(ContainerChecks, OnlyEssentialContainersWithACheckCount) {
  model::TaskDefinition definition;
  definition.containers.resize(3);
  for (int i = 0; i < 3; ++i) {
    definition.containers[static_cast<std::size_t>(i)].name = "c" + std::to_string(i);
    definition.containers[static_cast<std::size_t>(i)].essential = i != 2;
  }
  EXPECT_EQ(container_checks(task_of({kBad, kBad, kBad}), &definition), ContainerChecks::kNone);
  definition.containers[1].has_health_check = true;
  definition.containers[2].has_health_check = true;
  EXPECT_EQ(container_checks(task_of({kBad, kGood, kBad}), &definition), ContainerChecks::kHealthy);
  definition.containers[0].has_health_check = true;
  EXPECT_EQ(container_checks(task_of({kSilent, kGood, kGood}), &definition), ContainerChecks::kPending);
  EXPECT_EQ(container_checks(task_of({kSilent, kBad, kGood}), &definition), ContainerChecks::kUnhealthy);
  EXPECT_EQ(container_checks(task_of({kBad}), nullptr), ContainerChecks::kNone);
}

}  // namespace
}  // namespace agent::control
