#include "agent/control/state/plant.h"

#include <array>
#include <utility>

namespace agent::control::plant {

Bug planted = Bug::kNone;

namespace {
constexpr std::array kNames{
    std::pair{std::string_view(""), Bug::kNone},
    std::pair{std::string_view("stop-before-ack"), Bug::kStopBeforeAcknowledgement},
    std::pair{std::string_view("forget-absent-balancers"), Bug::kForgetAbsentBalancers},
    std::pair{std::string_view("free-before-stopped"), Bug::kFreeBeforeStopped},
    std::pair{std::string_view("reply-before-commit"), Bug::kReplyBeforeCommit},
    std::pair{std::string_view("wait-for-last-container"), Bug::kWaitForLastContainer},
    std::pair{std::string_view("forget-health"), Bug::kForgetHealth},
    std::pair{std::string_view("lose-wake"), Bug::kLoseWake},
    std::pair{std::string_view("stop-protected"), Bug::kStopProtected},
    std::pair{std::string_view("leave-early"), Bug::kLeaveEarly},
    std::pair{std::string_view("shift-before-healthy"), Bug::kShiftBeforeHealthy},
    std::pair{std::string_view("shift-without-ack"), Bug::kShiftWithoutAcknowledgement},
    std::pair{std::string_view("clean-up-before-bake"), Bug::kCleanUpBeforeBake},
    std::pair{std::string_view("forget-rollback-weights"), Bug::kForgetRollbackWeights},
    std::pair{std::string_view("drain-source-early"), Bug::kDrainSourceEarly},
    std::pair{std::string_view("call-hooks-twice"), Bug::kCallHooksTwice},
    std::pair{std::string_view("forget-hook-answer"), Bug::kForgetHookAnswer},
    std::pair{std::string_view("go-below-minimum"), Bug::kGoBelowMinimum},
    std::pair{std::string_view("exceed-maximum"), Bug::kExceedMaximum},
    std::pair{std::string_view("drained-once-acked"), Bug::kDrainedOnceAcknowledged},
    std::pair{std::string_view("say-before-commit"), Bug::kSayBeforeCommit}};
}

bool choose(std::string_view name) {
  for (const auto& [each, bug] : kNames) {
    if (each != name) continue;
    planted = bug;
    return true;
  }
  return false;
}

const char* names() {
  return "stop-before-ack|forget-absent-balancers|free-before-stopped|reply-before-commit|"
         "wait-for-last-container|forget-health|lose-wake|say-before-commit|stop-protected|leave-early|"
         "shift-before-healthy|shift-without-ack|clean-up-before-bake|forget-rollback-weights|"
         "drain-source-early|call-hooks-twice|forget-hook-answer|"
         "go-below-minimum|exceed-maximum|drained-once-acked";
}

}  // namespace agent::control::plant
