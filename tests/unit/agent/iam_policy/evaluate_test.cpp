#include "agent/iam/policy/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/iam/policy/pattern.h"

namespace agent::iam::policy {
namespace {

constexpr const char* kCluster = "arn:aws:ecs:us-east-1:123456789012:cluster/web";

Document doc(const std::string& statements, Kind kind = Kind::kIdentity,
             const std::string& version = "2012-10-17") {
  auto parsed = Document::parse(R"({"Version":")" + version + R"(","Statement":[)" + statements + "]}", kind);
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().text());
  return parsed ? *std::move(parsed) : Document{};
}
Decision decided(const std::string& statements, const std::string& action,
                 const std::string& resource = kCluster, const Context& context = {}) {
  return decide(doc(statements), {action, resource, context, {}});
}
bool allowed(const std::string& statements, const std::string& action, const std::string& resource = kCluster,
             const Context& context = {}) {
  return decided(statements, action, resource, context) == Decision::kAllow;
}
// With {"Condition": <condition>} on an Allow of everything.
bool holds_with(const std::string& condition, const Context& context) {
  return allowed(R"({"Effect":"Allow","Action":"*","Resource":"*","Condition":)" + condition + "}",
                 "ecs:RunTask", kCluster, context);
}

TEST(Evaluate, NothingIsAllowedUnlessAStatementSaysSo) {
  EXPECT_EQ(decided(R"({"Effect":"Allow","Action":"ecs:ListTasks","Resource":"*"})", "ecs:RunTask"),
            Decision::kImplicitDeny);
  EXPECT_EQ(decide(std::span<const Document>(), {"ecs:RunTask", "*", {}, {}}), Decision::kImplicitDeny);
}

TEST(Evaluate, ADenyWinsWhereverItStands) {
  const std::string allow = R"({"Effect":"Allow","Action":"*","Resource":"*"})";
  const std::string deny = R"({"Effect":"Deny","Action":"ecs:Run*","Resource":"*"})";
  EXPECT_EQ(decided(deny + "," + allow, "ecs:RunTask"), Decision::kExplicitDeny);
  EXPECT_EQ(decided(allow + "," + deny, "ecs:RunTask"), Decision::kExplicitDeny);
  EXPECT_EQ(decided(allow + "," + deny, "ecs:StopTask"), Decision::kAllow);
}

TEST(Evaluate, ActionsAreMatchedWithoutCaseAndByWildcards) {
  const auto with = [](const std::string& action) {
    return R"({"Effect":"Allow","Action":")" + action + R"(","Resource":"*"})";
  };
  EXPECT_TRUE(allowed(with("ECS:runtask"), "ecs:RunTask"));
  EXPECT_TRUE(allowed(with("ecs:Run????"), "ecs:RunTask"));
  EXPECT_FALSE(allowed(with("ecs:Run?"), "ecs:RunTask"));
  EXPECT_TRUE(allowed(with("ecs:*Task*"), "ecs:DescribeTasks"));
  EXPECT_FALSE(allowed(with("ec2:*"), "ecs:RunTask"));
}

TEST(Evaluate, NotActionIsEverythingElse) {
  const std::string statement =
      R"({"Effect":"Allow","NotAction":["iam:*","organizations:*"],"Resource":"*"})";
  EXPECT_TRUE(allowed(statement, "ecs:RunTask"));
  EXPECT_FALSE(allowed(statement, "iam:CreateRole"));
  EXPECT_FALSE(allowed(statement, "IAM:CreateRole"));
}

TEST(Evaluate, ResourcesAreMatchedPartByPartAndWithCase) {
  const auto with = [](const std::string& resource) {
    return R"({"Effect":"Allow","Action":"*","Resource":")" + resource + R"("})";
  };
  EXPECT_TRUE(allowed(with("arn:aws:ecs:*:*:cluster/*"), "ecs:RunTask"));
  EXPECT_TRUE(allowed(with("arn:aws:ecs:us-east-1:123456789012:cluster/w?b"), "ecs:RunTask"));
  EXPECT_FALSE(allowed(with("arn:aws:ecs:us-east-1:123456789012:cluster/WEB"), "ecs:RunTask"));
  EXPECT_FALSE(allowed(with("arn:aws:ecs:us-east-1:*:service/*"), "ecs:RunTask"));
  // A star ends with its part; in the last part it takes colons and slashes.
  EXPECT_FALSE(allowed(with("arn:aws:ecs:*:cluster/web:x:y"), "ecs:RunTask"));
  EXPECT_TRUE(allowed(with("arn:aws:logs:*:*:log-group:*"), "logs:PutLogEvents",
                      "arn:aws:logs:us-east-1:123456789012:log-group:/a/b:log-stream:c"));
}

TEST(Evaluate, NotResourceIsAllOthers) {
  const std::string statement =
      R"({"Effect":"Deny","Action":"*","NotResource":"arn:aws:ecs:*:*:cluster/web"},{"Effect":"Allow","Action":"*","Resource":"*"})";
  EXPECT_TRUE(allowed(statement, "ecs:RunTask"));
  EXPECT_FALSE(allowed(statement, "ecs:RunTask", "arn:aws:ecs:us-east-1:123456789012:cluster/other"));
}

TEST(Evaluate, OfAnUnknownResourceOnlyWhatHoldsForAllIsAllowed) {
  EXPECT_TRUE(allowed(R"({"Effect":"Allow","Action":"*","Resource":"*"})", "ecs:RunTask", ""));
  EXPECT_FALSE(allowed(R"({"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs:*:*:cluster/*"})",
                       "ecs:RunTask", ""));
  EXPECT_FALSE(allowed(R"({"Effect":"Allow","Action":"*","NotResource":"arn:aws:ecs:*:*:cluster/a"})",
                       "ecs:RunTask", ""));
  EXPECT_EQ(
      decided(
          R"({"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"arn:aws:ecs:*:*:cluster/a"})",
          "ecs:RunTask", ""),
      Decision::kExplicitDeny);
}

TEST(Evaluate, WhatIsAboutNoResourceNeedsAStar) {
  EXPECT_TRUE(allowed(R"({"Effect":"Allow","Action":"*","Resource":"*"})", "ecs:ListClusters", "*"));
  EXPECT_FALSE(
      allowed(R"({"Effect":"Allow","Action":"*","Resource":"arn:aws:ecs:*:*:*"})", "ecs:ListClusters", "*"));
}

// ---- Conditions ----

struct ConditionRow {
  std::string condition;
  Context context;
  bool holds;
};

TEST(Conditions, EachOperatorMeansWhatItSays) {
  const ConditionRow rows[] = {
      {R"({"StringEquals":{"aws:username":"ann"}})", {{"aws:username", {"ann"}}}, true},
      {R"({"StringEquals":{"AWS:UserName":"ann"}})", {{"aws:username", {"ann"}}}, true},  // keys without case
      {R"({"StringEquals":{"aws:username":"Ann"}})", {{"aws:username", {"ann"}}}, false},
      {R"({"StringEquals":{"aws:username":"a*"}})", {{"aws:username", {"ann"}}}, false},
      {R"({"StringEquals":{"aws:username":["bob","ann"]}})", {{"aws:username", {"ann"}}}, true},
      {R"({"StringNotEquals":{"aws:username":["bob","ann"]}})", {{"aws:username", {"ann"}}}, false},
      {R"({"StringNotEquals":{"aws:username":["bob","eve"]}})", {{"aws:username", {"ann"}}}, true},
      {R"({"StringEqualsIgnoreCase":{"aws:username":"ANN"}})", {{"aws:username", {"ann"}}}, true},
      {R"({"StringNotEqualsIgnoreCase":{"aws:username":"ANN"}})", {{"aws:username", {"ann"}}}, false},
      {R"({"StringLike":{"aws:username":"a?n*"}})", {{"aws:username", {"ann"}}}, true},
      {R"({"StringNotLike":{"aws:username":"a*"}})", {{"aws:username", {"ann"}}}, false},
      {R"({"StringLike":{"aws:username":"a${*}"}})", {{"aws:username", {"ann"}}}, false},
      {R"({"StringLike":{"aws:username":"a${*}"}})", {{"aws:username", {"a*"}}}, true},
      {R"({"NumericEquals":{"x:n":10}})", {{"x:n", {"10.0"}}}, true},
      {R"({"NumericNotEquals":{"x:n":10}})", {{"x:n", {"10"}}}, false},
      {R"({"NumericLessThan":{"x:n":"10"}})", {{"x:n", {"9"}}}, true},
      {R"({"NumericLessThan":{"x:n":"10"}})", {{"x:n", {"10"}}}, false},
      {R"({"NumericLessThanEquals":{"x:n":"10"}})", {{"x:n", {"10"}}}, true},
      {R"({"NumericGreaterThan":{"x:n":"10"}})", {{"x:n", {"10"}}}, false},
      {R"({"NumericGreaterThanEquals":{"x:n":"10"}})", {{"x:n", {"10"}}}, true},
      {R"({"NumericEquals":{"x:n":"10"}})", {{"x:n", {"ten"}}}, false},
      {R"({"DateLessThan":{"aws:CurrentTime":"2026-06-01T00:00:00Z"}})",
       {{"aws:CurrentTime", {"2026-05-31T23:59:59.999Z"}}},
       true},
      {R"({"DateLessThan":{"aws:CurrentTime":"2026-06-01T00:00:00+02:00"}})",
       {{"aws:CurrentTime", {"2026-05-31T22:30:00Z"}}},
       false},
      {R"({"DateGreaterThan":{"aws:CurrentTime":"2026-06-01"}})",
       {{"aws:CurrentTime", {"1800000000"}}},
       true},
      {R"({"DateGreaterThanEquals":{"aws:CurrentTime":"2026-06-01T00:00:00Z"}})",
       {{"aws:CurrentTime", {"2026-06-01T00:00:00Z"}}},
       true},
      {R"({"DateLessThanEquals":{"aws:CurrentTime":"2026-06-01T00:00:00Z"}})",
       {{"aws:CurrentTime", {"2026-06-01T00:00:01Z"}}},
       false},
      {R"({"DateEquals":{"aws:CurrentTime":"2026-13-01"}})",
       {{"aws:CurrentTime", {"2026-06-01T00:00:00Z"}}},
       false},
      {R"({"Bool":{"aws:SecureTransport":true}})", {{"aws:SecureTransport", {"true"}}}, true},
      {R"({"Bool":{"aws:SecureTransport":"TRUE"}})", {{"aws:SecureTransport", {"false"}}}, false},
      {R"({"BinaryEquals":{"x:b":"QmVydGg="}})", {{"x:b", {"QmVydGg="}}}, true},
      {R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})", {{"aws:SourceIp", {"10.1.2.3"}}}, true},
      {R"({"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}})", {{"aws:SourceIp", {"11.1.2.3"}}}, false},
      {R"({"IpAddress":{"aws:SourceIp":"10.1.2.3"}})", {{"aws:SourceIp", {"10.1.2.3"}}}, true},
      {R"({"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}})", {{"aws:SourceIp", {"10.1.2.3"}}}, false},
      {R"({"IpAddress":{"aws:SourceIp":"2001:db8::/32"}})", {{"aws:SourceIp", {"2001:db8:0:1::5"}}}, true},
      {R"({"IpAddress":{"aws:SourceIp":"2001:db8::/32"}})", {{"aws:SourceIp", {"2001:db9::5"}}}, false},
      {R"({"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}})", {{"aws:SourceIp", {"::1"}}}, false},
      {R"({"ArnLike":{"aws:SourceArn":"arn:aws:ecs:*:123456789012:*"}})",
       {{"aws:SourceArn", {kCluster}}},
       true},
      {R"({"ArnEquals":{"aws:SourceArn":"arn:aws:ecs:*:1234*"}})", {{"aws:SourceArn", {kCluster}}}, false},
      {R"({"ArnNotLike":{"aws:SourceArn":"arn:aws:ecs:*:*:cluster/w*"}})",
       {{"aws:SourceArn", {kCluster}}},
       false},
      {R"({"Null":{"aws:TokenIssueTime":"true"}})", {}, true},
      {R"({"Null":{"aws:TokenIssueTime":"false"}})", {}, false},
      {R"({"Null":{"aws:TokenIssueTime":false}})", {{"aws:TokenIssueTime", {"x"}}}, true},
      // All operators and all keys must hold.
      {R"({"StringEquals":{"x:a":"1","x:b":"2"}})", {{"x:a", {"1"}}, {"x:b", {"3"}}}, false},
      {R"({"StringEquals":{"x:a":"1"},"Bool":{"x:c":"true"}})", {{"x:a", {"1"}}, {"x:c", {"true"}}}, true},
  };
  for (const ConditionRow& row : rows)
    EXPECT_EQ(holds_with(row.condition, row.context), row.holds) << row.condition;
}

TEST(Conditions, AMissingKeyIsFalseForPositiveAndTrueForNegatedOperators) {
  EXPECT_FALSE(holds_with(R"({"StringEquals":{"x:a":"1"}})", {}));
  EXPECT_TRUE(holds_with(R"({"StringNotEquals":{"x:a":"1"}})", {}));
  EXPECT_TRUE(holds_with(R"({"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}})", {}));
  EXPECT_FALSE(holds_with(R"({"NumericLessThan":{"x:a":"1"}})", {}));
  EXPECT_TRUE(holds_with(R"({"StringEqualsIfExists":{"x:a":"1"}})", {}));
  EXPECT_FALSE(holds_with(R"({"StringEqualsIfExists":{"x:a":"1"}})", {{"x:a", {"2"}}}));
}

TEST(Conditions, QuantifiersLookAtEachValueOfTheRequest) {
  const std::string all = R"({"ForAllValues:StringEquals":{"aws:TagKeys":["team","env"]}})";
  const std::string any = R"({"ForAnyValue:StringEquals":{"aws:TagKeys":["team","env"]}})";
  EXPECT_TRUE(holds_with(all, {{"aws:TagKeys", {"team"}}}));
  EXPECT_FALSE(holds_with(all, {{"aws:TagKeys", {"team", "other"}}}));
  EXPECT_TRUE(holds_with(all, {}));
  EXPECT_TRUE(holds_with(any, {{"aws:TagKeys", {"team", "other"}}}));
  EXPECT_FALSE(holds_with(any, {{"aws:TagKeys", {"other"}}}));
  EXPECT_FALSE(holds_with(any, {}));
  EXPECT_TRUE(holds_with(R"({"ForAnyValue:StringNotEquals":{"aws:TagKeys":"team"}})",
                         {{"aws:TagKeys", {"team", "x"}}}));
  EXPECT_FALSE(holds_with(R"({"ForAllValues:StringNotEquals":{"aws:TagKeys":"team"}})",
                          {{"aws:TagKeys", {"team", "x"}}}));
}

// ---- Variables ----

TEST(Variables, StandForOneValueAndAreTextThere) {
  const std::string home =
      R"({"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::home/${aws:username}/*"})";
  EXPECT_TRUE(allowed(home, "s3:GetObject", "arn:aws:s3:::home/ann/x", {{"aws:username", {"ann"}}}));
  EXPECT_FALSE(allowed(home, "s3:GetObject", "arn:aws:s3:::home/bob/x", {{"aws:username", {"ann"}}}));
  // A star in a value is a star.
  EXPECT_FALSE(allowed(home, "s3:GetObject", "arn:aws:s3:::home/bob/x", {{"aws:username", {"*"}}}));
  // Without a value nothing matches.
  EXPECT_FALSE(allowed(home, "s3:GetObject", "arn:aws:s3:::home//x", {}));
  const std::string team =
      R"({"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::t-${aws:PrincipalTag/team, 'none'}"})";
  EXPECT_TRUE(allowed(team, "s3:GetObject", "arn:aws:s3:::t-none", {}));
  EXPECT_TRUE(allowed(team, "s3:GetObject", "arn:aws:s3:::t-red", {{"aws:PrincipalTag/team", {"red"}}}));
  EXPECT_TRUE(holds_with(R"({"StringEquals":{"x:a":"${aws:username}"}})",
                         {{"x:a", {"ann"}}, {"aws:username", {"ann"}}}));
}

TEST(Variables, AreTextInOldPolicies) {
  const Document old = doc(R"({"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::h/${aws:username}"})",
                           Kind::kIdentity, "2008-10-17");
  EXPECT_EQ(decide(old, {"s3:GetObject", "arn:aws:s3:::h/ann", {{"aws:username", {"ann"}}}, {}}),
            Decision::kImplicitDeny);
  EXPECT_EQ(decide(old, {"s3:GetObject", "arn:aws:s3:::h/${aws:username}", {}, {}}), Decision::kAllow);
}

// Before a call is decoded nothing is known of what it is about: what could be otherwise then does not allow,
// and denies.
TEST(Partial, WhatDependsOnTheResourceDoesNotAllowAndDenies) {
  const auto with = [](const std::string& effect, const std::string& condition, const Context& context) {
    const std::string all = effect == "Deny" ? R"({"Effect":"Allow","Action":"*","Resource":"*"},)" : "";
    Request request{"ecs:RunTask", "", context, {}};
    request.partial = true;
    return decide(doc(all + R"({"Effect":")" + effect + R"(","Action":"*","Resource":"*","Condition":)" +
                      condition + "}"),
                  request);
  };
  for (const char* condition :
       {R"({"StringEquals":{"aws:ResourceTag/env":"prod"}})", R"({"StringNotEquals":{"ecs:cluster":"x"}})",
        R"({"StringEqualsIfExists":{"aws:RequestTag/a":"b"}})",
        R"({"Null":{"aws:ResourceTag/env":"true"}})"}) {
    EXPECT_EQ(with("Allow", condition, {}), Decision::kImplicitDeny) << condition;
    EXPECT_EQ(with("Deny", condition, {}), Decision::kExplicitDeny) << condition;
  }
  // What is known of the caller is judged as ever, also that it is not there.
  const std::string not_temporary = R"({"Null":{"aws:TokenIssueTime":"true"}})";
  EXPECT_EQ(with("Allow", not_temporary, {}), Decision::kAllow);
  EXPECT_EQ(with("Allow", not_temporary, {{"aws:TokenIssueTime", {"x"}}}), Decision::kImplicitDeny);
  EXPECT_EQ(with("Deny", R"({"StringEquals":{"aws:PrincipalTag/team":"red"}})", {}), Decision::kAllow);
}

// ---- Together ----

TEST(Together, ABoundaryAndASessionOnlyTakeAway) {
  Policies policies;
  policies.identity.push_back(doc(R"({"Effect":"Allow","Action":["ecs:*","iam:*"],"Resource":"*"})"));
  EXPECT_EQ(decide(policies, {"iam:GetRole", "*", {}, {}}), Decision::kAllow);
  const Document boundary = doc(R"({"Effect":"Allow","Action":["ecs:*","s3:*"],"Resource":"*"})");
  policies.boundary = boundary;
  EXPECT_EQ(decide(policies, {"iam:GetRole", "*", {}, {}}), Decision::kImplicitDeny);
  EXPECT_EQ(decide(policies, {"s3:GetObject", "*", {}, {}}), Decision::kImplicitDeny);
  EXPECT_EQ(decide(policies, {"ecs:RunTask", "*", {}, {}}), Decision::kAllow);
  policies.session.push_back(doc(R"({"Effect":"Allow","Action":"ecs:List*","Resource":"*"})"));
  EXPECT_EQ(decide(policies, {"ecs:RunTask", "*", {}, {}}), Decision::kImplicitDeny);
  EXPECT_EQ(decide(policies, {"ecs:ListTasks", "*", {}, {}}), Decision::kAllow);
  policies.session.push_back(doc(R"({"Effect":"Deny","Action":"ecs:ListTasks","Resource":"*"})"));
  EXPECT_EQ(decide(policies, {"ecs:ListTasks", "*", {}, {}}), Decision::kExplicitDeny);
}

TEST(Trust, NamesAUserItselfItsAccountOrAService) {
  const auto trusting = [](const std::string& principal, const std::string& more = "") {
    return doc(R"({"Effect":"Allow","Action":"sts:AssumeRole","Principal":)" + principal + more + "}",
               Kind::kTrust);
  };
  Request request{"sts:AssumeRole", "", {}, {}};
  request.caller.arn = "arn:aws:iam::123456789012:user/ann";
  request.caller.account = "123456789012";
  EXPECT_EQ(trusts(trusting(R"({"AWS":"arn:aws:iam::123456789012:user/ann"})"), request), Trusted::kByName);
  EXPECT_EQ(trusts(trusting(R"({"AWS":"arn:aws:iam::123456789012:user/bob"})"), request), Trusted::kNo);
  EXPECT_EQ(trusts(trusting(R"({"AWS":"123456789012"})"), request), Trusted::kAccount);
  EXPECT_EQ(trusts(trusting(R"({"AWS":"210987654321"})"), request), Trusted::kNo);
  EXPECT_EQ(trusts(trusting(R"("*")"), request), Trusted::kAccount);
  EXPECT_EQ(trusts(trusting(R"({"Service":"ecs-tasks.amazonaws.com"})"), request), Trusted::kNo);
  const auto with_id =
      trusting(R"({"AWS":"123456789012"})", R"(,"Condition":{"StringEquals":{"sts:ExternalId":"7"}})");
  EXPECT_EQ(trusts(with_id, request), Trusted::kNo);
  request.context["sts:ExternalId"] = {"7"};
  EXPECT_EQ(trusts(with_id, request), Trusted::kAccount);
  request.action = "sts:TagSession";
  EXPECT_EQ(trusts(with_id, request), Trusted::kNo);
  Request task{"sts:AssumeRole", "", {}, {}};
  task.caller.service = "ecs-tasks.amazonaws.com";
  EXPECT_EQ(trusts(trusting(R"({"Service":["ecs.amazonaws.com","ecs-tasks.amazonaws.com"]})"), task),
            Trusted::kByName);
  const Document denied = doc(
      R"({"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*"},{"Effect":"Deny","Action":"sts:*","Principal":{"AWS":"arn:aws:iam::123456789012:user/ann"}})",
      Kind::kTrust);
  request.action = "sts:AssumeRole";
  EXPECT_EQ(trusts(denied, request), Trusted::kDenied);
}

TEST(Trust, ASessionIsNamedByItselfAndByItsRole) {
  Request request{"sts:AssumeRole", "", {}, {}};
  request.caller = {"arn:aws:sts::123456789012:assumed-role/build/run-1",
                    "arn:aws:iam::123456789012:role/ci/build", "123456789012", ""};
  const auto trusting = [](const std::string& arn) {
    return doc(R"({"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":")" + arn + R"("}})",
               Kind::kTrust);
  };
  EXPECT_EQ(trusts(trusting("arn:aws:iam::123456789012:role/ci/build"), request), Trusted::kByName);
  EXPECT_EQ(trusts(trusting("arn:aws:sts::123456789012:assumed-role/build/run-1"), request),
            Trusted::kByName);
  EXPECT_EQ(trusts(trusting("arn:aws:sts::123456789012:assumed-role/build/run-2"), request), Trusted::kNo);
}

}  // namespace
}  // namespace agent::iam::policy
