// What the events' room needs and only the API has: how tasks and instances are shown, RunTask with all of
// its members, and where log lines go. agent/api implements it; a test may as well.
#pragma once
#include <string>

#include "agent/control/state/step.h"
#include "agent/model/event.h"
#include "shared/base/result.h"

namespace agent::control::events {

// Error codes of run_task that are worth another try.
inline constexpr const char* kNoRoom = "NoRoom";

class Outside {
 public:
  virtual ~Outside() = default;
  // Inside of the step: RunTask as the invocation's target says, by the rights of its role. Error kNoRoom
  // when no task found a place (some of several count as done, as RunTask has it); else RunTask's.
  virtual shared::Result<void> run_task(Step& step, const model::Invocation& invocation) = 0;
  // JSON objects as Describe shows them.
  virtual std::string task_detail(const State& state, const model::Task& task) = 0;
  virtual std::string instance_detail(const State& state, const model::ContainerInstance& instance) = 0;
  // A line of CloudWatch Logs, once what led to it is durable. `arn` is a log group's.
  virtual void put_line(const std::string& arn, const std::string& stream, shared::WallTime at,
                        const std::string& line) = 0;
};

}  // namespace agent::control::events
