#include "agent/control/records/parts.h"

#include <nlohmann/json.hpp>

namespace agent::control {

nlohmann::json strategy_json(const std::vector<model::StrategyItem>& items) {
  nlohmann::json out = nlohmann::json::array();
  for (const model::StrategyItem& each : items) {
    out.push_back({{"provider", each.provider}, {"weight", each.weight}, {"base", each.base}});
  }
  return out;
}

std::vector<model::StrategyItem> read_strategy(const shared::json::Reader& in, std::string_view name) {
  std::vector<model::StrategyItem> items;
  for (const shared::json::Reader& each : in.children(name)) {
    items.push_back(
        {each.string_or("provider", ""), each.integer_or<int>("weight", 0), each.integer_or<int>("base", 0)});
  }
  return items;
}

nlohmann::json tags_json(const std::vector<model::Tag>& tags) {
  nlohmann::json out = nlohmann::json::array();
  for (const model::Tag& tag : tags) out.push_back({{"key", tag.key}, {"value", tag.value}});
  return out;
}

std::vector<model::Tag> read_tags(const shared::json::Reader& in) {
  std::vector<model::Tag> tags;
  for (const shared::json::Reader& each : in.children("tags")) {
    tags.push_back({each.string_or("key", ""), each.string_or("value", "")});
  }
  return tags;
}

}  // namespace agent::control
