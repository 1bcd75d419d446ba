#include "agent/control/records/account.h"
#include "agent/control/records/ecs.h"
#include "agent/control/records/elb.h"

#include <gtest/gtest.h>

namespace agent::control {
namespace {

namespace lb = shared::lbconfig;

// A row that went through text twice is the same text: nothing is lost on the way.
template <class T>
void expect_round_trip(const T& row, std::string (*encode)(const T&), bool (*decode)(std::string_view, T&)) {
  const std::string once = encode(row);
  T back{};
  ASSERT_TRUE(decode(once, back)) << once;
  EXPECT_EQ(encode(back), once);
}

shared::WallTime at(long long ms) { return shared::from_epoch_millis(ms); }

TEST(EcsRecords, TasksSurviveTheStore) {
  model::Task task;
  task.arn = "a";
  task.id = "i";
  task.cluster = "c";
  task.last_status = model::TaskStatus::kDeactivating;
  task.desired_status = model::DesiredStatus::kStopped;
  task.reserved = {5, 6, {80, 81}, {53}};
  task.targets = {{"tg", "r1"}};
  task.overrides = R"({"x": "\"quoted\""})";
  task.tags = {{"k", "v"}};
  task.started_at = at(123);
  task.in_service_at = at(124);
  task.draining_at = at(125);
  task.acknowledged_at = at(126);
  task.protected_until = at(456);
  model::Container container;
  container.name = "main";
  container.exit_code = 0;
  container.memory = 5;
  container.bindings = {{"0.0.0.0", 80, 32768, "tcp"}};
  container.status = model::ContainerStatus::kStopped;
  task.containers = {container};
  expect_round_trip(task, encode_task, decode_task);
  model::Task back;
  ASSERT_TRUE(decode_task(encode_task(task), back));
  EXPECT_EQ(back.last_status, model::TaskStatus::kDeactivating);
  EXPECT_EQ(back.reserved, task.reserved);
  EXPECT_EQ(back.containers[0].exit_code, 0);
  EXPECT_FALSE(back.containers[0].memory_reservation.has_value());
  EXPECT_EQ(back.started_at, at(123));
  EXPECT_EQ(back.in_service_at, at(124));
  EXPECT_EQ(back.draining_at, at(125));
  EXPECT_EQ(back.acknowledged_at, at(126));
  EXPECT_FALSE(back.stopped_at.has_value());
  EXPECT_EQ(back.protected_until, at(456));
}

TEST(EcsRecords, ServicesSurviveTheStore) {
  model::Service service;
  service.arn = "a";
  service.name = "n";
  service.cluster = "c";
  service.configuration = {150, 50, true, true};
  service.deployments = {{"ecs-svc/1",
                          model::DeploymentStatus::kActive,
                          "td",
                          model::RolloutState::kFailed,
                          "why",
                          3,
                          2,
                          true,
                          {{"tg", "main", 80}},
                          at(1),
                          at(2),
                          true}};
  service.placement_strategy = {{model::StrategyType::kBinpack, "memory"}};
  service.placement_constraints = {{model::ConstraintType::kDistinctInstance, ""}};
  service.next_start_at = at(9);
  expect_round_trip(service, encode_service, decode_service);
  model::Service back;
  ASSERT_TRUE(decode_service(encode_service(service), back));
  EXPECT_EQ(back.deployments[0].rollout_state, model::RolloutState::kFailed);
  EXPECT_TRUE(back.deployments[0].is_rollback);
  EXPECT_EQ(back.configuration.minimum_healthy_percent, 50);
  EXPECT_EQ(back.placement_constraints[0].type, model::ConstraintType::kDistinctInstance);
}

