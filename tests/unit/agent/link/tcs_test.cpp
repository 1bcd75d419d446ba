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

}  // namespace
}  // namespace agent::link
