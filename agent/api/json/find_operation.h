// The look-up of an operation in a service's tables. Pure.
#pragma once
#include <string_view>

namespace agent::api {

// `Tables` holds spans of pairs of a name and what runs. Of an operation that is not there: its value is
// null.
template <class Tables>
auto find_operation(const Tables& tables, std::string_view name) {
  decltype(tables.front().front().second) none{};
  for (const auto table : tables) {
    for (const auto& [each, run] : table) {
      if (each == name) return run;
    }
  }
  return none;
}

}  // namespace agent::api
