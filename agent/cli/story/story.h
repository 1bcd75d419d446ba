// What answers mean, as pure functions of their JSON: a service's state, the tables that several commands
// show, a task's story.
#pragma once
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/output/table.h"
#include "shared/base/time.h"

namespace agent::cli {

struct ServiceState {
  std::string word;  // steady, deploying, starting, failed, draining, inactive
  Style style = Style::kPlain;
  std::string why;  // for failed and starting: what its newest event says of it; else empty
};
ServiceState state_of_service(const nlohmann::json& service);

// A service's event without "(service NAME) " and with ids and target groups in their short forms.
std::string event_words(std::string_view message, std::string_view service);

// By ARN of their container instances, names of hosts.
Table task_table(const nlohmann::json& tasks, const std::map<std::string, std::string>& nodes,
                 shared::WallTime now);
Table service_table(const nlohmann::json& services, shared::WallTime now);

struct StoryLine {
  shared::WallTime at{};
  std::string text;
  Style style = Style::kPlain;
};

// The story of a task, in the order of its times: what its own members, its service's events and its
// container instance say. `service` may be null JSON for a task of none; `node` is the host's name; `targets`
// are the rows of DescribeTargetHealth of the groups in which it is.
std::vector<StoryLine> story_of(const nlohmann::json& task, const nlohmann::json& service,
                                std::string_view node);

// What a deployment says of itself in one line: "2 of 3 new tasks run, 1 pending, 3 old ones left".
std::string deployment_words(const nlohmann::json& service);

enum class Outcome { kGoesOn, kSteady, kGaveUp };
// Of the deployment `id` of a service ("ecs-svc/N"): whether all its tasks run and nothing else is left, or
// it has failed or was replaced by a rollback.
Outcome outcome_of(const nlohmann::json& service, std::string_view id);

}  // namespace agent::cli
