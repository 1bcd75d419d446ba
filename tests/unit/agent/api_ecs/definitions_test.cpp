#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent/api/ecs/definition/definition.h"
#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

json described(Api& api, const std::string& reference) {
  json answer = api.ok("DescribeTaskDefinition", {{"taskDefinition", reference}})["taskDefinition"];
  for (const char* added : {"taskDefinitionArn", "revision", "status", "registeredAt", "registeredBy",
                            "compatibilities", "requiresAttributes"}) {
    answer.erase(added);
  }
  return answer;
}

// Every kind of member a definition can have, none of which the server may drop, add to or rewrite.
json rich_definition() {
  return json::parse(R"({
    "family": "rich", "taskRoleArn": "arn:aws:iam::000000000000:role/app",
    "executionRoleArn": "arn:aws:iam::000000000000:role/exec", "networkMode": "bridge", "cpu": "512", "memory": "1024",
    "requiresCompatibilities": ["EC2"], "pidMode": "task", "ipcMode": "none", "enableFaultInjection": false,
    "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
    "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}],
    "volumes": [{"name": "data", "host": {"sourcePath": "/srv/data"}},
                {"name": "scratch", "dockerVolumeConfiguration": {"scope": "task", "driver": "local", "labels": {"a": "b"}}}],
    "containerDefinitions": [
      {"name": "web", "image": "registry.example/app@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
       "cpu": 256, "memory": 512, "memoryReservation": 256, "essential": true,
       "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp", "name": "http", "appProtocol": "http"},
                        {"containerPort": 53, "hostPort": 5353, "protocol": "udp"}],
       "entryPoint": ["/app"], "command": ["serve", "--port", "80"],
       "environment": [{"name": "B", "value": ""}, {"name": "A", "value": "1"}],
       "environmentFiles": [{"value": "arn:aws:s3:::b/x.env", "type": "s3"}],
       "secrets": [{"name": "S", "valueFrom": "arn:aws:secretsmanager:us-east-1:000000000000:secret:s"}],
       "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": true}],
       "volumesFrom": [], "links": ["side:alias"], "systemControls": [{"namespace": "net.core.somaxconn", "value": "1024"}],
       "dependsOn": [{"containerName": "side", "condition": "HEALTHY"}], "startTimeout": 30, "stopTimeout": 10,
       "hostname": "web", "user": "1000:1000", "workingDirectory": "/srv", "disableNetworking": false, "privileged": false,
       "readonlyRootFilesystem": true, "dnsServers": ["10.0.0.2"], "dnsSearchDomains": ["local"],
       "extraHosts": [{"hostname": "db", "ipAddress": "10.0.0.3"}], "dockerSecurityOptions": ["no-new-privileges"],
       "interactive": false, "pseudoTerminal": false, "dockerLabels": {"com.example.x": "y"},
       "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}],
       "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"], "drop": ["ALL"]}, "initProcessEnabled": true,
                           "tmpfs": [{"containerPath": "/tmp", "size": 16, "mountOptions": ["noexec"]}], "swappiness": 10},
       "logConfiguration": {"logDriver": "json-file", "options": {"max-size": "10m"}},
       "restartPolicy": {"enabled": true, "ignoredExitCodes": [0], "restartAttemptPeriod": 60},
       "versionConsistency": "disabled", "resourceRequirements": [{"type": "GPU", "value": "1"}]},
      {"name": "side", "image": "busybox", "cpu": 0, "essential": false, "memoryReservation": 16, "portMappings": [],
       "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": [],
       "healthCheck": {"command": ["CMD", "true"], "interval": 10, "timeout": 3, "retries": 2, "startPeriod": 0}}]})");
}

TEST(TaskDefinitions, WhatIsRegisteredComesBackAsItWas) {
  Api api;
  const json given = rich_definition();
  api.ok("RegisterTaskDefinition", given);
  EXPECT_EQ(json::diff(given, described(api, "rich:1")), json::array());
}

