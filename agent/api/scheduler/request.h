// What the operations share. Internal to the folder.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/api/call.h"
#include "agent/api/json/page.h"
#include "agent/control/events/events.h"
#include "shared/base/result.h"
#include "shared/json/reader.h"

namespace agent::api::scheduler {

struct Context {
  control::Step& step;
  const Call& call;
};
using In = const shared::json::Reader&;
using Answer = shared::Result<nlohmann::json>;
using Run = Answer (*)(const Context&, In);
using Operation = std::pair<std::string_view, Run>;
namespace events = control::events;

std::span<const Operation> schedule_operations();
std::span<const Operation> group_operations();

shared::Error invalid(const std::string& text);  // ValidationException
// 1 to 64 of letters, digits, "-", "_" and ".".
shared::Result<std::string> name_in(In in, std::string_view member);
shared::Result<std::string> group_in(In in);  // GroupName, "default" when absent

shared::Result<Page> page_in(In in);

}  // namespace agent::api::scheduler
