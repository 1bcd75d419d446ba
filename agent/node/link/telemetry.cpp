#include "agent/node/link/telemetry.h"

#include <algorithm>

#include "agent/node/jitter.h"
#include "shared/base/text.h"
#include "shared/log/log.h"

namespace agent::node {
namespace {

namespace log = shared::log;

// As the ECS agent reconnects.
constexpr Pace kTelemetryPace{.first = shared::Millis(1'000),
                              .factor = 2,
                              .longest = shared::Millis(60'000),
                              .ordinary_life = shared::Millis(60'000)};

std::string status_word(const std::string& health) {
  return health == "healthy" ? "HEALTHY" : health == "unhealthy" ? "UNHEALTHY" : "UNKNOWN";
}

// Of a change only the statuses count: each check has an output of its own.
std::string digest(const link::TaskHealth& task) {
  std::string text;
  for (const auto& each : task.containers) text += each.name + "=" + each.status + ";";
  return text;
}

}  // namespace

link::TaskHealth health_of(const Task& task) {
  link::TaskHealth out{
      task.arn(), task.payload.task_cluster_arn, task.payload.family, task.payload.version, {}};
  for (const Container& c : task.containers) {
    if (c.spec.health_check_type != "docker" || c.known != Status::kRunning) continue;
    out.containers.push_back({c.spec.name, status_word(c.health),
                              c.health_since.value_or(c.started_at.value_or(shared::WallTime{})),
                              shared::shortened(c.health_output, kMaxReasonLength)});
  }
  return out;
}

Telemetry::Telemetry(shared::env::Executor& executor, shared::env::Random& random, link::ControlLink& link,
                     TaskEngine& engine, runtime::Runtime& runtime, const NodeSettings& settings)
    : executor_(executor),
      random_(random),
      link_(link),
      engine_(engine),
      settings_(settings),
      session_(executor, random, settings, kTelemetryPace,
               {[this] { opened(); }, [this](const std::string& text) { heard(text); },
                [this](const shared::Error& error, Session::End end) { ended(error, end); }}),
      usage_(executor, runtime, engine, settings.cpus,
             [this](std::vector<link::TaskUsage> tasks) { publish_usage(std::move(tasks)); }) {}

void Telemetry::serve(const std::string& endpoint, const std::string& container_instance_arn) {
  if (endpoint == endpoint_ && container_instance_arn == container_instance_arn_) return;
  endpoint_ = endpoint;
  container_instance_arn_ = container_instance_arn;
  end("another address or container instance");
  consider_all();
}

void Telemetry::consider_all() {
  for (const auto& [arn, task] : engine_.tasks()) consider(arn);
}

void Telemetry::consider(const std::string& arn) {
  const Task* task = engine_.find(arn);
  link::TaskHealth now = task ? health_of(*task) : link::TaskHealth{};
  if (now.containers.empty()) {
    told_.erase(arn);
    if (settings_.metrics && task != nullptr && is_measured(*task) && !session_.is_open()) connect();
    return;  // whether the session is still needed is seen at the next tick
  }
  if (!session_.is_open()) return connect();
  const auto told = told_.find(arn);
  if (told == told_.end() || told->second != digest(now)) publish({std::move(now)});
}

void Telemetry::connect() {
  if (endpoint_.empty() || !session_.is_idle()) return;
  session_.open([&](link::SessionHandlers handlers) {
    link_.open_telemetry(endpoint_, container_instance_arn_, settings_.cluster, std::move(handlers));
  });
}

void Telemetry::opened() {
  told_.clear();
  if (settings_.metrics) usage_.start();
  tick();
}

// Each publication is acknowledged, so a session on which nothing comes is a dead one.
void Telemetry::heard(const std::string& text) {
  const auto type = link::tcs_type(text);
  if (!type) return log::warn("telemetry_not_understood", type.error());
  if (type->ends_with("Exception")) log::warn("telemetry_refused", {{"type", *type}, {"text", text}});
}

void Telemetry::ended(const shared::Error& error, Session::End end) {
  tick_timer_.cancel();
  usage_.stop();
  log::info("telemetry_closed", {{"code", error.code()}, {"reason", error.text()}});
  session_.after_end(end, [this] { consider_all(); });
}

void Telemetry::end(const std::string& reason) {
  tick_timer_.cancel();
  usage_.stop();
  session_.end(reason);
}

void Telemetry::tick() {
  std::vector<link::TaskHealth> all;
  bool measured = false;
  for (const auto& [arn, task] : engine_.tasks()) {
    measured = measured || (settings_.metrics && is_measured(task));
    if (link::TaskHealth now = health_of(task); !now.containers.empty()) all.push_back(std::move(now));
  }
  if (all.empty() && !measured) return end("nothing to tell");
  if (!all.empty()) publish(std::move(all));
  tick_timer_ = executor_.after(kPublishInterval, [this] { tick(); });
}

void Telemetry::publish(std::vector<link::TaskHealth> tasks) {
  link::PublishHealthRequest message;
  message.message_id = random_.uuid();
  message.cluster = settings_.cluster;
  message.container_instance = container_instance_arn_;
  message.timestamp = executor_.wall_now();
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    told_[tasks[i].arn] = digest(tasks[i]);
    message.tasks.push_back(std::move(tasks[i]));
    message.fin = i + 1 == tasks.size();
    if (!message.fin && message.tasks.size() < link::kMaxTasksPerPublication) continue;
    session_.send(link::tcs_to_json(message));
    message.tasks.clear();
  }
}

void Telemetry::publish_usage(std::vector<link::TaskUsage> tasks) {
  if (!session_.is_open()) return;
  link::PublishMetricsRequest message;
  message.message_id = random_.uuid();
  message.cluster = settings_.cluster;
  message.container_instance = container_instance_arn_;
  message.timestamp = executor_.wall_now();
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    message.tasks.push_back(std::move(tasks[i]));
    message.fin = i + 1 == tasks.size();
    if (!message.fin && message.tasks.size() < link::kMaxTasksPerPublication) continue;
    session_.send(link::tcs_to_json(message));
    message.tasks.clear();
  }
}

}  // namespace agent::node
