#include "tests/unit/agent/api_ecs/api.h"

#include <gtest/gtest.h>

#include "agent/control/cluster/task_definitions.h"
#include "agent/control/state/lookup.h"
#include "shared/base/text.h"

namespace agent::api::ecs::testing {

shared::Result<json> Api::call_text(const std::string& operation, const std::string& body) {
  settings.poll_endpoint = "http://127.0.0.1:51600";
  Call call;
  call.operation = operation;
  call.body = body;
  call.request_id = "2f5e4a04-0000-4000-8000-000000000000";
  call.caller_arn = "arn:aws:iam::000000000000:root";
  call.account = "000000000000";
  control::Step step{state, now, random, settings};
  for (control::TableBase* table : state.tables()) table->begin_step();
  resource_ids.clear();
  // The engine's turn after the former call.
  for (const auto& [key, row] : state.task_definitions.rows())
    state.live.agenda.note(control::Concern::kRetiredDefinition, key);
  control::purge_task_definitions(step);
  const auto answer = handle(step, call, resource_ids);
  if (!answer) {
    for (control::TableBase* table : state.tables()) table->undo_step();
    return answer.error();
  }
  for (control::TableBase* table : state.tables()) table->end_batch();
  state.live.unsent_tasks.clear();  // handed to their agents
  return json::parse(*answer);
}

shared::Result<json> Api::call(const std::string& operation, const json& request) {
  return call_text(operation, request.dump());
}

json Api::ok(const std::string& operation, const json& request) {
  const auto answer = call(operation, request);
  if (!answer) {
    ADD_FAILURE() << operation << " " << request << " failed with " << answer.error().code() << ": "
                  << answer.error().text();
    return json::object();
  }
  return *answer;
}

std::string Api::refused(const std::string& operation, const json& request) {
  const auto answer = call(operation, request);
  if (answer) {
    ADD_FAILURE() << operation << " " << request << " was answered with " << *answer;
    return "";
  }
  EXPECT_EQ(answer.error().blame(), shared::Blame::kClient);
  return shared::with_code(answer.error());
}

std::string Api::join(int cpu, int memory, const std::string& cluster) {
  ok("CreateCluster", {{"clusterName", cluster}});
  const json resources =
      json::array({{{"name", "CPU"}, {"type", "INTEGER"}, {"integerValue", cpu}},
                   {{"name", "MEMORY"}, {"type", "INTEGER"}, {"integerValue", memory}},
                   {{"name", "PORTS"}, {"type", "STRINGSET"}, {"stringSetValue", {"22", "51678"}}},
                   {{"name", "PORTS_UDP"}, {"type", "STRINGSET"}, {"stringSetValue", json::array()}}});
  const json attributes = json::array({{{"name", "ecs.cpu-architecture"}, {"value", "x86_64"}},
                                       {{"name", "ecs.os-type"}, {"value", "linux"}},
                                       {{"name", "ecs.availability-zone"}, {"value", "rack-1"}},
                                       {{"name", "com.amazonaws.ecs.capability.logging-driver.json-file"}},
                                       {{"name", "com.amazonaws.ecs.capability.docker-remote-api.1.18"}},
                                       {{"name", "com.amazonaws.ecs.capability.docker-remote-api.1.21"}},
                                       {{"name", "ecs.capability.container-health-check"}},
                                       {{"name", "ecs.capability.task-cpu-mem-limit"}},
                                       {{"name", "berth.address"}, {"value", "127.0.0.1"}}});
  const json answer =
      ok("RegisterContainerInstance",
         {{"cluster", cluster},
          {"totalResources", resources},
          {"attributes", attributes},
          {"versionInfo", {{"agentVersion", "0.1.0"}, {"dockerVersion", "DockerVersion: 20.10.24"}}}});
  const std::string arn = answer.at("containerInstance").at("containerInstanceArn");
  connect(arn, true);
  return arn;
}

void Api::connect(const std::string& instance_arn, bool connected) {
  state.live.agents[instance_arn].connected = connected;
  if (const auto* row = control::find_instance_by_arn(state, instance_arn)) {
    state.instances.edit(control::key_of(*row),
                         [](auto& instance) { ++instance.version; });  // as a session does
  }
}

json definition(const std::string& family, const json& more) {
  json container{{"name", "web"}, {"image", "nginx:1"}, {"memory", 64}};
  container.update(more);
  return {{"family", family}, {"containerDefinitions", json::array({container})}};
}

std::string Api::define(const std::string& family, const json& container) {
  return ok("RegisterTaskDefinition", definition(family, container))
      .at("taskDefinition")
      .at("taskDefinitionArn");
}

void Api::report(const std::string& task_arn, const std::string& status, const json& container) {
  json web{{"containerName", "web"}, {"status", status}};
  web.update(container);
  const std::string cluster =
      task_arn.substr(task_arn.find("task/") + 5, task_arn.rfind('/') - task_arn.find("task/") - 5);
  ok("SubmitTaskStateChange",
     {{"cluster", cluster}, {"task", task_arn}, {"status", status}, {"containers", json::array({web})}});
}

}  // namespace agent::api::ecs::testing
