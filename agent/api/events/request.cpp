#include "agent/api/events/request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/state/faults.h"
#include "shared/base/text.h"

namespace agent::api::events {

using control::fault;
using shared::Result;

namespace {

constexpr std::size_t kShownBytes = 128;
constexpr std::size_t kMostName = 64;
constexpr std::size_t kMostOnPage = 100;

}  // namespace

shared::Error invalid(const std::string& text) { return fault("ValidationException", text); }
shared::Error constraint(std::string_view member, std::string_view value, std::string_view text) {
  return invalid("1 validation error detected: Value '" + shared::shortened(value, kShownBytes) + "' at '" +
                 std::string(member) + "' failed to satisfy constraint: " + std::string(text));
}

Result<std::string> required(In in, std::string_view member) {
  auto text = in.string(member);
  if (!in.ok()) return in.error();
  if (!text)
    return invalid("1 validation error detected: Value null at '" + in.path_of(member) +
                   "' failed to satisfy constraint: Member must not be null");
  return *std::move(text);
}

Result<std::string> name_in(In in, std::string_view member) {
  auto name = required(in, member);
  if (!name) return name;
  const bool plain = std::all_of(name->begin(), name->end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
  });
  if (!plain || name->empty() || name->size() > kMostName)
    return constraint(in.path_of(member), *name,
                      "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]{1,64}");
  return name;
}

Result<void> check_bus(const Context& at, In in) {
  const std::string bus = in.string_or("EventBusName", events::kBus);
  if (!in.ok()) return in.error();
  if (bus == events::kBus || bus == events::bus_arn(at.step.settings)) return {};
  return fault("ResourceNotFoundException",
               "Event bus " + bus.substr(0, 256) + " does not exist: there is the bus default and no other.");
}

Result<Page> page_in(In in) {
  return read_page<int>(
      in, {.size_member = "Limit", .most = kMostOnPage, .otherwise = kMostOnPage},
      [](const std::string& size) {
        return constraint("limit", size, "Member must have a value from 1 to 100");
      },
      [] { return invalid("NextToken is not one of ours."); });
}

}  // namespace agent::api::events
