#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/iam/policy/document.h"
#include "agent/iam/policy/managed.h"

namespace agent::iam::policy {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string error_of(const std::string& text, Kind kind = Kind::kIdentity) {
  const auto parsed = Document::parse(text, kind);
  return parsed ? std::string() : parsed.error().code() + ": " + parsed.error().text();
}
std::string statement(const std::string& members) {
  return R"({"Version":"2012-10-17","Statement":[{)" + members + "}]}";
}

struct Row {
  std::string text;
  Kind kind;
  std::string says;
};

TEST(Document, WhatIsWrongWithAPolicyIsNamed) {
  const std::string action = R"("Action":"ecs:RunTask")";
  const std::string allow = R"("Effect":"Allow",)" + action;
  const std::string good = allow + R"(,"Resource":"*")";
  const Row rows[] = {
      {"{", Kind::kIdentity, "MalformedPolicyDocument: This policy contains invalid Json"},
      {"[]", Kind::kIdentity, "The policy must be an object"},
      {R"({"Version":"2012-10-17"})", Kind::kIdentity, "The policy has no Statement"},
      {R"({"Statement":[]})", Kind::kIdentity, "Statement must not be empty"},
      {R"({"Statement":7})", Kind::kIdentity, "Statement must be an object or a list"},
      {R"({"Version":"2026-01-01","Statement":[{)" + good + "}]}", Kind::kIdentity,
       "Policy document must be version 2012-10-17 or greater."},
      {R"({"Other":1,"Statement":[{)" + good + "}]}", Kind::kIdentity, "unknown member 'Other'"},
      {statement(good + R"(,"Effect":"Deny")"), Kind::kIdentity, "a key twice"},
      {statement(R"("Effect":"allow",)" + action + R"(,"Resource":"*")"), Kind::kIdentity,
       "Statement[0].Effect must be Allow or Deny"},
      {statement(R"("Effect":"Allow","Resource":"*")"), Kind::kIdentity,
       "Policy statement must contain actions."},
      {statement(R"("Effect":"Allow","Action":[],"Resource":"*")"), Kind::kIdentity, "must contain actions"},
      {statement(allow), Kind::kIdentity, "Policy statement must contain resources."},
      {statement(allow + R"(,"Resource":[])"), Kind::kIdentity, "must contain resources"},
      {statement(good + R"(,"NotAction":"ecs:Run*")"), Kind::kIdentity, "has both Action and NotAction"},
      {statement(R"("Effect":"Allow","Action":"RunTask","Resource":"*")"), Kind::kIdentity,
       "prefaced by a vendor"},
      {statement(R"("Effect":"Allow","Action":"ecs:Run Task","Resource":"*")"), Kind::kIdentity,
       "Statement[0].Action must be a vendor, a colon"},
      {statement(R"("Effect":"Allow","Action":7,"Resource":"*")"), Kind::kIdentity,
       "must be a string or a list"},
      {statement(allow + R"(,"Resource":"my-bucket")"), Kind::kIdentity, "must be in ARN format or \"*\"."},
      {statement(allow + R"(,"Resource":"arn:aws:s3")"), Kind::kIdentity, "six parts"},
      {statement(good + R"(,"Principal":"*")"), Kind::kIdentity, "Has prohibited field Principal"},
      {statement(good + R"(,"Sid":"a b")"), Kind::kIdentity, "must be alpha-numeric"},
      {R"({"Statement":[{"Sid":"a",)" + good + R"(},{"Sid":"a",)" + good + "}]}", Kind::kIdentity,
       "must be unique"},
      {statement(good + R"(,"Condition":{"Equals":{"aws:x":"y"}})"), Kind::kIdentity,
       "Invalid Condition type : Equals"},
      {statement(good + R"(,"Condition":{"NullIfExists":{"aws:x":"y"}})"), Kind::kIdentity,
       "Invalid Condition type"},
      {statement(good + R"(,"Condition":{"Bool":{"x":"y"}})"), Kind::kIdentity, "has the key 'x'"},
      {statement(good + R"(,"Condition":{"Bool":{"aws:x":{}}})"), Kind::kIdentity,
       "Condition.Bool.aws:x must be"},
      {statement(good), Kind::kTrust, "Has prohibited field Resource"},
      {statement(allow), Kind::kTrust, "Missing required field Principal."},
      {statement(allow + R"(,"Principal":{"AWS":"somebody"})"), Kind::kTrust,
       "Invalid principal in policy: \"AWS\":\"somebody\""},
      {statement(allow + R"(,"Principal":{"AWS":"arn:aws:iam::123456789012:user/*"})"), Kind::kTrust,
       "no wildcards in principals"},
      {statement(allow + R"(,"Principal":{"Robot":"r2"})"), Kind::kTrust, "\"Robot\""},
      {statement(allow + R"(,"Principal":"someone")"), Kind::kTrust, "Invalid principal in policy"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(error_of(row.text, row.kind), HasSubstr(row.says)) << row.text;
    EXPECT_THAT(error_of(row.text, row.kind), StartsWith("MalformedPolicyDocument: ")) << row.text;
  }
}

TEST(Document, OneStringAndAListOfItAreTheSame) {
  const auto one = Document::parse(
      R"({"Statement":{"Effect":"Deny","NotAction":"ecs:*","NotResource":"arn:aws:ecs:*:*:cluster/a"}})",
      Kind::kIdentity);
  ASSERT_TRUE(one);
  ASSERT_EQ(one->statements.size(), 1U);
  EXPECT_FALSE(one->variables);
  EXPECT_TRUE(one->statements[0].not_action);
  EXPECT_TRUE(one->statements[0].not_resource);
  EXPECT_EQ(one->statements[0].actions, std::vector<std::string>{"ecs:*"});
}

TEST(Document, AnAccountStandsForItsRoot) {
  const auto trust = Document::parse(
      R"({"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["123456789012"],"Service":"ecs-tasks.amazonaws.com"}}})",
      Kind::kTrust);
  ASSERT_TRUE(trust) << error_of("");
  ASSERT_EQ(trust->statements[0].principals.size(), 2U);
  EXPECT_EQ(trust->statements[0].principals[0].value, "arn:aws:iam::123456789012:root");
  EXPECT_EQ(trust->statements[0].principals[1].type, "Service");
}

TEST(Managed, EachOfAwssOwnPoliciesIsAPolicyAndIsFoundByItsArnOnly) {
  for (const ManagedPolicy& each : managed_policies()) {
    EXPECT_EQ(error_of(std::string(each.document)), "") << each.name;
    EXPECT_EQ(find_managed(arn_of(each)), &each);
  }
  EXPECT_NE(find_managed("arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"), nullptr);
  EXPECT_EQ(find_managed("arn:aws:iam::aws:policy/AmazonECSTaskExecutionRolePolicy"), nullptr);
  EXPECT_EQ(find_managed("arn:aws:iam::aws:policy/Nobody"), nullptr);
}

TEST(Size, WhiteSpaceDoesNotCount) { EXPECT_EQ(size_without_blanks(" {\n\t\"a b\": 1\r}"), 8U); }

}  // namespace
}  // namespace agent::iam::policy
