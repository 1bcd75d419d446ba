// Limits of requests, retries, ejection, rates and maintenance in a configuration.
#include "shared/lbconfig/guard.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/lbconfig/json.h"

namespace shared::lbconfig {
namespace {

// A group with `group` among its members, a listener with `options`.
std::string guarded(const std::string& group, const std::string& options = "") {
  return R"({"listeners": [{"id": "l", "port": 80, "options": {)" + options +
         R"(}, "default_action": {"type": "forward", "forward": {"target_groups": [{"target_group": "x"}]}}}],
  "target_groups": [{"id": "x")" +
         (group.empty() ? "" : ", " + group) + "}]}";
}
std::string guard_complaint(const std::string& json) {
  const auto config = config_from_json(json);
  return config ? "" : config.error().text();
}

TEST(GuardJson, IsReadWithItsDefaults) {
  const auto config = config_from_json(guarded(
      R"("request_limit": {"per_target": 4}, "hold_requests": {"requests": 7}, "retry_budget": {}, "outlier_ejection": {"time_ms": 400000},
              "maintenance": {})",
      R"("rate_limit": {"requests": 7}, "add_traceparent": "sampled")"));
  ASSERT_TRUE(config) << config.error().text();
  const TargetGroup& group = *config->target_groups[0];
  EXPECT_EQ(group.request_limit, (RequestLimit{4, 0, Millis(1'000)}));
  EXPECT_EQ(group.hold_requests, (HoldRequests{7, Millis(30'000)}));
  EXPECT_EQ(group.retry_budget, (RetryBudget{20, 3}));
  EXPECT_EQ(group.outlier_ejection, (OutlierEjection{5, Millis(400'000), Millis(400'000), 10}));
  EXPECT_EQ(group.maintenance, Maintenance());
  const ListenerOptions& options = config->listeners[0]->options;
  EXPECT_EQ(options.rate_limit, (RateLimit{7, 1, 7, 0})) << "a burst as large as the rate";
  EXPECT_EQ(options.add_traceparent, AddTraceparent::kSampled);
}

// A balancer or control of before these members refuses what it does not know.
TEST(GuardJson, SaysNothingWhereNothingIsSet) {
  const std::string plain = config_to_json(*config_from_json(guarded("")));
  for (const char* member : {"request_limit", "hold_requests", "retry_budget", "outlier_ejection",
                             "maintenance", "rate_limit", "add_traceparent"}) {
    EXPECT_EQ(plain.find(member), std::string::npos) << member;
  }
}

TEST(GuardJson, NamesWhatIsWrong) {
  const std::string group = "target_groups[0].", options = "listeners[0].options.";
  EXPECT_EQ(guard_complaint(guarded(R"("request_limit": {"queue": 1})")),
            group + "request_limit.per_target: is required");
  EXPECT_EQ(guard_complaint(guarded(R"("request_limit": {"per_target": 0})")),
            group + "request_limit.per_target: must be from 1 to 65535, got 0");
  EXPECT_EQ(guard_complaint(guarded(R"("request_limit": {"per_target": 1, "queue": 65536})")),
            group + "request_limit.queue: must be from 0 to 10000, got 65536");
  EXPECT_EQ(guard_complaint(guarded(R"("request_limit": {"per_target": 1, "wait_limit_ms": 0})")),
            group + "request_limit.wait_limit_ms: must be from 1 to 300000, got 0");
  EXPECT_EQ(guard_complaint(guarded(R"("hold_requests": {"requests": 0})")),
            group + "hold_requests.requests: must be from 1 to 10000, got 0");
  EXPECT_EQ(guard_complaint(guarded(R"("hold_requests": {"wait_limit_ms": 300001})")),
            group + "hold_requests.wait_limit_ms: must be from 1 to 300000, got 300001");
  EXPECT_EQ(guard_complaint(guarded(R"("retry_budget": {"percent": 101})")),
            group + "retry_budget.percent: must be from 0 to 100, got 101");
  EXPECT_EQ(guard_complaint(guarded(R"("outlier_ejection": {"time_ms": 9, "max_time_ms": 8})")),
            group + "outlier_ejection.max_time_ms: must be from 9 to 3600000, got 8");
  EXPECT_EQ(guard_complaint(guarded(R"("outlier_ejection": {"max_percent": 0})")),
            group + "outlier_ejection.max_percent: must be from 1 to 100, got 0");
  EXPECT_EQ(guard_complaint(guarded(R"("maintenance": {"body": ")" + std::string(1025, 'a') + "\"}")),
            group + "maintenance.body: is longer than 1024 bytes");
  EXPECT_EQ(guard_complaint(guarded("", R"("maintenance": {"content_type": "a\nb"})")),
            options + "maintenance.content_type: holds a control character");
  EXPECT_EQ(guard_complaint(guarded("", R"("maintenance": {"retry_after_seconds": -1})")),
            options + "maintenance.retry_after_seconds: must be from 0 to 604800, got -1");
  EXPECT_EQ(guard_complaint(guarded("", R"("rate_limit": {"burst": 5})")),
            options + "rate_limit.requests: is required");
  EXPECT_EQ(guard_complaint(guarded("", R"("rate_limit": {"requests": 1, "forwarded_for_hops": 31})")),
            options + "rate_limit.forwarded_for_hops: must be from 0 to 30, got 31");
  EXPECT_NE(
      guard_complaint(guarded("", R"("rate_limit": {"requests": 1, "per_second": 1})")).find("per_second"),
      std::string::npos);
  EXPECT_NE(guard_complaint(guarded("", R"("add_traceparent": "yes")")).find("expected one of"),
            std::string::npos);
}

}  // namespace
}  // namespace shared::lbconfig
