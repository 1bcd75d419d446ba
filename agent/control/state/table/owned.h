// Rows that are part of another one: their keys are "<owner's key>/<own part>". Logs among them have numbers
// of 20 digits as their own part, which rise, so that the order of the keys is the order in which things
// happened.
#pragma once
#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/control/state/table/table.h"

namespace agent::control {

// In their order. Of owners whose keys begin alike up to a slash, those of the longer key too.
template <class T>
std::vector<std::string> keys_under(const Table<T>& table, const std::string& owner) {
  std::vector<std::string> keys;
  const std::string prefix = owner + "/";
  for (auto it = table.rows().lower_bound(prefix); it != table.rows().end() && it->first.starts_with(prefix);
       ++it)
    keys.push_back(it->first);
  return keys;
}

template <class T>
void erase_under(Table<T>& table, const std::string& owner) {
  for (const std::string& key : keys_under(table, owner)) table.erase(key);
}

inline std::string log_key(const std::string& owner, std::uint64_t number) {
  constexpr std::size_t kDigits = 20;
  const std::string digits = std::to_string(number);
  return owner + "/" + std::string(kDigits - digits.size(), '0') + digits;
}

inline std::uint64_t log_number_in(const std::string& key) {
  std::uint64_t number = 0;
  std::from_chars(key.data() + key.rfind('/') + 1, key.data() + key.size(), number);
  return number;
}

// `keys`: of the owner's log. The new row has the number `least`, or the next one where that was had. Of the
// old ones those go that are more than `most` with it, and those that are too old.
template <class T, class TooOld>
void append_to_log(Table<T>& table, const std::string& owner, const std::vector<std::string>& keys,
                   std::uint64_t least, std::size_t most, T row, TooOld too_old) {
  const std::uint64_t number = keys.empty() ? least : std::max(least, log_number_in(keys.back()) + 1);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    if (keys.size() - i >= most || too_old(*table.find(keys[i]))) table.erase(keys[i]);
  }
  table.put(log_key(owner, number), std::move(row));
}

}  // namespace agent::control
