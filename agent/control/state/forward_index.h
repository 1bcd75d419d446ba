// Which listeners and rules forward to a target group, kept up to date row by row. Derived: never stored.
// Thread: control's.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/control/state/table.h"
#include "agent/model/load_balancing.h"

namespace agent::control {

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
  class Forwards {
   public:
    void set(const std::string& from, const std::vector<model::lb::Action>& actions);
    const std::set<std::string>& to(const std::string& target_group_arn) const;

   private:
    std::map<std::string, std::set<std::string>> groups_;  // by who forwards
    std::map<std::string, std::set<std::string>> from_;    // by target group
  };
  Table<model::Listener>::Reader changed_listeners_;
  Table<model::Rule>::Reader changed_rules_;
  Forwards listeners_;
  Forwards rules_;
};

}  // namespace agent::control
