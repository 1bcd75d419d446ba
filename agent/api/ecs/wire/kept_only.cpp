#include "agent/api/ecs/wire/kept_only.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/iam/task_roles.h"
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/service_events.h"
#include "shared/json/reader.h"
#include "shared/log/log.h"

namespace agent::api::ecs {

using nlohmann::json;

namespace {

constexpr const char* kNoRole =
    "there is no such role here, so that tasks get no keys of it; make it with CreateRole, or give keys in "
    "the "
    "environment";
constexpr const char* kNoDiskSize =
    "a task's containers write to their host's disk, without a size of their own";
constexpr const char* kNoExec = "ExecuteCommand is not offered; use docker exec on the task's host";

void add_if(std::vector<KeptOnly>& out, bool given, const std::string& member, const std::string& instead) {
  if (given) out.push_back({member, instead});
}

void add_cluster_members(std::vector<KeptOnly>& out, const json& in) {
  for (const json& each : list_in(in, "settings")) {
    add_if(out, text_in(each, "name") == "containerInsights" && text_in(each, "value") != "disabled",
           "containerInsights", "no metrics are sent to CloudWatch; balancers answer /metrics");
  }
  const json& configuration = object_in(in, "configuration");
  add_if(out, has(configuration, "executeCommandConfiguration"), "executeCommandConfiguration", kNoExec);
  add_if(out, has(configuration, "managedStorageConfiguration"), "managedStorageConfiguration", kNoDiskSize);
  add_if(out, has(in, "serviceConnectDefaults"), "serviceConnectDefaults",
         "Service Connect is not offered; use a load balancer");
}

// Roles that this installation does not have: of another account, or not made yet.
void add_roles(std::vector<KeptOnly>& out, const Context& context, const json& in) {
  for (const char* member : {"taskRoleArn", "executionRoleArn"}) {
    const std::string named = text_in(in, member);
    add_if(out, !named.empty() && control::iam::find_role(context.step, named) == nullptr, member, kNoRole);
  }
}

json parsed(const std::string& text) {
  auto document = shared::json::parse(text.empty() ? "{}" : text);
  return document && document->is_object() ? *std::move(document) : json::object();
}

json definition_of(const control::State& state, const std::string& arn) {
  const model::TaskDefinition* definition = control::find_task_definition(state, arn);
  return definition == nullptr ? json::object() : parsed(definition->document);
}

void append(std::vector<KeptOnly>& to, std::vector<KeptOnly> more) {
  for (KeptOnly& each : more) {
    const bool there =
        std::any_of(to.begin(), to.end(), [&](const KeptOnly& known) { return known.member == each.member; });
    if (!there) to.push_back(std::move(each));
  }
}

}  // namespace

std::vector<KeptOnly> kept_only_of_definition(const Context& context, const json& document) {
  std::vector<KeptOnly> out;
  add_roles(out, context, document);
  add_if(out, has(document, "ephemeralStorage"), "ephemeralStorage", kNoDiskSize);
  const json& containers = list_in(document, "containerDefinitions");
  add_if(out,
         std::any_of(containers.begin(), containers.end(),
                     [](const json& each) { return text_in(each, "versionConsistency") == "enabled"; }),
         "versionConsistency",
         "an image's tag is looked up at each start of a task; name images by digest to keep them the same");
  return out;
}

std::vector<KeptOnly> kept_only_of_request(const Context& context, const json& in) {
  std::vector<KeptOnly> out;
  add_cluster_members(out, in);
  add_if(out, boolean_in(in, "enableExecuteCommand").value_or(false), "enableExecuteCommand", kNoExec);
  add_if(out, text_in(in, "availabilityZoneRebalancing") == "ENABLED", "availabilityZoneRebalancing",
         "tasks are spread over zones when they are placed, and not moved afterwards");
  const json& overrides = object_in(in, "overrides");
  add_roles(out, context, overrides);
  add_if(out, has(overrides, "ephemeralStorage"), "ephemeralStorage", kNoDiskSize);
  return out;
}

void log_kept_only(const Context& context, const std::string& resource_arn,
                   const std::vector<KeptOnly>& members) {
  for (const KeptOnly& each : members) {
    shared::log::warn("member_not_carried_out", {{"operation", context.call.operation},
                                                 {"resource", resource_arn},
                                                 {"member", each.member},
                                                 {"instead", each.instead}});
  }
}

void tell_of_task(const Context& context, const std::string& task_key) {
  const model::Task* task = context.state().tasks.find(task_key);
  if (task == nullptr) return;
  auto members = kept_only_of_request(context, context.in);
  append(members,
         kept_only_of_definition(context, definition_of(context.state(), task->task_definition_arn)));
  log_kept_only(context, task->arn, members);
}

void tell_of_service(const Context& context, const std::string& service_key,
                     const std::string& deployment_before) {
  const model::Service& service = *context.state().services.find(service_key);
  auto members = kept_only_of_request(context, context.in);
  const bool begins = !service.deployments.empty() && service.deployments.front().id != deployment_before;
  if (begins) {
    append(members,
           kept_only_of_definition(context, definition_of(context.state(), service.task_definition_arn)));
    if (service.enable_execute_command)
      append(members, kept_only_of_request(context, {{"enableExecuteCommand", true}}));
  }
  log_kept_only(context, service.arn, members);
  for (const KeptOnly& each : members) {
    const std::string text = each.member + " is kept but not carried out: " + each.instead + ".";
    if (begins) {
      control::add_event(context.step, service, text);
    } else {
      control::add_event_once(context.step, service_key, text);
    }
  }
}

}  // namespace agent::api::ecs
