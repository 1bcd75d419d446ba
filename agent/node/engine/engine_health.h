// Whether the container engine can be given new work, as one state with hysteresis: it takes more than one
// missed answer to lose trust and several in a row to win it back, and the first start after that is a trial.
// So an engine that answers now and then, or answers and starts nothing, is in one kind of trouble instead of
// in and out of it. Pure: no clock, no engine.
#pragma once
#include <cstddef>
#include <string>

#include "shared/base/time.h"

namespace agent::node {

// Missed or slow answers, with fewer than kAnswersBeforeTrust good ones in a row between them, that are
// trouble; and the good ones in a row that end it.
inline constexpr int kMissesBeforeTrouble = 2;
inline constexpr int kAnswersBeforeTrust = 3;
// A ping that takes longer is as good as missed.
inline constexpr shared::Millis kSlowAnswer{3'000};
// Create and start calls that have had no answer for this long are slow. One may be its container's own
// fault (a volume driver that hangs), more of them at once are the engine's.
inline constexpr shared::Millis kSlowStart{60'000};
inline constexpr std::size_t kSlowStartsBeforeTrouble = 2;

class EngineHealth {
 public:
  enum class State {
    kUnknown,  // nothing was heard of it yet
    kGood,
    kTrouble,  // no new work
    kTrial,    // it answers again: one start at a time, until one was answered soon enough
  };

  // What there is to be started, when a ping was answered.
  struct Starts {
    std::size_t slow = 0;  // without an answer for kSlowStart
    bool any = false;      // some wait or are under way
  };
  void answered(shared::Millis took, Starts starts);
  void missed(const std::string& why);
  void start_answered(shared::Millis took);

  State state() const { return state_; }
  // Why it is not kGood, else empty. Changes also within a state.
  const std::string& reason() const { return reason_; }
  // Good without a recent doubt: asking now and then is enough.
  bool is_sure() const { return state_ == State::kGood && misses_ == 0; }

 private:
  void trouble(const std::string& why);
  void trust();

  State state_ = State::kUnknown;
  std::string reason_ = "the container engine has not answered yet";
  int misses_ = 0;
  int answers_ = 0;  // good ones in a row
};

}  // namespace agent::node
