#include "agent/node/engine/engine_health.h"

#include <gtest/gtest.h>

namespace agent::node {
namespace {

using State = EngineHealth::State;
constexpr shared::Millis kSoon{2};

EngineHealth known() {
  EngineHealth health;
  health.answered(kSoon, {});
  return health;
}
void answers(EngineHealth& health, int times, EngineHealth::Starts starts = {}) {
  for (int i = 0; i < times; ++i) health.answered(kSoon, starts);
}

TEST(EngineHealth, FirstAnswerIsEnoughToBegin) {
  EngineHealth health;
  EXPECT_EQ(health.state(), State::kUnknown);
  EXPECT_NE(health.reason(), "");
  health.answered(kSoon, {});
  EXPECT_EQ(health.state(), State::kGood);
  EXPECT_EQ(health.reason(), "");
}

TEST(EngineHealth, OneMissedAnswerIsADoubtAndTwoAreTrouble) {
  EngineHealth health = known();
  health.missed("gone");
  EXPECT_EQ(health.state(), State::kGood);
  EXPECT_FALSE(health.is_sure());
  health.missed("gone");
  EXPECT_EQ(health.state(), State::kTrouble);
  EXPECT_EQ(health.reason(), "gone");
}

TEST(EngineHealth, TrustTakesAnswersInARow) {
  EngineHealth health = known();
  health.missed("gone");
  health.missed("gone");
  answers(health, kAnswersBeforeTrust - 1);
  health.missed("gone again");
  answers(health, kAnswersBeforeTrust - 1);
  EXPECT_EQ(health.state(), State::kTrouble);
  answers(health, 1);
  EXPECT_EQ(health.state(), State::kGood);
}

TEST(EngineHealth, EngineThatAnswersEverySecondTimeIsInTroubleOnceAndStaysThere) {
  EngineHealth health = known();
  int changes = 0;
  State last = health.state();
  for (int i = 0; i < 100; ++i) {
    if (i % 2 == 0) {
      health.missed("gone");
    } else {
      answers(health, 1);
    }
    changes += health.state() != last;
    last = health.state();
  }
  EXPECT_EQ(changes, 1);
  EXPECT_EQ(last, State::kTrouble);
}

TEST(EngineHealth, RareMissesAreNoTrouble) {
  EngineHealth health = known();
  for (int i = 0; i < 10; ++i) {
    health.missed("gone");
    answers(health, kAnswersBeforeTrust);
    EXPECT_TRUE(health.is_sure());
  }
  EXPECT_EQ(health.state(), State::kGood);
}

TEST(EngineHealth, SlowAnswersCountAsMissed) {
  EngineHealth health = known();
  health.answered(kSlowAnswer + shared::Millis(1), {});
  health.answered(kSlowAnswer + shared::Millis(1'500), {});
  EXPECT_EQ(health.state(), State::kTrouble);
  EXPECT_EQ(health.reason(), "container engine: it took 4 s to answer a ping");
}

TEST(EngineHealth, SeveralSlowStartsAreTheEnginesAndOneIsNot) {
  EngineHealth health = known();
  answers(health, 10, {1, true});
  EXPECT_EQ(health.state(), State::kGood);
  answers(health, 1, {2, true});
  EXPECT_EQ(health.state(), State::kTrouble);
  EXPECT_NE(health.reason().find("within 60 s"), std::string::npos) << health.reason();
}

TEST(EngineHealth, FirstStartAfterTroubleIsATrial) {
  EngineHealth health = known();
  answers(health, 1, {2, true});
  answers(health, 10, {1, true});
  EXPECT_EQ(health.state(), State::kTrouble) << "one is still without an answer";
  answers(health, kAnswersBeforeTrust, {0, true});
  EXPECT_EQ(health.state(), State::kTrial);
  EXPECT_NE(health.reason(), "");
  health.start_answered(kSlowStart);
  EXPECT_EQ(health.state(), State::kTrial) << "too slow";
  health.start_answered(kSoon);
  EXPECT_EQ(health.state(), State::kGood);
}

TEST(EngineHealth, TrialThatTakesTooLongIsTroubleAgain) {
  EngineHealth health = known();
  answers(health, 1, {2, true});
  answers(health, kAnswersBeforeTrust, {0, true});
  answers(health, 1, {1, true});
  EXPECT_EQ(health.state(), State::kTrouble);
}

TEST(EngineHealth, NothingToStartNeedsNoTrial) {
  EngineHealth health = known();
  answers(health, 1, {2, true});
  answers(health, kAnswersBeforeTrust, {0, true});
  answers(health, 1, {0, false});
  EXPECT_EQ(health.state(), State::kGood);
}

}  // namespace
}  // namespace agent::node
