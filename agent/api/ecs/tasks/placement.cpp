#include "agent/api/ecs/tasks/placement.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/ecs/definition/definition.h"
#include "agent/control/state/lookup.h"
#include "agent/model/words.h"
#include "agent/scheduler/query.h"
#include "shared/base/text.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

Error no_fargate() {
  return unsupported(
      "Launch type FARGATE is not offered: tasks run on your own container instances. Use EC2 or EXTERNAL.");
}

Result<model::PlacementStrategy> strategy_of(const json& in) {
  const auto type = model::from_word<model::StrategyType>(shared::lower_case(text_in(in, "type")));
  if (!type) {
    return invalid_parameter("Unknown placement strategy type '" + text_in(in, "type") +
                             "'. It must be spread, binpack or random.");
  }
  model::PlacementStrategy strategy{*type, text_in(in, "field")};
  if (*type == model::StrategyType::kBinpack) {
    strategy.field = shared::lower_case(strategy.field);
    if (strategy.field != "cpu" && strategy.field != "memory") {
      return invalid_parameter("Placement strategy binpack needs the field cpu or memory, got '" +
                               text_in(in, "field") + "'.");
    }
  }
  if (*type == model::StrategyType::kSpread && strategy.field != "instanceId" && strategy.field != "host" &&
      !strategy.field.starts_with("attribute:")) {
    return invalid_parameter(
        "Placement strategy spread needs the field instanceId, host or attribute:<name>, got '" +
        strategy.field + "'.");
  }
  if (*type == model::StrategyType::kRandom) strategy.field.clear();
  return strategy;
}

Result<model::PlacementConstraint> constraint_of(const json& in) {
  const auto type = model::from_word<model::ConstraintType>(text_in(in, "type"));
  if (!type) {
    return invalid_parameter("Unknown placement constraint type '" + text_in(in, "type") +
                             "'. It must be distinctInstance or memberOf.");
  }
  model::PlacementConstraint constraint{*type, text_in(in, "expression")};
  const bool needs_expression = *type == model::ConstraintType::kMemberOf;
  if (needs_expression == constraint.expression.empty()) {
    return invalid_parameter(needs_expression ? "Placement constraint memberOf needs an expression."
                                              : "Placement constraint distinctInstance has no expression.");
  }
  if (needs_expression) {
    if (auto query = scheduler::Query::parse(constraint.expression); !query) return query.error();
  }
  return constraint;
}

// Every container the request overrides, with the sizes placement counts.
Result<void> container_overrides_in(const json& overrides, const model::TaskDefinition& definition,
                                    control::RunTask& request) {
  std::set<std::string> seen;
  for (const json& each : list_in(overrides, "containerOverrides")) {
    const std::string name = text_in(each, "name");
    const bool known = std::any_of(definition.containers.begin(), definition.containers.end(),
                                   [&](const auto& container) { return container.name == name; });
    if (!known) {
      return invalid_parameter("Override for container named " + name +
                               " is not a container in the TaskDefinition.");
    }
    if (!seen.insert(name).second)
      return invalid_parameter("Container " + name + " is overridden more than once.");
    control::ContainerOverride sizes{name, integer_in(each, "cpu"), integer_in(each, "memory"),
                                     integer_in(each, "memoryReservation"), std::nullopt};
    if (has(each, "resourceRequirements")) {
      const auto gpus = gpus_in(each.at("resourceRequirements"));
      if (!gpus) return invalid_parameter("Override of container " + name + ": " + gpus.error().text());
      sizes.gpus = *gpus;
    }
    if (sizes.cpu.value_or(0) < 0)
      return invalid_parameter("The cpu override of container " + name + " is negative.");
    for (const auto& amount : {sizes.memory, sizes.memory_reservation}) {
      if (amount && *amount < kMinContainerMemory) {
        return invalid_parameter("The memory override of container " + name + " must be at least " +
                                 std::to_string(kMinContainerMemory) + " MiB.");
      }
    }
    if (!list_in(each, "environmentFiles").empty()) {
      return unsupported("Override of container " + name +
                         ": environmentFiles are not offered: give the variables as environment.");
    }
    request.container_overrides.push_back(std::move(sizes));
  }
  return {};
}

}  // namespace

Result<Where> where_in(const Context& context, const std::string& cluster) {
  auto items = strategy_items_in(context.in, "capacityProviderStrategy");
  if (!items) return items.error();
  if (!items->empty() && has(context.in, "launchType")) {
    return invalid_parameter(
        "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try "
        "again.");
  }
  if (has(context.in, "launchType")) {
    const std::string word = text_in(context.in, "launchType");
    const auto type = model::from_word<model::LaunchType>(word);
    if (word == "MANAGED_INSTANCES")
      return unsupported("Launch type MANAGED_INSTANCES is not offered. Use EC2 or EXTERNAL.");
    if (!type) return invalid_parameter("Unknown launch type '" + word + "'. It must be EC2 or EXTERNAL.");
    if (*type == model::LaunchType::kFargate) return no_fargate();
    return Where{*type, {}};
  }
  const model::Cluster* row = context.state().clusters.find(cluster);
  const bool by_default = items->empty() && row != nullptr;
  if (by_default) *items = row->default_strategy;
  if (auto usable = control::check_usable(context.state(), cluster, *items); !usable) {
    if (!by_default) return usable.error();
    return shared::Error(usable.error().code(),
                         "The default capacity provider strategy of cluster " + cluster +
                             " cannot place tasks: " + usable.error().text(),
                         shared::Blame::kClient);
  }
  return Where{model::LaunchType::kEc2, *std::move(items)};
}

