// What a service answers to each operation, told from the tables that calls are dispatched by, for
// docs/compatibility.md.
#pragma once
#include <string>
#include <vector>

namespace agent::api {

struct Offer {
  std::string operation;
  std::string refusal;  // why it is refused with a 4xx; empty: it is carried out
};
using Offers = std::vector<Offer>;

// From a dispatch table: of entries with a `name`, or of pairs that begin with one.
void add_offered(Offers& offers, const auto& table) {
  for (const auto& each : table) {
    if constexpr (requires { each.name; }) {
      offers.push_back({std::string(each.name), ""});
    } else {
      offers.push_back({std::string(each.first), ""});
    }
  }
}
// From a table of names and reasons.
void add_refused(Offers& offers, const auto& table) {
  for (const auto& [name, why] : table) offers.push_back({std::string(name), std::string(why)});
}

}  // namespace agent::api
