// What policies that name resources and conditions allow of calls of ECS, ELBv2, Secrets Manager and Systems
// Manager, with the texts of what they do not.
#include "agent/api/access/access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/api/ecs/access.h"
#include "agent/api/ecs/ecs.h"
#include "agent/api/elbv2/access.h"
#include "agent/api/elbv2/elbv2.h"
#include "agent/api/iam/iam.h"
#include "agent/api/secretsmanager/secretsmanager.h"
#include "agent/api/ssm/ssm.h"
#include "tests/support/control_api.h"

namespace agent::api {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;
using tests::Form;

constexpr const char* kAnn = "arn:aws:iam::000000000000:user/ann";
const std::string kEcs = "arn:aws:ecs:us-east-1:000000000000:";

class Api : public tests::ControlState {
 public:
  Api() : ControlState(1'796'000'000'000) {
    with_iam("CreateUser", {{"UserName", "ann"}});
    key_ = tests::xml_text(with_iam("CreateAccessKey", {{"UserName", "ann"}}), "AccessKeyId");
    admin("CreateCluster", json::object());
    admin("CreateCluster", {{"clusterName", "other"}});
  }
  // Ann may, from now on.
  void ann_may(const json& statements) {
    with_iam("PutUserPolicy",
             {{"UserName", "ann"},
              {"PolicyName", "own"},
              {"PolicyDocument", json{{"Version", "2012-10-17"}, {"Statement", statements}}.dump()}});
  }
  void ann_may(const std::string& action, const std::string& resource, const json& condition = nullptr) {
    json statement{{"Effect", "Allow"}, {"Action", action}, {"Resource", resource}};
    if (!condition.is_null()) statement["Condition"] = condition;
    ann_may(json::array({statement}));
  }
  json admin(const std::string& operation, const json& request) {
    return json::parse(
        tests::expect_good(operation, ecs(administrator(), operation, request), std::string("{}")));
  }
  // "" or "Code: text".
  std::string ann(const std::string& operation, const json& request) {
    return tests::error_of(ecs(by_policy(), operation, request));
  }
  std::string ann_elb(const std::string& operation, const Form& form) {
    Call call = by_policy();
    call.operation = operation;
    call.body = tests::form_body(operation, "2015-12-01", form);
    return tests::error_of(in_a_step([&](control::Step& step) { return elbv2::handle(step, call); }));
  }
  std::string ann_secret(const std::string& operation, const json& request) {
    return tests::error_of(in_a_step([&](control::Step& step) {
      return secretsmanager::handle(step, with(by_policy(), operation, request), &sealer_);
    }));
  }
  std::string ann_parameter(const std::string& operation, const json& request) {
    return tests::error_of(in_a_step([&](control::Step& step) {
      return ssm::handle(step, with(by_policy(), operation, request), &sealer_);
    }));
  }
  std::string with_iam(const std::string& operation, const Form& form, bool as_ann = false) {
    Call call = as_ann ? by_policy() : administrator();
    call.operation = operation;
    call.body = tests::form_body(operation, "", form);
    auto answer = in_a_step([&](control::Step& step) { return iam::handle(step, call); });
    return answer ? *answer : answer.error().code() + ": " + answer.error().text();
  }
  void define(const std::string& family, json more = json::object()) {
    admin("RegisterTaskDefinition", definition(family, std::move(more)));
  }
  static json definition(const std::string& family, json more = json::object()) {
    more["family"] = family;
    more["containerDefinitions"] = {{{"name", "web"}, {"image", "i"}, {"memory", 16}}};
    return more;
  }
  // Every offered operation, judged with an empty request.
  std::vector<std::string> ecs_by_action_alone() {
    std::vector<std::string> out;
    for (const Offer& each : ecs::offers()) {
      if (!each.refusal.empty()) continue;
      (void)in_a_step([&](control::Step& step) -> shared::Result<bool> {
        const json empty = json::object();
        const Call call = with(by_policy(), each.operation, empty);
        std::vector<std::string> ids;
        for (const Access& access : ecs::accesses_of({step, call, empty, ids})) {
          if (access.partial) out.push_back(each.operation);
        }
        return true;
      });
    }
    return out;
  }
  std::vector<std::string> elb_by_action_alone() {
    std::vector<std::string> out;
    for (const Offer& each : elbv2::offers()) {
      if (!each.refusal.empty()) continue;
      (void)in_a_step([&](control::Step& step) -> shared::Result<bool> {
        const auto query = aws::Query::parse("Action=" + each.operation);
        for (const Access& access : elbv2::accesses_of(step, each.operation, query->root())) {
          if (access.partial) out.push_back(each.operation);
        }
        return true;
      });
    }
    return out;
  }

