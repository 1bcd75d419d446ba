#include <algorithm>
#include <nlohmann/json.hpp>

#include "shared/lbconfig/config_value.h"

namespace shared::lbconfig {

namespace {

using json::Reader;
using Value = nlohmann::json;

constexpr std::size_t kMaxMaintenanceBody = 1024;

constexpr std::array<Choice<AddTraceparent>, 3> kTraceparents{{{"off", AddTraceparent::kOff},
                                                               {"sampled", AddTraceparent::kSampled},
                                                               {"unsampled", AddTraceparent::kUnsampled}}};

std::optional<Maintenance> read_maintenance(const Reader& in) {
  const auto inner = in.child("maintenance");
  if (!inner) return std::nullopt;
  inner->only_members({"body", "content_type", "retry_after_seconds"});
  return Maintenance{inner->string_or("body", ""), inner->string_or("content_type", ""),
                     inner->integer_or<int>("retry_after_seconds", 0)};
}

void write_maintenance(const std::optional<Maintenance>& maintenance, Value& value) {
  if (!maintenance) return;
  value["maintenance"] = {{"body", maintenance->body},
                          {"content_type", maintenance->content_type},
                          {"retry_after_seconds", maintenance->retry_after_seconds}};
}

// The first thing that is wrong.
class Problem {
 public:
  explicit Problem(const std::string& path) : path_(path) {}
  void range(std::int64_t value, std::int64_t least, std::int64_t most, std::string_view member) {
    if (value >= least && value <= most) return;
    say(member, "must be from " + std::to_string(least) + " to " + std::to_string(most) + ", got " +
                    std::to_string(value));
  }
  void maintenance(const std::optional<Maintenance>& maintenance) {
    if (!maintenance) return;
    if (maintenance->body.size() > kMaxMaintenanceBody) say("maintenance.body", "is longer than 1024 bytes");
    const std::string& type = maintenance->content_type;
    if (std::any_of(type.begin(), type.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
      say("maintenance.content_type", "holds a control character");
    range(maintenance->retry_after_seconds, 0, kMaxRetryAfter, "maintenance.retry_after_seconds");
  }
  std::string text() && { return std::move(text_); }

 private:
  void say(std::string_view member, const std::string& what) {
    if (text_.empty()) text_ = path_ + "." + std::string(member) + ": " + what;
  }
  const std::string& path_;
  std::string text_;
};

}  // namespace

void read_guard(const Reader& in, TargetGroup& group) {
  if (const auto inner = in.child("request_limit")) {
    inner->only_members({"per_target", "queue", "wait_limit_ms"});
    RequestLimit limit;
    limit.per_target = inner->required_integer<int>("per_target");
    limit.queue = inner->integer_or<int>("queue", limit.queue);
    limit.wait_limit = millis_or(*inner, "wait_limit_ms", limit.wait_limit);
    group.request_limit = limit;
  }
  if (const auto inner = in.child("hold_requests")) {
    inner->only_members({"requests", "wait_limit_ms"});
    HoldRequests hold;
    hold.requests = inner->integer_or<int>("requests", hold.requests);
    hold.wait_limit = millis_or(*inner, "wait_limit_ms", hold.wait_limit);
    group.hold_requests = hold;
  }
  if (const auto inner = in.child("retry_budget")) {
    inner->only_members({"percent", "minimum_per_second"});
    RetryBudget budget;
    budget.percent = inner->integer_or<int>("percent", budget.percent);
    budget.minimum_per_second = inner->integer_or<int>("minimum_per_second", budget.minimum_per_second);
    group.retry_budget = budget;
  }
  if (const auto inner = in.child("outlier_ejection")) {
    inner->only_members({"failures", "time_ms", "max_time_ms", "max_percent"});
    OutlierEjection outliers;
    outliers.failures = inner->integer_or<int>("failures", outliers.failures);
    outliers.time = millis_or(*inner, "time_ms", outliers.time);
    outliers.max_time = millis_or(*inner, "max_time_ms", std::max(outliers.time, outliers.max_time));
    outliers.max_percent = inner->integer_or<int>("max_percent", outliers.max_percent);
    group.outlier_ejection = outliers;
  }
  group.maintenance = read_maintenance(in);
}

void write_guard(const TargetGroup& group, Value& value) {
  if (const auto& limit = group.request_limit)
    value["request_limit"] = {{"per_target", limit->per_target},
                              {"queue", limit->queue},
                              {"wait_limit_ms", limit->wait_limit.count()}};
  if (const auto& hold = group.hold_requests)
    value["hold_requests"] = {{"requests", hold->requests}, {"wait_limit_ms", hold->wait_limit.count()}};
  if (const auto& budget = group.retry_budget)
    value["retry_budget"] = {{"percent", budget->percent},
                             {"minimum_per_second", budget->minimum_per_second}};
  if (const auto& outliers = group.outlier_ejection)
    value["outlier_ejection"] = {{"failures", outliers->failures},
                                 {"time_ms", outliers->time.count()},
                                 {"max_time_ms", outliers->max_time.count()},
                                 {"max_percent", outliers->max_percent}};
  write_maintenance(group.maintenance, value);
}

void read_guard(const Reader& in, ListenerOptions& options) {
  if (const auto inner = in.child("rate_limit")) {
    inner->only_members({"requests", "per_seconds", "burst", "forwarded_for_hops"});
    RateLimit rate;
    rate.requests = inner->required_integer<int>("requests");
    rate.per_seconds = inner->integer_or<int>("per_seconds", rate.per_seconds);
    rate.burst = inner->integer_or<int>("burst", rate.requests);
    rate.forwarded_for_hops = inner->integer_or<int>("forwarded_for_hops", rate.forwarded_for_hops);
    options.rate_limit = rate;
  }
  options.maintenance = read_maintenance(in);
  options.add_traceparent = in.choice("add_traceparent", kTraceparents).value_or(options.add_traceparent);
}

void write_guard(const ListenerOptions& options, Value& value) {
  if (const auto& rate = options.rate_limit)
    value["rate_limit"] = {{"requests", rate->requests},
                           {"per_seconds", rate->per_seconds},
                           {"burst", rate->burst},
                           {"forwarded_for_hops", rate->forwarded_for_hops}};
  write_maintenance(options.maintenance, value);
  if (options.add_traceparent != AddTraceparent::kOff)
    value["add_traceparent"] = word_of(options.add_traceparent, kTraceparents);
}

std::string guard_problem(const TargetGroup& group, const std::string& path) {
  Problem problem(path);
  if (const auto& limit = group.request_limit) {
    problem.range(limit->per_target, 1, kMaxRequestsPerTarget, "request_limit.per_target");
    problem.range(limit->queue, 0, kMaxRequestQueue, "request_limit.queue");
    problem.range(limit->wait_limit.count(), 1, kMaxQueueWait.count(), "request_limit.wait_limit_ms");
  }
  if (const auto& hold = group.hold_requests) {
    problem.range(hold->requests, 1, kMaxRequestQueue, "hold_requests.requests");
    problem.range(hold->wait_limit.count(), 1, kMaxQueueWait.count(), "hold_requests.wait_limit_ms");
  }
  if (const auto& budget = group.retry_budget) {
    problem.range(budget->percent, 0, 100, "retry_budget.percent");
    problem.range(budget->minimum_per_second, 0, kMaxRetryMinimum, "retry_budget.minimum_per_second");
  }
  if (const auto& outliers = group.outlier_ejection) {
    problem.range(outliers->failures, 1, kMaxOutlierFailures, "outlier_ejection.failures");
    problem.range(outliers->time.count(), 1, kMaxEjection.count(), "outlier_ejection.time_ms");
    problem.range(outliers->max_time.count(), outliers->time.count(), kMaxEjection.count(),
                  "outlier_ejection.max_time_ms");
    problem.range(outliers->max_percent, 1, 100, "outlier_ejection.max_percent");
  }
  problem.maintenance(group.maintenance);
  return std::move(problem).text();
}

std::string guard_problem(const ListenerOptions& options, const std::string& path) {
  Problem problem(path);
  if (const auto& rate = options.rate_limit) {
    problem.range(rate->requests, 1, kMaxRateRequests, "rate_limit.requests");
    problem.range(rate->per_seconds, 1, kMaxRateSeconds, "rate_limit.per_seconds");
    problem.range(rate->burst, 1, kMaxRateRequests, "rate_limit.burst");
    problem.range(rate->forwarded_for_hops, 0, kMaxForwardedForHops, "rate_limit.forwarded_for_hops");
  }
  problem.maintenance(options.maintenance);
  return std::move(problem).text();
}

}  // namespace shared::lbconfig
