// Tags as lists of {"Key", "Value"}, the way most JSON services have them. Pure.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "agent/model/common.h"
#include "shared/json/reader.h"

namespace agent::api {

// What is wrong with them is the reader's error. A Value that is absent is empty.
std::vector<model::Tag> read_tags(const shared::json::Reader& in, std::string_view member = "Tags");
nlohmann::json encode_tags(const std::vector<model::Tag>& tags);  // an array, empty without tags

}  // namespace agent::api
