#include "agent/api/sockets.h"

#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/control/tasks.h"
#include "agent/link/channel.h"
#include "agent/model/words.h"
#include "shared/json/reader.h"
#include "shared/log/log.h"

namespace agent::api {

using nlohmann::json;
using shared::httpd::WebSocket;
using shared::httpd::WebSocketHandlers;
using shared::json::Reader;

namespace {

// What the engine sends to. Let go of when the socket has closed, so that neither keeps the other alive.
class SocketChannel final : public link::Channel {
 public:
  explicit SocketChannel(std::shared_ptr<WebSocket> socket) : socket_(std::move(socket)) {}
  void send(std::string text) override {
    if (socket_) socket_->send(std::move(text));
  }
  void close(const std::string& reason) override {
    // RFC 6455 section 5.5: a close frame holds at most 125 bytes, two of which are the code.
    constexpr unsigned short kNormal = 1000;
    constexpr std::size_t kMaxReasonBytes = 123;
    if (socket_) socket_->close(kNormal, reason.substr(0, kMaxReasonBytes));
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

// Health that an agent of ECS reports in telemetry; nodes of ours send it with the task's state.
void apply_health(control::Engine& engine, const std::string& cluster, const std::string& body) {
  auto document = shared::json::Document::parse(body, "BadRequestException");
  if (!document) return;
  const auto message = document->root().child("message");
  if (!message) return;
  for (const Reader& task : message->children("tasks")) {
    control::TaskChange change;
    change.task = task.string_or("taskArn", "");
    for (const Reader& each : task.children("containers")) {
      control::ContainerChange container;
      container.name = each.string_or("containerName", "");
      container.health = model::from_word<model::HealthStatus>(each.string_or("healthStatus", ""));
      if (container.health) change.containers.push_back(std::move(container));
    }
    if (change.task.empty() || change.containers.empty()) continue;
    engine.submit(
        [cluster, change](control::Step& step) { return control::apply_task_change(step, cluster, change); },
        [task_arn = change.task](const shared::Result<void>& done) {
          if (!done)
            shared::log::debug("health_report_refused",
                               {{"task", task_arn}, {"reason", done.error().text()}});
        });
  }
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

WebSocketHandlers telemetry_socket(control::Engine& engine, std::string cluster) {
  auto session = std::make_shared<Session>();
  WebSocketHandlers handlers;
  handlers.on_open = [session](std::shared_ptr<WebSocket> socket) {
    session->channel = std::make_shared<SocketChannel>(std::move(socket));
  };
  handlers.on_text = [session, &engine, cluster = std::move(cluster)](const std::string& text) {
    const TelemetryFrame frame = read_telemetry(text);
    const char* acknowledgment = "AckPublishMetric";
    if (frame.type == "PublishHealthRequest") {
      acknowledgment = "AckPublishHealth";
      apply_health(engine, cluster, frame.body);
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
  if (auto document = shared::json::Document::parse(read.body, "BadRequestException")) {
    read.type = document->root().string_or("type", "");
  }
  return read;
}

}  // namespace agent::api
