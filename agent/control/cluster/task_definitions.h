// Task definitions: revisions are given, deregistered and removed here. What a definition may say is checked
// by the API before; what is stored is the document that RegisterTaskDefinition answers.
#pragma once
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

struct NewTaskDefinition {
  std::string family;
  std::string document;  // normalised: defaults filled in, see TaskDefinition::document
  std::vector<model::Tag> tags;
  std::string registered_by;
};
// Gives the next revision of the family: one more than the highest ever given, also when all of them were
// deleted since. Returns the row key. Errors: LimitExceededException after kMaxRevisions.
shared::Result<std::string> register_task_definition(Step& step, NewTaskDefinition wanted);
inline constexpr int kMaxRevisions = 1'000'000;  // per family, as on ECS

// ACTIVE becomes INACTIVE; other states stay as they are. Tasks and services go on. The row must exist.
void deregister_task_definition(Step& step, const std::string& key);

// INACTIVE becomes DELETE_IN_PROGRESS. Errors: ClientException while ACTIVE. The row must exist.
shared::Result<void> delete_task_definition(Step& step, const std::string& key);

// Removes the rows that are DELETE_IN_PROGRESS and that no task, service or deployment uses any more.
// Level-triggered.
void purge_task_definitions(Step& step);

}  // namespace agent::control
