#include "shared/lbconfig/config.h"

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

Config sharing_parts(Config newer, const Config& former) {
  share_parts(newer.listeners, former.listeners);
  share_parts(newer.target_groups, former.target_groups);
  return newer;
}

}  // namespace shared::lbconfig
