// Services whose tasks Cloud Map knows: when their instances come and go, and in which order.
#include <gmock/gmock.h>

#include "agent/control/discovery/discovery.h"
#include "agent/control/services/requests.h"
#include "agent/control/state/neighbours.h"
#include "agent/dns/zones.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using shared::Result;
using testing::HasSubstr;

class Registries : public testing::Test {
 public:
  Registries() { listen(); }
  void listen() {
    world.engine->use([this](std::shared_ptr<const dns::Zones> zones) { newest = std::move(zones); });
  }
  // A service of Cloud Map with this record; its ARN.
  std::string registry(const std::string& type, bool custom_health = false) {
    std::string arn;
    EXPECT_TRUE(world.submit([&](Step& step) -> Result<void> {
      discovery::NewNamespace space;
      space.name = "apps.local";
      space.type = discovery::kPrivate;
      space.vpc = "vpc-1";
      if (auto made = discovery::create_namespace(step, space); !made) return made.error();
      model::DiscoveryService service;
      service.name = "web";
      service.namespace_id = step.state.neighbours().namespaces.rows().begin()->first;
      service.records.push_back({type, 10});
      service.routing = "MULTIVALUE";
      service.custom_health = custom_health;
      auto made = discovery::create_service(step, service);
      if (!made) return made.error();
      arn = (*made)->arn;
      return {};
    }));
    return arn;
  }
  std::string create(const std::string& definition, const std::string& arn, int count = 1) {
    model::Service wanted = world.service("web", definition, count);
    wanted.registries = {{arn, 0, "main", 80}};
    return world.create(wanted);
  }
  std::size_t instances() const { return world.state().neighbours().discovery_instances.size(); }
  std::size_t names() const {
    const auto zone = newest->zones.find("apps.local");
    return zone == newest->zones.end() || zone->second.names.empty()
               ? 0
               : zone->second.names.begin()->second.hosts.size();
  }

  World world;
  std::shared_ptr<const dns::Zones> newest = std::make_shared<dns::Zones>();
};

TEST_F(Registries, KnowATaskOnceItRunsAndForgetItBeforeItsAgentIsToldToStopIt) {
  FakeAgent& agent = world.add_agent();
  const std::string key = create(world.define("web", R"("memory": 6)", 80), registry("SRV"));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  ASSERT_EQ(instances(), 1U);
  const auto& [id, row] = *world.state().neighbours().discovery_instances.rows().begin();
  const std::string task_key = row.task;
  EXPECT_EQ(row.id, world.task(task_key).id);
  EXPECT_EQ(row.attributes.at("ECS_SERVICE_NAME"), "web");
  EXPECT_NE(row.attributes.at("AWS_INSTANCE_PORT"), "0");
  EXPECT_EQ(names(), 1U);
  const std::string arn = world.task(task_key).arn;
  bool told_while_named = false;
  world.engine->use([&](std::shared_ptr<const dns::Zones> zones) {
    newest = std::move(zones);
    told_while_named = told_while_named || (names() == 0 && agent.told[arn] == "STOPPED");
  });
  world.obedient = false;
  world.commits.hold = true;
  (void)world.engine->submit(
      [&](Step& step) -> Result<void> {
        stop_task(step, task_key, {"UserInitiated", ""});
        return {};
      },
      [](const Result<void>&) {});
  world.rest();
  EXPECT_EQ(names(), 1U) << "what is not durable is not answered";
  EXPECT_EQ(agent.told[arn], "RUNNING");
  world.commits.hold = false;
  world.commits.release();
  world.rest();
  EXPECT_EQ(names(), 0U);
  EXPECT_EQ(agent.told[arn], "STOPPED");
  EXPECT_FALSE(told_while_named) << "the agent was told before the name was gone";
  EXPECT_TRUE(world.task(task_key).registered_in.empty());
}

