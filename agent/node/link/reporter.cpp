#include "agent/node/link/reporter.h"

#include <algorithm>
#include <cmath>

#include "agent/node/jitter.h"
#include "shared/log/log.h"

namespace agent::node {
namespace {

namespace log = shared::log;
constexpr const char* kSubmit = "SubmitTaskStateChange";
constexpr double kFirstReportRetry = 1'000;  // ms, as the ECS agent: x 1.3, at most 30 s, plus up to a fifth
constexpr double kReportRetryFactor = 1.3;
constexpr double kLongestReportRetry = 30'000;

}  // namespace

Reporter::Reporter(shared::env::Executor& executor, shared::env::Random& random, link::ControlLink& link,
                   TaskEngine& engine, Records& records, const NodeSettings& settings)
    : executor_(executor),
      random_(random),
      link_(link),
      engine_(engine),
      records_(records),
      settings_(settings) {}

void Reporter::consider(const std::string& arn) {
  const Task* task = engine_.find(arn);
  const Due what = task ? due(*task) : Due::kNothing;
  if (what == Due::kNothing) {
    const auto line = lines_.find(arn);
    if (line != lines_.end() && !line->second.in_flight) lines_.erase(line);
    return;
  }
  Line& line = lines_[arn];
  if (line.in_flight || line.backing_off) return;
  if (what == Due::kNow) return submit(arn);
  if (line.timer) return;
  const auto gather = settings_.report_gather;
  line.timer = executor_.after(gather + up_to(random_, gather), [this, arn] { submit(arn); });
}

void Reporter::submit(const std::string& arn) {
  const Task* task = engine_.find(arn);
  if (!task) return;
  if (in_flight_ >= kMaxReportsInFlight) {
    queue_.insert(arn);
    return;
  }
  queue_.erase(arn);
  Line& line = lines_[arn];
  line.timer.cancel();
  line.backing_off = false;
  line.in_flight = true;
  ++in_flight_;
  Report report = build_report(*task, settings_.cluster);
  std::string body = report.body;
  link_.call(kSubmit, std::move(body),
             [this, alive = std::weak_ptr<int>(alive_), arn, report = std::move(report)](auto answer) {
               if (alive.lock()) answered(arn, report, std::move(answer));
             });
}

void Reporter::answered(const std::string& arn, const Report& report, shared::Result<std::string> answer) {
  --in_flight_;
  Line& line = lines_[arn];
  line.in_flight = false;
  Task* task = engine_.find(arn);
  const bool refused = !answer && answer.error().code() == "InvalidParameterException";
  if (refused) log::error("report_refused", answer.error(), {{"task", arn}});
  if (task && (answer || refused)) {
    line.failures = 0;
    mark_sent(*task, report);
    records_.put(*task);
    engine_.persist();
  } else if (task) {
    if (line.failures == 0) log::warn("report_failed", answer.error(), {{"task", arn}});
    line.backing_off = true;
    line.timer = executor_.after(backoff(line.failures++), [this, arn] { submit(arn); });
  }
  consider(arn);
  while (in_flight_ < kMaxReportsInFlight && !queue_.empty()) {
    const std::string next = *queue_.begin();
    queue_.erase(queue_.begin());
    submit(next);
  }
}

shared::Millis Reporter::backoff(int failures) {
  const double base =
      std::min(kLongestReportRetry, kFirstReportRetry * std::pow(kReportRetryFactor, failures));
  return shared::Millis(static_cast<std::int64_t>(base) +
                        static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(base / 5))));
}

void Reporter::bad_task(const link::BadTask& task) {
  log::warn("task_not_understood", {{"task", task.arn}, {"reason", task.reason}});
  if (task.arn.empty()) return;
  link_.call(kSubmit, bad_task_report(task, settings_.cluster), [](auto) {});
}

void Reporter::retry_now() {
  std::vector<std::string> waiting;
  for (const auto& [arn, line] : lines_) {
    if (line.backing_off) waiting.push_back(arn);
  }
  for (const std::string& arn : waiting) submit(arn);
}

}  // namespace agent::node
