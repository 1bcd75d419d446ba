// Session: one of the agent's two websockets to control (ACS, telemetry), one after the other. It notices
// silence, lets none grow too old, tells once that it ended, and knows how long to wait before the next
// attempt. What is said over it is its owner's business. Thread: the executor's; the handlers are never
// called inside a call of the owner's.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "agent/link/control_link.h"
#include "agent/node/settings.h"
#include "shared/base/result.h"
#include "shared/env/executor.h"
#include "shared/env/random.h"

namespace agent::node {

// Between attempts: `first`, times `factor` after each failure, at most `longest`, plus up to a fifth. A
// session that lived for `ordinary_life` ended for ordinary reasons: then the wait is less than `first`.
struct Pace {
  shared::Millis first;
  double factor;
  shared::Millis longest;
  shared::Millis ordinary_life;
};

class Session {
 public:
  enum class End { kOrdinary, kFailure };
  struct Handlers {
    std::function<void()> on_open;
    std::function<void(const std::string&)> on_text;
    std::function<void(const shared::Error&, End)> on_end;  // also of an attempt that failed
  };
  using Dial = std::function<void(link::SessionHandlers)>;

  // References outlive it, and so do the settings (session_silence, session_age).
  Session(shared::env::Executor& executor, shared::env::Random& random, const NodeSettings& settings,
          Pace pace, Handlers handlers);
  ~Session();

  // `dial` opens the websocket with the handlers it is given. Whatever an earlier one says is ignored.
  void open(const Dial& dial);
  bool is_open() const { return channel_ != nullptr; }
  // Neither open, nor being opened, nor waiting to be.
  bool is_idle() const { return !channel_ && !opening_ && !wait_timer_; }
  void send(std::string text);  // dropped while it is not open
  // Ends it, or the attempt, or the wait, without on_end. Later attempts are not delayed.
  void end(const std::string& reason);

  // Does `next` after a wait by the pace; failures of `next` itself (calls before the session) come here too.
  void after_end(End end, std::function<void()> next);

 private:
  void opened(std::shared_ptr<link::Channel> channel);
  void ended(const shared::Error& error);
  void give_up(const std::string& code, const std::string& why, const std::string& farewell);
  void watch_silence();
  void let_go();

  shared::env::Executor& executor_;
  shared::env::Random& random_;
  const NodeSettings& settings_;
  Pace pace_;
  Handlers handlers_;
  std::shared_ptr<link::Channel> channel_;  // set while it is open; shared with the link
  bool opening_ = false;
  std::uint64_t attempt_ = 0;  // tells late callbacks of an older one
  int failures_ = 0;
  shared::SteadyTime opened_at_{};
  shared::env::Timer silence_timer_;
  shared::env::Timer age_timer_;
  shared::env::Timer wait_timer_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace agent::node
