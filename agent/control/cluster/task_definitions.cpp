#include "agent/control/cluster/task_definitions.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/records/definition_document.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "shared/base/check.h"
#include "shared/json/reader.h"

namespace agent::control {
namespace {

using shared::Result;

bool names(const model::Service& service, const std::string& arn) {
  if (service.status == model::ServiceStatus::kInactive) return false;
  return service.task_definition_arn == arn || service.last_completed_task_definition == arn ||
         std::any_of(service.deployments.begin(), service.deployments.end(),
                     [&](const model::Deployment& each) { return each.task_definition_arn == arn; });
}

bool is_in_use(const State& state, const std::string& arn) {
  const auto& services = state.services.rows();
  return state.task_index().uses_definition(arn) ||
         std::any_of(services.begin(), services.end(),
                     [&](const auto& row) { return names(row.second, arn); });
}

}  // namespace

Result<std::string> register_task_definition(Step& step, NewTaskDefinition wanted) {
  const model::Family* family = step.state.families.find(wanted.family);
  const int last = family == nullptr ? 0 : family->last_revision;
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
  definition.revision = last + 1;
  definition.tags = std::move(wanted.tags);
  definition.registered_by = std::move(wanted.registered_by);
  definition.registered_at = step.now;
  rows(step).families.put(definition.family, {definition.family, definition.revision});
  const std::string key = key_of(definition);
  definition.arn = step.arn(aws::EcsKind::kTaskDefinition, key);
  rows(step).task_definitions.put(key, std::move(definition));
  return key;
}

void deregister_task_definition(Step& step, const std::string& key) {
  const model::TaskDefinition* present = step.state.task_definitions.find(key);
  BERTH_CHECK(present != nullptr, "deregister_task_definition of one that exists");
  if (present->status != model::TaskDefinitionStatus::kActive) return;
  rows(step).task_definitions.edit(key, [&](model::TaskDefinition& row) {
    row.status = model::TaskDefinitionStatus::kInactive;
    row.deregistered_at = step.now;
  });
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
  auto document = shared::json::parse(present->document);
  BERTH_CHECK(document.has_value() && document->is_object(), "a stored definition is a JSON object");
  (*document)["deleteRequestedAt"] = shared::epoch_seconds(step.now);
  rows(step).task_definitions.edit(key, [&](model::TaskDefinition& row) {
    row.status = model::TaskDefinitionStatus::kDeleteInProgress;
    row.document = shared::json::to_text(*document);
  });
  return {};
}

void purge_task_definitions(Step& step) {
  for (const std::string& key : rows(step).live.agenda.take(Concern::kRetiredDefinition, step.now)) {
    const model::TaskDefinition* row = step.state.task_definitions.find(key);
    if (row == nullptr || row->status != model::TaskDefinitionStatus::kDeleteInProgress) continue;
    if (!is_in_use(step.state, row->arn)) rows(step).task_definitions.erase(key);
  }
}

}  // namespace agent::control
