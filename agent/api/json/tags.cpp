#include "agent/api/json/tags.h"

#include <nlohmann/json.hpp>

namespace agent::api {

std::vector<model::Tag> read_tags(const shared::json::Reader& in, std::string_view member) {
  std::vector<model::Tag> tags;
  for (const auto& each : in.children(member))
    tags.push_back({each.required_string("Key"), each.string_or("Value", "")});
  return tags;
}

nlohmann::json encode_tags(const std::vector<model::Tag>& tags) {
  auto out = nlohmann::json::array();
  for (const auto& tag : tags) out.push_back({{"Key", tag.key}, {"Value", tag.value}});
  return out;
}

}  // namespace agent::api
