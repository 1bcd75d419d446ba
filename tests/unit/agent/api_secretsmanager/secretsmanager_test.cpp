#include "agent/api/secretsmanager/secretsmanager.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/control/records/fields.h"
#include "agent/control/state/neighbours.h"
#include "tests/support/control_api.h"

namespace agent::api::secretsmanager {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;
using testing::StartsWith;
using testing::UnorderedElementsAre;

constexpr const char* kFirst = "11111111-1111-4111-8111-111111111111";
constexpr const char* kSecond = "22222222-2222-4222-8222-222222222222";
constexpr const char* kThird = "33333333-3333-4333-8333-333333333333";

class Api : public tests::ControlState {
 public:
  Api() : ControlState(1'796'000'000'000) {}
  shared::Result<json> call(const std::string& operation, const json& request) {
    return in_a_step([&](control::Step& step) -> shared::Result<json> {
      auto answer = handle(step,
                           {operation, request.dump(), "id", "arn:aws:iam::000000000000:user/administrator",
                            "000000000000", ""},
                           sealer);
      if (!answer) return answer.error();
      return json::parse(*answer);
    });
  }
  json good(const std::string& operation, const json& request) {
    return tests::expect_good(operation, call(operation, request), json::object());
  }
  std::string error(const std::string& operation, const json& request) {
    return tests::error_of(call(operation, request));
  }
  json create(const std::string& name, json more = json::object()) {
    more["Name"] = name;
    return good("CreateSecret", more);
  }
  void put(const std::string& name, const std::string& value, const std::string& token,
           json more = json::object()) {
    more.update({{"SecretId", name}, {"SecretString", value}, {"ClientRequestToken", token}});
    good("PutSecretValue", more);
  }
  std::string value(json request) {
    const json got = good("GetSecretValue", request);
    return got.value("SecretString", "");
  }
  json stages(const std::string& name) {
    return good("DescribeSecret", {{"SecretId", name}})["VersionIdsToStages"];
  }

