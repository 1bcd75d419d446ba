#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/api/iam/iam.h"
#include "agent/control/records/fields.h"
#include "agent/control/state/neighbours.h"
#include "shared/http/message.h"
#include "tests/support/control_api.h"

namespace agent::api::iam {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kTrust =
    R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
constexpr const char* kPolicy =
    R"({ "Version": "2012-10-17", "Statement": [{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b+c/*"}] })";
constexpr const char* kExecution = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";

std::string encoded(const std::string& text) {
  return shared::http::percent_encode(text, shared::http::Slash::kEncode);
}

using tests::Form;

class Api : public tests::ControlState {
 public:
  Api() : ControlState(1'796'000'000'500) {}
  shared::Result<std::string> call(const std::string& operation, const Form& form) {
    return in_a_step([&](control::Step& step) {
      return handle(step, {operation, tests::form_body(operation, "2010-05-08", form), tests::kRequestId,
                           caller, "000000000000", "AIDAME"});
    });
  }
  std::string good(const std::string& operation, const Form& form) {
    return tests::expect_good(operation, call(operation, form));
  }
  std::string error(const std::string& operation, const Form& form) {
    return tests::error_of(call(operation, form));
  }
  void create_role(const std::string& name, const Form& more = {}) {
    Form form{{"RoleName", name}, {"AssumeRolePolicyDocument", kTrust}};
    form.insert(form.end(), more.begin(), more.end());
    good("CreateRole", form);
  }
  static std::vector<std::string> all(const std::string& xml, const std::string& name) {
    return tests::xml_texts(xml, name);
  }
  static std::string one(const std::string& xml, const std::string& name) {
    return tests::xml_text(xml, name);
  }

  std::string caller = "arn:aws:iam::000000000000:user/administrator";
};

TEST(Roles, AreReadAsTheyWereWritten) {
  Api api;
  const std::string made = api.good("CreateRole", {{"RoleName", "web"},
                                                   {"Path", "/apps/"},
                                                   {"AssumeRolePolicyDocument", kTrust},
                                                   {"Description", "a & b"},
                                                   {"MaxSessionDuration", "7200"},
                                                   {"Tags.member.1.Key", "team"},
                                                   {"Tags.member.1.Value", "red"}});
  EXPECT_EQ(Api::one(made, "Arn"), "arn:aws:iam::000000000000:role/apps/web");
  EXPECT_THAT(Api::one(made, "RoleId"), StartsWith("AROA"));
  EXPECT_EQ(Api::one(made, "RoleId").size(), 21U);
  const std::string read = api.good("GetRole", {{"RoleName", "WEB"}});
  EXPECT_EQ(Api::one(read, "RoleName"), "web");
  EXPECT_EQ(Api::one(read, "AssumeRolePolicyDocument"), encoded(kTrust));
  EXPECT_EQ(Api::one(read, "MaxSessionDuration"), "7200");
  EXPECT_EQ(Api::one(read, "Description"), "a &amp; b");
  EXPECT_EQ(Api::one(read, "Key"), "team");
  EXPECT_EQ(Api::one(read, "CreateDate"), "2026-11-30T00:53:20.500Z");
}

TEST(Roles, NamesAreTakenWithoutCaseAndWhateverThePath) {
  Api api;
  api.create_role("web", {{"Path", "/a/"}});
  EXPECT_EQ(
      api.error("CreateRole", {{"RoleName", "Web"}, {"Path", "/b/"}, {"AssumeRolePolicyDocument", kTrust}}),
      "EntityAlreadyExists: Role with name Web already exists.");
}

