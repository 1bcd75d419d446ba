// What the records of both APIs are made of (records_ecs.cpp, records_elb.cpp). Times are milliseconds since
// the epoch.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "agent/model/capacity_provider.h"
#include "agent/model/common.h"
#include "shared/base/time.h"
#include "shared/json/reader.h"

namespace agent::control {

inline std::int64_t millis(shared::WallTime t) { return shared::epoch_millis(t); }

inline shared::WallTime read_time(const shared::json::Reader& in, std::string_view name) {
  return shared::from_epoch_millis(in.integer_or<std::int64_t>(name, 0));
}

nlohmann::json strategy_json(const std::vector<model::StrategyItem>& items);
std::vector<model::StrategyItem> read_strategy(const shared::json::Reader& in, std::string_view name);
nlohmann::json tags_json(const std::vector<model::Tag>& tags);
std::vector<model::Tag> read_tags(const shared::json::Reader& in);

// Runs `read` over the row's root object; false when the text or a member is not what it must be.
template <class Read>
bool decode_row(std::string_view text, Read read) {
  const auto document = shared::json::Document::parse(text, "corrupt");
  if (!document) return false;
  read(document->root());
  return document->result().has_value();
}

}  // namespace agent::control
