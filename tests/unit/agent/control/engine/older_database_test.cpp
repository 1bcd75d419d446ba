// Databases written before events, targets and last revisions had rows of their own.
#include <unistd.h>

#include <filesystem>

#include "agent/control/cluster/task_definitions.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/migrate.h"
#include "agent/control/state/service_log.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using shared::Error;
using shared::Result;

using Records = std::map<std::string, std::string>;

const std::string kLoadBalancer =
    "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/web/0123456789abcdef";
const std::string kListener =
    "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/web/0123456789abcdef/0123456789abcdee";
const std::string kGroup =
    "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/app/0123456789abcded";

// As version 0.1.0 of the day before wrote them; times are shortly before the test's clock begins.
Records old_records() {
  return {
      {"balancer/b1", R"({"first_seen":1699999000000,"id":"b1","last_seen":1699999999000})"},
      {"cluster/default",
       R"({"arn":"arn:aws:ecs:us-east-1:000000000000:cluster/default","created_at":1699999000000,"document":"{}",)"
       R"("name":"default","settings":[],"status":"ACTIVE","tags":[]})"},
      {"lb/" + kLoadBalancer, R"({"arn":")" + kLoadBalancer +
                                  R"(","attributes":{},"created_at":1699999000000,)"
                                  R"("dns_name":"web-1.us-east-1.elb.localhost",)"
                                  R"("full_name":"app/web/0123456789abcdef","name":"web"})"},
      {"listener/" + kListener,
       R"({"arn":")" + kListener + R"(","created_at":1699999000000,"default_actions":[{"forward":{)" +
           R"("sticky":false,"sticky_seconds":0,"target_groups":[{"target_group":")" + kGroup +
           R"(","weight":1}]},"order":1}],"load_balancer_arn":")" + kLoadBalancer +
           R"(","port":80,"protocol":"HTTP"})"},
      {"meta/meta",
       R"({"config_version":41,"last_revision":{"gone":3,"web":7},"message_counter":1699999000000})"},
      {"service/default/web",
       R"({"arn":"arn:aws:ecs:us-east-1:000000000000:service/default/web","cluster":"default",)"
       R"("created_at":1699999000000,"deployments":[{"created_at":1699999000000,"desired_count":0,)"
       R"("id":"ecs-svc/1234567890123456789","rollout_state":"COMPLETED","status":"PRIMARY",)"
       R"("task_definition_arn":"arn:aws:ecs:us-east-1:000000000000:task-definition/web:7",)"
       R"("updated_at":1699999000000}],"desired_count":0,"document":"{}","events":[)"
       R"({"at":1699999300000,"id":"e3","message":"(service web) has reached a steady state."},)"
       R"({"at":1699999200000,"id":"e2","message":"(service web) has started 1 tasks: (task 1)."},)"
       R"({"at":1699999100000,"id":"e1","message":"(service web) \u00e4ltestes"}],)"
       R"("name":"web","status":"ACTIVE",)"
       R"("task_definition_arn":"arn:aws:ecs:us-east-1:000000000000:task-definition/web:7"})"},
      {"tg/" + kGroup,
       R"({"arn":")" + kGroup +
           R"(","attributes":{"deregistration_delay.timeout_seconds":"3600"},"created_at":1699999000000,)"
           R"("full_name":"targetgroup/app/0123456789abcded","name":"app","port":80,"target_type":"ip","targets":[)"
           R"({"address":"10.0.0.3","drain_version":0,"draining":false,"exposed":true,"id":"10.0.0.3",)"
           R"("port":8080,"registered_at":1699999100000,"registration":"ff","task_arn":"","zone":"z"},)"
           R"({"address":"10.0.0.1","drain_version":41,"draining":true,"draining_since":1699999900000,)"
           R"("exposed":true,"id":"10.0.0.1","port":8080,"registered_at":1699999200000,)"
           R"("registration":"aa","task_arn":"","zone":""},)"
           R"({"address":"10.0.0.2","drain_version":0,"draining":false,"exposed":false,"id":"10.0.0.2",)"
           R"("port":8081,"registered_at":1699999300000,"registration":"0b","task_arn":"","zone":""}]})"}};
}

