// Temporary keys: who gets them, what they may do, and when they end. With the roles and users of the IAM
// API.
#include "agent/api/sts/sts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/api/iam/iam.h"
#include "agent/control/iam/credentials.h"
#include "agent/control/records/fields.h"
#include "shared/http/message.h"
#include "tests/support/control_api.h"

namespace agent::api::sts {
namespace {

using control::iam::Holder;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

constexpr const char* kAdmin = "arn:aws:iam::000000000000:user/administrator";
const std::string kRole = "arn:aws:iam::000000000000:role/ci/deploy";

using tests::Form;

class Api : public tests::ControlState {
 public:
  Api() : ControlState(1'796'000'000'000) { caller_is_administrator(); }
  void caller_is_administrator() {
    who_ = {"", "", "", kAdmin, "000000000000", "AIDAADMIN", "AKIAADMIN", true};
  }
  // The holder of that key, as the gateway finds it.
  void caller_is(const std::string& key) {
    const auto holder = control::iam::find_holder(state, settings, key);
    ASSERT_TRUE(holder) << key;
    who_ = {"", "", "", holder->arn, "000000000000", holder->user_id, key, holder->is_administrator};
  }
  shared::Result<std::string> call(const std::string& service, const std::string& operation,
                                   const Form& form) {
    Call made = who_;
    made.operation = operation;
    made.body = tests::form_body(operation, "", form);
    made.request_id = tests::kRequestId;
    return in_a_step(
        [&](control::Step& step) { return service == "iam" ? iam::handle(step, made) : handle(step, made); });
  }
  std::string good(const std::string& operation, const Form& form) {
    return tests::expect_good(operation, call("sts", operation, form));
  }
  std::string with_iam(const std::string& operation, const Form& form) {
    return tests::expect_good(operation, call("iam", operation, form));
  }
  std::string error(const std::string& operation, const Form& form) {
    return tests::error_of(call("sts", operation, form));
  }
  static std::string one(const std::string& xml, const std::string& name) {
    return tests::xml_text(xml, name);
  }
  // A role that `principal` may take, with a policy.
  void role(const std::string& principal, const std::string& condition = "",
            const std::string& policy = "ecs:*") {
    with_iam(
        "CreateRole",
        {{"RoleName", "deploy"},
         {"Path", "/ci/"},
         {"AssumeRolePolicyDocument",
          R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],"Principal":)" +
              principal + condition + "}]}"}});
    with_iam("PutRolePolicy", {{"RoleName", "deploy"},
                               {"PolicyName", "p"},
                               {"PolicyDocument", R"({"Statement":{"Effect":"Allow","Action":")" + policy +
                                                      R"(","Resource":"*"}})"}});
  }
  // A user with a key, and a policy if any.
  std::string user(const std::string& name, const std::string& action = "") {
    with_iam("CreateUser", {{"UserName", name}});
    if (!action.empty())
      with_iam("PutUserPolicy", {{"UserName", name},
                                 {"PolicyName", "p"},
                                 {"PolicyDocument", R"({"Statement":{"Effect":"Allow","Action":")" + action +
                                                        R"(","Resource":"*"}})"}});
    return one(with_iam("CreateAccessKey", {{"UserName", name}}), "AccessKeyId");
  }
  std::string take(const Form& more = {}) {
    Form form{{"RoleArn", kRole}, {"RoleSessionName", "run-1"}};
    form.insert(form.end(), more.begin(), more.end());
    return good("AssumeRole", form);
  }
  std::string may(const std::string& key, const std::string& action, const std::string& resource = "") {
    const auto allowed =
        control::iam::check_permission(state, settings, key, action, resource, {now, "10.0.0.1", "test"});
    return allowed ? "yes" : allowed.error().text();
  }

 private:
  Call who_;
};

const char* const kDenied =
    "AccessDenied: User: arn:aws:iam::000000000000:user/ann is not authorized to perform: sts:AssumeRole on "
    "resource: arn:aws:iam::000000000000:role/ci/deploy";

