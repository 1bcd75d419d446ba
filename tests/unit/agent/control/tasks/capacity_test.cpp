#include "agent/control/state/index/capacity.h"

#include "agent/control/cluster/instances.h"
#include "agent/control/tasks/changes.h"
#include "agent/control/tasks/tasks.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using shared::Error;
using shared::Result;

// What the capacity of the cluster says of each host is what a walk over its rows would find.
void expect_as_in_rows(World& world, const std::string& when) {
  (void)world.submit([&](Step& step) -> Result<void> {
    State& state = rows(step);
    std::vector<scheduler::Candidate> hosts;
    for (const auto& [key, row] : state.instances.rows()) {
      if (row.status == model::InstanceStatus::kActive) hosts.push_back(candidate_of(state, row));
    }
    EXPECT_EQ(state.capacity().hosts(state, "default"), hosts.size()) << when;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      scheduler::Demand demand;
      demand.each.cpu = hosts[i].cpu;
      demand.each.memory = hosts[i].memory;
      demand.group = "family:job";
      const auto reason = [&] { return state.capacity().failures("default", demand).at(i).reason; };
      const std::string expected = scheduler::misfit(hosts[i], demand);
      EXPECT_EQ(reason(), expected) << when;
      demand.distinct_instance = true;
      EXPECT_EQ(reason(), scheduler::misfit(hosts[i], demand)) << when;
      demand.each.cpu += 1;
      EXPECT_EQ(reason(), expected.empty() ? "RESOURCE:CPU" : expected) << when;
    }
    return {};
  });
}

RunTask request_of(const std::string& definition, int count) {
  RunTask request;
  request.cluster = "default";
  request.task_definition_arn = definition;
  request.count = count;
  return request;
}

TEST(Capacity, FollowsTheRows) {
  World world;
  FakeAgent& first = world.add_agent();
  FakeAgent& second = world.add_agent();
  expect_as_in_rows(world, "with two hosts");
  const std::string definition = world.define("job");
  const std::string key = world.run(definition);
  expect_as_in_rows(world, "with a task");
  const std::string arn = world.task(key).arn;
  FakeAgent& its = world.task(key).container_instance_arn == first.arn ? first : second;
  FakeAgent& other = &its == &first ? second : first;
  its.report(arn, "RUNNING");
  its.report(arn, "STOPPED", 0);
  expect_as_in_rows(world, "after the task");
  its.disconnect();
  expect_as_in_rows(world, "with a host that is away");
  (void)world.submit([&](Step& step) -> Result<void> {
    const auto result = run_task(step, request_of(definition, 3));
    EXPECT_EQ(result->task_keys.size(), 3u);
    for (const std::string& each : result->task_keys)
      EXPECT_EQ(step.state.tasks.find(each)->container_instance_arn, other.arn);
    return {};
  });
  its.connect();
  expect_as_in_rows(world, "with the host that is back");
  const std::string row = its.arn.substr(its.arn.find("container-instance/") + 19);
  const auto set_status = [&](model::InstanceStatus status) {
    (void)world.submit([&](Step& step) -> shared::Result<void> {
      EXPECT_EQ(set_instance_status(step, row, status), "");
      return {};
    });
  };
  set_status(model::InstanceStatus::kDraining);
  expect_as_in_rows(world, "with a host that is drained");
  set_status(model::InstanceStatus::kActive);
  expect_as_in_rows(world, "with the host that is active again");
  world.crash_and_restart();
  expect_as_in_rows(world, "after a restart");
}

TEST(Capacity, ForgetsPlacementsThatAreTakenBack) {
  World world;
  world.add_agent(1024, 4096);
  const std::string definition = world.define("job", R"("cpu": 1000, "memory": 64)");
  const auto placed = [&](bool keep) {
    std::size_t count = 0;
    (void)world.submit([&](Step& step) -> Result<void> {
      count = run_task(step, request_of(definition, 1))->task_keys.size();
      return keep ? Result<void>() : Error("ClientException", "no");
    });
    return count;
  };
  EXPECT_EQ(placed(false), 1u);
  expect_as_in_rows(world, "after a step that failed");
  EXPECT_EQ(placed(true), 1u);
  EXPECT_EQ(placed(true), 0u);
}

}  // namespace
}  // namespace agent::control::test
