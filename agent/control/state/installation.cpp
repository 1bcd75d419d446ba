#include "agent/control/state/installation.h"
#include "agent/control/state/rows.h"

namespace agent::control {
namespace {
constexpr const char* kKey = "id";
}

std::string installation_of(const State& state) {
  const model::Installation* row = state.installation.find(kKey);
  return row == nullptr ? std::string() : row->id;
}

void name_installation(Step& step) {
  const std::string present = installation_of(step.state);
  const std::string& wanted = step.settings.installation;
  if (!present.empty() && (wanted.empty() || wanted == present)) return;
  rows(step).installation.put(kKey, model::Installation{wanted.empty() ? step.random.uuid() : wanted});
}

}  // namespace agent::control