TEST(TaskDefinitions, ExactlyTheDocumentedDefaultsAreFilledIn) {
  Api api;
  api.ok("RegisterTaskDefinition",
         definition("web", {{"portMappings", {{{"containerPort", 80}}}},
                            {"healthCheck", {{"command", {"CMD-SHELL", "true"}}}}}));
  EXPECT_EQ(described(api, "web"), json::parse(R"({"family": "web", "volumes": [], "placementConstraints": [],
    "containerDefinitions": [{"name": "web", "image": "nginx:1", "memory": 64, "cpu": 0, "essential": true,
      "portMappings": [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}],
      "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": [],
      "healthCheck": {"command": ["CMD-SHELL", "true"], "interval": 30, "timeout": 5, "retries": 3}}]})"));

  json host = definition("host", {{"portMappings", {{{"containerPort", 80}}}}});
  host["networkMode"] = "host";
  host["cpu"] = ".5 vCPU";
  host["memory"] = "1 GB";
  host["volumes"] = {{{"name", "data"}}};
  api.ok("RegisterTaskDefinition", host);
  const json stored = described(api, "host");
  EXPECT_EQ(stored["containerDefinitions"][0]["portMappings"][0]["hostPort"], 80);
  EXPECT_EQ(stored["cpu"], "512");
  EXPECT_EQ(stored["memory"], "1024");
  EXPECT_EQ(stored["volumes"], json::parse(R"([{"name":"data","host":{}}])"));
  EXPECT_FALSE(stored.contains("requiresCompatibilities"));
}

TEST(TaskDefinitions, UnknownMembersAndNullsAreNotStored) {
  Api api;
  json given = definition("web", {{"colour", "red"}, {"user", nullptr}});
  given["registeredAt"] = 5;
  given["taskRoleArn"] = nullptr;
  api.ok("RegisterTaskDefinition", given);
  const json stored = described(api, "web");
  EXPECT_FALSE(stored.contains("taskRoleArn"));
  EXPECT_FALSE(stored["containerDefinitions"][0].contains("colour"));
  EXPECT_FALSE(stored["containerDefinitions"][0].contains("user"));
}

TEST(TaskDefinitions, CompatibilitiesAndAttributesFollowFromWhatIsUsed) {
  Api api;
  const json rich = api.ok("RegisterTaskDefinition", rich_definition())["taskDefinition"];
  EXPECT_EQ(rich["compatibilities"], json({"EXTERNAL", "EC2"}));
  std::vector<std::string> names;
  for (const json& each : rich["requiresAttributes"]) names.push_back(each["name"]);
  for (const char* expected :
       {"com.amazonaws.ecs.capability.logging-driver.json-file",
        "com.amazonaws.ecs.capability.docker-remote-api.1.18",
        "com.amazonaws.ecs.capability.docker-remote-api.1.21",
        "com.amazonaws.ecs.capability.docker-remote-api.1.25", "ecs.capability.task-cpu-mem-limit",
        "ecs.capability.container-health-check", "ecs.capability.container-ordering",
        "ecs.capability.env-files.s3", "ecs.capability.secrets.asm.environment-variables",
        "ecs.capability.pid-ipc-namespace-sharing", "ecs.capability.docker-plugin.local",
        "ecs.capability.container-restart-policy", "com.amazonaws.ecs.capability.task-iam-role"}) {
    EXPECT_THAT(names, ::testing::Contains(expected));
  }
  // For every mode: an agent without them would start the task as if nothing had been asked for.
  json modes = definition("modes");
  modes["pidMode"] = "host";
  EXPECT_EQ(api.ok("RegisterTaskDefinition", modes)["taskDefinition"]["requiresAttributes"],
            json::parse(R"([{"name": "ecs.capability.pid-ipc-namespace-sharing"}])"));
  // No agent says of itself that it cannot use an execution role.
  EXPECT_THAT(names, ::testing::Each(::testing::Not(HasSubstr("execution-role"))));
  EXPECT_FALSE(
      api.ok("RegisterTaskDefinition", definition("plain"))["taskDefinition"].contains("requiresAttributes"));

  json fargate = definition("fargate");
  fargate.update({{"requiresCompatibilities", {"FARGATE"}},
                  {"networkMode", "awsvpc"},
                  {"cpu", "256"},
                  {"memory", "512"}});
  EXPECT_EQ(api.ok("RegisterTaskDefinition", fargate)["taskDefinition"]["compatibilities"],
            json({"EC2", "FARGATE", "MANAGED_INSTANCES"}));
  fargate["memory"] = "4096";
  EXPECT_THAT(api.refused("RegisterTaskDefinition", fargate), HasSubstr("No Fargate configuration exists"));
}

