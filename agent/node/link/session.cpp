#include "agent/node/link/session.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "agent/node/jitter.h"

namespace agent::node {
namespace {

constexpr shared::Millis kAgeJitter{5 * 60'000};

}  // namespace

Session::Session(shared::env::Executor& executor, shared::env::Random& random, const NodeSettings& settings,
                 Pace pace, Handlers handlers)
    : executor_(executor),
      random_(random),
      settings_(settings),
      pace_(pace),
      handlers_(std::move(handlers)) {}

Session::~Session() {
  alive_.reset();
  if (channel_) channel_->close("the agent stops");
}

void Session::open(const Dial& dial) {
  const std::uint64_t mine = ++attempt_;
  const auto current = [this, mine, alive = std::weak_ptr<int>(alive_)] {
    return alive.lock() && mine == attempt_;
  };
  opening_ = true;
  link::SessionHandlers handlers;
  handlers.on_open = [this, current](std::shared_ptr<link::Channel> channel) {
    if (!current()) return channel->close("too late");
    opened(std::move(channel));
  };
  handlers.on_text = [this, current](const std::string& text) {
    if (!current()) return;
    watch_silence();
    handlers_.on_text(text);
  };
  handlers.on_close = [this, current](const shared::Error& error) {
    if (current()) ended(error);
  };
  dial(std::move(handlers));
}

void Session::send(std::string text) {
  if (channel_) channel_->send(std::move(text));
}

void Session::end(const std::string& reason) {
  if (channel_) channel_->close(reason);
  let_go();
  wait_timer_.cancel();
  failures_ = 0;
}

void Session::after_end(End end, std::function<void()> next) {
  shared::Millis delay = up_to(random_, pace_.first);
  if (end == End::kFailure) {
    const double grown = static_cast<double>(pace_.first.count()) * std::pow(pace_.factor, failures_++);
    const auto base = shared::Millis(
        static_cast<std::int64_t>(std::min(static_cast<double>(pace_.longest.count()), grown)));
    delay = base + up_to(random_, base / 5);
  }
  wait_timer_ = executor_.after(delay, [this, next = std::move(next)] {
    wait_timer_.cancel();
    next();
  });
}

void Session::opened(std::shared_ptr<link::Channel> channel) {
  opening_ = false;
  channel_ = std::move(channel);
  opened_at_ = executor_.now();
  watch_silence();
  age_timer_ = executor_.after(settings_.session_age + up_to(random_, kAgeJitter), [this] {
    give_up("expired", "the session reached its age limit", "ConnectionExpired: Reconnect to continue");
  });
  handlers_.on_open();
}

void Session::watch_silence() {
  silence_timer_ = executor_.after(
      settings_.session_silence + up_to(random_, settings_.session_silence),
      [this] { give_up("silent", "control sent nothing for too long", "no message for too long"); });
}

void Session::give_up(const std::string& code, const std::string& why, const std::string& farewell) {
  channel_->close(farewell);
  ended(shared::Error(code, why));
}

void Session::ended(const shared::Error& error) {
  const bool ordinary = channel_ && executor_.now() - opened_at_ >= pace_.ordinary_life;
  if (ordinary) failures_ = 0;
  let_go();
  handlers_.on_end(error, ordinary ? End::kOrdinary : End::kFailure);
}

// Whatever it says from here on is late.
void Session::let_go() {
  ++attempt_;
  opening_ = false;
  // We may be inside one of this channel's own callbacks.
  if (channel_) executor_.post([dead = std::move(channel_)] {});
  channel_ = nullptr;
  silence_timer_.cancel();
  age_timer_.cancel();
}

}  // namespace agent::node
