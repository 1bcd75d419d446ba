// What control reads out of a task definition's document, which is kept as it was registered.
#pragma once
#include "agent/model/task_definition.h"
#include "shared/base/result.h"

namespace agent::control {

// The typed members of a stored definition, read back from TaskDefinition::document; control uses it after
// the API has normalised a new one, the loader after it has read a row. Error code "corrupt" with the member.
shared::Result<void> fill_from_document(model::TaskDefinition& definition);

}  // namespace agent::control
