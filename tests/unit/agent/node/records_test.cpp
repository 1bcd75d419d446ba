#include "agent/node/task/records.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace agent::node {
namespace {

TEST(Records, TaskSurvivesWithEverythingThatMatters) {
  Task t;
  t.payload.arn = "arn:task/1";
  t.payload.cpu = 0.25;
  t.payload.volumes = R"([{"name":"v"}])";
  t.volumes = {"ecs-made-by-us"};
  t.order = 17;
  t.known = Status::kRunning;
  t.desired = Status::kStopped;
  t.sent = Status::kRunning;
  t.reason = "why";
  t.execution_stopped_at = shared::from_epoch_millis(5);
  Container c;
  c.spec.name = "web";
  c.spec.environment = {{"Path", "x"}};
  c.known = Status::kStopped;
  c.engine_name = "ecs-x";
  c.runtime_id = "abc";
  c.exit_code = 0;
  c.bindings = {{80, 8080, "tcp", "0.0.0.0"}};
  c.started_at = shared::from_epoch_millis(3);
  t.containers = {c};
  const std::string text = task_to_json(t);
  const auto back = task_from_json(text);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(task_to_json(*back), text);
  EXPECT_EQ(back->order, 17u);
  EXPECT_EQ(back->desired, Status::kStopped);
  EXPECT_EQ(back->containers[0].exit_code, 0);
  EXPECT_EQ(back->containers[0].bindings[0].host_port, 8080);
  EXPECT_EQ(back->containers[0].spec.environment.at("Path"), "x");
  EXPECT_EQ(back->payload.volumes, R"([{"name":"v"}])");
  EXPECT_EQ(back->volumes, std::vector<std::string>{"ecs-made-by-us"});
}

TEST(Records, RowOfAnAgentThatDidNotWriteVolumesDownStillNamesThem) {
  Task t;
  t.payload.arn = "arn:task/1";
  t.payload.family = "f";
  t.payload.version = "2";
  t.payload.volumes = R"([{"name":"v","host":{}}])";
  t.containers.emplace_back().spec.name = "web";
  t.containers[0].spec.docker_host_config = R"({"Binds":["berth-1-old:/x:ro","/srv:/y","shared:/z"]})";
  auto row = nlohmann::json::parse(task_to_json(t));
  row.erase("volumes");
  const auto back = task_from_json(row.dump());
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->volumes, (std::vector<std::string>{"ecs-f-2-v-1", "berth-1-old"}));
}

TEST(Records, RowOfATaskThatChangedIsStillAllOfIt) {
  store::MemoryStore store;
  Records records(store);
  Task t;
  t.payload.arn = "arn:task/1";
  t.payload.family = "f";
  t.containers.emplace_back().spec.name = "web";
  records.put(t);
  t.known = Status::kRunning;
  t.containers[0].known = Status::kRunning;
  records.put(t);
  ASSERT_TRUE(records.flush());
  EXPECT_EQ(store.records().at("node/task/arn:task/1"), task_to_json(t));

  records.erase_task("arn:task/1");
  t.payload.family = "another";  // a task of that name again
  records.put(t);
  ASSERT_TRUE(records.flush());
  EXPECT_EQ(store.records().at("node/task/arn:task/1"), task_to_json(t));
}

TEST(Records, EqualValuesAreNotWrittenAgainAndFailedOnesAreKept) {
  store::MemoryStore store;
  Records records(store);
  Task t;
  t.payload.arn = "arn:task/1";
  records.put(t);
  ASSERT_TRUE(records.flush());
  records.put(t);
  EXPECT_FALSE(records.dirty());
  t.known = Status::kPulled;
  records.put(t);
  store.fail_next_commits(1, shared::Error("disk_full", "full"));
  EXPECT_FALSE(records.flush());
  EXPECT_TRUE(records.flush());
  EXPECT_EQ(store.commits(), 2u);
  EXPECT_EQ(records.load()->tasks.at("arn:task/1").known, Status::kPulled);
}

}  // namespace
}  // namespace agent::node
