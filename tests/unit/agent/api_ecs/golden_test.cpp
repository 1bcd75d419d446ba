// Whole answers, kept beside this file and checked a second time against botocore's model of ECS
// (botocore_check.py). BERTH_UPDATE_GOLDEN=1 writes them anew.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>

#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

// Identifiers are random; they become their number in order of appearance, in a form of the same length.
std::string steady(const std::string& text) {
  static const std::regex ids(
      "[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|ecs-svc/[0-9]{19}|service-revision/[a-z]+/"
      "[a-z]+/[0-9]{19}|"
      "service-deployment/[a-z]+/[a-z]+/[A-Za-z0-9_-]{21}");
  std::map<std::string, std::string> seen;
  std::string out;
  auto rest = text.cbegin();
  for (std::sregex_iterator it(text.begin(), text.end(), ids); it != std::sregex_iterator(); ++it) {
    out.append(rest, (*it)[0].first);
    const std::string id = it->str();
    std::string number = std::to_string(seen.size() + 1);
    if (!seen.contains(id)) {
      const std::size_t head = id.find('/') == std::string::npos ? 0 : id.rfind('/') + 1;
      std::string name = id.substr(0, head) + std::string(id.size() - head, '0');
      for (std::size_t i = 0; i < id.size(); ++i) {
        if (id[i] == '-' && (head == 0 || i < head)) name[i] = '-';
      }
      name.replace(name.size() - number.size(), number.size(), number);
      seen[id] = name;
    }
    out += seen[id];
    rest = (*it)[0].second;
  }
  out.append(rest, text.cend());
  return out;
}

void expect_golden(const std::string& name, const std::string& operation, const json& output) {
  const std::string path =
      std::string(BERTH_SOURCE_DIR) + "/tests/unit/agent/api_ecs/golden/" + name + ".json";
  const std::string now = steady(json{{"operation", operation}, {"output", output}}.dump(2)) + "\n";
  if (std::getenv("BERTH_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << now;
  std::ifstream file(path);
  std::stringstream kept;
  kept << file.rdbuf();
  EXPECT_EQ(json::diff(json::parse(kept.str(), nullptr, false), json::parse(now)), json::array()) << name;
}

TEST(Golden, AnswersOfADay) {
  Api api;
  const auto golden = [&](const char* name, const char* operation, const json& request) {
    json output = api.ok(operation, request);
    expect_golden(name, operation, output);
    return output;
  };
  golden("create_cluster", "CreateCluster",
         {{"clusterName", "prod"},
          {"tags", {{{"key", "team"}, {"value", "shop"}}}},
          {"configuration", {{"executeCommandConfiguration", {{"logging", "DEFAULT"}}}}}});
  const std::string instance = api.join(2048, 4096, "prod");
  json wanted = definition(
      "shop", {{"cpu", 256},
               {"portMappings", {{{"containerPort", 80}}}},
               {"environment", {{{"name", "A"}, {"value", "1"}}}},
               {"logConfiguration", {{"logDriver", "json-file"}, {"options", {{"max-size", "1m"}}}}},
               {"healthCheck", {{"command", {"CMD-SHELL", "true"}}}}});
  wanted["tags"] = {{{"key", "team"}, {"value", "shop"}}};
  golden("register_task_definition", "RegisterTaskDefinition", wanted);
  const json ran =
      golden("run_task", "RunTask",
             {{"cluster", "prod"},
              {"taskDefinition", "shop"},
              {"startedBy", "cron"},
              {"overrides", {{"containerOverrides", {{{"name", "web"}, {"command", {"once"}}}}}}}});
  golden("run_task_without_room", "RunTask",
         {{"cluster", "prod"},
          {"taskDefinition", "shop"},
          {"overrides", {{"containerOverrides", {{{"name", "web"}, {"memory", 100000}}}}}}});
  const std::string task = ran.at("tasks").at(0).at("taskArn");
  api.report(task, "RUNNING",
             {{"runtimeId", "3f4e"},
              {"imageDigest", "sha256:11"},
              {"networkBindings",
               {{{"bindIP", "0.0.0.0"}, {"containerPort", 80}, {"hostPort", 32768}, {"protocol", "tcp"}}}}});
  golden("describe_tasks_running", "DescribeTasks", {{"cluster", "prod"}, {"tasks", {task, "0123"}}});
  golden("describe_container_instances", "DescribeContainerInstances",
         {{"cluster", "prod"}, {"containerInstances", {instance}}, {"include", {"TAGS"}}});
  golden(
      "create_service", "CreateService",
      {{"cluster", "prod"},
       {"serviceName", "shop"},
       {"taskDefinition", "shop"},
       {"desiredCount", 1},
       {"placementStrategy", {{{"type", "spread"}, {"field", "attribute:ecs.availability-zone"}}}},
       {"deploymentConfiguration", {{"deploymentCircuitBreaker", {{"enable", true}, {"rollback", true}}}}}});
  golden("describe_clusters", "DescribeClusters",
         {{"clusters", {"prod", "none"}}, {"include", {"TAGS", "SETTINGS", "STATISTICS", "CONFIGURATIONS"}}});
  golden("stop_task", "StopTask", {{"cluster", "prod"}, {"task", task}, {"reason", "enough"}});
  api.report(task, "STOPPED", {{"exitCode", 0}});
  golden("describe_tasks_stopped", "DescribeTasks", {{"cluster", "prod"}, {"tasks", {task}}});
  golden("list_task_definitions", "ListTaskDefinitions", json::object());
  golden("deregister_task_definition", "DeregisterTaskDefinition", {{"taskDefinition", "shop:1"}});
  golden("discover_poll_endpoint", "DiscoverPollEndpoint",
         {{"cluster", "prod"}, {"containerInstance", instance}});
  golden("list_tags_for_resource", "ListTagsForResource",
         {{"resourceArn", "arn:aws:ecs:us-east-1:000000000000:task-definition/shop:1"}});
}

}  // namespace
}  // namespace agent::api::ecs::testing
