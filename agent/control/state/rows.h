// The state as the rooms of control change it: its rows, and what is only true while connections last. Not
// for agent/api, which reads Step::state and asks a room; tests/unit/tree/arrows_test.py sees to that. So no
// public header of a room includes this one.
#pragma once
#include <string_view>
#include <utility>

#include "agent/control/state/step.h"

namespace agent::control {

// Step knows it by name only, so that this header is the one way to it.
struct Rows {
  static State& of(Step& step) { return step.rows_; }
};

inline State& rows(Step& step) { return Rows::of(step); }

// `change(model::Meta&)`; the row is made with the first change.
template <class Change>
void edit_meta(Step& step, Change&& change) {
  Table<model::Meta>& table = rows(step).meta;
  if (table.find(kMetaKey) == nullptr) table.put(std::string(kMetaKey), model::Meta{});
  table.edit(kMetaKey, std::forward<Change>(change));
}

}  // namespace agent::control