TEST(TaskDefinitions, RefusalsAreClientExceptionsThatNameTheProblem) {
  Api api;
  const auto with = [](const char* patch) {
    json given = definition("web");
    given.merge_patch(json::parse(patch));
    return given;
  };
  const auto container = [](const char* patch) {
    json given = definition("web");
    given["containerDefinitions"][0].merge_patch(json::parse(patch));
    return given;
  };
  const auto two = [](const char* first, const char* second) {
    json given = definition("web");
    json other = given["containerDefinitions"][0];
    other["name"] = "side";
    other.merge_patch(json::parse(second));
    given["containerDefinitions"][0].merge_patch(json::parse(first));
    given["containerDefinitions"].push_back(other);
    return given;
  };
  const std::vector<std::pair<json, const char*>> cases = {
      {with(R"({"family":null})"), "Family should not be null or empty."},
      {with(R"({"family":"a b"})"), "Family contains invalid characters."},
      {with(R"({"containerDefinitions":[]})"), "Container list cannot be empty."},
      {with(R"({"networkMode":"nat"})"), "Unknown networkMode nat"},
      {with(R"({"cpu":"fast"})"), "Invalid 'cpu' setting for task."},
      {with(R"({"cpu":"64"})"), "Invalid 'cpu' setting for task."},
      {with(R"({"memory":"1 TB"})"), "Invalid 'memory' setting for task."},
      {with(R"({"memory":"32"})"), "must not exceed the memory of the task"},
      {with(R"({"requiresCompatibilities":["MOON"]})"), "Unknown compatibility MOON"},
      {with(R"({"requiresCompatibilities":["FARGATE"]})"), "Fargate only supports network mode"},
      {with(R"({"placementConstraints":[{"type":"distinctInstance"}]})"), "must be of type memberOf"},
      {with(R"({"placementConstraints":[{"type":"memberOf","expression":"x =="}]})"), "Invalid expression"},
      {with(R"({"volumes":[{"name":"a"},{"name":"a"}]})"), "Duplicate volume name a."},
      {with(R"({"tags":[]})"), "Tags can not be empty."},
      {with(R"({"tags":[{"key":"aws:x","value":"y"}]})"), "reserved prefix"},
      {container(R"({"name":null})"), "Container.name should not be null or empty."},
      {container(R"({"image":""})"), "Container.image should not be null or empty."},
      {container(R"({"image":"a b"})"), "Container.image contains invalid characters."},
      {container(R"({"image":"a@sha256:12"})"), "Container.image contains invalid characters."},
      {container(R"({"memory":null})"),
       "Invalid setting for container 'web'. At least one of 'memory' or 'memoryReservation' must be "
       "specified."},
      {container(R"({"memory":5})"), "at least 6 MiB"},
      {container(R"({"memoryReservation":128})"), "greater than or equal to the value for memoryReservation"},
      {container(R"({"essential":false})"), "at least one essential container"},
      {container(R"({"portMappings":[{"containerPort":70000}]})"), "got 70000"},
      {container(R"({"portMappings":[{"containerPort":80,"hostPort":-1}]})"), "got -1"},
      {container(R"({"portMappings":[{"containerPort":80,"protocol":"icmp"}]})"),
       "protocol must be tcp or udp"},
      {container(R"({"portMappings":[{"containerPort":80},{"containerPort":80}]})"),
       "maps port 80 more than once"},
      {container(R"({"portMappings":[{"containerPort":80,"hostPort":1},{"containerPort":81,"hostPort":1}]})"),
       "Host port 1/tcp is mapped more than once."},
      {container(R"({"mountPoints":[{"sourceVolume":"x","containerPath":"/x"}]})"), "Unknown volume 'x'."},
      {container(R"({"volumesFrom":[{"sourceContainer":"x"}]})"), "unknown container 'x'"},
      {container(R"({"links":["x"]})"), "unknown container 'x'"},
      {container(R"({"dependsOn":[{"containerName":"x","condition":"START"}]})"), "depends on 'x'"},
      {container(R"({"healthCheck":{"command":[]}})"), "must hold a command"},
      {container(R"({"healthCheck":{"command":["CMD-SHELL"]}})"), "must hold a command"},
      {container(R"({"healthCheck":{"command":["CMD","true"],"interval":1}})"),
       "interval must be between 5 and 300"},
      {container(R"({"logConfiguration":{"logDriver":"carrier-pigeon"}})"), "Log driver 'carrier-pigeon'"},
      {container(R"({"logConfiguration":{"logDriver":"awslogs"}})"), "Log driver awslogs requires options"},
      {container(R"({"secrets":[{"name":"a","valueFrom":"b"}]})"), "'executionRoleArn'"},
      {with(R"({"runtimePlatform":{"cpuArchitecture":"VAX"}})"), "cpuArchitecture VAX"},
      {with(R"({"runtimePlatform":{"operatingSystemFamily":"VMS"}})"), "operatingSystemFamily VMS"},
      {container(R"({"resourceRequirements":[{"type":"GPU","value":"many"}]})"), "'many'"},
      {container(R"({"resourceRequirements":[{"type":"TPU","value":"1"}]})"), "type TPU"},
      {container(R"({"environment":[{"value":"x"}]})"), "environment variable without a name"},
      {container(R"({"ulimits":[{"name":"files","softLimit":1,"hardLimit":1}]})"), "ulimit 'files'"},
      {container(R"({"ulimits":[{"name":"nofile","softLimit":2,"hardLimit":1}]})"),
       "softLimit of ulimit nofile"},
      {container(R"({"startTimeout":-1})"), "startTimeout must not be negative"},
      {container(R"({"stopTimeout":-1})"), "stopTimeout must not be negative"},
      {container(R"({"linuxParameters":{"swappiness":101}})"), "swappiness must be between 0 and 100"},
      {container(R"({"linuxParameters":{"maxSwap":-1}})"), "maxSwap must not be negative"},
      {container(R"({"linuxParameters":{"sharedMemorySize":-1}})"), "sharedMemorySize must not be negative"},
      {container(R"({"linuxParameters":{"tmpfs":[{"containerPath":"/x","size":0}]}})"), "size of tmpfs '/x'"},
      {container(R"({"restartPolicy":{"enabled":true,"restartAttemptPeriod":59}})"),
       "restartAttemptPeriod must be between 60 and 1800"},
      {two(R"({})", R"({"name":"web"})"), "Duplicate container name web."},
      {two(R"({"dependsOn":[{"containerName":"side","condition":"START"}]})",
           R"({"dependsOn":[{"containerName":"web","condition":"START"}]})"),
       "form a cycle"},
      {two(R"({"dependsOn":[{"containerName":"side","condition":"COMPLETE"}]})", "{}"),
       "can't be marked as essential"},
      {two(R"({"dependsOn":[{"containerName":"side","condition":"HEALTHY"}]})", "{}"), "has no healthCheck"},
  };
  for (const auto& [request, words] : cases) {
    const std::string text = api.refused("RegisterTaskDefinition", request);
    EXPECT_THAT(text, StartsWith("ClientException: ")) << request;
    EXPECT_THAT(text, HasSubstr(words)) << request;
  }
  json host = container(R"({"portMappings":[{"containerPort":80,"hostPort":81}]})");
  host["networkMode"] = "host";
  EXPECT_THAT(
      api.refused("RegisterTaskDefinition", host),
      HasSubstr("When networkMode=host, the host ports and container ports in port mappings must match."));
  json huge = definition(
      "web", {{"environment", {{{"name", "X"}, {"value", std::string(kMaxDefinitionBytes, 'x')}}}}});
  EXPECT_THAT(api.refused("RegisterTaskDefinition", huge), HasSubstr("at most 65536 are allowed"));
  EXPECT_TRUE(api.state.task_definitions.rows().empty());
}

