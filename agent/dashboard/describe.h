// What is shown of a row, as the JSON text of a thing of the model. What the APIs show, and nothing that is a
// secret: no environment, no overrides, no keys. Times are milliseconds since the epoch. Pure reads.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/control/state/step.h"

namespace agent::dashboard {

std::string describe_cluster(const model::Cluster& cluster);
std::string describe_host(const control::State& state, const model::ContainerInstance& host);
std::string describe_task(const control::State& state, const model::Task& task);
// Of a task on a host, what the map of hosts needs.
std::string describe_block(const model::Task& task);
std::string describe_event(const std::string& key, const model::ServiceEvent& event);
std::string describe_balancer(const control::State& state, const model::Balancer& balancer);

std::string describe_service(const control::State& state, const model::Service& service);
// Of one service that somebody looks at: its newest events and past deployments; the targets of its groups;
// how it scales.
std::string describe_history(const control::State& state, const model::Service& service);
std::string describe_health(const control::State& state, const model::Service& service);
std::string describe_scaling(const control::State& state, const model::Service& service,
                             shared::WallTime now);

// A load balancer with its listeners and rules.
std::string describe_load_balancer(const control::State& state, const model::LoadBalancer& balancer);
// The target groups of one that somebody looks at, with targets and figures.
std::string describe_groups(const control::State& state, const model::LoadBalancer& balancer,
                            shared::WallTime now);

// Parts.
nlohmann::json targets_in(const control::State& state, const model::TargetGroup& group);
// "<kind>/..." of the model.
std::string service_owner(const std::string& service_key);
std::string name_in_arn(const std::string& target_group_arn);  // of a target group, also of one that is gone

}  // namespace agent::dashboard
