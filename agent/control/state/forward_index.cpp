#include "agent/control/state/forward_index.h"

namespace agent::control {

void ForwardIndex::refresh(const Table<model::Listener>& listeners, const Table<model::Rule>& rules) {
  for (const std::string& arn : listeners.take_changes(changed_listeners_)) {
    const model::Listener* row = listeners.find(arn);
    listeners_.set(arn, row == nullptr ? std::vector<model::lb::Action>() : row->default_actions);
  }
  for (const std::string& arn : rules.take_changes(changed_rules_)) {
    const model::Rule* row = rules.find(arn);
    rules_.set(arn, row == nullptr ? std::vector<model::lb::Action>() : row->actions);
  }
}

bool ForwardIndex::is_used(const std::string& target_group_arn) const {
  return !listeners_to(target_group_arn).empty() || !rules_to(target_group_arn).empty();
}

void ForwardIndex::Forwards::set(const std::string& from, const std::vector<model::lb::Action>& actions) {
  if (const auto former = groups_.find(from); former != groups_.end()) {
    for (const std::string& group : former->second) {
      const auto it = from_.find(group);
      it->second.erase(from);
      if (it->second.empty()) from_.erase(it);
    }
    groups_.erase(former);
  }
  for (const model::lb::Action& action : actions) {
    if (action.type != model::lb::ActionType::kForward) continue;
    for (const auto& each : action.forward.target_groups) {
      groups_[from].insert(each.target_group);
      from_[each.target_group].insert(from);
    }
  }
}

const std::set<std::string>& ForwardIndex::Forwards::to(const std::string& target_group_arn) const {
  static const std::set<std::string> kNone;
  const auto it = from_.find(target_group_arn);
  return it == from_.end() ? kNone : it->second;
}

}  // namespace agent::control
