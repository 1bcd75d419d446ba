#include "shared/lbconfig/config.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace shared::lbconfig {

namespace {

template <class T>
void share_parts(std::vector<Part<T>>& newer, const std::vector<Part<T>>& former) {
  std::unordered_map<std::string_view, const Part<T>*> known;
  for (const Part<T>& part : former) known.emplace(part->id, &part);
  for (Part<T>& part : newer) {
    const auto same = known.find(part->id);
    if (same != known.end() && *same->second == part) part = *same->second;
  }
}

}  // namespace

namespace {
bool sticks(const Action& action) {
  return action.type == ActionType::kForward && action.forward.sticky &&
         action.forward.target_groups.size() > 1;
}
}  // namespace

bool needs_cookie_keys(const Config& config) {
  return std::any_of(config.target_groups.begin(), config.target_groups.end(),
                     [](const auto& group) {
                       return group->stickiness.enabled &&
                              group->stickiness.type != StickinessType::kSourceIp;
                     }) ||
         std::any_of(config.listeners.begin(), config.listeners.end(), [](const auto& listener) {
           return sticks(listener->default_action) ||
                  std::any_of(listener->rules.begin(), listener->rules.end(),
                              [](const Rule& rule) { return sticks(rule.action); });
         });
}

Config sharing_parts(Config newer, const Config& former) {
  share_parts(newer.listeners, former.listeners);
  share_parts(newer.target_groups, former.target_groups);
  share_parts(newer.certificates, former.certificates);
  share_parts(newer.trust_stores, former.trust_stores);
  return newer;
}

}  // namespace shared::lbconfig
