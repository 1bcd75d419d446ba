#include "agent/node/telemetry.h"

#include <algorithm>

#include "agent/node/jitter.h"
#include "shared/log/log.h"

namespace agent::node {
namespace {

namespace log = shared::log;

// As the ECS agent reconnects: 1 s x 2, at most a minute, plus up to a fifth.
constexpr shared::Millis kFirstWait{1'000};
constexpr shared::Millis kLongestWait{60'000};
constexpr int kMaxDoublings = 6;
// A session that lived this long ended for ordinary reasons.
constexpr shared::Millis kOrdinaryLife{60'000};
constexpr shared::Millis kAgeSpread{5 * 60'000};

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
                              c.health_output.substr(0, kMaxReasonLength)});
  }
  return out;
}

Telemetry::Telemetry(shared::env::Executor& executor, shared::env::Random& random, link::ControlLink& link,
                     TaskEngine& engine, const NodeSettings& settings)
    : executor_(executor), random_(random), link_(link), engine_(engine), settings_(settings) {}

Telemetry::~Telemetry() {
  alive_.reset();
  if (channel_) channel_->close("the agent stops");
}

void Telemetry::serve(const std::string& endpoint, const std::string& container_instance_arn) {
  if (endpoint == endpoint_ && container_instance_arn == container_instance_arn_) return;
  endpoint_ = endpoint;
  container_instance_arn_ = container_instance_arn;
  end("another address or container instance");
  retry_timer_.cancel();
  failures_ = 0;
  for (const auto& [arn, task] : engine_.tasks()) consider(arn);
}

void Telemetry::consider(const std::string& arn) {
  const Task* task = engine_.find(arn);
  link::TaskHealth now = task ? health_of(*task) : link::TaskHealth{};
  if (now.containers.empty()) {
    told_.erase(arn);
    return;  // whether the session is still needed is seen at the next tick
  }
  if (!channel_) return connect();
  const auto told = told_.find(arn);
  if (told == told_.end() || told->second != digest(now)) publish({std::move(now)});
}

void Telemetry::connect() {
  if (endpoint_.empty() || opening_ || retry_timer_) return;
  opening_ = true;
  const std::uint64_t mine = ++attempt_;
  link::SessionHandlers handlers;
  handlers.on_open = guarded([this, mine](std::shared_ptr<link::Channel> channel) {
    if (mine != attempt_) return channel->close("too late");
    opened(std::move(channel));
  });
  handlers.on_text = guarded([this, mine](const std::string& text) {
    if (mine != attempt_) return;
    watch_silence();
    const auto type = link::tcs_type(text);
    if (!type) return log::warn("telemetry_not_understood", type.error());
    if (type->ends_with("Exception")) log::warn("telemetry_refused", {{"type", *type}, {"text", text}});
  });
  handlers.on_close = guarded([this, mine](const shared::Error& error) {
    if (mine == attempt_) closed(error);
  });
  link_.open_telemetry(endpoint_, container_instance_arn_, settings_.cluster, std::move(handlers));
}

void Telemetry::opened(std::shared_ptr<link::Channel> channel) {
  opening_ = false;
  channel_ = std::move(channel);
  opened_at_ = executor_.now();
  told_.clear();
  watch_silence();
  age_timer_ = executor_.after(settings_.session_age + up_to(random_, kAgeSpread), [this] {
    channel_->close("ConnectionExpired: Reconnect to continue");
    closed(shared::Error("expired", "the session reached its age limit"));
  });
  tick();
}

// Each publication is acknowledged, so a session on which nothing comes is a dead one.
void Telemetry::watch_silence() {
  silence_timer_ =
      executor_.after(settings_.session_silence + up_to(random_, settings_.session_silence), [this] {
        channel_->close("no message for too long");
        closed(shared::Error("silent", "control sent nothing for too long"));
      });
}

void Telemetry::closed(const shared::Error& error) {
  const bool ordinary = channel_ && executor_.now() - opened_at_ >= kOrdinaryLife;
  end("");
  failures_ = ordinary ? 0 : std::min(failures_ + 1, kMaxDoublings);
  const auto wait = std::min(kLongestWait, kFirstWait * (1 << std::max(0, failures_ - 1)));
  log::info("telemetry_closed", {{"code", error.code()}, {"reason", error.text()}});
  retry_timer_ = executor_.after(wait + up_to(random_, wait / 5), [this] {
    retry_timer_ = shared::env::Timer();
    for (const auto& [arn, task] : engine_.tasks()) consider(arn);
  });
}

// Whatever the session says from here on is late.
void Telemetry::end(const std::string& reason) {
  ++attempt_;
  opening_ = false;
  if (channel_ && !reason.empty()) channel_->close(reason);
  // We may be inside one of this channel's own callbacks.
  executor_.post([dead = std::move(channel_)] {});
  channel_ = nullptr;
  tick_timer_.cancel();
  silence_timer_.cancel();
  age_timer_.cancel();
}

void Telemetry::tick() {
  std::vector<link::TaskHealth> all;
  for (const auto& [arn, task] : engine_.tasks()) {
    if (link::TaskHealth now = health_of(task); !now.containers.empty()) all.push_back(std::move(now));
  }
  if (all.empty()) return end("nothing to tell");
  publish(std::move(all));
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
    channel_->send(link::tcs_to_json(message));
    message.tasks.clear();
  }
}

}  // namespace agent::node
