// Lists of rows, a page at a time. Internal to the folder.
#pragma once
#include "agent/api/servicediscovery/request.h"

namespace agent::api::servicediscovery {

// Hands the rows that `wanted` wants to `add`, in key order, as many as a page has; the token of the next
// page, empty: there is none.
template <class Rows, class Wanted, class Add>
std::string page_through(const Rows& rows, const Page& page, Wanted wanted, Add add) {
  std::string last;
  std::size_t count = 0;
  for (auto it = rows.upper_bound(page.after); it != rows.end(); ++it) {
    if (!wanted(it->second)) continue;
    if (count++ == page.size) return token_of(last);
    add(it->second);
    last = it->first;
  }
  return {};
}

}  // namespace agent::api::servicediscovery
