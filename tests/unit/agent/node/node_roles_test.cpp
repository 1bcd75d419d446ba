// Keys of tasks' roles and secrets of containers: taken, told to containers, asked with, and never kept.
#include <gmock/gmock.h>

#include "agent/node/task/records.h"
#include "agent/node/task/secrets.h"
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kParameters = "AmazonSSM.GetParameters";
constexpr const char* kValue = "secretsmanager.GetSecretValue";
constexpr const char* kSecretArn = "arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf";

link::RoleCredentials keys_of(const std::string& role, const std::string& generation = "1") {
  return {
      "id-" + role,    "arn:aws:iam::000000000000:role/" + role, "ASIA" + role + generation, "secret-" + role,
      "token-" + role, "2026-01-01T0" + generation + ":00:00Z"};
}

class NodeRolesTest : public NodeTest {
 protected:
  NodeRolesTest() { settings.metadata_url = "http://169.254.170.2"; }

  static link::TaskPayload with_roles(std::vector<link::SecretPayload> secrets = {}) {
    auto web = a_container("web");
    web.secrets = std::move(secrets);
    auto t = a_task("t1", {web});
    t.role_credentials = keys_of("app");
    t.execution_role_credentials = keys_of("exec");
    return t;
  }
  static link::SecretPayload parameter(const std::string& name, const std::string& from) {
    return {name, from, "us-east-1", "ssm"};
  }
  static link::SecretPayload secret(const std::string& name, const std::string& extras = "") {
    return {name, kSecretArn + extras, "us-east-1", "asm"};
  }
  std::map<std::string, std::string> environment() { return engine.find("web")->spec.environment; }
  std::string kept() const {
    std::string all;
    for (const auto& [key, value] : store.records()) all += value;
    return all;
  }
};