Result<std::vector<model::PlacementStrategy>> strategies_in(const json& in) {
  const json& given = list_in(in, "placementStrategy");
  if (given.size() > kMaxStrategies) {
    return invalid_parameter("At most " + std::to_string(kMaxStrategies) +
                             " placement strategies are allowed.");
  }
  std::vector<model::PlacementStrategy> strategies;
  for (const json& each : given) {
    auto strategy = strategy_of(each);
    if (!strategy) return strategy.error();
    strategies.push_back(*std::move(strategy));
  }
  return strategies;
}

Result<std::vector<model::PlacementConstraint>> constraints_in(const json& in) {
  std::vector<model::PlacementConstraint> constraints;
  for (const json& each : list_in(in, "placementConstraints")) {
    auto constraint = constraint_of(each);
    if (!constraint) return constraint.error();
    constraints.push_back(*std::move(constraint));
  }
  return constraints;
}

Result<const model::TaskDefinition*> runnable_definition(const Context& context, const std::string& reference,
                                                         model::LaunchType launch_type) {
  const auto runnable = control::runnable_definition(context.step, reference);
  if (!runnable) return runnable.error();
  const model::TaskDefinition* found = *runnable;
  if (found->network_mode == model::NetworkMode::kAwsvpc) {
    return unsupported(
        "networkMode awsvpc is not offered: tasks have no network interface of their own here. Task "
        "definition " +
        control::key_of(*found) + " must use bridge, host or none.");
  }
  const auto document = shared::json::parse(found->document);
  const std::vector<std::string> fits = texts_in(*document, "requiresCompatibilities");
  // Both of ours run on any container instance, so that either word will do.
  const bool ours = fits.empty() || std::any_of(fits.begin(), fits.end(), [](const std::string& each) {
                      return each == "EC2" || each == "EXTERNAL";
                    });
  if (!ours) {
    return invalid_parameter("Task definition does not support launch_type " +
                             std::string(model::word(launch_type)) + ".");
  }
  if (auto refused = refuse_useless_members(context.in); !refused) return refused.error();
  return found;
}

Result<void> refuse_useless_members(const json& in) {
  if (!object_in(in, "networkConfiguration").empty()) {
    return invalid_parameter(
        "Network Configuration is not valid for the given networkMode of this task definition.");
  }
  if (!text_in(in, "platformVersion").empty()) {
    return invalid_parameter("The platform version must be null when specifying an EC2 launch type.");
  }
  if (!list_in(in, "volumeConfigurations").empty()) {
    return unsupported(
        "volumeConfigurations are not offered: volumes are directories of the host or Docker volumes.");
  }
  return {};
}

Result<std::string> propagate_tags_in(const json& in, std::initializer_list<std::string_view> allowed) {
  const std::string word = has(in, "propagateTags") ? text_in(in, "propagateTags") : "NONE";
  if (word == "NONE" || std::find(allowed.begin(), allowed.end(), word) != allowed.end()) return word;
  std::string expected = "NONE";
  for (const std::string_view each : allowed) expected += ", " + std::string(each);
  return invalid_parameter("Invalid propagateTags '" + word + "'. It must be one of " + expected + ".");
}

Result<void> overrides_in(const json& in, const model::TaskDefinition& definition,
                          control::RunTask& request) {
  if (!has(in, "overrides")) return {};
  const json& overrides = in.at("overrides");
  request.overrides = shared::json::to_text(overrides);
  if (request.overrides.size() > kMaxOverridesBytes) {
    return invalid_parameter("Overrides can have at most " + std::to_string(kMaxOverridesBytes) +
                             " characters, got " + std::to_string(request.overrides.size()) + ".");
  }
  if (!list_in(overrides, "inferenceAcceleratorOverrides").empty())
    return unsupported(
        "inferenceAcceleratorOverrides are not offered: no container instance has accelerators.");
  if (has(overrides, "cpu")) {
    request.cpu_override = cpu_units(text_in(overrides, "cpu"));
    if (!request.cpu_override || *request.cpu_override < 1) {
      return invalid_parameter("Invalid 'cpu' setting for task: '" + text_in(overrides, "cpu") + "'.");
    }
  }
  if (has(overrides, "memory")) {
    request.memory_override = memory_mib(text_in(overrides, "memory"));
    if (!request.memory_override || *request.memory_override < 1) {
      return invalid_parameter("Invalid 'memory' setting for task: '" + text_in(overrides, "memory") + "'.");
    }
  }
  request.task_role_override = text_in(overrides, "taskRoleArn");
  request.execution_role_override = text_in(overrides, "executionRoleArn");
  return container_overrides_in(overrides, definition, request);
}

}  // namespace agent::api::ecs
