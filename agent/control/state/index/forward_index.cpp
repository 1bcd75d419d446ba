#include "agent/control/state/index/forward_index.h"

namespace agent::control {

std::set<std::string> target_groups_in(const std::vector<model::lb::Action>& actions) {
  std::set<std::string> groups;
  for (const model::lb::Action& action : actions) {
    if (action.type != model::lb::ActionType::kForward) continue;
    for (const auto& each : action.forward.target_groups) groups.insert(each.target_group);
  }
  return groups;
}

void ForwardIndex::refresh(const Table<model::Listener>& listeners, const Table<model::Rule>& rules) {
  for (const std::string& arn : listeners.take_changes(changed_listeners_)) {
    const model::Listener* row = listeners.find(arn);
    listeners_.set(arn, row == nullptr ? std::set<std::string>() : target_groups_in(row->default_actions));
  }
  for (const std::string& arn : rules.take_changes(changed_rules_)) {
    const model::Rule* row = rules.find(arn);
    rules_.set(arn, row == nullptr ? std::set<std::string>() : target_groups_in(row->actions));
  }
}

bool ForwardIndex::is_used(const std::string& target_group_arn) const {
  return !listeners_to(target_group_arn).empty() || !rules_to(target_group_arn).empty();
}

}  // namespace agent::control
