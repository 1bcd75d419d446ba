#include "agent/aws/arn.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace agent::aws {
namespace {

using testing::ElementsAre;

const Realm kRealm{"aws", "eu-central-1", "123456789012"};

TEST(Arn, RoundTripsAndKeepsColonsInTheResource) {
  const std::string text = "arn:aws:ecs:eu-central-1:123456789012:task-definition/app:7";
  const auto arn = parse_arn(text);
  ASSERT_TRUE(arn);
  EXPECT_EQ(arn->service, "ecs");
  EXPECT_EQ(arn->resource, "task-definition/app:7");
  EXPECT_EQ(to_string(*arn), text);
  EXPECT_TRUE(parse_arn("arn:aws:iam::123456789012:root"));
  for (const char* bad :
       {"", "arn", "arn:aws:ecs:r:a", "arn:aws:ecs:r:a:", "arn::ecs:r:a:x", "ARN:aws:ecs:r:a:x"}) {
    EXPECT_FALSE(parse_arn(bad)) << bad;
  }
}

TEST(CertificateArn, IsOursOrNot) {
  const std::string arn = certificate_arn(kRealm, "0c0ffee0-0000-4000-8000-000000000000");
  EXPECT_EQ(arn, "arn:aws:acm:eu-central-1:123456789012:certificate/0c0ffee0-0000-4000-8000-000000000000");
  EXPECT_TRUE(is_certificate_arn(kRealm, arn));
  for (const char* other :
       {"arn:aws:acm:eu-west-1:123456789012:certificate/1", "arn:aws:acm:eu-central-1:1:certificate/1",
        "arn:aws-cn:acm:eu-central-1:123456789012:certificate/1",
        "arn:aws:acm:eu-central-1:123456789012:certificate/", "certificate/1",
        "arn:aws:iam::123456789012:server-certificate/1"})
    EXPECT_FALSE(is_certificate_arn(kRealm, other)) << other;
}

TEST(EcsArn, FormatsAndParsesEveryKind) {
  const std::string prefix = "arn:aws:ecs:eu-central-1:123456789012:";
  const struct {
    std::string resource;
    EcsKind kind;
    std::vector<std::string> parts;
  } cases[] = {
      {"cluster/web", EcsKind::kCluster, {"web"}},
      {"service/web/api", EcsKind::kService, {"web", "api"}},
      {"task/web/0123", EcsKind::kTask, {"web", "0123"}},
      {"container/web/01/u-u", EcsKind::kContainer, {"web", "01", "u-u"}},
      {"container-instance/web/ab", EcsKind::kContainerInstance, {"web", "ab"}},
      {"task-definition/app:7", EcsKind::kTaskDefinition, {"app:7"}},
      {"capacity-provider/cp", EcsKind::kCapacityProvider, {"cp"}},
      {"task-set/web/api/ecs-svc/12", EcsKind::kTaskSet, {"web", "api", "ecs-svc", "12"}},
      {"service-deployment/web/api/NCW", EcsKind::kServiceDeployment, {"web", "api", "NCW"}},
      {"service-revision/web/api/12", EcsKind::kServiceRevision, {"web", "api", "12"}},
      {"attachment/web/u", EcsKind::kAttachment, {"web", "u"}},
  };
  for (const auto& c : cases) {
    const std::string name = c.resource.substr(c.resource.find('/') + 1);
    const std::string arn = ecs_arn(kRealm, c.kind, name);
    EXPECT_EQ(arn, prefix + c.resource);
    EXPECT_EQ(name_in(c.kind, arn), name);
    const auto got = parse_ecs_arn(kRealm, arn);
    ASSERT_TRUE(got) << got.error().text();
    EXPECT_EQ(got->kind, c.kind);
    EXPECT_EQ(got->parts, c.parts);
  }
}

TEST(EcsArn, HasANameForItsOwnKindOnly) {
  const std::string arn = ecs_arn(kRealm, EcsKind::kTask, "web/:task/x");
  EXPECT_EQ(name_in(EcsKind::kTask, arn), "web/:task/x");
  EXPECT_EQ(name_in(EcsKind::kTaskDefinition, arn), "");
  EXPECT_EQ(name_in(EcsKind::kContainer, ecs_arn(kRealm, EcsKind::kContainerInstance, "web/a")), "");
  for (const char* none :
       {"", "task/web/01", "arn:aws:ecs", "arn:aws:ecs:r:a:task", "web:task/x:y:z:task/01"})
    EXPECT_EQ(name_in(EcsKind::kTask, none), "") << none;
}

TEST(EcsArn, RefusesOtherAccountsRegionsServicesAndShapes) {
  for (const char* bad :
       {"arn:aws:ecs:us-east-1:123456789012:cluster/web", "arn:aws:ecs:eu-central-1:999999999999:cluster/web",
        "arn:aws-cn:ecs:eu-central-1:123456789012:cluster/web",
        "arn:aws:sts:eu-central-1:123456789012:cluster/web", "arn:aws:ecs:eu-central-1:123456789012:cluster/",
        "arn:aws:ecs:eu-central-1:123456789012:cluster/a/b",
        "arn:aws:ecs:eu-central-1:123456789012:service//x", "arn:aws:ecs:eu-central-1:123456789012:planet/x",
        "arn:aws:ecs:eu-central-1:123456789012:cluster", "arn:nonsense"}) {
    const auto got = parse_ecs_arn(kRealm, bad);
    ASSERT_FALSE(got) << bad;
    EXPECT_EQ(got.error().code(), "InvalidParameterException");
  }
}

TEST(EcsIdentifiers, AreNamesOrArns) {
  EXPECT_EQ(*parse_cluster(kRealm, ""), "default");
  EXPECT_EQ(*parse_cluster(kRealm, "web"), "web");
  EXPECT_EQ(*parse_cluster(kRealm, ecs_arn(kRealm, EcsKind::kCluster, "web")), "web");
  EXPECT_FALSE(parse_cluster(kRealm, ecs_arn(kRealm, EcsKind::kService, "web/api")));
  EXPECT_FALSE(parse_cluster(kRealm, "a/b"));

  const auto service = parse_scoped(kRealm, EcsKind::kService, ecs_arn(kRealm, EcsKind::kService, "web/api"));
  EXPECT_EQ(service->cluster, "web");
  EXPECT_EQ(service->id, "api");
  const auto old = parse_scoped(kRealm, EcsKind::kTask, "arn:aws:ecs:eu-central-1:123456789012:task/8-4-4");
  EXPECT_EQ(old->cluster, std::nullopt);
  EXPECT_EQ(old->id, "8-4-4");
}

TEST(EcsIdentifiers, OfAnotherClusterAreRefused) {
  const std::string arn = ecs_arn(kRealm, EcsKind::kTask, "web/01");
  EXPECT_EQ(*parse_in_cluster(kRealm, EcsKind::kTask, arn, "web"), "01");
  EXPECT_EQ(*parse_in_cluster(kRealm, EcsKind::kTask, "01", "other"), "01");
  EXPECT_EQ(parse_in_cluster(kRealm, EcsKind::kTask, arn, "other").error().text(),
            "Invalid identifier: Identifier is for cluster web. Your cluster is other");
}

TEST(EcsIdentifiers, TaskDefinitionsHaveAnOptionalRevision) {
  const std::string prefix = "arn:aws:ecs:eu-central-1:123456789012:task-definition/";
  for (const std::string& text : {std::string("app:7"), prefix + "app:7"}) {
    const auto got = parse_task_definition(kRealm, text);
    EXPECT_EQ(got->family, "app");
    EXPECT_EQ(got->revision, 7);
  }
  for (const std::string& text : {std::string("app:7"), prefix + "app:x"}) EXPECT_TRUE(names_revision(text));
  EXPECT_EQ(parse_definition_name("app:007")->revision, 7);
  EXPECT_EQ(parse_definition_name("app:x"), std::nullopt);
  for (const std::string& text : {std::string("app"), prefix + "app"}) {
    EXPECT_FALSE(names_revision(text));
    EXPECT_EQ(parse_task_definition(kRealm, text)->revision, std::nullopt);
  }
  for (const char* bad :
       {"", "app:", "app:0", "app:x", "app:1:2", "app:99999999999", ":1", "a b:1", "app:-1"}) {
    EXPECT_EQ(parse_task_definition(kRealm, bad).error().code(), "InvalidParameterException") << bad;
  }
}

TEST(ElbArn, NestsListenersAndRulesAsClientsExpect) {
  const std::string balancer = load_balancer_arn(kRealm, "app", "web", "50dc6c495c0c9188");
  const std::string listener = listener_arn(balancer, "f2f7dc8efc522ab2");
  const std::string rule = rule_arn(listener, "9683b2d02a6cabee");
  EXPECT_EQ(balancer,
            "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188");
  EXPECT_EQ(listener,
            "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener/app/web/50dc6c495c0c9188/"
            "f2f7dc8efc522ab2");
  EXPECT_EQ(rule,
            "arn:aws:elasticloadbalancing:eu-central-1:123456789012:listener-rule/app/web/50dc6c495c0c9188/"
            "f2f7dc8efc522ab2/9683b2d02a6cabee");
  EXPECT_EQ(elb_kind_of(balancer), ElbKind::kLoadBalancer);
  EXPECT_EQ(elb_kind_of(listener), ElbKind::kListener);
  EXPECT_EQ(elb_kind_of(rule), ElbKind::kRule);
  EXPECT_EQ(elb_kind_of(target_group_arn(kRealm, "tg", "01")), ElbKind::kTargetGroup);
  EXPECT_EQ(elb_kind_of("arn:aws:ecs:eu-central-1:123456789012:task/web/01"), std::nullopt);

  const auto got = parse_elb_arn(kRealm, rule);
  ASSERT_TRUE(got);
  EXPECT_EQ(got->kind, ElbKind::kRule);
  EXPECT_EQ(got->type, "app");
  EXPECT_EQ(got->name, "web");
  EXPECT_EQ(got->id, "50dc6c495c0c9188");
  EXPECT_EQ(got->listener_id, "f2f7dc8efc522ab2");
  EXPECT_EQ(got->rule_id, "9683b2d02a6cabee");
  EXPECT_EQ(parse_elb_arn(kRealm, target_group_arn(kRealm, "tg", "01"), ElbKind::kTargetGroup)->name, "tg");
  const std::string store = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:truststore/ts/01";
  EXPECT_EQ(parse_elb_arn(kRealm, store)->kind, ElbKind::kTrustStore);
}

TEST(ElbArn, RefusesTheWrongKindAndShape) {
  const std::string group = target_group_arn(kRealm, "tg", "01");
  EXPECT_EQ(parse_elb_arn(kRealm, group, ElbKind::kLoadBalancer).error().text(),
            "'" + group + "' is not a valid load balancer ARN");
  for (const char* bad : {"x", "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/tg",
                          "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/classic",
                          "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/xyz/a/b",
                          "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/tg/01",
                          "arn:aws:ecs:eu-central-1:123456789012:targetgroup/tg/01"}) {
    EXPECT_EQ(parse_elb_arn(kRealm, bad).error().code(), "ValidationError") << bad;
  }
}

}  // namespace
}  // namespace agent::aws
