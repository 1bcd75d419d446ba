// Which listeners and rules forward to a target group, kept up to date row by row. Derived: never stored.
// Thread: control's.
#pragma once
#include <set>
#include <string>
#include <vector>

#include "agent/control/state/index/backlinks.h"
#include "agent/control/state/table/table.h"
#include "agent/model/load_balancing.h"

namespace agent::control {

// ARNs of the target groups that these forward to.
std::set<std::string> target_groups_in(const std::vector<model::lb::Action>& actions);

class ForwardIndex {
 public:
  ForwardIndex(Table<model::Listener>::Reader listeners, Table<model::Rule>::Reader rules)
      : changed_listeners_(listeners), changed_rules_(rules) {}
  void refresh(const Table<model::Listener>& listeners, const Table<model::Rule>& rules);

  bool is_used(const std::string& target_group_arn) const;
  // ARNs.
  const std::set<std::string>& listeners_to(const std::string& target_group_arn) const {
    return listeners_.to(target_group_arn);
  }
  const std::set<std::string>& rules_to(const std::string& target_group_arn) const {
    return rules_.to(target_group_arn);
  }

 private:
  Table<model::Listener>::Reader changed_listeners_;
  Table<model::Rule>::Reader changed_rules_;
  Backlinks listeners_;  // to target groups
  Backlinks rules_;
};

}  // namespace agent::control
