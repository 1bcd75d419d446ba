// Who names what, asked from the other side: which rows name this one. For indices that are kept row by row.
#pragma once
#include <map>
#include <set>
#include <string>

namespace agent::control {

class Backlinks {
 public:
  // All that `from` names; nothing: it is forgotten.
  void set(const std::string& from, std::set<std::string> names);
  const std::set<std::string>& to(const std::string& name) const;

 private:
  std::map<std::string, std::set<std::string>> names_;  // by who names
  std::map<std::string, std::set<std::string>> from_;   // by name
};

}  // namespace agent::control
