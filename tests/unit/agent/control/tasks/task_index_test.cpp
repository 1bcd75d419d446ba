#include "agent/control/state/index/task_index.h"

#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using Keys = std::set<std::string>;

model::Task with_token(const std::string& cluster, const std::string& token) {
  model::Task task;
  task.cluster = cluster;
  task.client_token = token;
  return task;
}

TEST(TaskIndex, FindsTheTasksOfAClientTokenInTheirClusterOnly) {
  State state;
  state.tasks.put("a/1", with_token("a", "t"));
  state.tasks.put("a/2", with_token("a", "t"));
  state.tasks.put("a/3", with_token("a", "other"));
  state.tasks.put("a/4", with_token("a", ""));
  state.tasks.put("b/1", with_token("b", "t"));
  EXPECT_EQ(state.task_index().of_token("a", "t"), (Keys{"a/1", "a/2"}));
  EXPECT_EQ(state.task_index().of_token("b", "t"), Keys{"b/1"});
  EXPECT_EQ(state.task_index().of_token("a", "none"), Keys{});
  EXPECT_EQ(state.task_index().of_token("a", ""), Keys{}) << "a task without a token is nobody's";
}

TEST(TaskIndex, KeepsATokenOfStoppedTasksUntilTheyAreRemoved) {
  State state;
  state.tasks.put("a/1", with_token("a", "t"));
  state.tasks.put("a/2", with_token("a", "t"));
  EXPECT_EQ(state.task_index().of_token("a", "t").size(), 2U);
  state.tasks.edit("a/1", [](model::Task& task) { task.last_status = model::TaskStatus::kStopped; });
  EXPECT_EQ(state.task_index().of_token("a", "t"), (Keys{"a/1", "a/2"}));
  state.tasks.erase("a/1");
  EXPECT_EQ(state.task_index().of_token("a", "t"), Keys{"a/2"});
  state.tasks.erase("a/2");
  EXPECT_TRUE(state.task_index().of_token("a", "t").empty());
  EXPECT_TRUE(state.task_index().tokens().empty()) << "nothing is left behind";
}

TEST(TaskIndex, FollowsAStepThatIsUndone) {
  State state;
  state.tasks.put("a/1", with_token("a", "t"));
  state.tasks.begin_step();
  state.tasks.put("a/2", with_token("a", "t"));
  state.tasks.put("a/3", with_token("a", "new"));
  state.tasks.erase("a/1");
  EXPECT_EQ(state.task_index().of_token("a", "t"), Keys{"a/2"});
  state.tasks.undo_step();
  EXPECT_EQ(state.task_index().of_token("a", "t"), Keys{"a/1"});
  EXPECT_TRUE(state.task_index().of_token("a", "new").empty());
}

}  // namespace
}  // namespace agent::control::test