TEST_F(NodeRolesTest, KeysAreAcknowledgedOneByOneAndTheContainerIsToldWhereItsTasksAre) {
  boot_and_connect();
  send(with_roles());
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(environment()["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], "/v2/credentials/id-app");
  std::set<std::string> acknowledged;
  for (const json& message : control.said) {
    if (message["type"] == "IAMRoleCredentialsAckRequest")
      acknowledged.insert(message["message"]["credentialsId"].get<std::string>() + " " +
                          message["message"]["expiration"].get<std::string>());
  }
  EXPECT_EQ(acknowledged,
            (std::set<std::string>{"id-app 2026-01-01T01:00:00Z", "id-exec 2026-01-01T01:00:00Z"}));
  EXPECT_THAT(kept(), Not(HasSubstr("secret-app")));
  EXPECT_THAT(kept(), Not(HasSubstr("token-exec")));
}

TEST_F(NodeRolesTest, NewerKeysReplaceThoseThatAreThereAndOfAnUnknownTaskNothingIsSaid) {
  boot_and_connect();
  send(with_roles());
  const std::size_t said = control.said_count("IAMRoleCredentialsAckRequest");
  control.say(
      link::RoleCredentialsMessage{"m1", task_arn("t1"), "default", "TaskApplication", keys_of("app", "2")});
  control.say(
      link::RoleCredentialsMessage{"m2", task_arn("t9"), "default", "TaskApplication", keys_of("app", "3")});
  run();
  EXPECT_EQ(task("t1").payload.role_credentials->access_key_id, "ASIAapp2");
  EXPECT_EQ(control.said_count("IAMRoleCredentialsAckRequest"), said + 1);
}

TEST_F(NodeRolesTest, AfterACrashThereAreNoKeysUntilControlTellsThem) {
  boot_and_connect();
  send(with_roles());
  crash();
  boot_and_connect();
  ASSERT_TRUE(task("t1").payload.role_credentials);
  EXPECT_EQ(task("t1").payload.role_credentials->credentials_id, "id-app");
  EXPECT_EQ(task("t1").payload.role_credentials->access_key_id, "");
  control.say(
      link::RoleCredentialsMessage{"m1", task_arn("t1"), "default", "TaskApplication", keys_of("app", "2")});
  run();
  EXPECT_EQ(task("t1").payload.role_credentials->access_key_id, "ASIAapp2");
}

TEST_F(NodeRolesTest, SecretsAreAskedForWithTheExecutionRolesKeysAndAreInNoRow) {
  role_calls.answers[kParameters] = {std::string(
      R"({"Parameters":[{"Name":"/a/host","Value":"db.example"},{"Name":"b","ARN":"arn:aws:ssm:us-east-1:0:parameter/b","Value":"two"}]})")};
  role_calls.answers[kValue] = {std::string(R"({"SecretString":"plain-text"})"),
                                std::string(R"({"SecretString":"{\"user\":\"root\",\"port\":5432}"})"),
                                std::string(R"({"SecretString":"{\"user\":\"root\",\"port\":5432}"})")};
  boot_and_connect();
  send(with_roles({parameter("HOST", "/a/host"), parameter("B", "arn:aws:ssm:us-east-1:0:parameter/b"),
                   secret("PLAIN"), secret("USER", ":user:AWSPREVIOUS:"), secret("PORT", ":port::v1")}));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  auto seen = environment();
  EXPECT_EQ(seen["HOST"], "db.example");
  EXPECT_EQ(seen["B"], "two");
  EXPECT_EQ(seen["PLAIN"], "plain-text");
  EXPECT_EQ(seen["USER"], "root");
  EXPECT_EQ(seen["PORT"], "5432");
  ASSERT_EQ(role_calls.made.size(), 4U) << "parameters go together";
  for (const auto& each : role_calls.made) EXPECT_EQ(each.key, "ASIAexec1");
  EXPECT_EQ(json::parse(role_calls.made[1].call.body),
            json({{"SecretId", kSecretArn}, {"VersionStage", "AWSPREVIOUS"}}));
  EXPECT_EQ(json::parse(role_calls.made[2].call.body), json({{"SecretId", kSecretArn}, {"VersionId", "v1"}}));
  EXPECT_THAT(kept(), Not(HasSubstr("plain-text")));
}

TEST_F(NodeRolesTest, WhatIsMissingStopsTheTaskAndSaysWhich) {
  boot_and_connect();
  role_calls.answers[kParameters] = {std::string(R"({"Parameters":[],"InvalidParameters":["/none"]})")};
  send(with_roles({parameter("S", "/none")}));
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_EQ(control.reports(task_arn("t1")).back()["reason"],
            "ResourceInitializationError: unable to pull secrets or registry auth: fetching secret data from "
            "SSM Parameter Store in us-east-1: invalid parameters: /none");
  EXPECT_EQ(engine.count("create"), 0U);
}

TEST_F(NodeRolesTest, TextsOfFailuresAreTheAgents) {
  const Task none;
  SecretRequest request{{"secretsmanager", "us-east-1", kValue, "{}"}, {secret("S", ":key::")}};
  Task holder;
  EXPECT_THAT(take_secrets(holder, request, R"({"SecretString":"{}"})").error().text(),
              HasSubstr("retrieved secret from Secrets Manager did not contain json key key"));
  EXPECT_THAT(
      cannot_fetch(request, shared::Error("ResourceNotFoundException", "no such secret")).text(),
      HasSubstr("The task can't retrieve the secret with ARN 'arn:aws:secretsmanager:us-east-1:000000000000:"
                "secret:db-AbCdEf:key::' from AWS Secrets Manager. Check whether the secret exists"));
  Container c;
  c.spec.secrets = {secret("S", ":key")};
  holder.containers.push_back(c);
  const auto malformed = secret_requests(holder);
  ASSERT_FALSE(malformed);
  EXPECT_THAT(malformed.error().text(),
              StartsWith("an invalid ARN format for the AWS Secrets Manager secret"));
}

TEST_F(NodeRolesTest, ControlThatDoesNotAnswerIsAskedAgain) {
  const shared::Error away("connect", "refused", shared::Blame::kTarget, shared::Retry::kYes);
  role_calls.answers[kParameters] = {away, away,
                                     std::string(R"({"Parameters":[{"Name":"/a","Value":"v"}]})")};
  boot_and_connect();
  send(with_roles({parameter("S", "/a")}));
  EXPECT_EQ(last_status("t1"), "");
  run(shared::Millis(10'000));
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(environment()["S"], "v");
}

TEST_F(NodeRolesTest, ATaskWithoutAnExecutionRoleThatIsKnownCannotHaveSecrets) {
  boot_and_connect();
  auto payload = with_roles({parameter("S", "/a")});
  payload.execution_role_credentials.reset();
  send(payload);
  EXPECT_EQ(last_status("t1"), "STOPPED");
  EXPECT_THAT(control.reports(task_arn("t1")).back()["reason"].get<std::string>(),
              HasSubstr("no keys of an execution role"));
}

TEST_F(NodeRolesTest, ATaskThatWasFoundAgainWaitsForItsKeysBeforeItIsPrepared) {
  boot_and_connect();
  const shared::Error away("connect", "refused", shared::Blame::kTarget, shared::Retry::kYes);
  role_calls.answers[kParameters] = {away, std::string(R"({"Parameters":[{"Name":"/a","Value":"v"}]})")};
  send(with_roles({parameter("S", "/a")}));
  crash();  // it was still asking
  boot_and_connect();
  run(shared::Millis(10'000));
  EXPECT_EQ(role_calls.made.size(), 1U);
  control.say(
      link::RoleCredentialsMessage{"m1", task_arn("t1"), "default", "TaskExecution", keys_of("exec", "2")});
  run();
  EXPECT_EQ(last_status("t1"), "RUNNING");
  EXPECT_EQ(role_calls.made.back().key, "ASIAexec2");
}

}  // namespace
}  // namespace agent::node
