// Reporter: tells control every change of every task, at least once and in order: one submission at a time
// for a task, repeated with back-off until control has it. Thread: the executor's.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "agent/link/control_link.h"
#include "agent/node/engine/task_engine.h"
#include "agent/node/task/reports.h"

namespace agent::node {

class Reporter {
 public:
  // All references outlive the reporter.
  Reporter(shared::env::Executor& executor, shared::env::Random& random, link::ControlLink& link,
           TaskEngine& engine, Records& records, const NodeSettings& settings);

  void consider(const std::string& arn);     // something about this task may have changed
  void bad_task(const link::BadTask& task);  // once; control repeats the payload and so the report
  void retry_now();                          // control is reachable again

 private:
  struct Line {  // of one task
    bool in_flight = false;
    int failures = 0;
    shared::env::Timer timer;  // gathering or backing off
    bool backing_off = false;
  };
  void submit(const std::string& arn);
  void answered(const std::string& arn, const Report& report, shared::Result<std::string> answer);
  shared::Millis backoff(int failures);

  shared::env::Executor& executor_;
  shared::env::Random& random_;
  link::ControlLink& link_;
  TaskEngine& engine_;
  Records& records_;
  const NodeSettings& settings_;
  std::map<std::string, Line> lines_;
  std::set<std::string> queue_;  // beyond kMaxReportsInFlight
  std::size_t in_flight_ = 0;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace agent::node