TEST_F(Registries, KeepWhatTheyKnowAcrossARestartOfControl) {
  world.add_agent();
  const std::string key = create(world.define("web", R"("memory": 6)", 80), registry("SRV"));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  const std::string task_key = world.state().neighbours().discovery_instances.rows().begin()->second.task;
  world.crash_and_restart();
  listen();
  world.agents.front()->connect();
  world.rest();
  EXPECT_EQ(instances(), 1U);
  ASSERT_TRUE(world.submit([&](Step& step) -> Result<void> {
    stop_task(step, task_key, {"UserInitiated", ""});
    return {};
  }));
  EXPECT_EQ(world.state().neighbours().discovery_instances.find("x"), nullptr);
  for (const auto& [id, row] : world.state().neighbours().discovery_instances.rows())
    EXPECT_NE(row.task, task_key);
}

TEST_F(Registries, ForgetATaskThatEndsByItself) {
  FakeAgent& agent = world.add_agent();
  const std::string key = create(world.define("web", R"("memory": 6)", 80), registry("SRV"));
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  const std::string task_key = world.state().neighbours().discovery_instances.rows().begin()->second.task;
  world.obedient = false;
  agent.report(world.task(task_key).arn, "STOPPED", 1);
  world.rest();
  EXPECT_EQ(instances(), 0U);
}

TEST_F(Registries, GoAwayWithADeletedServicesTasks) {
  world.add_agent();
  const std::string key = create(world.define("web", R"("memory": 6)", 80), registry("SRV"), 2);
  ASSERT_TRUE(world.until([&] { return world.stable(key); }));
  EXPECT_EQ(instances(), 2U);
  ASSERT_TRUE(world.submit([&](Step& step) { return delete_service(step, key, ForceDelete::kYes); }));
  ASSERT_TRUE(world.until([&] { return instances() == 0; }));
}

TEST_F(Registries, TakeTheHealthOfContainersWhereItIsCustom) {
  FakeAgent& agent = world.add_agent();
  const std::string definition =
      world.define("web", R"("memory": 6, "healthCheck": {"command": ["CMD", "true"]})", 80);
  const std::string key = create(definition, registry("SRV", true));
  ASSERT_TRUE(world.until([&] { return instances() == 1; }));
  const auto unhealthy = [&] {
    return world.state().neighbours().discovery_instances.rows().begin()->second.unhealthy;
  };
  EXPECT_TRUE(unhealthy()) << "nothing has said yet that it is healthy";
  const std::string task_key = world.state().neighbours().discovery_instances.rows().begin()->second.task;
  ASSERT_TRUE(world.submit([&](Step& step) {
    return apply_health(step,
                        {agent.arn, world.task(task_key).id, {{"main", model::HealthStatus::kHealthy}}});
  }));
  EXPECT_FALSE(unhealthy());
}

TEST_F(Registries, StopATaskThatTheyCannotTake) {
  world.add_agent();
  const std::string arn = registry("SRV");
  const std::string key = create(world.define("web", R"("memory": 6)", 80), arn, 0);
  ASSERT_TRUE(world.submit(
      [&](Step& step) { return discovery::delete_service(step, arn.substr(arn.rfind('/') + 1)); }));
  UpdateService more;
  more.desired_count = 1;
  ASSERT_TRUE(world.submit([&](Step& step) { return update_service(step, key, more); }));
  ASSERT_TRUE(world.until([&] { return world.service_row(key).failed_starts > 0; }));
  EXPECT_THAT(world.events(key).front(),
              HasSubstr("failed to register an instance in (service-registry " + arn));
}

TEST_F(Registries, WantRecordsThatTheNetworkModeCanGive) {
  const std::string definition = world.define("web", R"("memory": 6)", 80);
  const std::string arn = registry("A");
  model::Service wanted = world.service("web", definition, 1);
  const auto refusal = [&](const model::ServiceRegistry& given) {
    wanted.registries = {given};
    const auto done = world.submit([&](Step& step) -> Result<void> {
      auto made = create_service(step, wanted);
      return made ? Result<void>() : Result<void>(made.error());
    });
    return done ? std::string() : done.error().text();
  };
  EXPECT_THAT(refusal({arn, 0, "main", 80}), HasSubstr("the record must be SRV"));
  EXPECT_THAT(refusal({arn + "x", 0, "main", 80}), HasSubstr("does not exist"));
  EXPECT_THAT(refusal({arn, 0, "other", 80}), HasSubstr("does not exist in the task definition"));
}

}  // namespace
}  // namespace agent::control::test
