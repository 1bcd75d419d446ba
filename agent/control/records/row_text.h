// What to_row() and from_row() of fields.h are, for the .cpp files that list the fields of their rows.
// BERTH_ROW(model::X) makes both for one kind, after its fields().
#pragma once
#include "agent/control/records/fields.h"
#include "agent/control/records/parts.h"
#include "shared/json/reader.h"

namespace agent::control {

std::string row_text(void (*write)(FieldWriter&, const void*), const void* row);

template <class T>
std::string to_row(const T& row) {
  return row_text([](FieldWriter& out, const void* given) { fields(out, *static_cast<const T*>(given)); },
                  &row);
}

template <class T>
bool from_row(std::string_view text, T& row) {
  return decode_row(text, [&row](const shared::json::Reader& in) {
    FieldReader archive(in);
    fields(archive, row);
  });
}

#define BERTH_ROW(kind)                     \
  template std::string to_row(const kind&); \
  template bool from_row(std::string_view, kind&);

}  // namespace agent::control
