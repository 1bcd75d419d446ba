// Telemetry: tells control the health of containers that have a health check, and what running containers
// use, over the telemetry session of the ECS agent (TCS), which is open only while there is such a container.
// Every publication says what is, so nothing is kept and nothing is repeated after a loss: the next one
// comes. Thread: the executor's.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/link/control_link.h"
#include "agent/link/tcs.h"
#include "agent/node/engine/task_engine.h"
#include "agent/node/engine/usage.h"
#include "agent/node/link/session.h"

namespace agent::node {

// The ECS agent's tick; changes do not wait for it.
inline constexpr shared::Millis kPublishInterval{20'000};

// What is to be told of a task now: its running containers with a health check; none: nothing.
link::TaskHealth health_of(const Task& task);

class Telemetry {
 public:
  // All references outlive it.
  Telemetry(shared::env::Executor& executor, shared::env::Random& random, link::ControlLink& link,
            TaskEngine& engine, runtime::Runtime& runtime, const NodeSettings& settings);

  // Where control takes telemetry of this container instance. An empty endpoint: nowhere.
  void serve(const std::string& endpoint, const std::string& container_instance_arn);
  void consider(const std::string& arn);  // something about this task may have changed

 private:
  void connect();
  void opened();
  void heard(const std::string& text);
  void ended(const shared::Error& error, Session::End end);
  void end(const std::string& reason);
  void tick();
  void publish(std::vector<link::TaskHealth> tasks);
  void publish_usage(std::vector<link::TaskUsage> tasks);
  void consider_all();

  shared::env::Executor& executor_;
  shared::env::Random& random_;
  link::ControlLink& link_;
  TaskEngine& engine_;
  const NodeSettings& settings_;
  std::string endpoint_;
  std::string container_instance_arn_;
  std::map<std::string, std::string> told_;  // by task ARN: what this session was last told, as text
  shared::env::Timer tick_timer_;
  Session session_;
  UsageSampler usage_;
};

}  // namespace agent::node
