#include "agent/api/events/request.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/state/faults.h"
#include "shared/base/text.h"
#include "shared/crypto/hash.h"

namespace agent::api::events {

using control::fault;
using shared::Result;

namespace {

constexpr std::size_t kShownBytes = 128;
constexpr std::size_t kMostName = 64;
constexpr int kMostOnPage = 100;

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
  Page page;
  const auto size = in.integer<int>("Limit");
  const auto token = in.string("NextToken");
  if (!in.ok()) return in.error();
  if (size && (*size < 1 || *size > kMostOnPage))
    return constraint("limit", std::to_string(*size), "Member must have a value from 1 to 100");
  if (size) page.size = static_cast<std::size_t>(*size);
  if (token) {
    auto after = shared::crypto::base64_decode(*token);
    if (!after) return invalid("NextToken is not one of ours.");
    page.after = *std::move(after);
  }
  return page;
}

std::string token_of(const std::string& last) { return shared::crypto::base64_encode(last); }

std::vector<model::Tag> tags_in(In in) {
  std::vector<model::Tag> tags;
  for (const auto& each : in.children("Tags"))
    tags.push_back({each.required_string("Key"), each.string_or("Value", "")});
  return tags;
}

}  // namespace agent::api::events
