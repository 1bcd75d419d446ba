#include "balancer/feed/control_feed.h"

#include "shared/lbconfig/feed.h"
#include "shared/log/log.h"

namespace balancer::feed {

using shared::Error;
using shared::Millis;
using shared::Result;

namespace {
constexpr std::string_view kScheme = "http://";
constexpr std::uint16_t kDefaultPort = 80;
constexpr const char* kFeedPath = "/berth/v1/feed";
constexpr Millis kTick{250};
}  // namespace

Result<ControlAddress> parse_control_url(const std::string& url) {
  if (url.rfind(kScheme, 0) != 0)
    return Error("control_url", "control URL '" + url + "' must begin with http://");
  std::string authority = url.substr(kScheme.size());
  while (!authority.empty() && authority.back() == '/') authority.pop_back();
  if (authority.empty() || authority.find('/') != std::string::npos)
    return Error("control_url", "control URL '" + url + "' must be http://HOST[:PORT] without a path");
  ControlAddress out;
  out.host = authority;
  const auto colon = authority.rfind(':');
  const bool has_port = colon != std::string::npos && authority.find(']', colon) == std::string::npos;
  auto endpoint =
      shared::net::parse_endpoint(has_port ? authority : authority + ":" + std::to_string(kDefaultPort));
  if (!endpoint) return endpoint.error().within("control URL '" + url + "'");
  out.endpoint = std::move(endpoint).value();
  return out;
}

ControlFeed::ControlFeed(shared::httpd::IoLoop& loop, Options options, FeedSession& session,
                         shared::env::Random& random, Apply apply)
    : loop_(loop),
      options_(std::move(options)),
      session_(session),
      random_(random),
      apply_(std::move(apply)) {
  client_ = shared::httpd::Client::create(loop_, options_.control.endpoint);
}

void ControlFeed::start() {
  dial();
  tick();
}

void ControlFeed::stop() {
  stopped_ = true;
  redial_.cancel();
  ticking_.cancel();
  soon_.cancel();
  dialling_.cancel();
  if (socket_) socket_->close(1001, "balancer stops");
  socket_.reset();
}

void ControlFeed::dial() {
  const std::uint64_t attempt = ++attempt_;
  shared::http::Request request;
  request.target = kFeedPath;
  request.headers.set("Host", options_.control.host);
  request.headers.set("Authorization", "Bearer " + options_.token);
  shared::httpd::WebSocketHandlers handlers;
  handlers.on_open = [this, attempt](std::shared_ptr<shared::httpd::WebSocket> socket) {
    if (stopped_ || attempt != attempt_) return socket->close(1001, "balancer stops");
    socket_ = std::move(socket);
    backoff_.reset();
    last_error_.clear();
    shared::log::info("control_connected", {{"control", options_.control.host}});
    carry_out(session_.on_connected(loop_.now()));
  };
  handlers.on_text = [this, attempt](std::string text) {
    if (stopped_ || attempt != attempt_) return;
    auto message = shared::lbconfig::feed_from_json(text);
    if (!message) {
      shared::log::error("control_message_bad", message.error());
      FeedSession::Output output;
      output.close = message.error().text();
      return carry_out(std::move(output));
    }
    carry_out(session_.on_message(*message, loop_.now()));
  };
  handlers.on_close = [this, attempt](const Error& why) {
    if (attempt == attempt_) lost(why);
  };
  dialling_ = client_->websocket(std::move(request), std::move(handlers));
}

void ControlFeed::lost(const Error& why) {
  if (stopped_) return;
  ++attempt_;
  const bool was_connected = session_.connected();
  session_.on_disconnected();
  socket_.reset();
  // Every failed attempt would be a line each; the change is logged once, and a new reason.
  if (was_connected || last_error_ != why.text())
    shared::log::warn("control_lost", why, {{"control", options_.control.host}});
  last_error_ = why.text();
  redial_ = loop_.after(backoff_.next(random_), [this] { dial(); });
}

void ControlFeed::on_applied(const shared::lbconfig::Config& config, const Result<void>& result, Kept kept) {
  if (!result && result.error().code() == "superseded") return session_.on_superseded(config.version);
  carry_out(session_.on_applied(config, result, loop_.now(), kept));
}

void ControlFeed::on_targets_changed() {
  session_.on_targets_changed();
  soon_ = loop_.after(Millis(0), [this] { carry_out(session_.tick(loop_.now())); });
}

void ControlFeed::carry_out(FeedSession::Output output) {
  if (socket_) {
    for (const auto& message : output.send) socket_->send(shared::lbconfig::feed_to_json(message));
  }
  if (output.close) {
    if (socket_) socket_->close(1002, *output.close);
    lost(Error("feed", *output.close));
    return;
  }
  if (output.apply) apply_(std::move(*output.apply));
}

void ControlFeed::tick() {
  carry_out(session_.tick(loop_.now()));
  ticking_ = loop_.after(kTick, [this] { tick(); });
}

}  // namespace balancer::feed
