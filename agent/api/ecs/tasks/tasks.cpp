// RunTask and StartTask.
#include "agent/control/tasks/tasks.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/tasks/placement.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/api/ecs/wire/kept_only.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/tag_rules.h"
#include "agent/model/words.h"
#include "shared/base/check.h"
#include "shared/crypto/hash.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr int kMaxTasksPerRun = 10;
constexpr std::size_t kMaxInstancesPerStart = 10;
constexpr std::size_t kMaxStartedByChars = 128;
constexpr std::size_t kMaxGroupChars = 255;
constexpr std::size_t kMaxTokenChars = 64;
constexpr std::string_view kManagedClusterTag = "aws:ecs:clusterName";

Result<void> check_started_by(const std::string& text) {
  // Documented are letters, digits and -/_; deploy tools in wide use send "ECS Deploy".
  const bool good = text.size() <= kMaxStartedByChars &&
                    std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (good) return {};
  return invalid_parameter("startedBy can have at most " + std::to_string(kMaxStartedByChars) +
                           " printable ASCII characters.");
}

Result<void> check_group(const std::string& group) {
  if (group.size() > kMaxGroupChars) return invalid_parameter("group can have at most 255 characters.");
  if (group.starts_with("service:")) return invalid_parameter("Invalid namespace for group.");
  return {};
}

Result<void> check_token(const std::string& token) {
  const bool good = token.size() <= kMaxTokenChars &&
                    std::all_of(token.begin(), token.end(), [](char c) { return c >= '!' && c <= '~'; });
  if (good) return {};
  return invalid_parameter("clientToken can have at most 64 printable ASCII characters.");
}

// Tags of the new tasks: propagated ones, the request's over them, managed ones beside them.
Result<std::vector<model::Tag>> task_tags(const Context& context, const std::string& cluster,
                                          const model::TaskDefinition& definition) {
  const auto asked = tags_in(context.in);
  if (!asked) return asked.error();
  const auto propagate = propagate_tags_in(context.in, {"TASK_DEFINITION"});
  if (!propagate) return propagate.error();
  std::vector<model::Tag> tags;
  if (*propagate == "TASK_DEFINITION") tags = definition.tags;
  tags = control::merge_tags(std::move(tags), *asked);
  if (boolean_in(context.in, "enableECSManagedTags").value_or(false)) {
    tags.push_back({std::string(kManagedClusterTag), cluster});
  }
  return tags;
}

// What RunTask and StartTask have in common.
Result<control::RunTask> request_in(const Context& context, const std::string& cluster, const Where& where) {
  const json& in = context.in;
  const auto definition = runnable_definition(context, text_in(in, "taskDefinition"), where.launch_type);
  if (!definition) return definition.error();
  control::RunTask request;
  request.cluster = cluster;
  request.task_definition_arn = (*definition)->arn;
  request.launch_type = where.launch_type;
  request.providers = where.providers;
  request.group = text_in(in, "group");
  request.started_by = text_in(in, "startedBy");
  request.enable_execute_command = boolean_in(in, "enableExecuteCommand").value_or(false);
  if (auto checked = check_group(request.group); !checked) return checked.error();
  if (auto checked = check_started_by(request.started_by); !checked) return checked.error();
  if (auto overrides = overrides_in(in, **definition, request); !overrides) return overrides.error();
  auto tags = task_tags(context, cluster, **definition);
  if (!tags) return tags.error();
  request.tags = *std::move(tags);
  auto constraints = constraints_in(in);
  if (!constraints) return constraints.error();
  if (auto checked = control::check_constraints(*constraints, **definition); !checked) return checked.error();
  request.constraints = *std::move(constraints);
  auto strategies = strategies_in(in);
  if (!strategies) return strategies.error();
  request.strategy = *std::move(strategies);
  return request;
}

json encode_failures(const std::vector<control::PlacementFailure>& failures) {
  json out = json::array();
  for (const control::PlacementFailure& each : failures) {
    json failure{{"reason", each.reason}};
    if (!each.arn.empty()) failure["arn"] = each.arn;
    if (!each.detail.empty()) failure["detail"] = each.detail;
    out.push_back(std::move(failure));
  }
  return out;
}