 private:
  static Call administrator() {
    return {"",          "",     "id", "arn:aws:iam::000000000000:user/administrator", "000000000000",
            "AIDAADMIN", "AKIA", true};
  }
  Call by_policy() const {
    Call call{"", "", "id", kAnn, "000000000000", "AIDAANN", key_};
    call.by_policy = true;
    return call;
  }
  static Call with(Call call, const std::string& operation, const json& request) {
    call.operation = operation;
    call.body = request.dump();
    return call;
  }
  shared::Result<std::string> ecs(Call call, const std::string& operation, const json& request) {
    return in_a_step([&](control::Step& step) {
      std::vector<std::string> ids;
      return ecs::handle(step, with(std::move(call), operation, request), ids);
    });
  }

  std::string key_;
  Sealer sealer_{std::string(32, 'k')};
};

std::string denied(const std::string& action, const std::string& resource) {
  return "AccessDeniedException: User: " + std::string(kAnn) + " is not authorized to perform: " + action +
         " on resource: " + resource + " because no identity-based policy allows the " + action + " action";
}

TEST(Rights, AreOfTheRevisionThatATaskIsStartedOfWhicheverWayItIsNamed) {
  Api api;
  api.define("web");
  api.define("job");
  api.ann_may("ecs:RunTask", kEcs + "task-definition/web:*");
  const std::string allowed = "InvalidParameterException: No Container Instances were found in your cluster.";
  for (const char* name : {"web", "web:1", "arn:aws:ecs:us-east-1:000000000000:task-definition/web:1"})
    EXPECT_EQ(api.ann("RunTask", {{"taskDefinition", name}}), allowed) << name;
  EXPECT_EQ(api.ann("RunTask", {{"taskDefinition", "job"}}),
            denied("ecs:RunTask", kEcs + "task-definition/job:1"));
  EXPECT_EQ(api.ann("RunTask", {{"taskDefinition", "absent"}}),
            denied("ecs:RunTask", kEcs + "task-definition/absent"))
      << "who may not, does not learn what there is";
}

TEST(Rights, DependOnTheClusterAndTheServiceThatACallIsAbout) {
  Api api;
  api.ann_may("ecs:*Service*", kEcs + "service/default/web",
              {{"ArnEquals", {{"ecs:cluster", kEcs + "cluster/default"}}}});
  EXPECT_EQ(api.ann("DescribeServices", {{"services", {"web"}}}), "");
  EXPECT_EQ(api.ann("DescribeServices", {{"services", {"web", "api"}}}),
            denied("ecs:DescribeServices", kEcs + "service/default/api"))
      << "each of them";
  EXPECT_EQ(api.ann("DeleteService", {{"cluster", "other"}, {"service", "web"}}),
            denied("ecs:DeleteService", kEcs + "service/other/web"));
  api.ann_may("ecs:*", "*", {{"StringEquals", {{"ecs:cluster", kEcs + "cluster/other"}}}});
  EXPECT_EQ(api.ann("ListTasks", {{"cluster", "other"}}), "");
  EXPECT_EQ(api.ann("ListTasks", json::object()),
            denied("ecs:ListTasks", kEcs + "container-instance/default/*"));
}

TEST(Rights, ADenyOfOneResourceLeavesTheOthers) {
  Api api;
  api.ann_may(json::array({{{"Effect", "Allow"}, {"Action", "ecs:*"}, {"Resource", "*"}},
                           {{"Effect", "Deny"}, {"Action", "ecs:*"}, {"Resource", kEcs + "cluster/other"}}}));
  EXPECT_EQ(api.ann("UpdateClusterSettings", {{"cluster", "default"}, {"settings", json::array()}})
                .find("AccessDenied"),
            std::string::npos);
  EXPECT_THAT(api.ann("DeleteCluster", {{"cluster", "other"}}),
              HasSubstr("cluster/other with an explicit deny in an identity-based policy"));
}

TEST(Rights, HandingARoleOnNeedsPassRoleForThatService) {
  Api api;
  const std::string app = "arn:aws:iam::000000000000:role/app";
  const json statement = {
      {"Effect", "Allow"}, {"Action", {"ecs:RegisterTaskDefinition", "ecs:RunTask"}}, {"Resource", "*"}};
  api.ann_may(json::array({statement}));
  EXPECT_EQ(api.ann("RegisterTaskDefinition", Api::definition("plain")), "");
  const json with_role = Api::definition("web", {{"taskRoleArn", app}});
  EXPECT_EQ(api.ann("RegisterTaskDefinition", with_role), denied("iam:PassRole", app));
  const auto pass = [&](const char* service) {
    return json{{"Effect", "Allow"},
                {"Action", "iam:PassRole"},
                {"Resource", app},
                {"Condition", {{"StringEquals", {{"iam:PassedToService", service}}}}}};
  };
  api.ann_may(json::array({statement, pass("ec2.amazonaws.com")}));
  EXPECT_EQ(api.ann("RegisterTaskDefinition", with_role), denied("iam:PassRole", app));
  api.ann_may(json::array({statement, pass("ecs-tasks.amazonaws.com")}));
  EXPECT_EQ(api.ann("RegisterTaskDefinition", with_role), "");
  EXPECT_EQ(api.ann("RegisterTaskDefinition", Api::definition("web", {{"executionRoleArn", "boss"}})),
            denied("iam:PassRole", "arn:aws:iam::000000000000:role/boss"));
  EXPECT_EQ(api.ann("RunTask", {{"taskDefinition", "plain"}, {"overrides", {{"taskRoleArn", "boss"}}}}),
            denied("iam:PassRole", "arn:aws:iam::000000000000:role/boss"));
}

TEST(Rights, AnInstanceProfileTakesOnlyARoleThatMayBePassedToHosts) {
  Api api;
  const std::string trust =
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
  api.with_iam("CreateRole",
               {{"RoleName", "host"}, {"Path", "/hosts/"}, {"AssumeRolePolicyDocument", trust}});
  api.with_iam("CreateInstanceProfile", {{"InstanceProfileName", "hosts"}});
  const Form form{{"InstanceProfileName", "hosts"}, {"RoleName", "host"}};
  EXPECT_THAT(api.with_iam("AddRoleToInstanceProfile", form, true),
              HasSubstr("iam:PassRole on resource: arn:aws:iam::000000000000:role/hosts/host"));
  api.ann_may("iam:PassRole", "arn:aws:iam::000000000000:role/hosts/*",
              {{"StringEquals", {{"iam:PassedToService", "ec2.amazonaws.com"}}}});
  EXPECT_THAT(api.with_iam("AddRoleToInstanceProfile", form, true),
              HasSubstr("AddRoleToInstanceProfileResponse"));
}

TEST(Rights, TagsOfACallAndOfAResourceAreConditions) {
  Api api;
  const json tags = json::array({{{"key", "team"}, {"value", "a"}}});
  api.ann_may("ecs:CreateCluster", "*");
  EXPECT_EQ(api.ann("CreateCluster", {{"clusterName", "tagged"}, {"tags", tags}}),
            denied("ecs:TagResource", kEcs + "cluster/tagged"));
  api.ann_may(json::array({{{"Effect", "Allow"},
                            {"Action", "ecs:CreateCluster"},
                            {"Resource", "*"},
                            {"Condition", {{"StringEquals", {{"aws:RequestTag/team", "a"}}}}}},
                           {{"Effect", "Allow"},
                            {"Action", "ecs:TagResource"},
                            {"Resource", "*"},
                            {"Condition", {{"StringEquals", {{"ecs:CreateAction", "CreateCluster"}}}}}},
                           {{"Effect", "Allow"},
                            {"Action", "ecs:DeleteCluster"},
                            {"Resource", "*"},
                            {"Condition", {{"StringEquals", {{"aws:ResourceTag/team", "a"}}}}}}}));
  EXPECT_EQ(api.ann("CreateCluster", {{"clusterName", "tagged"}, {"tags", tags}}), "");
  EXPECT_THAT(api.ann("CreateCluster", {{"clusterName", "plain"}}), StartsWith("AccessDeniedException"));
  EXPECT_EQ(api.ann("DeleteCluster", {{"cluster", "tagged"}}), "");
  EXPECT_EQ(api.ann("DeleteCluster", {{"cluster", "other"}}),
            denied("ecs:DeleteCluster", kEcs + "cluster/other"));
}

TEST(Rights, WhatARegisteredDefinitionAsksForIsACondition) {
  Api api;
  api.ann_may(
      "ecs:RegisterTaskDefinition", "*",
      {{"Bool", {{"ecs:privileged", "false"}}}, {"NumericLessThanEquals", {{"ecs:task-memory", "512"}}}});
  EXPECT_EQ(api.ann("RegisterTaskDefinition", Api::definition("small", {{"memory", "512"}})), "");
  EXPECT_THAT(api.ann("RegisterTaskDefinition", Api::definition("large", {{"memory", "1024"}})),
              StartsWith("AccessDeniedException"));
  json root = Api::definition("root", {{"memory", "512"}});
  root["containerDefinitions"][0]["privileged"] = true;
  EXPECT_THAT(api.ann("RegisterTaskDefinition", root), StartsWith("AccessDeniedException"));
}

TEST(Rights, OfLoadBalancersAreOfTheirArns) {
  Api api;
  const std::string elb = "arn:aws:elasticloadbalancing:us-east-1:000000000000:";
  api.ann_may("elasticloadbalancing:*", elb + "targetgroup/web/*");
  const Form create{{"Name", "web"}, {"Protocol", "HTTP"}, {"Port", "80"}, {"VpcId", "vpc-a"}};
  EXPECT_EQ(api.ann_elb("CreateTargetGroup", create), "");
  Form other = create;
  other[0].second = "api";
  EXPECT_EQ(api.ann_elb("CreateTargetGroup", other),
            "AccessDenied: User: " + std::string(kAnn) +
                " is not authorized to perform: elasticloadbalancing:CreateTargetGroup on resource: " + elb +
                "targetgroup/api/* because no identity-based policy allows the "
                "elasticloadbalancing:CreateTargetGroup action");
  EXPECT_THAT(api.ann_elb("DescribeTargetGroups", {}), HasSubstr("on resource: * because"));
  EXPECT_THAT(
      api.ann_elb("DeleteTargetGroup", {{"TargetGroupArn", elb + "targetgroup/api/0123456789abcdef"}}),
      StartsWith("AccessDenied"));
  EXPECT_THAT(
      api.ann_elb("DeleteTargetGroup", {{"TargetGroupArn", elb + "targetgroup/web/0123456789abcdef"}}),
      testing::Not(StartsWith("AccessDenied")));
}

TEST(Rights, OfSecretsAndParametersAreOfTheirNames) {
  Api api;
  api.ann_may("secretsmanager:*", "arn:aws:secretsmanager:us-east-1:000000000000:secret:app-??????");
  EXPECT_EQ(api.ann_secret("CreateSecret", {{"Name", "app"}, {"SecretString", "v"}}), "");
  EXPECT_EQ(api.ann_secret("GetSecretValue", {{"SecretId", "app"}}), "");
  EXPECT_EQ(api.ann_secret("GetSecretValue", {{"SecretId", "other"}}),
            denied("secretsmanager:GetSecretValue",
                   "arn:aws:secretsmanager:us-east-1:000000000000:secret:other-\?\?\?\?\?\?"));
  EXPECT_THAT(api.ann_secret("BatchGetSecretValue", {{"SecretIdList", {"app"}}}), StartsWith("AccessDenied"));
  api.ann_may("ssm:*Parameter*", "arn:aws:ssm:us-east-1:000000000000:parameter/app/*");
  EXPECT_EQ(api.ann_parameter("PutParameter", {{"Name", "/app/host"}, {"Value", "v"}, {"Type", "String"}}),
            "");
  EXPECT_EQ(api.ann_parameter("GetParameters", {{"Names", {"/app/host:1"}}}), "");
  EXPECT_EQ(api.ann_parameter("GetParameters", {{"Names", {"/app/host", "/db"}}}),
            denied("ssm:GetParameters", "arn:aws:ssm:us-east-1:000000000000:parameter/db"));
}

TEST(Rights, EveryOperationOfEcsAndElbv2SaysWhatItIsAbout) {
  Api api;
  EXPECT_THAT(api.ecs_by_action_alone(), testing::IsEmpty());
  EXPECT_THAT(api.elb_by_action_alone(), testing::IsEmpty());
}

}  // namespace
}  // namespace agent::api
