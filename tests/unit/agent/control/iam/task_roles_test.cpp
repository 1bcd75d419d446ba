#include "agent/control/iam/task_roles.h"

#include <gmock/gmock.h>

#include "agent/control/engine/agent_sync.h"
#include "agent/control/iam/credentials.h"
#include "tests/unit/agent/control/world.h"

namespace agent::control::test {
namespace {

using shared::Millis;
using shared::Result;
using testing::Contains;
using testing::HasSubstr;

constexpr const char* kTrustsTasks =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},)"
    R"("Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:SourceAccount":"000000000000"},)"
    R"("ArnLike":{"aws:SourceArn":"arn:aws:ecs:us-east-1:000000000000:*"}}}]})";
constexpr const char* kTrustsEc2 =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},)"
    R"("Action":"sts:AssumeRole"}]})";
constexpr const char* kMayList =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecs:ListClusters","Resource":"*"}]})";

class TaskRolesTest : public testing::Test {
 protected:
  void make_role(const std::string& name, const std::string& trust) {
    const auto made = world.submit([&](Step& step) -> Result<void> {
      iam::NewIdentity wanted;
      wanted.name = name;
      wanted.trust = trust;
      const auto role = iam::create_identity(step, wanted);
      if (!role) return role.error();
      return iam::put_inline_policy(step, iam::Kind::kRole, name, "own", kMayList);
    });
    ASSERT_TRUE(made) << made.error().text();
  }
  std::string define(const std::string& family, const std::string& task_role,
                     const std::string& execution_role = "") {
    std::string more = R"(,"taskRoleArn":")" + task_role + R"(")";
    if (!execution_role.empty()) more += R"(,"executionRoleArn":")" + execution_role + R"(")";
    return world.define(family, R"("cpu": 256, "memory": 256)", 0, more);
  }
  // Error text, or "".
  std::string may(const std::string& key, const std::string& action) {
    const auto done = iam::check_permission(world.state(), world.settings, key, action, "",
                                            {world.executor.wall_now(), "", ""});
    return done ? "" : done.error().text();
  }
  const link::TaskPayload& payload(const std::string& key) { return agent.last_payload[world.task(key).arn]; }

  World world;
  FakeAgent& agent = world.add_agent();
};

TEST_F(TaskRolesTest, ATaskIsHandedOverWithKeysOfItsRolesThatMayWhatTheirPoliciesSay) {
  make_role("app", kTrustsTasks);
  make_role("exec", kTrustsTasks);
  const std::string key = world.run(define("job", "arn:aws:iam::000000000000:role/app", "exec"));
  const auto& sent = payload(key);
  ASSERT_TRUE(sent.role_credentials && sent.execution_role_credentials);
  EXPECT_EQ(sent.role_credentials->role_arn, "arn:aws:iam::000000000000:role/app");
  EXPECT_EQ(sent.execution_role_credentials->role_arn, "arn:aws:iam::000000000000:role/exec");
  EXPECT_NE(sent.role_credentials->credentials_id, sent.execution_role_credentials->credentials_id);
  const std::string& id = sent.role_credentials->access_key_id;
  const auto holder = iam::find_holder(world.state(), world.settings, id);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->arn, "arn:aws:sts::000000000000:assumed-role/app/" + world.task(key).id);
  EXPECT_EQ(holder->token, sent.role_credentials->session_token);
  EXPECT_EQ(holder->secret, sent.role_credentials->secret_access_key);
  EXPECT_EQ(may(id, "ecs:ListClusters"), "");
  EXPECT_THAT(may(id, "ecs:RunTask"), HasSubstr("is not authorized to perform: ecs:RunTask"));
}

TEST_F(TaskRolesTest, KeysEndWithTheirTask) {
  make_role("app", kTrustsTasks);
  const std::string key = world.run(define("job", "app"));
  const std::string id = payload(key).role_credentials->access_key_id;
  agent.obey();
  EXPECT_TRUE(iam::find_holder(world.state(), world.settings, id));
  agent.report(world.task(key).arn, "STOPPED", 0);
  world.rest();
  EXPECT_FALSE(iam::find_holder(world.state(), world.settings, id));
  EXPECT_EQ(world.state().neighbours().task_roles.size(), 0U);
  EXPECT_EQ(world.state().neighbours().task_sessions.size(), 0U);
}