TEST(EcsRecords, TheRestSurvivesToo) {
  model::Cluster cluster{"n", "a", model::ClusterStatus::kInactive, {{"s", "v"}}, {{"k", "v"}}, "{}", at(5)};
  expect_round_trip(cluster, encode_cluster, decode_cluster);
  model::ContainerInstance instance;
  instance.arn = "a";
  instance.id = "i";
  instance.cluster = "c";
  instance.status = model::InstanceStatus::kDraining;
  instance.registered = {1, 2, {22}, {}};
  instance.attributes = {{"name-only", ""}};
  instance.put_attributes = {"name-only"};
  expect_round_trip(instance, encode_instance, decode_instance);
  model::TaskDefinition definition;
  definition.arn = "a";
  definition.family = "f";
  definition.revision = 3;
  definition.document = R"({"containerDefinitions": [{"name": "main", "image": "i", "cpu": 7}]})";
  expect_round_trip(definition, encode_task_definition, decode_task_definition);
  expect_round_trip(model::Family{"f", 3}, encode_family, decode_family);
  model::CapacityProvider provider;
  provider.arn = "a";
  provider.name = "n";
  provider.scaling = {true, 90, 2, 3, 4};
  provider.termination_protection = true;
  provider.managed_draining = false;
  provider.update_status = "UPDATE_COMPLETE";
  expect_round_trip(provider, encode_capacity_provider, decode_capacity_provider);
  model::ServiceRevision revision;
  revision.arn = "a";
  revision.cluster = "c";
  revision.service = "s";
  revision.number = "12";
  revision.strategy = {{"p", 1, 2}};
  revision.load_balancers = {{"tg", "main", 80}};
  expect_round_trip(revision, encode_service_revision, decode_service_revision);
  model::ServiceDeployment deployment;
  deployment.arn = "a";
  deployment.id = "i";
  deployment.cluster = "c";
  deployment.service = "s";
  deployment.source_revisions = {"11"};
  deployment.status = model::ServiceDeploymentStatus::kRollbackInProgress;
  deployment.configuration.threshold = {model::BreakerThresholdType::kCount, 7};
  deployment.configuration.reset_on_healthy_task = false;
  deployment.rollback = {"why", at(4), "11", "ecs-svc/13"};
  deployment.finished_at = at(9);
  expect_round_trip(deployment, encode_service_deployment, decode_service_deployment);
  expect_round_trip(model::AccountSetting{"n", "v", "arn:p"}, encode_account_setting, decode_account_setting);
  const model::ServiceEvent event{"e", at(3), "(service n) \xF0\x9F\x9A\xA2"};
  expect_round_trip(event, encode_service_event, decode_service_event);
  model::TaskDefinition back;
  ASSERT_TRUE(decode_task_definition(encode_task_definition(definition), back));
  EXPECT_EQ(back.containers.at(0).cpu, 7);  // typed members come back from the document
}

TEST(EcsRecords, AClustersProvidersMoveOutOfWhatAnOlderVersionOnlyEchoed) {
  model::Cluster row;
  ASSERT_TRUE(decode_cluster(
      R"({"name": "n", "arn": "a", "document": "{\"capacityProviders\":[\"FARGATE\"],\"configuration\":{},)"
      R"(\"defaultCapacityProviderStrategy\":[{\"capacityProvider\":\"FARGATE\",\"weight\":1}]}"})",
      row));
  EXPECT_EQ(row.capacity_providers, std::vector<std::string>{"FARGATE"});
  EXPECT_EQ(row.default_strategy, (std::vector<model::StrategyItem>{{"FARGATE", 1, 0}}));
  EXPECT_EQ(row.document, R"({"configuration":{}})");
  expect_round_trip(row, encode_cluster, decode_cluster);
}

TEST(EcsRecords, RefuseWhatIsDamagedAndAcceptWhatIsOld) {
  model::Task task;
  EXPECT_FALSE(decode_task("", task));
  EXPECT_FALSE(decode_task("[]", task));
  EXPECT_FALSE(decode_task(R"({"arn": "a", "id": "i", "cluster": "c", "last_status": "LATER"})", task));
  EXPECT_FALSE(decode_task(R"({"arn": 5, "id": "i", "cluster": "c"})", task));
  model::Task old;
  EXPECT_TRUE(decode_task(R"({"arn": "a", "id": "i", "cluster": "c", "future": {"x": 1}})", old));
  EXPECT_EQ(old.last_status, model::TaskStatus::kPending);
}

TEST(ElbRecords, TargetsSurviveTheStore) {
  model::RegisteredTarget target;
  target.target_group_arn = "arn:tg";
  target.id = "mi-1";
  target.port = 8080;
  target.registration = "r1";
  target.task_arn = "arn:task";
  target.state = lb::TargetState::kDraining;
  target.registered_at = at(1);
  target.sequence = 7;
  target.draining_since = at(2);
  target.drain_version = 3;
  target.exposed = true;
  expect_round_trip(target, encode_target, decode_target);
  model::RegisteredTarget back;
  ASSERT_TRUE(decode_target(encode_target(target), back));
  EXPECT_EQ(back.target_group_arn, "arn:tg");
  EXPECT_EQ(back.sequence, 7u);
  EXPECT_EQ(back.drain_version, 3u);
  EXPECT_EQ(back.draining_since, at(2));
  EXPECT_FALSE(decode_target(R"({"id": "mi-1", "registration": "r1"})", back)) << "of no group";
}

}  // namespace
}  // namespace agent::control