TEST(Roles, SayWhatIsWrongWithARequest) {
  Api api;
  EXPECT_EQ(api.error("CreateRole", {{"AssumeRolePolicyDocument", kTrust}}),
            "ValidationError: 1 validation error detected: Value null at 'roleName' failed to satisfy "
            "constraint: Member must "
            "not be null");
  EXPECT_THAT(api.error("CreateRole", {{"RoleName", "a b"}, {"AssumeRolePolicyDocument", kTrust}}),
              HasSubstr("Value 'a b' at 'RoleName' failed to satisfy constraint: Member must satisfy regular "
                        "expression pattern"));
  EXPECT_THAT(
      api.error("CreateRole", {{"RoleName", std::string(65, 'r')}, {"AssumeRolePolicyDocument", kTrust}}),
      HasSubstr("length less than or equal to 64"));
  EXPECT_THAT(
      api.error("CreateRole", {{"RoleName", "r"}, {"Path", "a"}, {"AssumeRolePolicyDocument", kTrust}}),
      HasSubstr("specified value for path is invalid"));
  EXPECT_THAT(
      api.error("CreateRole",
                {{"RoleName", "r"}, {"AssumeRolePolicyDocument", kTrust}, {"MaxSessionDuration", "60"}}),
      HasSubstr("MaxSessionDuration"));
  EXPECT_THAT(api.error("CreateRole", {{"RoleName", "r"}, {"AssumeRolePolicyDocument", kPolicy}}),
              StartsWith("MalformedPolicyDocument: Has prohibited field Resource"));
  EXPECT_THAT(
      api.error(
          "CreateRole",
          {{"RoleName", "r"},
           {"AssumeRolePolicyDocument",
            R"({"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::000000000000:role/x"}}})"}}),
      StartsWith("MalformedPolicyDocument: Invalid principal in policy: "
                 "\"AWS\":\"arn:aws:iam::000000000000:role/x\""));
  EXPECT_THAT(api.error("CreateRole", {{"RoleName", "r"},
                                       {"AssumeRolePolicyDocument", kTrust},
                                       {"PermissionsBoundary", "arn:aws:iam::000000000000:policy/none"}}),
              StartsWith("NoSuchEntity: Scope ARN"));
  EXPECT_EQ(api.error("GetRole", {{"RoleName", "nobody"}}),
            "NoSuchEntity: The role with name nobody cannot be found.");
  EXPECT_TRUE(api.state.neighbours().roles.rows().empty());
}

TEST(Roles, AreDeletedOnlyWhenNothingHangsOnThem) {
  Api api;
  api.create_role("web");
  api.good("PutRolePolicy", {{"RoleName", "web"}, {"PolicyName", "p"}, {"PolicyDocument", kPolicy}});
  api.good("AttachRolePolicy", {{"RoleName", "web"}, {"PolicyArn", kExecution}});
  api.good("CreateInstanceProfile", {{"InstanceProfileName", "i"}});
  api.good("AddRoleToInstanceProfile", {{"InstanceProfileName", "i"}, {"RoleName", "web"}});
  EXPECT_EQ(api.error("DeleteRole", {{"RoleName", "web"}}),
            "DeleteConflict: Cannot delete entity, must detach all policies first.");
  api.good("DetachRolePolicy", {{"RoleName", "web"}, {"PolicyArn", kExecution}});
  EXPECT_EQ(api.error("DeleteRole", {{"RoleName", "web"}}),
            "DeleteConflict: Cannot delete entity, must delete policies first.");
  api.good("DeleteRolePolicy", {{"RoleName", "web"}, {"PolicyName", "p"}});
  EXPECT_EQ(api.error("DeleteRole", {{"RoleName", "web"}}),
            "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.");
  EXPECT_EQ(Api::one(api.good("ListInstanceProfilesForRole", {{"RoleName", "web"}}), "InstanceProfileName"),
            "i");
  EXPECT_EQ(api.error("DeleteInstanceProfile", {{"InstanceProfileName", "i"}}),
            "DeleteConflict: Cannot delete entity, must remove roles from instance profile first.");
  api.good("RemoveRoleFromInstanceProfile", {{"InstanceProfileName", "i"}, {"RoleName", "web"}});
  api.good("DeleteRole", {{"RoleName", "web"}});
  EXPECT_TRUE(api.state.neighbours().roles.rows().empty());
}

