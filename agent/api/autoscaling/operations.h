// The operations of autoscaling.h, and what their requests have in common. Internal to agent/api/autoscaling.
#pragma once
#include <algorithm>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/api/json/page.h"
#include "agent/control/scaling/requests.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"
#include "shared/json/reader.h"

namespace agent::api::autoscaling {

using control::Step;
using In = const shared::json::Reader&;
using Answer = shared::Result<nlohmann::json>;
using Run = Answer (*)(Step&, In);
using Operation = std::pair<std::string_view, Run>;
namespace scaling = control::scaling;

std::span<const Operation> target_operations();
std::span<const Operation> policy_operations();
std::span<const Operation> action_operations();

inline constexpr std::string_view kNamespace = "ecs";
inline constexpr std::string_view kDimension = "ecs:service:DesiredCount";

shared::Error refuse(std::string text);  // ValidationException
// "1 validation error detected: Value '...' at '...' failed to satisfy constraint: ..."
shared::Error constraint(std::string_view member, std::string_view value, std::string_view text);
shared::Error missing(std::string_view member);  // named as in the API, from a lower-case letter on

// Row key of the service that ServiceNamespace, ResourceId and ScalableDimension name. Whether it is there is
// not looked at.
shared::Result<std::string> target_key_in(In in);
// Of a list: nothing for members that are absent. ServiceNamespace must be there.
struct Filter {
  std::optional<std::string> key;  // of the target
  bool none = false;               // asks for what is not here: another namespace or dimension
};
shared::Result<Filter> filter_in(In in);
// Of a row that is a target's: the key "<target's key>/<name>" and the row.
template <class Each>
std::string target_key_of(const Each& each) {
  return each.first.substr(0, each.first.size() - each.second.name.size() - 1);
}
// No names, or none at all: every name is wanted.
template <class Each>
bool is_wanted(const Filter& filter, const std::optional<std::vector<std::string>>& names, const Each& each) {
  if (filter.key && *filter.key != target_key_of(each)) return false;
  return !names || names->empty() ||
         std::find(names->begin(), names->end(), each.second.name) != names->end();
}
shared::Result<std::string> name_in(In in, std::string_view member, std::string_view shown);

// MaxResults and NextToken. Error codes: ValidationException, InvalidNextTokenException.
shared::Result<Page> page_in(In in, std::size_t most);

// The three members that name a target, in an answer.
void name_target(nlohmann::json& out, const std::string& key);
std::vector<model::Tag> tags_in(In in);

}  // namespace agent::api::autoscaling