TEST(AssumeRole, GivesKeysOfARoleThatTrustsTheCaller) {
  Api api;
  api.role(R"({"AWS":"000000000000"})");
  const std::string answer = api.take({{"DurationSeconds", "900"}});
  const std::string key = Api::one(answer, "AccessKeyId");
  EXPECT_THAT(key, MatchesRegex("ASIA[A-Z2-7]{16}"));
  EXPECT_EQ(Api::one(answer, "SecretAccessKey").size(), 40U);
  EXPECT_EQ(Api::one(answer, "Arn"),
            "arn:aws:sts::000000000000:assumed-role/deploy/run-1");  // without the path
  EXPECT_THAT(Api::one(answer, "AssumedRoleId"), MatchesRegex("AROA[A-Z2-7]{17}:run-1"));
  const auto holder = control::iam::find_holder(api.state, api.settings, key);
  ASSERT_TRUE(holder);
  EXPECT_EQ(holder->token, Api::one(answer, "SessionToken"));
  EXPECT_EQ(*holder->expires_at, api.now + std::chrono::seconds(900));
  EXPECT_EQ(api.may(key, "ecs:RunTask"), "yes");
  EXPECT_EQ(api.may(key, "iam:CreateRole"),
            "User: arn:aws:sts::000000000000:assumed-role/deploy/run-1 is not authorized to perform: "
            "iam:CreateRole because no "
            "identity-based policy allows the iam:CreateRole action");
  api.caller_is(key);
  EXPECT_EQ(Api::one(api.good("GetCallerIdentity", {}), "Arn"),
            "arn:aws:sts::000000000000:assumed-role/deploy/run-1");
}