TEST(Roles, UpdatesChangeWhatTheyName) {
  Api api;
  api.create_role("web", {{"Description", "old"}});
  api.good("UpdateRole", {{"RoleName", "web"}, {"MaxSessionDuration", "43200"}});
  EXPECT_EQ(api.state.neighbours().roles.find("web")->description, "old");
  EXPECT_EQ(Api::one(api.good("UpdateRoleDescription", {{"RoleName", "web"}, {"Description", "new"}}),
                     "Description"),
            "new");
  api.good("UpdateRole", {{"RoleName", "web"}, {"Description", ""}});
  EXPECT_EQ(api.state.neighbours().roles.find("web")->description, "");
  EXPECT_EQ(api.state.neighbours().roles.find("web")->max_session_seconds, 43'200);
  api.good("TagRole", {{"RoleName", "web"}, {"Tags.member.1.Key", "a"}, {"Tags.member.1.Value", "1"}});
  EXPECT_EQ(Api::one(api.good("ListRoleTags", {{"RoleName", "web"}}), "Value"), "1");
  api.good("UntagRole", {{"RoleName", "web"}, {"TagKeys.member.1", "a"}});
  EXPECT_THAT(api.good("GetRole", {{"RoleName", "web"}}), Not(HasSubstr("<Tags>")));
  EXPECT_THAT(api.error("UpdateAssumeRolePolicy", {{"RoleName", "web"}, {"PolicyDocument", "{}"}}),
              StartsWith("MalformedPolicyDocument"));
}

TEST(InlinePolicies, ComeBackByteForByte) {
  Api api;
  api.create_role("web");
  api.good("PutRolePolicy", {{"RoleName", "web"}, {"PolicyName", "p"}, {"PolicyDocument", kPolicy}});
  const std::string read = api.good("GetRolePolicy", {{"RoleName", "web"}, {"PolicyName", "p"}});
  EXPECT_EQ(Api::one(read, "PolicyDocument"), encoded(kPolicy));
  EXPECT_THAT(read, Not(HasSubstr("+")));
  EXPECT_THAT(Api::all(api.good("ListRolePolicies", {{"RoleName", "web"}}), "member"), ElementsAre("p"));
  EXPECT_EQ(api.error("GetRolePolicy", {{"RoleName", "web"}, {"PolicyName", "q"}}),
            "NoSuchEntity: The role policy with name q cannot be found.");
  std::string actions;
  for (int i = 0; i < 1000; ++i) actions += "\"s3:Action" + std::to_string(i) + "\",";
  const std::string large =
      R"({"Statement":{"Effect":"Allow","Resource":"*","Action":[)" + actions + R"("s3:Get"]}})";
  EXPECT_EQ(
      api.error("PutRolePolicy", {{"RoleName", "web"}, {"PolicyName", "large"}, {"PolicyDocument", large}}),
      "LimitExceeded: Maximum policy size of 10240 bytes exceeded for role web");
}

TEST(ManagedPolicies, HaveVersionsOfWhichOneIsInForce) {
  Api api;
  const std::string arn = Api::one(
      api.good("CreatePolicy",
               {{"PolicyName", "p"}, {"Path", "/x/"}, {"Description", "d"}, {"PolicyDocument", kPolicy}}),
      "Arn");
  EXPECT_EQ(arn, "arn:aws:iam::000000000000:policy/x/p");
  EXPECT_EQ(api.error("CreatePolicy", {{"PolicyName", "P"}, {"PolicyDocument", kPolicy}}),
            "EntityAlreadyExists: A policy called P already exists. Duplicate names are not allowed.");
  for (int i = 2; i <= 5; ++i) {
    const std::string made = api.good(
        "CreatePolicyVersion",
        {{"PolicyArn", arn}, {"PolicyDocument", kPolicy}, {"SetAsDefault", i == 5 ? "true" : "false"}});
    EXPECT_EQ(Api::one(made, "VersionId"), "v" + std::to_string(i));
  }
  EXPECT_THAT(api.error("CreatePolicyVersion", {{"PolicyArn", arn}, {"PolicyDocument", kPolicy}}),
              StartsWith("LimitExceeded: A managed policy can have up to 5 versions."));
  EXPECT_EQ(Api::one(api.good("GetPolicy", {{"PolicyArn", arn}}), "DefaultVersionId"), "v5");
  EXPECT_EQ(api.error("DeletePolicyVersion", {{"PolicyArn", arn}, {"VersionId", "v5"}}),
            "DeleteConflict: Cannot delete the default version of a policy.");
  api.good("DeletePolicyVersion", {{"PolicyArn", arn}, {"VersionId", "v4"}});
  EXPECT_EQ(Api::one(api.good("CreatePolicyVersion", {{"PolicyArn", arn}, {"PolicyDocument", kPolicy}}),
                     "VersionId"),
            "v6");
  EXPECT_THAT(Api::all(api.good("ListPolicyVersions", {{"PolicyArn", arn}}), "VersionId"),
              ElementsAre("v6", "v5", "v3", "v2", "v1"));
  EXPECT_EQ(Api::one(api.good("GetPolicyVersion", {{"PolicyArn", arn}, {"VersionId", "v1"}}), "Document"),
            encoded(kPolicy));
  EXPECT_THAT(api.error("GetPolicyVersion", {{"PolicyArn", arn}, {"VersionId", "v4"}}),
              HasSubstr("version v4 does not exist"));
  EXPECT_THAT(api.error("DeletePolicy", {{"PolicyArn", arn}}),
              StartsWith("DeleteConflict: This policy has more than one version."));
  api.good("SetDefaultPolicyVersion", {{"PolicyArn", arn}, {"VersionId", "v1"}});
  for (const char* id : {"v2", "v3", "v5", "v6"})
    api.good("DeletePolicyVersion", {{"PolicyArn", arn}, {"VersionId", id}});
  api.create_role("web");
  api.good("AttachRolePolicy", {{"RoleName", "web"}, {"PolicyArn", arn}});
  EXPECT_EQ(Api::one(api.good("GetPolicy", {{"PolicyArn", arn}}), "AttachmentCount"), "1");
  EXPECT_EQ(Api::one(api.good("ListEntitiesForPolicy", {{"PolicyArn", arn}}), "RoleName"), "web");
  EXPECT_EQ(api.error("DeletePolicy", {{"PolicyArn", arn}}),
            "DeleteConflict: Cannot delete a policy attached to entities.");
  api.good("DetachRolePolicy", {{"RoleName", "web"}, {"PolicyArn", arn}});
  api.good("DeletePolicy", {{"PolicyArn", arn}});
  EXPECT_EQ(api.error("GetPolicy", {{"PolicyArn", arn}}), "NoSuchEntity: Policy " + arn + " was not found.");
}

TEST(ManagedPolicies, OfAwsAreReadAndAttachedAndNeverChanged) {
  Api api;
  api.create_role("web");
  EXPECT_EQ(Api::one(api.good("GetPolicy", {{"PolicyArn", kExecution}}), "PolicyName"),
            "AmazonECSTaskExecutionRolePolicy");
  const std::string version =
      Api::one(api.good("GetPolicy", {{"PolicyArn", kExecution}}), "DefaultVersionId");
  EXPECT_THAT(api.good("GetPolicyVersion", {{"PolicyArn", kExecution}, {"VersionId", version}}),
              HasSubstr("ecr%3ABatchGetImage"));
  EXPECT_THAT(api.error("DeletePolicy", {{"PolicyArn", kExecution}}), StartsWith("AccessDenied"));
  EXPECT_EQ(api.error("AttachRolePolicy",
                      {{"RoleName", "web"},
                       {"PolicyArn", "arn:aws:iam::aws:policy/AmazonECSTaskExecutionRolePolicy"}}),
            "NoSuchEntity: Policy arn:aws:iam::aws:policy/AmazonECSTaskExecutionRolePolicy does not exist or "
            "is not attachable.");
  api.good("AttachRolePolicy", {{"RoleName", "web"}, {"PolicyArn", kExecution}});
  api.good("AttachRolePolicy", {{"RoleName", "web"}, {"PolicyArn", kExecution}});
  EXPECT_THAT(Api::all(api.good("ListAttachedRolePolicies", {{"RoleName", "web"}}), "PolicyArn"),
              ElementsAre(kExecution));
  EXPECT_EQ(Api::all(api.good("ListPolicies", {{"Scope", "Local"}}), "Arn").size(), 0U);
  EXPECT_THAT(Api::all(api.good("ListPolicies", {{"OnlyAttached", "true"}}), "Arn"), ElementsAre(kExecution));
}

TEST(Lists, ComeInPagesUntilTheEnd) {
  Api api;
  for (int i = 0; i < 5; ++i) api.create_role("r" + std::to_string(i));
  std::vector<std::string> seen;
  Form form{{"MaxItems", "2"}};
  for (int page = 0; page < 3; ++page) {
    const std::string answer = api.good("ListRoles", form);
    for (const auto& name : Api::all(answer, "RoleName")) seen.push_back(name);
    EXPECT_EQ(Api::one(answer, "IsTruncated"), page < 2 ? "true" : "false");
    form = {{"MaxItems", "2"}, {"Marker", Api::one(answer, "Marker")}};
  }
  EXPECT_THAT(seen, ElementsAre("r0", "r1", "r2", "r3", "r4"));
  EXPECT_EQ(api.error("ListRoles", {{"Marker", "!"}}), "ValidationError: Invalid Marker.");
}

TEST(ServiceLinkedRoles, BelongToTheirService) {
  Api api;
  EXPECT_EQ(Api::one(api.good("CreateServiceLinkedRole", {{"AWSServiceName", "ecs.amazonaws.com"}}), "Arn"),
            "arn:aws:iam::000000000000:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
  EXPECT_THAT(
      api.error("CreateServiceLinkedRole", {{"AWSServiceName", "ecs.amazonaws.com"}}),
      StartsWith("InvalidInput: Service role name AWSServiceRoleForECS has been taken in this account"));
  EXPECT_THAT(api.error("DeleteRole", {{"RoleName", "AWSServiceRoleForECS"}}),
              StartsWith("UnmodifiableEntity"));
  EXPECT_THAT(api.error("CreateServiceLinkedRole", {{"AWSServiceName", "x.amazonaws.com"}}),
              StartsWith("InvalidInput"));
  const std::string task =
      Api::one(api.good("DeleteServiceLinkedRole", {{"RoleName", "AWSServiceRoleForECS"}}), "DeletionTaskId");
  EXPECT_EQ(Api::one(api.good("GetServiceLinkedRoleDeletionStatus", {{"DeletionTaskId", task}}), "Status"),
            "SUCCEEDED");
  EXPECT_THAT(api.error("GetServiceLinkedRoleDeletionStatus", {{"DeletionTaskId", "task/x"}}),
              StartsWith("NoSuchEntity"));
}

TEST(Users, BelongToGroupsAndCanBeRenamed) {
  Api api;
  api.good("CreateUser", {{"UserName", "ann"}});
  api.good("CreateGroup", {{"GroupName", "ops"}});
  api.good("AddUserToGroup", {{"UserName", "ann"}, {"GroupName", "ops"}});
  EXPECT_EQ(Api::one(api.good("GetGroup", {{"GroupName", "ops"}}), "UserName"), "ann");
  EXPECT_EQ(api.error("DeleteUser", {{"UserName", "ann"}}),
            "DeleteConflict: Cannot delete entity, must remove users from group first.");
  api.good("UpdateUser", {{"UserName", "ann"}, {"NewUserName", "anna"}, {"NewPath", "/p/"}});
  EXPECT_EQ(Api::one(api.good("GetUser", {{"UserName", "anna"}}), "Arn"),
            "arn:aws:iam::000000000000:user/p/anna");
  api.good("UpdateGroup", {{"GroupName", "ops"}, {"NewGroupName", "admins"}});
  EXPECT_EQ(Api::one(api.good("ListGroupsForUser", {{"UserName", "anna"}}), "GroupName"), "admins");
  api.good("RemoveUserFromGroup", {{"UserName", "anna"}, {"GroupName", "admins"}});
  api.good("DeleteUser", {{"UserName", "anna"}});
  api.good("DeleteGroup", {{"GroupName", "admins"}});
  EXPECT_EQ(api.error("CreateUser", {{"UserName", "Administrator"}}),
            "EntityAlreadyExists: User with name Administrator already exists.");
  EXPECT_EQ(Api::one(api.good("GetUser", {}), "Arn"), "arn:aws:iam::000000000000:user/administrator");
}

TEST(Operations, ThatAreNotHereAreRefusedByName) {
  Api api;
  EXPECT_THAT(api.error("UploadServerCertificate", {}),
              StartsWith("InvalidAction: The action UploadServerCertificate is not valid"));
}

TEST(Records, SurviveTheStore) {
  Api api;
  api.create_role("web", {{"Tags.member.1.Key", "k"}, {"Description", "d"}});
  api.good("PutRolePolicy", {{"RoleName", "web"}, {"PolicyName", "p"}, {"PolicyDocument", kPolicy}});
  api.good("AttachRolePolicy", {{"RoleName", "web"}, {"PolicyArn", kExecution}});
  api.good("CreatePolicy", {{"PolicyName", "p"}, {"PolicyDocument", kPolicy}});
  const auto& role = *api.state.neighbours().roles.find("web");
  model::IamIdentity back;
  ASSERT_TRUE(control::from_row(control::to_row(role), back));
  EXPECT_EQ(control::to_row(back), control::to_row(role));
  EXPECT_EQ(back.inline_policies.at("p"), kPolicy);
  EXPECT_THAT(back.attached, ElementsAre(kExecution));
  EXPECT_EQ(back.created_at, api.now);
  model::IamPolicy policy;
  ASSERT_TRUE(control::from_row(control::to_row(*api.state.neighbours().policies.find("p")), policy));
  ASSERT_EQ(policy.versions.size(), 1U);
  EXPECT_EQ(policy.versions[0].document, kPolicy);
}

}  // namespace
}  // namespace agent::api::iam