json encode_result(const Context& context, const control::RunTaskResult& result) {
  json tasks = json::array();
  for (const std::string& key : result.task_keys) {
    const model::Task* task = context.state().tasks.find(key);
    BERTH_CHECK(task != nullptr, "a task that was just placed exists");
    tasks.push_back(encode_task(context.state(), *task, Tags::kShow));
  }
  return {{"tasks", std::move(tasks)}, {"failures", encode_failures(result.failures)}};
}

// The request's parameters without its token; equal text means an equal request.
std::string digest_of(const Context& context) {
  json parameters = context.in;
  parameters.erase("clientToken");
  return shared::crypto::sha256_hex(context.call.operation + shared::json::to_text(parameters));
}

// The answer to a token that was used before: nullopt, the tasks it made, or a conflict.
Result<std::optional<json>> repeated(const Context& context, const std::string& cluster,
                                     const control::RunToken& token) {
  const control::EarlierRun earlier = control::earlier_run(context.state(), cluster, token);
  json tasks = json::array();
  std::vector<std::string> arns;
  for (const std::string& key : earlier.task_keys) {
    const model::Task& task = *context.state().tasks.find(key);
    arns.push_back(task.arn);
    if (task.last_status == model::TaskStatus::kStopped) {
      tasks.push_back({{"taskArn", task.arn},
                       {"lastStatus", model::word(task.last_status)},
                       {"desiredStatus", model::word(task.desired_status)}});
    } else {
      tasks.push_back(encode_task(context.state(), task, Tags::kShow));
    }
  }
  if (tasks.empty()) return std::optional<json>();
  if (!earlier.same) {
    context.resource_ids = std::move(arns);
    return Error("ConflictException", "The clientToken was used before with other parameters.",
                 shared::Blame::kClient);
  }
  return std::optional<json>(json{{"tasks", std::move(tasks)}, {"failures", json::array()}});
}

Result<control::NamedInstance> instance_named(const Context& context, const std::string& cluster,
                                              const std::string& asked) {
  auto key = control::instance_key(context.step.settings.realm(), cluster, asked);
  if (!key) return key.error();
  std::string arn = arn_named(context.step, asked, aws::EcsKind::kContainerInstance, *key);
  return control::NamedInstance{*std::move(key), std::move(arn)};
}

}  // namespace

Answer run_task(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  control::RunToken token{text_in(context.in, "clientToken"), ""};
  if (auto checked = check_token(token.text); !checked) return checked.error();
  if (!token.text.empty()) token.digest = digest_of(context);
  auto before = repeated(context, *cluster, token);
  if (!before) return before.error();
  if (*before) return **std::move(before);
  const auto where = where_in(context, *cluster);
  if (!where) return where.error();
  auto request = request_in(context, *cluster, *where);
  if (!request) return request.error();
  request->count = integer_in(context.in, "count").value_or(1);
  if (request->count < 1 || request->count > kMaxTasksPerRun) {
    return invalid_parameter("count must be between 1 and " + std::to_string(kMaxTasksPerRun) + ", got " +
                             std::to_string(request->count) + ".");
  }
  request->token = token;
  const auto result = control::run_task(context.step, *request);
  if (!result) return result.error();
  for (const std::string& key : result->task_keys) tell_of_task(context, key);
  return encode_result(context, *result);
}

Answer start_task(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  const auto asked = batch_in(context.in, "containerInstances", "Container Instances", kMaxInstancesPerStart);
  if (!asked) return asked.error();
  auto request = request_in(context, *cluster, Where{});
  if (!request) return request.error();
  for (const std::string& each : *asked) {
    auto named = instance_named(context, *cluster, each);
    if (!named) return named.error();
    request->on_instances.push_back(*std::move(named));
  }
  const auto result = control::run_task(context.step, *request);
  if (!result) return result.error();
  for (const std::string& key : result->task_keys) tell_of_task(context, key);
  return encode_result(context, *result);
}

}  // namespace agent::api::ecs
