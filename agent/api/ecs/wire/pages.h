// Pages of List operations. A token holds the place of the last item that was given, not a count: items that
// come or go between two pages neither repeat nor hide others.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/api/ecs/wire/request.h"

namespace agent::api::ecs {

struct Item {
  std::string place;  // unique; bytes in the order of the list
  std::string value;
};
enum class Sort { kAscending, kDescending };

inline constexpr int kMaxPage = 100;      // maxResults, and the default of most lists
inline constexpr int kServicesPage = 10;  // ListServices

// {member: [values], nextToken?} by the request's maxResults and nextToken. Errors:
// InvalidParameterException for a maxResults out of range (1 to `most`) and for a token that is not of this
// operation.
Answer page_of(const Context& context, std::string_view member, std::vector<Item> items, int default_size,
               Sort sort = Sort::kAscending, int most = kMaxPage);

}  // namespace agent::api::ecs
