#include "agent/control/cluster/task_definitions.h"

#include <nlohmann/json.hpp>
#include <set>

#include "agent/control/records/definition_document.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "shared/base/check.h"
#include "shared/json/reader.h"

namespace agent::control {
namespace {

using shared::Result;

std::set<std::string> definitions_in_use(const State& state) {
  std::set<std::string> used;
  for (const auto& [key, task] : state.tasks.rows()) {
    if (task.last_status != model::TaskStatus::kStopped) used.insert(task.task_definition_arn);
  }
  for (const auto& [key, service] : state.services.rows()) {
    if (service.status == model::ServiceStatus::kInactive) continue;
    used.insert(service.task_definition_arn);
    used.insert(service.last_completed_task_definition);
    for (const model::Deployment& deployment : service.deployments) {
      used.insert(deployment.task_definition_arn);
    }
  }
  return used;
}

}  // namespace

Result<std::string> register_task_definition(Step& step, NewTaskDefinition wanted) {
  int& last = step.edit_meta().last_revision[wanted.family];
  if (last >= kMaxRevisions) {
    return fault("LimitExceededException", "Family " + wanted.family + " has used all of its " +
                                               std::to_string(kMaxRevisions) + " revisions.");
  }
  model::TaskDefinition definition;
  definition.family = std::move(wanted.family);
  definition.document = std::move(wanted.document);
  if (auto filled = fill_from_document(definition); !filled) {
    return client_exception(filled.error().text());
  }
  definition.revision = ++last;
  definition.tags = std::move(wanted.tags);
  definition.registered_by = std::move(wanted.registered_by);
  definition.registered_at = step.now;
  const std::string key = key_of(definition);
  definition.arn = step.arn("ecs", "task-definition/" + key);
  step.state.task_definitions.put(key, std::move(definition));
  return key;
}

void deregister_task_definition(Step& step, const std::string& key) {
  const model::TaskDefinition* present = step.state.task_definitions.find(key);
  BERTH_CHECK(present != nullptr, "deregister_task_definition of one that exists");
  if (present->status != model::TaskDefinitionStatus::kActive) return;
  model::TaskDefinition& row = *step.state.task_definitions.edit(key);
  row.status = model::TaskDefinitionStatus::kInactive;
  row.deregistered_at = step.now;
}

Result<void> delete_task_definition(Step& step, const std::string& key) {
  const model::TaskDefinition* present = step.state.task_definitions.find(key);
  BERTH_CHECK(present != nullptr, "delete_task_definition of one that exists");
  if (present->status == model::TaskDefinitionStatus::kActive) {
    return client_exception(
        "The specified task definition is still in ACTIVE status. Please deregister the target and "
        "try again.");
  }
  if (present->status == model::TaskDefinitionStatus::kDeleteInProgress) return {};
  model::TaskDefinition& row = *step.state.task_definitions.edit(key);
  row.status = model::TaskDefinitionStatus::kDeleteInProgress;
  auto document = shared::json::parse(row.document);
  BERTH_CHECK(document.has_value() && document->is_object(), "a stored definition is a JSON object");
  (*document)["deleteRequestedAt"] = shared::epoch_seconds(step.now);
  row.document = shared::json::to_text(*document);
  return {};
}

void purge_task_definitions(Step& step) {
  std::vector<std::string> leaving;
  for (const auto& [key, row] : step.state.task_definitions.rows()) {
    if (row.status == model::TaskDefinitionStatus::kDeleteInProgress) leaving.push_back(key);
  }
  if (leaving.empty()) return;
  const std::set<std::string> used = definitions_in_use(step.state);
  for (const std::string& key : leaving) {
    if (!used.contains(step.state.task_definitions.find(key)->arn)) step.state.task_definitions.erase(key);
  }
}

}  // namespace agent::control
