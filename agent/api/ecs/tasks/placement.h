// What RunTask, StartTask, CreateService and UpdateService say about where and as what tasks run: launch
// type, strategies, constraints, network, overrides. Decoded and checked here, decided in control.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/api/ecs/wire/request.h"
#include "agent/control/tasks/strategies.h"
#include "agent/control/tasks/tasks.h"
#include "agent/model/service.h"

namespace agent::api::ecs {

inline constexpr std::size_t kMaxStrategies = 5;
inline constexpr std::size_t kMaxOverridesBytes = 8192;

// On which of a cluster's hosts tasks may go.
struct Where {
  model::LaunchType launch_type = model::LaunchType::kEc2;
  std::vector<model::StrategyItem> providers;  // empty: the launch type counts
};
// A launch type, or a capacity provider strategy, which is the cluster's default if neither is given. Errors:
// InvalidParameterException for unknown words, for a launch type together with a strategy and for providers
// that cannot be used; UnsupportedFeatureException for FARGATE, by whatever name.
shared::Result<Where> where_in(const Context& context, const std::string& cluster);

// The member's items, each checked by itself and beside the others. InvalidParameterException.
shared::Result<std::vector<model::StrategyItem>> strategy_items_in(const nlohmann::json& in,
                                                                   std::string_view member);
nlohmann::json encode_strategy_items(const std::vector<model::StrategyItem>& items);

shared::Result<std::vector<model::PlacementStrategy>> strategies_in(const nlohmann::json& in);
shared::Result<std::vector<model::PlacementConstraint>> constraints_in(const nlohmann::json& in);
// The task definition a request names, if its tasks can run here. Errors: those of control's, then
// InvalidParameterException when it does not fit the launch type or has no use for the
// network configuration, UnsupportedFeatureException for awsvpc.
shared::Result<const model::TaskDefinition*> runnable_definition(const Context& context,
                                                                 const std::string& reference,
                                                                 model::LaunchType launch_type);

// Members that say nothing about tasks on container instances (networkConfiguration, platformVersion,
// volumeConfigurations), refused so that nobody takes them for carried out.
shared::Result<void> refuse_useless_members(const nlohmann::json& in);

// "NONE" when absent; `allowed` are the further words.
shared::Result<std::string> propagate_tags_in(const nlohmann::json& in,
                                              std::initializer_list<std::string_view> allowed);

// `overrides` of the request, checked against the definition, written into `request`.
shared::Result<void> overrides_in(const nlohmann::json& in, const model::TaskDefinition& definition,
                                  control::RunTask& request);

}  // namespace agent::api::ecs