Records stored(store::Store& store) {
  Records all;
  auto loaded = store.load();
  EXPECT_TRUE(loaded.has_value());
  for (const store::Record& each : *loaded) all[each.key] = each.value;
  return all;
}

void replace(store::Store& store, const Records& records) {
  store::ChangeSet changes;
  for (const auto& [key, value] : stored(store)) {
    if (!records.contains(key)) changes.deletes.push_back(key);
  }
  for (const auto& [key, value] : records) changes.puts.push_back({key, value});
  ASSERT_TRUE(store.commit(changes));
}

// What callers see is what the older version showed.
void expect_moved(const State& state) {
  const auto events = events_of(state, "default/web");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0]->id, "e3");
  EXPECT_EQ(events[1]->id, "e2");
  EXPECT_EQ(events[2]->id, "e1");
  EXPECT_EQ(events[2]->message, "(service web) \xC3\xA4ltestes");
  EXPECT_EQ(shared::epoch_millis(events[2]->created_at), 1'699'999'100'000);

  const auto targets = targets_of(state, kGroup);
  ASSERT_EQ(targets.size(), 3u);
  EXPECT_EQ(targets[0]->registration, "ff");
  EXPECT_EQ(targets[0]->zone, "z");
  EXPECT_TRUE(targets[0]->exposed);
  EXPECT_EQ(shared::epoch_millis(targets[0]->registered_at), 1'699'999'100'000);
  EXPECT_EQ(targets[1]->registration, "aa");
  EXPECT_EQ(targets[1]->state, lb::TargetState::kDraining);
  EXPECT_EQ(targets[1]->drain_version, 41u);
  EXPECT_EQ(targets[1]->draining_since, shared::from_epoch_millis(1'699'999'900'000));
  EXPECT_EQ(targets[2]->registration, "0b");
  EXPECT_EQ(targets[2]->port, 8081);

  ASSERT_EQ(state.published->target_groups.size(), 1u);
  std::vector<std::string> published;
  for (const auto& each : state.published->target_groups[0]->targets) published.push_back(each.registration);
  EXPECT_EQ(published, (std::vector<std::string>{"ff", "aa", "0b"}));

  ASSERT_NE(state.families.find("web"), nullptr);
  EXPECT_EQ(state.families.find("web")->last_revision, 7);
  EXPECT_EQ(state.families.find("gone")->last_revision, 3);
}

// Rows of what was moved, and of what it was moved out of.
Records moved_rows(const Records& all) {
  Records rows;
  for (const auto& [key, value] : all) {
    for (const char* prefix : {"event/", "target/", "family/", "service/", "tg/"}) {
      if (key.starts_with(prefix)) rows[key] = value;
    }
  }
  return rows;
}

void expect_rows_of_their_own(const Records& all) {
  EXPECT_EQ(moved_rows(all).size(), 3u + 3u + 2u + 1u + 1u);
  EXPECT_TRUE(all.contains("event/default/web/00000000000000000001"));
  EXPECT_TRUE(all.contains("target/" + kGroup + "/aa"));
  EXPECT_TRUE(all.contains("family/gone"));
  EXPECT_EQ(all.at("service/default/web").find("\"events\""), std::string::npos);
  EXPECT_EQ(all.at("tg/" + kGroup).find("\"targets\""), std::string::npos);
  EXPECT_EQ(all.at("meta/meta").find("last_revision"), std::string::npos);
}

TEST(OlderDatabase, ShowsTheSameAndIsKeptInRowsOfTheirOwnFromTheFirstCommit) {
  World world;
  replace(world.store, old_records());
  world.crash_and_restart();
  expect_moved(world.state());
  expect_rows_of_their_own(world.store.records());
  EXPECT_TRUE(world.submit([](Step& step) -> Result<void> {
    NewTaskDefinition wanted;
    wanted.family = "gone";
    wanted.document = R"({"containerDefinitions": [{"name": "main", "image": "i", "memory": 4}]})";
    const auto key = register_task_definition(step, wanted);
    EXPECT_EQ(key.value(), "gone:4");
    return {};
  }));
}

