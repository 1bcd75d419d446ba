// ECS's own events, made of the rows that changed: "ECS Task State Change", "ECS Container Instance State
// Change", "ECS Service Action" and "ECS Deployment State Change". One for each change that a batch of steps
// makes durable: what changes twice in one batch is told once, as it is then. After a restart of control a
// change may be told a second time, as EventBridge delivers at least once; `version` in the detail tells.
// Without a rule that could want one nothing is done.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "agent/control/events/outside.h"
#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"

namespace agent::control::events {

class Source {
 public:
  explicit Source(State& state);
  // Null: nobody hears of them.
  void collect(Step& step, Outside* outside);

 private:
  void tasks(Step& step, Outside& outside);
  void instances(Step& step, Outside& outside);
  void service_events(Step& step);
  void deployments(Step& step);
  // Newer than what was told; what was taken back is told again.
  bool is_news(std::map<std::string, std::int64_t>& told, const std::string& key, std::int64_t version);

  Table<model::Task>::Reader tasks_;
  Table<model::ContainerInstance>::Reader instances_;
  Table<model::ServiceEvent>::Reader events_;
  Table<model::ServiceDeployment>::Reader deployments_;
  std::map<std::string, std::int64_t> told_tasks_;
  std::map<std::string, std::int64_t> told_instances_;
  std::map<std::string, std::int64_t> told_deployments_;  // the status
};

}  // namespace agent::control::events
