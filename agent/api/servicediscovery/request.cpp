#include "agent/api/servicediscovery/request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/state/faults.h"

namespace agent::api::servicediscovery {

using control::fault;
using shared::Result;

namespace {

constexpr std::size_t kMostOnPage = 100;

}  // namespace

shared::Error invalid(const std::string& text) { return fault("InvalidInput", text); }

Result<std::string> optional_text(In in, std::string_view member, std::size_t most) {
  auto text = in.string_or(member, "");
  if (!in.ok()) return in.error();
  if (text.size() > most)
    return invalid(in.path_of(member) + ": can have at most " + std::to_string(most) + " characters.");
  return text;
}

Result<std::string> required(In in, std::string_view member, std::size_t most) {
  auto text = optional_text(in, member, most);
  if (text && text->empty()) return invalid(in.path_of(member) + ": is required.");
  return text;
}

std::string namespace_named(In in) {
  if (in.has("NamespaceId")) return in.string_or("NamespaceId", "");
  const auto dns = in.child("DnsConfig");
  return dns ? dns->string_or("NamespaceId", "") : std::string();
}

Result<Page> page_in(In in) {
  return read_page<int>(
      in, {.most = kMostOnPage, .otherwise = kMostOnPage},
      [](const std::string&) {
        return invalid("MaxResults: must be from 1 to " + std::to_string(kMostOnPage) + ".");
      },
      [] { return invalid("NextToken: is not one of ours."); });
}

Result<std::vector<Filter>> filters_in(In in, std::initializer_list<std::string_view> names) {
  std::vector<Filter> out;
  for (const auto& each : in.children("Filters")) {
    Filter filter{each.required_string("Name"), each.string_or("Condition", "EQ"),
                  each.strings_or_empty("Values")};
    if (!in.ok()) return in.error();
    if (std::find(names.begin(), names.end(), filter.name) == names.end())
      return invalid(each.path_of("Name") + ": there is no filter " + filter.name.substr(0, 64) + " here.");
    const bool known = filter.condition == "EQ" || filter.condition == "IN" ||
                       filter.condition == "BEGINS_WITH" || filter.condition == "BETWEEN";
    if (!known) return invalid(each.path_of("Condition") + ": must be EQ, IN, BETWEEN or BEGINS_WITH.");
    const std::size_t needed = filter.condition == "BETWEEN" ? 2 : 1;
    const bool fits = filter.condition == "IN" ? !filter.values.empty() : filter.values.size() == needed;
    if (!fits) return invalid(each.path_of("Values"));
    out.push_back(std::move(filter));
  }
  if (!in.ok()) return in.error();
  return out;
}

bool passes(const std::vector<Filter>& filters, std::string_view name, const std::string& value) {
  return std::all_of(filters.begin(), filters.end(), [&](const Filter& each) {
    if (each.name != name) return true;
    if (each.condition == "BEGINS_WITH") return value.starts_with(each.values[0]);
    if (each.condition == "BETWEEN") return each.values[0] <= value && value <= each.values[1];
    return std::find(each.values.begin(), each.values.end(), value) != each.values.end();
  });
}

}  // namespace agent::api::servicediscovery
