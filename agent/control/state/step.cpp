#include "agent/control/state/step.h"

#include <algorithm>

namespace agent::control {
namespace {
constexpr const char* kMetaKey = "meta";
}

const model::Meta& Step::meta() const {
  static const model::Meta kNew;
  const model::Meta* row = state.meta.find(kMetaKey);
  return row == nullptr ? kNew : *row;
}

model::Meta& Step::edit_meta() {
  if (model::Meta* row = state.meta.edit(kMetaKey)) return *row;
  return state.meta.put(kMetaKey, model::Meta{});
}

std::uint64_t Step::millis() const {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(0, shared::epoch_millis(now)));
}

std::string Step::arn(const std::string& service, const std::string& resource) const {
  return "arn:" + settings.partition + ":" + service + ":" + settings.region + ":" + settings.account + ":" +
         resource;
}

}  // namespace agent::control
