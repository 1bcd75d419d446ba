// The members of answers. Pure. Thread: any.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/time.h"

namespace agent::cli {

// Members of an answer; what is not there or of another type is empty, 0 or false.
std::string text_in(const nlohmann::json& object, const char* name);
long long number_in(const nlohmann::json& object, const char* name);  // texts of digits too
bool flag_in(const nlohmann::json& object, const char* name);         // "true" too
std::optional<shared::WallTime> time_in(const nlohmann::json& object, const char* name);
const nlohmann::json& list_in(const nlohmann::json& object, const char* name);
const nlohmann::json& object_in(const nlohmann::json& object, const char* name);
std::vector<std::string> texts_in(const nlohmann::json& object, const char* name);

}  // namespace agent::cli
