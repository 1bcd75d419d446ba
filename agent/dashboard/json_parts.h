// How things are written, the same everywhere. For the .cpp files of this folder only.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "shared/base/time.h"
#include "shared/lbconfig/config.h"
#include "shared/lbconfig/feed.h"

namespace agent::dashboard {

namespace lb = shared::lbconfig;

inline long long millis(shared::WallTime time) { return shared::epoch_millis(time); }
// With the members that say what it is; the others are put beside them.
nlohmann::json thing(const char* kind, const std::string& id);
void put_text(nlohmann::json& out, const char* name, const std::string& text);  // not when it is empty
void put_time(nlohmann::json& out, const char* name, const std::optional<shared::WallTime>& time);

}  // namespace agent::dashboard
