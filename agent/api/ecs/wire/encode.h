// ECS answers: rows of the model as the structures of the API. Lists that clients index without looking are
// always there; unset scalars are left out.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/step.h"

namespace agent::api::ecs {

enum class Tags { kHide, kShow };

// Left out when empty.
void put_text(nlohmann::json& out, const char* name, const std::string& text);
nlohmann::json encode_tags(const std::vector<model::Tag>& tags);
// What a Describe could not find: MISSING.
nlohmann::json missing(const std::string& arn);
// The ARN of what a caller named, which need not exist: the one that was given, else made from its row's key.
std::string arn_named(const control::Step& step, const std::string& asked, aws::EcsKind kind,
                      const std::string& key);

struct ClusterParts {
  Tags tags = Tags::kShow;
  bool settings = true;
  bool configurations = true;
  bool statistics = false;
};
nlohmann::json encode_cluster(const control::State& state, const model::Cluster& cluster, ClusterParts parts);
nlohmann::json encode_instance(const control::State& state, const model::ContainerInstance& instance,
                               Tags tags);
// Without tags: they stand beside it in the answer.
nlohmann::json encode_task_definition(const model::TaskDefinition& definition);
nlohmann::json encode_task(const control::State& state, const model::Task& task, Tags tags);
nlohmann::json encode_registries(const std::vector<model::ServiceRegistry>& registries);
nlohmann::json encode_service(const control::Step& step, const model::Service& service, Tags tags);
// Of a service with controller EXTERNAL, whose deployments these are.
nlohmann::json encode_task_set(const control::Step& step, const model::Service& service,
                               const model::Deployment& set, Tags tags);

}  // namespace agent::api::ecs
