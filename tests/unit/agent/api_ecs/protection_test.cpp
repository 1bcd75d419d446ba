// UpdateTaskProtection and GetTaskProtection. What the scheduler makes of it is tested in control's services.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/control/state/lookup.h"
#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;

class TaskProtection : public ::testing::Test {
 protected:
  TaskProtection() {
    api.join();
    api.define("web");
    api.ok("CreateService", {{"serviceName", "shop"}, {"taskDefinition", "web"}, {"desiredCount", 1}});
    task = api.ok("RunTask", {{"taskDefinition", "web"}})["tasks"][0]["taskArn"];
    alone = api.ok("RunTask", {{"taskDefinition", "web"}})["tasks"][0]["taskArn"];
    // The engine, which would start the service's task, is not here.
    for (const auto& [key, row] : api.state.tasks.rows()) {
      if (row.arn == task) of_service = key;
    }
    api.state.tasks.edit(of_service, [](auto& row) { row.service = "shop"; });
  }
  json protect(json request) {
    request["cluster"] = "default";
    return api.ok("UpdateTaskProtection", request);
  }

  Api api;
  std::string task;
  std::string alone;
  std::string of_service;
};

TEST_F(TaskProtection, LastsTwoHoursUnlessSomethingElseIsAskedForAndEndsByItself) {
  json answer = protect({{"tasks", {task}}, {"protectionEnabled", true}});
  EXPECT_EQ(answer["failures"], json::array());
  ASSERT_EQ(answer["protectedTasks"].size(), 1u);
  EXPECT_EQ(answer["protectedTasks"][0]["taskArn"], task);
  EXPECT_EQ(answer["protectedTasks"][0]["protectionEnabled"], true);
  EXPECT_DOUBLE_EQ(answer["protectedTasks"][0]["expirationDate"].get<double>(),
                   shared::epoch_seconds(api.now) + 120 * 60);
  protect({{"tasks", {task}}, {"protectionEnabled", true}, {"expiresInMinutes", 5}});
  api.now += std::chrono::minutes(5);
  EXPECT_EQ(api.ok("GetTaskProtection", {{"cluster", "default"}, {"tasks", {task}}})["protectedTasks"],
            json::array({{{"taskArn", task}, {"protectionEnabled", false}}}));
}

TEST_F(TaskProtection, IsTakenBack) {
  protect({{"tasks", {task}}, {"protectionEnabled", true}});
  const json off = json::array({{{"taskArn", task}, {"protectionEnabled", false}}});
  EXPECT_EQ(protect({{"tasks", {task}}, {"protectionEnabled", false}})["protectedTasks"], off);
  EXPECT_EQ(api.ok("GetTaskProtection", {{"cluster", "default"}, {"tasks", {task}}})["protectedTasks"], off);
}

TEST_F(TaskProtection, TasksThatHaveNoneAreFailures) {
  const std::string none = "arn:aws:ecs:us-east-1:000000000000:task/default/none";
  json answer = protect({{"tasks", {"none", alone, task}}, {"protectionEnabled", true}});
  EXPECT_EQ(answer["failures"], json::array({{{"arn", none}, {"reason", "MISSING"}},
                                             {{"arn", alone}, {"reason", "TASK_NOT_VALID"}}}));
  EXPECT_EQ(answer["protectedTasks"].size(), 1u);
  api.ok("StopTask", {{"task", task}});
  answer = api.ok("GetTaskProtection", {{"cluster", "default"}, {"tasks", {task}}});
  EXPECT_EQ(answer["failures"], json::array({{{"arn", task}, {"reason", "TASK_NOT_VALID"}}}));
}

TEST_F(TaskProtection, IsBlockedWhileProtectedTasksBeyondTheDesiredCountHoldADeploymentUp) {
  protect({{"tasks", {task}}, {"protectionEnabled", true}});
  std::string other;
  for (const auto& [key, row] : api.state.tasks.rows()) {
    if (row.arn == alone) other = key;
  }
  api.state.tasks.edit(other, [](auto& row) { row.service = "shop"; });
  api.ok("UpdateService", {{"service", "shop"}, {"desiredCount", 0}, {"forceNewDeployment", true}});
  EXPECT_EQ(protect({{"tasks", {alone}}, {"protectionEnabled", true}})["failures"],
            json::array({{{"arn", alone}, {"reason", "DEPLOYMENT_BLOCKED"}}}));
  // One that is protected already can be for longer.
  EXPECT_EQ(protect({{"tasks", {task}}, {"protectionEnabled", true}})["failures"], json::array());
}

TEST_F(TaskProtection, ARequestThatCannotBeIsRefused) {
  const auto refused = [&](json request) { return api.refused("UpdateTaskProtection", request); };
  EXPECT_THAT(refused({{"tasks", {task}}, {"protectionEnabled", true}}),
              HasSubstr("Cluster cannot be empty."));
  EXPECT_THAT(refused({{"cluster", "default"}, {"tasks", {task}}}),
              HasSubstr("protectionEnabled must be given."));
  EXPECT_THAT(refused({{"cluster", "default"}, {"protectionEnabled", true}}),
              HasSubstr("Tasks cannot be empty."));
  EXPECT_THAT(refused({{"cluster", "nowhere"}, {"tasks", {task}}, {"protectionEnabled", true}}),
              HasSubstr("ClusterNotFoundException"));
  for (const int minutes : {0, 2881}) {
    EXPECT_THAT(refused({{"cluster", "default"},
                         {"tasks", {task}},
                         {"protectionEnabled", true},
                         {"expiresInMinutes", minutes}}),
                HasSubstr("expiresInMinutes must be between 1 and 2880, got " + std::to_string(minutes)));
  }
  EXPECT_THAT(refused({{"cluster", "default"},
                       {"tasks", std::vector<std::string>(11, task)},
                       {"protectionEnabled", true}}),
              HasSubstr("Tasks can contain at most 10 items"));
}

}  // namespace
}  // namespace agent::api::ecs::testing
