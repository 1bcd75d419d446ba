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
#include "agent/api/json/tags.h"
#include "agent/control/events/events.h"
#include "shared/base/result.h"
#include "shared/json/reader.h"

namespace agent::api::events {

struct Context {
  control::Step& step;
  const Call& call;
};
using In = const shared::json::Reader&;
using Answer = shared::Result<nlohmann::json>;
using Run = Answer (*)(const Context&, In);
using Operation = std::pair<std::string_view, Run>;
namespace events = control::events;

std::span<const Operation> rule_operations();
std::span<const Operation> target_operations();
std::span<const Operation> event_operations();

shared::Error invalid(const std::string& text);  // ValidationException
shared::Error constraint(std::string_view member, std::string_view value, std::string_view text);
// ValidationException when it is absent.
shared::Result<std::string> required(In in, std::string_view member);
// 1 to 64 of letters, digits, ".", "-" and "_".
shared::Result<std::string> name_in(In in, std::string_view member);
// Error ResourceNotFoundException for another bus than the default one.
shared::Result<void> check_bus(const Context& at, In in);

shared::Result<Page> page_in(In in);

}  // namespace agent::api::events
