#include "agent/node/engine/engine_health.h"

#include <chrono>

namespace agent::node {
namespace {

std::string seconds(shared::Millis t) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(t).count()) + " s";
}

}  // namespace

void EngineHealth::answered(shared::Millis took, Starts starts) {
  if (state_ == State::kUnknown) return trust();
  if (took > kSlowAnswer) return missed("container engine: it took " + seconds(took) + " to answer a ping");
  ++answers_;
  if (state_ == State::kGood) {
    if (starts.slow >= kSlowStartsBeforeTrouble) {
      return trouble("container engine: " + std::to_string(starts.slow) +
                     " containers that it is to create or start had no answer within " + seconds(kSlowStart));
    }
    if (answers_ >= kAnswersBeforeTrust) misses_ = 0;
    return;
  }
  if (starts.slow > 0) {
    state_ = State::kTrouble;
    answers_ = 0;
  } else if (answers_ >= kAnswersBeforeTrust) {
    if (!starts.any) return trust();
    state_ = State::kTrial;
  }
}

void EngineHealth::missed(const std::string& why) {
  answers_ = 0;
  ++misses_;
  if (state_ != State::kGood || misses_ >= kMissesBeforeTrouble) trouble(why);
}

void EngineHealth::start_answered(shared::Millis took) {
  if (state_ == State::kTrial && took < kSlowStart) trust();
}

void EngineHealth::trouble(const std::string& why) {
  state_ = State::kTrouble;
  reason_ = why;
  answers_ = 0;
}

void EngineHealth::trust() {
  state_ = State::kGood;
  reason_.clear();
  misses_ = 0;
  answers_ = 0;
}

}  // namespace agent::node
