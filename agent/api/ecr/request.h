// What the operations share. Internal to the folder.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/api/ecr/ecr.h"
#include "agent/control/registry/repositories.h"
#include "shared/json/reader.h"

namespace agent::api::ecr {

struct Context {
  control::Step& step;
  const Call& call;
  const Registry& registry;
  const std::optional<shared::Result<Images>>& found;
};
using In = const shared::json::Reader&;
using Answer = shared::Result<nlohmann::json>;
using Run = Answer (*)(const Context&, In);
using Operation = std::pair<std::string_view, Run>;
namespace registry = control::registry;

std::span<const Operation> repository_operations();
std::span<const Operation> policy_operations();

shared::Error invalid(const std::string& text);  // InvalidParameterException
// By `repositoryName`; another registryId than ours is RepositoryNotFoundException.
shared::Result<const model::Repository*> repository_in(const Context& at, In in);
bool is_repository_name(std::string_view name);

}  // namespace agent::api::ecr
