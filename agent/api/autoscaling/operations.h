// The operations of autoscaling.h, and what their requests have in common. Internal to agent/api/autoscaling.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

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
shared::Result<std::string> name_in(In in, std::string_view member, std::string_view shown);

// MaxResults and NextToken. Error codes: ValidationException, InvalidNextTokenException.
struct Page {
  std::size_t size = 50;
  std::string after;  // key
};
shared::Result<Page> page_in(In in, std::size_t most, std::size_t otherwise);
std::string token_of(const std::string& key);

// The three members that name a target, in an answer.
void name_target(nlohmann::json& out, const std::string& key);
std::vector<model::Tag> tags_in(In in);

}  // namespace agent::api::autoscaling
