#include "agent/control/state/step.h"

#include <algorithm>

namespace agent::control {

const model::Meta& Step::meta() const {
  static const model::Meta kNew;
  const model::Meta* row = state.meta.find(kMetaKey);
  return row == nullptr ? kNew : *row;
}

std::uint64_t Step::millis() const {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, shared::epoch_millis(now)));
}

std::string Step::arn(aws::EcsKind kind, std::string_view name) const {
  return aws::ecs_arn(settings.realm(), kind, name);
}

}  // namespace agent::control
