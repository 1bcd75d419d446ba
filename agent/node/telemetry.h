// Telemetry: tells control the health of containers that have a health check, over the telemetry session of
// the ECS agent (TCS), which is open only while there is such a container. Every publication says what is, so
// nothing is kept and nothing is repeated after a loss: the next one comes. Metrics are not sent. Thread: the
// executor's.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/link/control_link.h"
#include "agent/link/tcs.h"
#include "agent/node/task_engine.h"

namespace agent::node {

// The ECS agent's tick; changes do not wait for it.
inline constexpr shared::Millis kPublishInterval{20'000};

// What is to be told of a task now: its running containers with a health check; none: nothing.
link::TaskHealth health_of(const Task& task);

class Telemetry {
 public:
  // All references outlive it.
  Telemetry(shared::env::Executor& executor, shared::env::Random& random, link::ControlLink& link,
            TaskEngine& engine, const NodeSettings& settings);
  ~Telemetry();

  // Where control takes telemetry of this container instance. An empty endpoint: nowhere.
  void serve(const std::string& endpoint, const std::string& container_instance_arn);
  void consider(const std::string& arn);  // something about this task may have changed

 private:
  void connect();
  void opened(std::shared_ptr<link::Channel> channel);
  void closed(const shared::Error& error);
  void end(const std::string& reason);
  void tick();
  void publish(std::vector<link::TaskHealth> tasks);
  void watch_silence();

  template <class F>
  auto guarded(F f) {
    return [alive = std::weak_ptr<int>(alive_), f = std::move(f)](auto&&... args) {
      if (alive.lock()) f(std::forward<decltype(args)>(args)...);
    };
  }

  shared::env::Executor& executor_;
  shared::env::Random& random_;
  link::ControlLink& link_;
  TaskEngine& engine_;
  const NodeSettings& settings_;
  std::string endpoint_;
  std::string container_instance_arn_;
  std::shared_ptr<link::Channel> channel_;  // set while the session is open; shared with the link
  bool opening_ = false;
  std::uint64_t attempt_ = 0;  // tells late callbacks of an older session
  shared::SteadyTime opened_at_{};
  int failures_ = 0;
  std::map<std::string, std::string> told_;  // by task ARN: what this session was last told, as text
  shared::env::Timer tick_timer_;
  shared::env::Timer retry_timer_;
  shared::env::Timer silence_timer_;
  shared::env::Timer age_timer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace agent::node
