// How a service's scheduler sees one task: its phase, its health over target groups and container checks, its
// age. Pure reads, except that it says when only time will change the answer.
#pragma once
#include "agent/control/services/book.h"
#include "agent/control/state/step.h"

namespace agent::control {

// `task` is of the service and not STOPPED. Wakes the step's subject.
Book::Entry judge_task(Step& step, const model::Service& service, const model::Task& task);

}  // namespace agent::control