TEST(TaskDefinitions, RevisionsOnlyRiseAndABareFamilyIsTheNewestActive) {
  Api api;
  api.define("web");
  api.define("web");
  EXPECT_EQ(api.ok("DescribeTaskDefinition", {{"taskDefinition", "web"}})["taskDefinition"]["revision"], 2);
  const json gone = api.ok("DeregisterTaskDefinition", {{"taskDefinition", "web:2"}})["taskDefinition"];
  EXPECT_EQ(gone["status"], "INACTIVE");
  EXPECT_DOUBLE_EQ(gone["deregisteredAt"], 1'700'000'000.123);
  EXPECT_EQ(api.ok("DescribeTaskDefinition", {{"taskDefinition", "web"}})["taskDefinition"]["revision"], 1);
  EXPECT_EQ(
      api.ok("DescribeTaskDefinition",
             {{"taskDefinition",
               "arn:aws:ecs:us-east-1:000000000000:task-definition/web"}})["taskDefinition"]["revision"],
      1);
  EXPECT_EQ(api.ok("DescribeTaskDefinition", {{"taskDefinition", "web:2"}})["taskDefinition"]["status"],
            "INACTIVE");

  const json deleted = api.ok("DeleteTaskDefinitions", {{"taskDefinitions", {"web:1", "web:2", "web:9"}}});
  EXPECT_EQ(deleted["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
  EXPECT_TRUE(deleted["taskDefinitions"][0].contains("deleteRequestedAt"));
  EXPECT_EQ(deleted["failures"].size(), 2U);
  EXPECT_EQ(api.ok("DeregisterTaskDefinition", {{"taskDefinition", "web:1"}})["taskDefinition"]["status"],
            "INACTIVE");
  EXPECT_THAT(api.define("web"), ::testing::EndsWith("web:3"));
  EXPECT_EQ(api.refused("DescribeTaskDefinition", {{"taskDefinition", "web:2"}}),
            "ClientException: Unable to describe task definition.");
  EXPECT_THAT(api.refused("DeregisterTaskDefinition", {{"taskDefinition", "web"}}),
              StartsWith("ClientException: "));
}

TEST(TaskDefinitions, SizesAreReadInEveryFormThatEcsTakes) {
  EXPECT_EQ(cpu_units("1024"), 1024);
  EXPECT_EQ(cpu_units("1 vCPU"), 1024);
  EXPECT_EQ(cpu_units("1vcpu"), 1024);
  EXPECT_EQ(cpu_units(".25 vCPU"), 256);
  EXPECT_EQ(memory_mib("0.5GB"), 512);
  EXPECT_EQ(memory_mib("2 GB"), 2048);
  for (const char* bad :
       {"", "x", "1e3", "-1", "1 2", "vCPU", "1  vCPU", "nan vCPU", "99999999999999999999"}) {
    EXPECT_EQ(cpu_units(bad), std::nullopt) << bad;
  }
}

// What describe output and generated files hold for what was never set.
TEST(TaskDefinitions, NullsAndEmptyWordsAreAsIfTheyWereNotThere) {
  Api api;
  const json sparse = json::parse(R"({"family": "sparse", "taskRoleArn": "", "executionRoleArn": null,
      "networkMode": "", "cpu": "", "memory": "", "pidMode": "", "ipcMode": "", "volumes": [null],
      "requiresCompatibilities": [null], "tags": null, "placementConstraints": [null],
      "containerDefinitions": [null,
        {"name": "web", "image": "i", "memory": 64, "cpu": null, "command": [null, "run"], "environment": [null],
         "portMappings": [null, {"containerPort": 80, "hostPort": null, "protocol": null}], "links": [null],
         "secrets": [null], "dependsOn": [null], "mountPoints": [null], "volumesFrom": [null], "ulimits": [null],
         "dockerLabels": {"a": null, "b": "c"}, "healthCheck": null, "logConfiguration": null,
         "linuxParameters": {"capabilities": null, "devices": [null], "tmpfs": [null]}}]})");
  json stored = api.ok("RegisterTaskDefinition", sparse)["taskDefinition"];
  const json plain = json::parse(R"({"family": "plain", "volumes": [], "requiresCompatibilities": [],
      "placementConstraints": [], "containerDefinitions": [
        {"name": "web", "image": "i", "memory": 64, "command": ["run"], "environment": [],
         "portMappings": [{"containerPort": 80}], "links": [], "secrets": [], "dependsOn": [], "mountPoints": [],
         "volumesFrom": [], "ulimits": [], "dockerLabels": {"b": "c"},
         "linuxParameters": {"devices": [], "tmpfs": []}}]})");
  json same = api.ok("RegisterTaskDefinition", plain)["taskDefinition"];
  for (json* each : {&stored, &same}) {
    each->erase("family");
    each->erase("taskDefinitionArn");
  }
  EXPECT_EQ(stored, same);
}

TEST(TaskDefinitions, AHealthCheckNeedNotSayHowItIsRun) {
  Api api;
  const json check{{"command", {"/healthcheck", "--quick"}}};
  EXPECT_EQ(api.ok("RegisterTaskDefinition",
                   definition("otel", {{"healthCheck", check}}))["taskDefinition"]["containerDefinitions"][0]
                                                                ["healthCheck"]["command"],
            check["command"]);
}

}  // namespace
}  // namespace agent::api::ecs::testing