TEST(OlderDatabase, IsMovedOnce) {
  World world;
  replace(world.store, old_records());
  world.crash_and_restart();
  const Records first = moved_rows(world.store.records());
  world.crash_and_restart();
  expect_moved(world.state());
  EXPECT_EQ(moved_rows(world.store.records()), first);
}

// The state is whole from the first moment; what the disk holds is the older database until it is the newer.
TEST(OlderDatabase, ThatCannotBeSavedYetIsServedAllTheSame) {
  World world;
  replace(world.store, old_records());
  const Records before = world.store.records();
  world.transitions = {};  // nothing was published in the older one's name yet
  world.store.fail_next_commits(1'000, Error("disk_full", "write store: no space left"));
  world.crash_and_restart();
  world.pass(shared::Millis(3'000));
  EXPECT_EQ(world.store.records(), before);
  EXPECT_NE(world.engine->not_ready(), "");
  EXPECT_EQ(events_of(world.state(), "default/web").size(), 3u);
  EXPECT_EQ(targets_of(world.state(), kGroup).size(), 3u);

  world.crash_and_restart();  // nothing of the first attempt is left
  EXPECT_EQ(world.store.records(), before);
  world.store.fail_next_commits(0, Error("", ""));
  world.pass(shared::Millis(3'000));
  EXPECT_EQ(world.engine->not_ready(), "");
  expect_moved(world.state());
  expect_rows_of_their_own(world.store.records());
}

TEST(OlderDatabase, InAFileIsMovedAndReadAgain) {
  std::string directory = testing::TempDir() + "older_database_XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  Records first;
  for (const bool again : {false, true}) {
    auto store = store::open_sqlite(directory + "/control.db");
    ASSERT_TRUE(store.has_value()) << store.error().text();
    if (!again) replace(**store, old_records());
    {
      tests::ManualExecutor executor;
      shared::env::SeededRandom random{1};
      store::DirectStore commits(**store);
      Engine engine(executor, random, commits, Settings());
      ASSERT_TRUE(engine.start().has_value());
      executor.run_ready();
      expect_moved(engine.state());
    }
    expect_rows_of_their_own(stored(**store));
    if (again) {
      EXPECT_EQ(moved_rows(stored(**store)), first);
    }
    first = moved_rows(stored(**store));
  }
  std::filesystem::remove_all(directory);
}

// An older version does not know the new rows and begins its members anew.
TEST(OlderDatabase, ThatAnOlderVersionWroteToOnceMoreLosesNothing) {
  World world;
  replace(world.store, old_records());
  world.crash_and_restart();
  Records back = world.store.records();
  back["meta/meta"] = R"({"config_version":41,"last_revision":{"gone":1,"web":9},"message_counter":1})";
  back["service/default/web"] = old_records().at("service/default/web");
  world.put_back(back);
  std::vector<std::string> ids;
  for (const auto* each : events_of(world.state(), "default/web")) ids.push_back(each->id);
  EXPECT_EQ(ids, (std::vector<std::string>{"e3", "e2", "e1", "e3", "e2", "e1"}));
  EXPECT_EQ(world.state().families.find("gone")->last_revision, 3);
  EXPECT_EQ(world.state().families.find("web")->last_revision, 9);
}

TEST(OlderDatabase, FromWhichAnOlderVersionDeletedAGroupAndAServiceHasNothingLeftOfThem) {
  World world;
  replace(world.store, old_records());
  world.crash_and_restart();
  Records back = world.store.records();
  back.erase("service/default/web");
  back.erase("listener/" + kListener);
  back.erase("tg/" + kGroup);
  world.put_back(back);
  world.pass(shared::Millis(1'000));
  const Records rows = moved_rows(world.store.records());
  EXPECT_EQ(rows.size(), 2u) << "the families alone";
}

}  // namespace
}  // namespace agent::control::test
