// Looks at the rules, schedules and invocations that are on the agenda: whose time has come gets an
// invocation, in the same commit in which that time is done with, and whose turn it is is carried out.
//
// A time that passed while control was away is made up for once, by the newest that is no older than the
// target's event age allows: no storm of those that were missed. RunTask is a change of rows of the same
// step, so that a crash neither loses a time nor has it twice.
#pragma once
#include <string>
#include <vector>

#include "agent/control/events/outside.h"
#include "agent/control/state/step.h"

namespace agent::control::events {

// Lines for log groups, which leave once the step is durable.
struct Line {
  std::string group_arn;
  std::string stream;
  shared::WallTime at{};
  std::string text;
};
// `outside` null: invocations of ECS tasks wait.
void reconcile(Step& step, Outside* outside, std::vector<Line>& lines);

}  // namespace agent::control::events
