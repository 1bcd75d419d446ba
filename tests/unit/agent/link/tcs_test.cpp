#include "agent/link/tcs.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace agent::link {
namespace {

PublishHealthRequest sample() {
  PublishHealthRequest m;
  m.message_id = "id";
  m.cluster = "default";
  m.container_instance = "arn:ci";
  m.fin = false;
  m.timestamp = shared::from_epoch_millis(1'500);
  m.tasks = {{"arn:task",
              "arn:cluster",
              "shop",
              "3",
              {{"web", "HEALTHY", shared::from_epoch_millis(1'250), "fine"}, {"db", "UNKNOWN", {}, ""}}}};
  return m;
}

TEST(Tcs, HealthIsPublishedAsTheEcsAgentDoes) {
  EXPECT_EQ(nlohmann::json::parse(tcs_to_json(sample())), nlohmann::json::parse(R"({
    "type": "PublishHealthRequest", "message": {
      "metadata": {"cluster": "default", "containerInstance": "arn:ci", "fin": false, "messageId": "id"},
      "tasks": [{"taskArn": "arn:task", "clusterArn": "arn:cluster", "taskDefinitionFamily": "shop",
        "taskDefinitionVersion": "3", "containers": [
          {"containerName": "web", "healthStatus": "HEALTHY", "statusSince": 1.25, "statusMessage": "fine"},
          {"containerName": "db", "healthStatus": "UNKNOWN", "statusSince": 0.0}]}],
      "timestamp": 1.5}})"));
}

TEST(Tcs, WhatIsWrittenReadsBackWhole) {
  const std::string text = tcs_to_json(sample());
  const auto back = publish_health_from_json(text);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(tcs_to_json(*back), text);
}

TEST(Tcs, WrongMessagesNameTheMember) {
  EXPECT_EQ(*tcs_type(R"({"type":"AckPublishHealth","message":{"message":"ok"}})"), "AckPublishHealth");
  EXPECT_EQ(tcs_type("nonsense").error().code(), "BadRequestException");
  EXPECT_NE(tcs_type(R"({"message":{}})").error().text().find("type"), std::string::npos);
  EXPECT_TRUE(publish_health_from_json(R"({"message":{}})")) << "nothing to tell is no error";
  const auto bad = publish_health_from_json(R"({"message":{"tasks":[{"containers":[]}]}})");
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().code(), "BadRequestException");
  EXPECT_NE(bad.error().text().find("taskArn"), std::string::npos) << bad.error().text();
}

TEST(Tcs, WhatTasksUseIsPublishedAsTheEcsAgentDoesAndReadAsAverages) {
  PublishMetricsRequest m;
  m.message_id = "id";
  m.cluster = "default";
  m.container_instance = "arn:ci";
  m.tasks = {{"arn:task", "arn:cluster", "shop", "3", {{"web", 12.5, 64}}}};
  const auto json = nlohmann::json::parse(tcs_to_json(m));
  EXPECT_EQ(json["message"]["metadata"]["idle"], false);
  const auto& container = json["message"]["taskMetrics"][0]["containerMetrics"][0];
  EXPECT_EQ(container["cpuStatsSet"],
            nlohmann::json::parse(R"({"min": 12.5, "max": 12.5, "sum": 12.5, "sampleCount": 1})"));
  const auto read = publish_metrics_from_json(R"({"message": {"metadata": {"fin": false}, "taskMetrics": [
      {"taskArn": "arn:task", "containerMetrics": [
        {"containerName": "web", "cpuStatsSet": {"min": 1, "max": 3, "sum": 40, "sampleCount": 20},
         "memoryStatsSet": {"sum": 100, "sampleCount": 4}, "networkStatsSet": {"rxBytes": {}}},
        {"containerName": "new", "cpuStatsSet": {"sum": 0, "sampleCount": 0}}]}]}})");
  ASSERT_TRUE(read) << read.error().text();
  ASSERT_EQ(read->tasks.size(), 1U);
  ASSERT_EQ(read->tasks[0].containers.size(), 1U) << "one without samples says nothing";
  EXPECT_EQ(read->tasks[0].containers[0].cpu, 2);
  EXPECT_EQ(read->tasks[0].containers[0].memory, 25);
  EXPECT_FALSE(read->fin);
  EXPECT_TRUE(
      publish_metrics_from_json(R"({"message": {"metadata": {"idle": true, "fin": true}}})")->tasks.empty());
}

}  // namespace
}  // namespace agent::link
