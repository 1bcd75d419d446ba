// Lists of rows, a page at a time. Internal to the folder; for files that include nlohmann/json.hpp.
#pragma once
#include <nlohmann/json.hpp>

#include "agent/api/servicediscovery/request.h"

namespace agent::api::servicediscovery {

// {member: what `encode` makes of the rows that `wanted` wants, in key order, NextToken if there are more}.
template <class Rows, class Wanted, class Encode>
nlohmann::json page_of(const char* member, const Rows& rows, const Page& page, Wanted wanted, Encode encode) {
  nlohmann::json out{{member, nlohmann::json::array()}};
  std::string last;
  for (auto it = rows.upper_bound(page.after); it != rows.end(); ++it) {
    if (!wanted(it->second)) continue;
    if (out[member].size() == page.size) {
      out["NextToken"] = token_of(last);
      break;
    }
    out[member].push_back(encode(it->second));
    last = it->first;
  }
  return out;
}

}  // namespace agent::api::servicediscovery
