#include "agent/api/sockets.h"
#include "agent/control/tasks/changes.h"
#include "agent/control/tasks/usage.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/link/channel.h"
#include "agent/link/tcs.h"
#include "agent/model/words.h"
#include "shared/json/reader.h"
#include "shared/log/log.h"

namespace agent::api {

using nlohmann::json;
using shared::httpd::WebSocket;
using shared::httpd::WebSocketHandlers;

namespace {

namespace log = shared::log;

// What the engine sends to. Let go of when the socket has closed, so that neither keeps the other alive.
class SocketChannel final : public link::Channel {
 public:
  explicit SocketChannel(std::shared_ptr<WebSocket> socket) : socket_(std::move(socket)) {}
  void send(std::string text) override {
    if (socket_) socket_->send(std::move(text));
  }
  void close(const std::string& reason) override {
    constexpr unsigned short kNormal = 1000;
    if (socket_) socket_->close(kNormal, reason);  // which cuts it to what a close frame holds
  }
  void release() { socket_.reset(); }

 private:
  std::shared_ptr<WebSocket> socket_;
};

// One open socket: the engine's name for it, and the channel the engine holds too.
struct Session {
  std::uint64_t id = 0;
  std::shared_ptr<SocketChannel> channel;
};

// One step for the whole message; a task that cannot be meant does not keep the others back.
void apply_health(control::Engine& engine, const std::string& instance_arn, const std::string& body) {
  auto message = link::publish_health_from_json(body);
  if (!message) return log::warn("telemetry_not_understood", message.error());
  engine.submit(
      [instance_arn, tasks = std::move(message->tasks)](control::Step& step) -> shared::Result<void> {
        for (const link::TaskHealth& task : tasks) {
          std::vector<control::ContainerHealth> health;
          for (const link::ContainerHealth& each : task.containers) {
            const auto status = model::from_word<model::HealthStatus>(each.status);
            if (status) health.push_back({each.name, *status});
          }
          const auto applied = control::apply_health(
              step, {.instance_arn = instance_arn, .task = task.arn, .containers = health});
          if (!applied)
            log::debug("health_report_refused", {{"task", task.arn}, {"reason", applied.error().text()}});
        }
        return {};
      },
      [](const shared::Result<void>& done) {
        if (!done) log::warn("health_report_not_kept", done.error());
      });
}

// Of the ECS agent's figures, those that services are scaled by.
void note_usage(control::Engine& engine, const std::string& instance_arn, const std::string& body) {
  const auto message = link::publish_metrics_from_json(body);
  if (!message) return log::warn("telemetry_not_understood", message.error());
  std::vector<control::TaskUsage> usage;
  for (const link::TaskUsage& task : message->tasks) {
    control::TaskUsage sum{task.arn, 0, 0};
    for (const link::ContainerUsage& each : task.containers) {
      sum.cpu += each.cpu;
      sum.memory += each.memory;
    }
    if (!task.containers.empty()) usage.push_back(std::move(sum));
  }
  if (usage.empty()) return;
  engine.submit(
      [instance_arn, usage = std::move(usage)](control::Step& step) -> shared::Result<void> {
        control::note_usage(step, instance_arn, usage);
        return {};
      },
      [](const shared::Result<void>&) {});
}

}  // namespace

WebSocketHandlers agent_socket(control::Engine& engine, std::string container_instance_arn) {
  auto session = std::make_shared<Session>();
  WebSocketHandlers handlers;
  handlers.on_open = [session, &engine,
                      arn = std::move(container_instance_arn)](std::shared_ptr<WebSocket> socket) {
    session->channel = std::make_shared<SocketChannel>(std::move(socket));
    session->id = engine.agent_opened(arn, session->channel);
  };
  handlers.on_text = [session, &engine](const std::string& text) { engine.agent_message(session->id, text); };
  handlers.on_close = [session, &engine](const shared::Error&) {
    if (!session->channel) return;
    session->channel->release();
    engine.agent_closed(session->id);
  };
  return handlers;
}

WebSocketHandlers feed_socket(control::Engine& engine) {
  auto session = std::make_shared<Session>();
  WebSocketHandlers handlers;
  handlers.on_open = [session, &engine](std::shared_ptr<WebSocket> socket) {
    session->channel = std::make_shared<SocketChannel>(std::move(socket));
    session->id = engine.feed_opened(session->channel);
  };
  handlers.on_text = [session, &engine](const std::string& text) { engine.feed_message(session->id, text); };
  handlers.on_close = [session, &engine](const shared::Error&) {
    if (!session->channel) return;
    session->channel->release();
    engine.feed_closed(session->id);
  };
  return handlers;
}

WebSocketHandlers telemetry_socket(control::Engine& engine, std::string container_instance_arn) {
  auto session = std::make_shared<Session>();
  WebSocketHandlers handlers;
  handlers.on_open = [session](std::shared_ptr<WebSocket> socket) {
    session->channel = std::make_shared<SocketChannel>(std::move(socket));
  };
  handlers.on_text = [session, &engine, arn = std::move(container_instance_arn)](const std::string& text) {
    const TelemetryFrame frame = read_telemetry(text);
    const char* acknowledgment = "AckPublishMetric";
    if (frame.type == "PublishHealthRequest") {
      acknowledgment = "AckPublishHealth";
      apply_health(engine, arn, frame.body);
    } else if (frame.type == "PublishMetricsRequest") {
      note_usage(engine, arn, frame.body);
    } else if (frame.type == "PublishInstanceStatusRequest") {
      acknowledgment = "AckPublishInstanceStatus";
    }
    session->channel->send(
        shared::json::to_text(json{{"type", acknowledgment}, {"message", {{"message", "ok"}}}}));
  };
  handlers.on_close = [session](const shared::Error&) {
    if (session->channel) session->channel->release();
  };
  return handlers;
}

TelemetryFrame read_telemetry(std::string_view frame) {
  TelemetryFrame read;
  const std::size_t blank = frame.find("\r\n\r\n");
  read.body = std::string(blank == std::string_view::npos ? frame : frame.substr(blank + 4));
  read.type = link::tcs_type(read.body).value_or("");
  return read;
}

}  // namespace agent::api
