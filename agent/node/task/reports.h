// SubmitTaskStateChange: what control has not been told yet, as a request. Pure.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "agent/node/task/task_state.h"

namespace agent::node {

struct Report {
  std::string body;
  Status task = Status::kNone;  // what `sent` becomes once acknowledged
  std::vector<std::pair<std::string, Status>> containers;
};

// kNow: the task's own status moved, or an essential container ended. kGather: only others did, more may
// follow.
enum class Due { kNothing, kGather, kNow };
Due due(const Task& task);
Report build_report(const Task& task, const std::string& cluster);
void mark_sent(Task& task, const Report& report);
// Control says in its manifest what it was told of the task. If that is less than we have told it (its
// database is an older one), the rest is due again. Returns whether anything is.
bool mark_forgotten(Task& task, const link::ManifestTask& listed);
// For a task that could not even be read.
std::string bad_task_report(const link::BadTask& task, const std::string& cluster);

}  // namespace agent::node