TEST_F(TaskRolesTest, KeysAreRenewedLongBeforeTheyExpireAndTheFormerOnesStayGood) {
  make_role("app", kTrustsTasks);
  const std::string key = world.run(define("job", "app"));
  const auto first = *payload(key).role_credentials;
  agent.obey();
  const auto now_of = [&] { return agent.keys[first.credentials_id].access_key_id; };
  EXPECT_EQ(now_of(), first.access_key_id);
  world.pass(iam::kTaskKeysRenewedAfter + Millis(2'000));
  const std::string second = now_of();
  EXPECT_NE(second, first.access_key_id);
  EXPECT_TRUE(iam::find_holder(world.state(), world.settings, second));
  EXPECT_TRUE(iam::find_holder(world.state(), world.settings, first.access_key_id));
  const int told = agent.keys_told;
  world.pass(Millis(600'000));
  EXPECT_EQ(agent.keys_told, told) << "what was acknowledged is not repeated";
  world.pass(iam::kTaskKeysRenewedAfter);
  EXPECT_NE(now_of(), second);
  EXPECT_FALSE(iam::find_holder(world.state(), world.settings, first.access_key_id));
  EXPECT_EQ(world.state().neighbours().task_sessions.size(), 2U);
}

TEST_F(TaskRolesTest, ASessionBeginsWithTheKeysOfWhatRuns) {
  make_role("app", kTrustsTasks);
  const std::string key = world.run(define("job", "app"));
  agent.obey();
  const std::string id = payload(key).role_credentials->credentials_id;
  agent.disconnect();
  agent.keys.clear();
  agent.connect();
  ASSERT_TRUE(agent.keys.contains(id)) << "an agent that was restarted has none";
  agent.disconnect();
  agent.keys.clear();
  world.crash_and_restart();
  agent.connect();
  ASSERT_TRUE(agent.keys.contains(id));
  EXPECT_TRUE(iam::find_holder(world.state(), world.settings, agent.keys[id].access_key_id));
}

TEST_F(TaskRolesTest, KeysThatWereNotAcknowledgedAreToldAgain) {
  make_role("app", kTrustsTasks);
  const std::string key = world.run(define("job", "app"));
  const std::string id = payload(key).role_credentials->credentials_id;
  agent.obey();
  world.pass(iam::kTaskKeysRenewedAfter - Millis(5'000));
  agent.acknowledges = false;
  world.pass(Millis(10'000));
  const std::string old = agent.keys[id].access_key_id;
  agent.acknowledges = true;
  world.pass(kKeysReminder + Millis(1'000));
  EXPECT_NE(agent.keys[id].access_key_id, old);
}

TEST_F(TaskRolesTest, ARoleThatDoesNotTrustTasksIsRefusedAndKeepsAServiceFromStartingUntilItDoes) {
  make_role("host", kTrustsEc2);
  const std::string definition = define("job", "host");
  const auto refused = world.submit([&](Step& step) -> Result<void> {
    RunTask request;
    request.cluster = "default";
    request.task_definition_arn = definition;
    const auto ran = run_task(step, request);
    return ran ? Result<void>() : ran.error();
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), "ClientException");
  EXPECT_THAT(refused.error().text(),
              HasSubstr("ECS was unable to assume the role 'arn:aws:iam::000000000000:role/host' that was "
                        "provided for this task."));
  const std::string service = world.create(world.service("web", definition, 1));
  world.pass(Millis(5'000));
  EXPECT_TRUE(world.live_tasks().empty());
  EXPECT_THAT(world.events(service), Contains(HasSubstr("ECS was unable to assume the role")));
  ASSERT_TRUE(world.submit([&](Step& step) -> Result<void> {
    iam::RoleUpdate update;
    update.trust = kTrustsTasks;
    return iam::update_role(step, "host", update);
  }));
  EXPECT_TRUE(world.until([&] { return world.stable(service); }));
}

TEST_F(TaskRolesTest, ARoleOfSomebodyElseGivesNothingAndTheTaskRuns) {
  for (const char* role : {"arn:aws:iam::111111111111:role/app", "arn:aws:iam::000000000000:role/absent"}) {
    const std::string key = world.run(define("job", role));
    EXPECT_FALSE(payload(key).role_credentials) << role;
  }
  agent.obey();
  EXPECT_EQ(world.live_tasks().size(), 2U);
}

TEST_F(TaskRolesTest, KeysOfARoleThatWasMadeAnewAreNotRenewed) {
  make_role("app", kTrustsTasks);
  const std::string key = world.run(define("job", "app"));
  const std::string id = payload(key).role_credentials->access_key_id;
  agent.obey();
  ASSERT_TRUE(world.submit([&](Step& step) -> Result<void> {
    if (auto gone = iam::delete_inline_policy(step, iam::Kind::kRole, "app", "own"); !gone) return gone;
    return iam::delete_identity(step, iam::Kind::kRole, "app");
  }));
  make_role("app", kTrustsTasks);
  EXPECT_FALSE(iam::find_holder(world.state(), world.settings, id)) << "somebody else's";
  world.pass(iam::kTaskKeysRenewedAfter + Millis(60'000));
  EXPECT_EQ(agent.keys.begin()->second.access_key_id, id);
}

}  // namespace
}  // namespace agent::control::test
