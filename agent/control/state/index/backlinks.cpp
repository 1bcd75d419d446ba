#include "agent/control/state/index/backlinks.h"

#include <utility>

namespace agent::control {

void Backlinks::set(const std::string& from, std::set<std::string> names) {
  if (const auto former = names_.find(from); former != names_.end()) {
    if (former->second == names) return;
    for (const std::string& name : former->second) {
      const auto it = from_.find(name);
      it->second.erase(from);
      if (it->second.empty()) from_.erase(it);
    }
    names_.erase(former);
  }
  if (names.empty()) return;
  for (const std::string& name : names) from_[name].insert(from);
  names_.emplace(from, std::move(names));
}

const std::set<std::string>& Backlinks::to(const std::string& name) const {
  static const std::set<std::string> kNone;
  const auto it = from_.find(name);
  return it == from_.end() ? kNone : it->second;
}

}  // namespace agent::control
