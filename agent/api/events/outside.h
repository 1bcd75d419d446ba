// What control's events need of the API: RunTask by the rights of a role, how tasks and instances are shown,
// and the log groups. Thread: control's.
#pragma once
#include "agent/control/events/outside.h"
#include "agent/logs/worker.h"

namespace agent::api::events {

class Outside final : public control::events::Outside {
 public:
  // `logs` outlives it; null: lines are dropped.
  explicit Outside(agent::logs::Worker* logs) : logs_(logs) {}
  void use(agent::logs::Worker* logs) { logs_ = logs; }

  shared::Result<void> run_task(control::Step& step, const model::Invocation& invocation) override;
  std::string task_detail(const control::State& state, const model::Task& task) override;
  std::string instance_detail(const control::State& state, const model::ContainerInstance& instance) override;
  // Makes the stream where it is missing; the group must be there.
  void put_line(const std::string& arn, const std::string& stream, shared::WallTime at,
                const std::string& line) override;

 private:
  agent::logs::Worker* logs_;
};

}  // namespace agent::api::events