  Sealer own{std::string(32, 'k')};
  Sealer* sealer = &own;
};

TEST(Secrets, AreFoundByNameAndByArnWithAndWithoutItsSuffix) {
  Api api;
  const json made = api.create("app/db", {{"SecretString", "s3cret"}, {"ClientRequestToken", kFirst}});
  EXPECT_THAT(made["ARN"].get<std::string>(),
              MatchesRegex("arn:aws:secretsmanager:us-east-1:000000000000:secret:app/db-[A-Za-z0-9]{6}"));
  EXPECT_EQ(made["VersionId"], kFirst);
  const std::string arn = made["ARN"];
  for (const std::string& id : {std::string("app/db"), arn, arn.substr(0, arn.size() - 7)})
    EXPECT_EQ(api.value({{"SecretId", id}}), "s3cret") << id;
  EXPECT_EQ(api.error("GetSecretValue", {{"SecretId", arn.substr(0, arn.size() - 1) + "?"}}),
            "ResourceNotFoundException: Secrets Manager can't find the specified secret.");
  const std::string elsewhere = "arn:aws:secretsmanager:eu-west-1:000000000000:secret:app/db";
  EXPECT_THAT(api.error("GetSecretValue", {{"SecretId", elsewhere}}),
              StartsWith("ResourceNotFoundException"));
}

TEST(Secrets, ANewValueIsTheCurrentOneAndTheFormerThePrevious) {
  Api api;
  api.create("a");
  EXPECT_EQ(api.error("GetSecretValue", {{"SecretId", "a"}}),
            "ResourceNotFoundException: Secrets Manager can't find the specified secret value for staging "
            "label: AWSCURRENT");
  api.put("a", "one", kFirst);
  api.put("a", "two", kSecond);
  EXPECT_EQ(api.value({{"SecretId", "a"}}), "two");
  EXPECT_EQ(api.value({{"SecretId", "a"}, {"VersionStage", "AWSPREVIOUS"}}), "one");
  EXPECT_EQ(api.value({{"SecretId", "a"}, {"VersionId", kFirst}}), "one");
  api.put("a", "three", kThird);
  EXPECT_EQ(api.stages("a"), json({{kSecond, {"AWSPREVIOUS"}}, {kThird, {"AWSCURRENT"}}}));
  EXPECT_EQ(
      api.error("GetSecretValue", {{"SecretId", "a"}, {"VersionId", kFirst}, {"VersionStage", "AWSCURRENT"}}),
      "InvalidRequestException: You provided a VersionStage that is not associated to the provided "
      "VersionId.");
  EXPECT_THAT(api.error("GetSecretValue", {{"SecretId", "a"}, {"VersionId", "none"}}),
              HasSubstr("for VersionId: none"));
  const json all = api.good("ListSecretVersionIds", {{"SecretId", "a"}, {"IncludeDeprecated", true}});
  EXPECT_EQ(all["Versions"].size(), 3U);
  EXPECT_EQ(api.good("ListSecretVersionIds", {{"SecretId", "a"}})["Versions"].size(), 2U);
}

TEST(Secrets, ARepeatedTokenIsTheSameVersionOrRefused) {
  Api api;
  api.create("a", {{"SecretString", "one"}, {"ClientRequestToken", kFirst}});
  EXPECT_EQ(api.create("a", {{"SecretString", "one"}, {"ClientRequestToken", kFirst}})["VersionId"], kFirst);
  api.put("a", "one", kFirst);
  EXPECT_EQ(api.stages("a").size(), 1U);
  EXPECT_THAT(api.error("PutSecretValue",
                        {{"SecretId", "a"}, {"SecretString", "other"}, {"ClientRequestToken", kFirst}}),
              StartsWith("ResourceExistsException"));
  EXPECT_THAT(api.error("CreateSecret", {{"Name", "a"}}), StartsWith("ResourceExistsException"));
  EXPECT_THAT(api.error("PutSecretValue",
                        {{"SecretId", "a"}, {"SecretString", "x"}, {"ClientRequestToken", "short"}}),
              HasSubstr("clientRequestToken"));
}

TEST(Secrets, AStageMovesOnlyFromWhereItIs) {
  Api api;
  api.create("a");
  api.put("a", "one", kFirst);
  api.put("a", "two", kSecond);
  EXPECT_THAT(
      api.error("UpdateSecretVersionStage",
                {{"SecretId", "a"}, {"VersionStage", "AWSCURRENT"}, {"MoveToVersionId", kFirst}}),
      HasSubstr("RemoveFromVersionId can't be empty. Staging label AWSCURRENT is currently attached"));
  api.good("UpdateSecretVersionStage", {{"SecretId", "a"},
                                        {"VersionStage", "AWSCURRENT"},
                                        {"MoveToVersionId", kFirst},
                                        {"RemoveFromVersionId", kSecond}});
  EXPECT_EQ(api.value({{"SecretId", "a"}}), "one");
  EXPECT_EQ(api.stages("a"), json({{kFirst, {"AWSCURRENT"}}, {kSecond, {"AWSPREVIOUS"}}}));
  EXPECT_THAT(api.error("UpdateSecretVersionStage",
                        {{"SecretId", "a"}, {"VersionStage", "AWSCURRENT"}, {"RemoveFromVersionId", kFirst}}),
              StartsWith("InvalidParameterException"));
  api.good("UpdateSecretVersionStage",
           {{"SecretId", "a"}, {"VersionStage", "blue"}, {"MoveToVersionId", kSecond}});
  EXPECT_EQ(api.value({{"SecretId", "a"}, {"VersionStage", "blue"}}), "two");
  api.good("UpdateSecretVersionStage",
           {{"SecretId", "a"}, {"VersionStage", "blue"}, {"RemoveFromVersionId", kSecond}});
  EXPECT_THAT(api.error("GetSecretValue", {{"SecretId", "a"}, {"VersionStage", "blue"}}),
              HasSubstr("staging label: blue"));
}

TEST(Secrets, ADeletedOneCanBeRestoredUntilItsTimeIsOver) {
  Api api;
  const std::string arn = api.create("a", {{"SecretString", "one"}})["ARN"];
  EXPECT_THAT(api.error("DeleteSecret", {{"SecretId", "a"}, {"RecoveryWindowInDays", 6}}),
              HasSubstr("between 7 and 30 days"));
  const json gone = api.good("DeleteSecret", {{"SecretId", "a"}, {"RecoveryWindowInDays", 7}});
  EXPECT_EQ(gone["DeletionDate"], 1'796'000'000.0 + 7 * 86'400);
  EXPECT_THAT(api.error("GetSecretValue", {{"SecretId", "a"}}), HasSubstr("marked for deletion"));
  EXPECT_TRUE(api.good("DescribeSecret", {{"SecretId", arn}}).contains("DeletedDate"));
  EXPECT_THAT(api.error("CreateSecret", {{"Name", "a"}}), HasSubstr("already scheduled for deletion"));
  EXPECT_EQ(api.good("ListSecrets", json::object())["SecretList"].size(), 0U);
  EXPECT_EQ(api.good("ListSecrets", {{"IncludePlannedDeletion", true}})["SecretList"].size(), 1U);
  api.good("RestoreSecret", {{"SecretId", "a"}});
  EXPECT_EQ(api.value({{"SecretId", "a"}}), "one");
  api.good("DeleteSecret", {{"SecretId", "a"}, {"RecoveryWindowInDays", 7}});
  api.now += std::chrono::hours(7 * 24);
  EXPECT_THAT(api.error("RestoreSecret", {{"SecretId", "a"}}), StartsWith("ResourceNotFoundException"));
  EXPECT_NE(api.create("a")["ARN"], arn) << "another secret of that name";
}

TEST(Secrets, OneThatIsDeletedByForceIsGoneAtOnceAlsoTwice) {
  Api api;
  api.create("a", {{"SecretString", "one"}});
  for (int i = 0; i < 2; ++i)
    api.good("DeleteSecret", {{"SecretId", "a"}, {"ForceDeleteWithoutRecovery", true}});
  EXPECT_THAT(api.error("DescribeSecret", {{"SecretId", "a"}}), StartsWith("ResourceNotFoundException"));
  EXPECT_THAT(
      api.error("DeleteSecret",
                {{"SecretId", "a"}, {"ForceDeleteWithoutRecovery", true}, {"RecoveryWindowInDays", 7}}),
      StartsWith("InvalidParameterException"));
}

TEST(Secrets, ValuesAreSealedInTheirRowsAndOpenWithTheirKeyOnly) {
  Api api;
  api.create("a", {{"SecretString", "s3cret-value"}});
  const auto& row = *api.state.neighbours().secrets.find("a");
  EXPECT_THAT(control::to_row(row), Not(HasSubstr("s3cret-value")));
  model::Secret read;
  ASSERT_TRUE(control::from_row(control::to_row(row), read));
  EXPECT_EQ(read.versions.front().value, row.versions.front().value);
  Sealer other{std::string(32, 'o')};
  api.sealer = &other;
  EXPECT_THAT(api.error("GetSecretValue", {{"SecretId", "a"}}), StartsWith("DecryptionFailure"));
  api.sealer = nullptr;
  EXPECT_THAT(api.error("CreateSecret", {{"Name", "b"}, {"SecretString", "x"}}),
              StartsWith("EncryptionFailure"));
}

TEST(Secrets, HoldBytesAsWell) {
  Api api;
  api.create("a", {{"SecretBinary", "AAEC"}});
  EXPECT_EQ(api.good("GetSecretValue", {{"SecretId", "a"}})["SecretBinary"], "AAEC");
  EXPECT_THAT(
      api.error("PutSecretValue", {{"SecretId", "a"}, {"SecretBinary", "AAEC"}, {"SecretString", "x"}}),
      HasSubstr("can't specify both"));
  EXPECT_THAT(api.error("PutSecretValue", {{"SecretId", "a"}}), StartsWith("InvalidParameterException"));
  EXPECT_THAT(api.error("PutSecretValue", {{"SecretId", "a"}, {"SecretString", std::string(65'537, 'x')}}),
              HasSubstr("65536"));
}

TEST(Secrets, AreChangedTaggedAndListedByFilters) {
  Api api;
  api.create("app/one", {{"Description", "the first key"}, {"Tags", {{{"Key", "team"}, {"Value", "a"}}}}});
  api.create("app/two", {{"SecretString", "v"}});
  api.create("other", json::object());
  api.good("UpdateSecret", {{"SecretId", "app/two"}, {"Description", "second"}, {"SecretString", "w"}});
  EXPECT_EQ(api.value({{"SecretId", "app/two"}}), "w");
  const auto names = [&](const json& request) {
    std::vector<std::string> out;
    const json answer = api.good("ListSecrets", request);
    for (const json& each : answer["SecretList"]) out.push_back(each["Name"]);
    return out;
  };
  const auto filter = [](const char* key, const char* value) {
    return json{{"Filters", {{{"Key", key}, {"Values", {value}}}}}};
  };
  EXPECT_THAT(names(filter("name", "app/")), ElementsAre("app/one", "app/two"));
  EXPECT_THAT(names(filter("name", "!app/")), ElementsAre("other"));
  EXPECT_THAT(names(filter("tag-key", "team")), ElementsAre("app/one"));
  EXPECT_THAT(names(filter("description", "FIRST")), ElementsAre("app/one"));
  EXPECT_THAT(names({{"SortOrder", "desc"}}), ElementsAre("other", "app/two", "app/one"));
  EXPECT_THAT(api.error("ListSecrets", filter("owner", "x")), StartsWith("InvalidParameterException"));
  const json page = api.good("ListSecrets", {{"MaxResults", 2}});
  EXPECT_THAT(names({{"NextToken", page["NextToken"]}}), ElementsAre("other"));
  api.good("TagResource", {{"SecretId", "other"}, {"Tags", {{{"Key", "k"}, {"Value", "v"}}}}});
  EXPECT_EQ(api.good("DescribeSecret", {{"SecretId", "other"}})["Tags"][0]["Key"], "k");
  api.good("UntagResource", {{"SecretId", "other"}, {"TagKeys", {"k"}}});
  EXPECT_EQ(api.good("DescribeSecret", {{"SecretId", "other"}})["Tags"].size(), 0U);
  EXPECT_THAT(api.error("CreateSecret", {{"Name", "no spaces"}}), StartsWith("ValidationException"));
}

TEST(Secrets, ManyAreReadAtOnceAndWhatFailsIsNamed) {
  Api api;
  api.create("a", {{"SecretString", "one"}});
  api.create("b", {{"SecretString", "two"}});
  const json got = api.good("BatchGetSecretValue", {{"SecretIdList", {"a", "none", "b"}}});
  EXPECT_EQ(got["SecretValues"].size(), 2U);
  EXPECT_EQ(got["Errors"][0]["ErrorCode"], "ResourceNotFoundException");
  const json some = api.good("BatchGetSecretValue", {{"Filters", {{{"Key", "name"}, {"Values", {"b"}}}}}});
  EXPECT_EQ(some["SecretValues"][0]["SecretString"], "two");
  EXPECT_THAT(api.error("BatchGetSecretValue", json::object()), StartsWith("InvalidParameterException"));
}

TEST(Secrets, KeepTheirResourcePolicy) {
  Api api;
  api.create("a");
  EXPECT_FALSE(api.good("GetResourcePolicy", {{"SecretId", "a"}}).contains("ResourcePolicy"));
  const std::string policy =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]})";
  api.good("PutResourcePolicy", {{"SecretId", "a"}, {"ResourcePolicy", policy}});
  EXPECT_EQ(api.good("GetResourcePolicy", {{"SecretId", "a"}})["ResourcePolicy"], policy);
  EXPECT_THAT(api.error("PutResourcePolicy", {{"SecretId", "a"}, {"ResourcePolicy", "{"}}),
              StartsWith("MalformedPolicyDocumentException"));
  EXPECT_EQ(api.good("ValidateResourcePolicy", {{"ResourcePolicy", "{"}})["PolicyValidationPassed"], false);
  api.good("DeleteResourcePolicy", {{"SecretId", "a"}});
  EXPECT_FALSE(api.good("GetResourcePolicy", {{"SecretId", "a"}}).contains("ResourcePolicy"));
}

TEST(Secrets, PasswordsHaveWhatIsAskedFor) {
  Api api;
  EXPECT_EQ(api.good("GetRandomPassword", json::object())["RandomPassword"].get<std::string>().size(), 32U);
  const json digits = api.good("GetRandomPassword", {{"PasswordLength", 12},
                                                     {"ExcludeLowercase", true},
                                                     {"ExcludeUppercase", true},
                                                     {"ExcludePunctuation", true},
                                                     {"ExcludeCharacters", "0"}});
  EXPECT_THAT(digits["RandomPassword"].get<std::string>(), MatchesRegex("[1-9]{12}"));
  EXPECT_THAT(api.error("GetRandomPassword", {{"PasswordLength", 2}}),
              StartsWith("InvalidParameterException"));
  EXPECT_THAT(api.error("RotateSecret", {{"SecretId", "a"}}), HasSubstr("Rotation is not offered"));
}

}  // namespace
}  // namespace agent::api::secretsmanager