TEST(AssumeRole, RefusesAlikeWhateverTheReason) {
  Api api;
  const Form form{{"RoleArn", kRole}, {"RoleSessionName", "run-1"}};
  const std::string ann = api.user("ann");
  api.caller_is(ann);
  EXPECT_EQ(api.error("AssumeRole", form), kDenied);  // there is no role
  api.caller_is_administrator();
  api.role(R"({"AWS":"000000000000"})", R"(,"Condition":{"StringEquals":{"sts:ExternalId":"4711"}})");
  api.caller_is(ann);
  EXPECT_EQ(api.error("AssumeRole", form), kDenied);  // no external id
  Form with_id = form;
  with_id.emplace_back("ExternalId", "4711");
  EXPECT_EQ(api.error("AssumeRole", with_id),
            kDenied);  // the account is trusted, but her own policies do not allow it
  api.caller_is_administrator();
  api.with_iam(
      "PutUserPolicy",
      {{"UserName", "ann"},
       {"PolicyName", "p"},
       {"PolicyDocument",
        R"({"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::*:role/ci/*"}})"}});
  api.caller_is(ann);
  api.good("AssumeRole", with_id);
  with_id.back().second = "other";
  EXPECT_EQ(api.error("AssumeRole", with_id), kDenied);
}

TEST(AssumeRole, WhomTheTrustNamesNeedsNoPolicy) {
  Api api;
  const std::string ann = api.user("ann");
  const std::string bob = api.user("bob", "sts:*");
  api.role(R"({"AWS":"arn:aws:iam::000000000000:user/ann"})");
  api.caller_is(ann);
  api.take();
  api.caller_is(bob);
  EXPECT_THAT(api.error("AssumeRole", {{"RoleArn", kRole}, {"RoleSessionName", "run-1"}}),
              StartsWith("AccessDenied"));
}

TEST(AssumeRole, ServicesTrustIsNotThatOfPeople) {
  Api api;
  api.role(R"({"Service":"ecs-tasks.amazonaws.com"})");
  EXPECT_THAT(api.error("AssumeRole", {{"RoleArn", kRole}, {"RoleSessionName", "run-1"}}),
              StartsWith("AccessDenied"));
}

TEST(AssumeRole, ASessionsPoliciesOnlyTakeAway) {
  Api api;
  api.role(R"({"AWS":"000000000000"})");
  const std::string key = Api::one(
      api.take(
          {{"Policy", R"({"Statement":{"Effect":"Allow","Action":["ecs:List*","s3:*"],"Resource":"*"}})"}}),
      "AccessKeyId");
  EXPECT_EQ(api.may(key, "ecs:ListTasks"), "yes");
  EXPECT_THAT(api.may(key, "ecs:RunTask"), HasSubstr("not authorized"));
  EXPECT_THAT(api.may(key, "s3:GetObject"), HasSubstr("not authorized"));
  const std::string managed = Api::one(
      api.take({{"PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"}}), "AccessKeyId");
  EXPECT_EQ(api.may(managed, "ecs:DescribeTasks"), "yes");
  EXPECT_THAT(api.may(managed, "ecs:RunTask"), HasSubstr("not authorized"));
}

TEST(AssumeRole, ChecksItsInputAndNamesTheMember) {
  Api api;
  api.role(R"({"AWS":"000000000000"})");
  const auto fails = [&](const std::string& member, const std::string& value) {
    Form form{{"RoleArn", kRole}, {"RoleSessionName", "run-1"}};
    std::erase_if(form, [&](const auto& each) { return each.first == member; });
    form.emplace_back(member, value);
    return api.error("AssumeRole", form);
  };
  EXPECT_THAT(api.error("AssumeRole", {{"RoleArn", kRole}}), HasSubstr("Value null at 'roleSessionName'"));
  EXPECT_THAT(fails("RoleSessionName", "a b"), HasSubstr("Value 'a b' at 'RoleSessionName' failed"));
  EXPECT_THAT(fails("RoleSessionName", "a"), HasSubstr("greater than or equal to 2"));
  EXPECT_THAT(fails("DurationSeconds", "60"), HasSubstr("DurationSeconds"));
  EXPECT_EQ(
      fails("DurationSeconds", "7200"),
      "ValidationError: The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
  EXPECT_THAT(fails("Policy", "{"), StartsWith("MalformedPolicyDocument"));
  EXPECT_THAT(fails("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/Nothing"),
              StartsWith("NoSuchEntity"));
  EXPECT_THAT(fails("SerialNumber", "arn:aws:iam::1:mfa/x"), HasSubstr("SerialNumber is not offered"));
  EXPECT_THAT(fails("TransitiveTagKeys.member.1", "a"), HasSubstr("transitiveTagKeys is not offered"));
  // Tags need the trust's word for sts:TagSession.
  EXPECT_THAT(api.error("AssumeRole", {{"RoleArn", kRole},
                                       {"RoleSessionName", "run-1"},
                                       {"Tags.member.1.Key", "a"},
                                       {"Tags.member.1.Value", "b"}}),
              StartsWith("AccessDenied"));
}

TEST(AssumeRole, AChainIsAnHourLongAtMost) {
  Api api;
  api.role(R"({"AWS":"000000000000"})", "", "sts:*");
  api.with_iam("UpdateRole", {{"RoleName", "deploy"}, {"MaxSessionDuration", "43200"}});
  const std::string key = Api::one(api.take({{"DurationSeconds", "43200"}}), "AccessKeyId");
  api.caller_is(key);
  EXPECT_EQ(api.error("AssumeRole",
                      {{"RoleArn", kRole}, {"RoleSessionName", "run-2"}, {"DurationSeconds", "7200"}}),
            "ValidationError: The requested DurationSeconds exceeds the 1 hour session limit for roles "
            "assumed by role chaining.");
  api.take();
}

TEST(Records, OfTemporaryKeysSurviveTheStore) {
  Api api;
  api.role(R"({"AWS":"000000000000"})");
  const std::string key =
      Api::one(api.take({{"Policy", R"({"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}})"}}),
               "AccessKeyId");
  const auto& row = *api.state.neighbours().sessions.find(key);
  model::IamSession back;
  ASSERT_TRUE(control::from_row(control::to_row(row), back));
  EXPECT_EQ(control::to_row(back), control::to_row(row));
  EXPECT_EQ(back.token, row.token);
  EXPECT_EQ(back.policies.size(), 1U);
  EXPECT_EQ(back.expires_at, api.now + std::chrono::hours(1));
}

TEST(Keys, EndWithTheirRoleAndAreForgottenWhenTheyHaveExpired) {
  Api api;
  api.role(R"({"AWS":"000000000000"})");
  const std::string key = Api::one(api.take(), "AccessKeyId");
  api.with_iam("DeleteRolePolicy", {{"RoleName", "deploy"}, {"PolicyName", "p"}});
  EXPECT_THAT(api.may(key, "ecs:RunTask"), HasSubstr("not authorized"));  // at once
  api.with_iam("DeleteRole", {{"RoleName", "deploy"}});
  EXPECT_FALSE(control::iam::find_holder(api.state, api.settings, key));
  api.role(R"({"AWS":"000000000000"})");
  EXPECT_FALSE(control::iam::find_holder(api.state, api.settings, key));  // another role of that name
  api.now += std::chrono::hours(2);
  api.take();
  EXPECT_EQ(api.state.neighbours().sessions.size(), 1U);
}

TEST(Keys, OfUsersMayDoWhatTheirPoliciesAndGroupsSayWithinTheirBoundary) {
  Api api;
  const std::string key = api.user("ann", "ecs:Describe*");
  EXPECT_EQ(api.may(key, "ecs:DescribeTasks"), "yes");
  EXPECT_THAT(api.may(key, "ecs:RunTask"), HasSubstr("not authorized"));
  api.with_iam("CreateGroup", {{"GroupName", "ops"}});
  api.with_iam("AttachGroupPolicy",
               {{"GroupName", "ops"}, {"PolicyArn", "arn:aws:iam::aws:policy/PowerUserAccess"}});
  api.with_iam("AddUserToGroup", {{"UserName", "ann"}, {"GroupName", "ops"}});
  EXPECT_EQ(api.may(key, "ecs:RunTask"), "yes");
  EXPECT_THAT(api.may(key, "iam:CreateRole"), HasSubstr("not authorized"));
  api.with_iam("PutUserPermissionsBoundary",
               {{"UserName", "ann"}, {"PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess"}});
  EXPECT_THAT(api.may(key, "ecs:RunTask"), HasSubstr("not authorized"));
  EXPECT_EQ(api.may(key, "ecs:DescribeTasks"), "yes");
  api.with_iam(
      "PutUserPolicy",
      {{"UserName", "ann"},
       {"PolicyName", "no"},
       {"PolicyDocument",
        R"({"Statement":{"Effect":"Deny","Action":"ecs:*","Resource":"arn:aws:ecs:*:*:cluster/prod"}})"}});
  EXPECT_THAT(api.may(key, "ecs:DescribeTasks"),
              HasSubstr("with an explicit deny in an identity-based policy"));  // it could be that cluster
  EXPECT_EQ(api.may(key, "ecs:DescribeTasks", "arn:aws:ecs:us-east-1:000000000000:cluster/test"), "yes");
  api.with_iam("UpdateAccessKey", {{"UserName", "ann"}, {"AccessKeyId", key}, {"Status", "Inactive"}});
  EXPECT_FALSE(control::iam::find_holder(api.state, api.settings, key));
}

TEST(Keys, AUserHasTwoAtMostAndIsNotDeletedBeforeThem) {
  Api api;
  const std::string key = api.user("ann");
  api.with_iam("CreateAccessKey", {{"UserName", "ann"}});
  EXPECT_EQ(api.call("iam", "CreateAccessKey", {{"UserName", "ann"}}).error().text(),
            "Cannot exceed quota for AccessKeysPerUser: 2");
  EXPECT_EQ(api.call("iam", "DeleteUser", {{"UserName", "ann"}}).error().text(),
            "Cannot delete entity, must delete access keys first.");
  EXPECT_EQ(
      api.call("iam", "DeleteAccessKey", {{"UserName", "ann"}, {"AccessKeyId", "AKIAX"}}).error().text(),
      "The Access Key with id AKIAX cannot be found");
  api.with_iam("UpdateUser", {{"UserName", "ann"}, {"NewUserName", "anna"}});
  EXPECT_TRUE(control::iam::find_holder(api.state, api.settings, key));
  api.with_iam("DeleteAccessKey", {{"UserName", "anna"}, {"AccessKeyId", key}});
  EXPECT_FALSE(control::iam::find_holder(api.state, api.settings, key));
}

TEST(Operations, ThatAreNotHereAreRefusedByName) {
  Api api;
  EXPECT_THAT(api.error("GetFederationToken", {}),
              StartsWith("InvalidAction: The action GetFederationToken is not valid"));
}

TEST(SessionToken, IsTheUsersWithoutIam) {
  Api api;
  const std::string key = api.user("ann", "*");
  api.caller_is(key);
  const std::string temporary = Api::one(api.good("GetSessionToken", {}), "AccessKeyId");
  EXPECT_EQ(api.may(temporary, "ecs:RunTask"), "yes");
  EXPECT_THAT(api.may(temporary, "iam:ListRoles"), HasSubstr("not authorized"));
  api.caller_is(temporary);
  EXPECT_EQ(api.error("GetSessionToken", {}),
            "AccessDenied: Cannot call GetSessionToken with session credentials");
  api.caller_is_administrator();
  const std::string of_administrator =
      Api::one(api.good("GetSessionToken", {{"DurationSeconds", "900"}}), "AccessKeyId");
  const auto holder = control::iam::find_holder(api.state, api.settings, of_administrator);
  ASSERT_TRUE(holder);
  EXPECT_TRUE(holder->is_administrator);
  EXPECT_EQ(holder->arn, kAdmin);
}

}  // namespace
}  // namespace agent::api::sts
