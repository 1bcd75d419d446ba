#include "agent/node/task/reports.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace agent::node {
namespace {

using nlohmann::json;

TEST(Reports, GoldenReportOfAStoppedTask) {
  Task t;
  t.payload.arn = "arn:task/1";
  t.known = Status::kStopped;
  t.sent = Status::kRunning;
  t.execution_stopped_at = shared::from_epoch_millis(1'700'000'002'500);
  Container web;
  web.spec.name = "web";
  web.known = Status::kStopped;
  web.sent = Status::kRunning;
  web.runtime_id = "abc";
  web.image_digest = "sha256:1";
  web.exit_code = 137;
  web.reason = std::string(1023, 'x') + "\u20ac and more";
  web.bindings = {{80, 32768, "tcp", "0.0.0.0"}};
  web.pull_started_at = shared::from_epoch_millis(1'700'000'000'000);
  web.pull_stopped_at = shared::from_epoch_millis(1'700'000'001'000);
  Container told = web;
  told.spec.name = "told";
  told.sent = Status::kStopped;
  t.containers = {web, told};
  EXPECT_EQ(due(t), Due::kNow);
  const Report report = build_report(t, "default");
  EXPECT_EQ(
      json::parse(report.body),
      (json{{"cluster", "default"},
            {"task", "arn:task/1"},
            {"status", "STOPPED"},
            {"pullStartedAt", 1700000000.0},
            {"pullStoppedAt", 1700000001.0},
            {"executionStoppedAt", 1700000002.5},
            {"containers", json::array({{{"containerName", "web"},
                                         {"status", "STOPPED"},
                                         {"runtimeId", "abc"},
                                         {"imageDigest", "sha256:1"},
                                         {"exitCode", 137},
                                         {"reason", std::string(1023, 'x')},
                                         {"networkBindings", json::array({{{"bindIP", "0.0.0.0"},
                                                                           {"containerPort", 80},
                                                                           {"hostPort", 32768},
                                                                           {"protocol", "tcp"}}})}}})}}));
  mark_sent(t, report);
  EXPECT_EQ(due(t), Due::kNothing);
}

// Control has clients sent to it until it knows.
TEST(Reports, AnEndedEssentialContainerIsDueAtOnceAndAnyOtherWithCompany) {
  Task t;
  t.known = t.sent = Status::kRunning;
  Container web;
  web.spec.name = "web";
  web.known = web.sent = Status::kRunning;
  Container side = web;
  side.spec.name = "side";
  side.spec.essential = false;
  t.containers = {web, side};
  EXPECT_EQ(due(t), Due::kNothing);
  t.containers[1].known = Status::kStopped;
  EXPECT_EQ(due(t), Due::kGather);
  t.containers[0].known = Status::kStopped;
  EXPECT_EQ(due(t), Due::kNow);
  EXPECT_EQ(json::parse(build_report(t, "c").body)["status"], "RUNNING");
}

TEST(Reports, NothingIsDueBelowRunning) {
  Task t;
  Container c;
  c.known = Status::kCreated;
  t.containers = {c};
  t.known = Status::kCreated;
  EXPECT_EQ(due(t), Due::kNothing);
  t.containers[0].known = Status::kRunning;
  EXPECT_EQ(due(t), Due::kGather);
  EXPECT_EQ(json::parse(build_report(t, "c").body)["status"], "PENDING");
}

}  // namespace
}  // namespace agent::node
