#include "agent/dashboard/assets.h"

#include <algorithm>
#include <array>
#include <utility>

namespace agent::dashboard {

const Asset* find_asset(std::string_view name) {
  const auto found =
      std::find_if(assets().begin(), assets().end(), [&](const Asset& each) { return each.name == name; });
  return found == assets().end() ? nullptr : &*found;
}

std::string_view content_type_of(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kTypes{
      {{".html", "text/html; charset=utf-8"},
       {".css", "text/css; charset=utf-8"},
       {".js", "text/javascript; charset=utf-8"},
       {".svg", "image/svg+xml"}}};
  for (const auto& [ending, type] : kTypes) {
    if (name.ends_with(ending)) return type;
  }
  return "application/octet-stream";
}

}  // namespace agent::dashboard
