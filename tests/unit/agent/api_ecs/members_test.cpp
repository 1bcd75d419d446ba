// The table of docs/apis.md: it names every member that these requests can have, and each is treated as it
// says, on an instance that offers what a node of ours offers.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "agent/control/iam/iam.h"
#include "agent/node/link/registration.h"
#include "shared/log/log.h"
#include "tests/unit/agent/api_ecs/api.h"

namespace agent::api::ecs::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Eq;
using ::testing::HasSubstr;

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(std::string(BERTH_SOURCE_DIR) + "/" + file).rdbuf();
  return text.str();
}

enum Column { kCarriedOut, kRefused, kKept, kWithoutEffect };
constexpr std::size_t kColumns = 4;
using Row = std::vector<std::set<std::string>>;  // by column

std::map<std::string, Row> table() {
  std::map<std::string, Row> rows;
  std::istringstream lines(text_of("docs/apis.md"));
  const std::regex word("`([A-Za-z0-9]+)`");
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::istringstream parts(line);
    for (std::string cell; std::getline(parts, cell, '|');) cells.push_back(cell);
    if (cells.size() != kColumns + 2) continue;
    std::smatch shape;
    if (!std::regex_search(cells[1], shape, word)) continue;
    Row row(kColumns);
    for (std::size_t i = 0; i < kColumns; ++i) {
      const std::string& cell = cells[i + 2];
      for (std::sregex_iterator it(cell.begin(), cell.end(), word), end; it != end; ++it)
        row[i].insert((*it)[1]);
    }
    rows[shape[1]] = row;
  }
  return rows;
}

// Of the shapes that requests are checked against.
std::set<std::string> members_of(const std::string& shape) {
  std::set<std::string> members;
  std::istringstream words(text_of("agent/api/ecs/wire/shapes.cpp"));
  bool inside = false;
  for (std::string word; words >> word;) {
    const auto colon = word.find(':');
    if (colon == std::string::npos) {
      inside = word == shape || (inside && word.starts_with("//"));
    } else if (inside) {
      members.insert(word.substr(0, colon));
    }
  }
  return members;
}

TEST(Members, TableNamesEveryMemberOnce) {
  const auto rows = table();
  EXPECT_EQ(rows.size(), 11u);
  for (const auto& [shape, row] : rows) {
    std::multiset<std::string> listed;
    for (const auto& cell : row) listed.insert(cell.begin(), cell.end());
    const auto wanted = members_of(shape);
    EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()), wanted) << shape;
    EXPECT_EQ(listed.size(), wanted.size()) << shape << ": a member stands in two columns";
  }
}

// An API with one instance that has a node's own attributes; keeps what is logged.
class MembersTest : public ::testing::Test {
 protected:
  MembersTest() {
    shared::log::Options options;
    options.format = shared::log::Format::kJson;
    options.output = [this](std::string_view line) { log += std::string(line) + "\n"; };
    shared::log::configure(options);
    api.ok("CreateCluster", json::object());
    node::NodeSettings settings;
    settings.cpus = 4;
    settings.memory_mib = 4096;
    settings.metadata_url = "http://169.254.170.2";
    for (const char* name : {"own", "own-exec"}) make_role(name);
    const auto joined = api.call_text(
        "RegisterContainerInstance",
        node::registration_request(settings, node::Identity{}, cgroup::Mode::kV1, "20.10", "token"));
    EXPECT_TRUE(joined) << (joined ? "" : joined.error().text());
    instance = (*joined)["containerInstance"]["containerInstanceArn"];
    api.connect(instance, true);
  }
  ~MembersTest() override { shared::log::configure({}); }

  void make_role(const std::string& name) {
    for (auto* rows : api.state.tables()) rows->begin_step();
    control::Step step{api.state, api.now, api.random, api.settings};
    control::iam::NewIdentity wanted;
    wanted.name = name;
    wanted.trust =
        R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs-tasks.amazonaws.com"},"Action":"sts:AssumeRole"}]})";
    EXPECT_TRUE(control::iam::create_identity(step, wanted));
  }
  // Why this definition's task does not run; empty: it was placed.
  std::string obstacle(const json& wanted) {
    const auto defined = api.call("RegisterTaskDefinition", wanted);
    if (!defined) return defined.error().text();
    const auto ran = api.call("RunTask", {{"taskDefinition", wanted["family"]}});
    if (!ran) return ran.error().text();
    return (*ran)["failures"].empty() ? "" : (*ran)["failures"][0]["reason"].get<std::string>();
  }
  bool told(const std::string& member) {
    return log.find("\"member\":\"" + member + "\"") != std::string::npos;
  }
  std::vector<std::string> events(const std::string& service) {
    std::vector<std::string> messages;
    const json described = api.ok("DescribeServices", {{"services", {service}}});
    for (const json& each : described["services"][0]["events"]) messages.push_back(each["message"]);
    return messages;
  }

  Api api;
  std::string instance;
  std::string log;
};

// What to lay over a request so that it has the member, by shape.
const std::map<std::string, std::map<std::string, json>>& examples() {
  static const auto all = json::parse(R"json({
    "RegisterTaskDefinition": {
      "proxyConfiguration": {"containerName": "web", "type": "APPMESH"},
      "inferenceAccelerators": [{"deviceName": "d", "deviceType": "eia2.medium"}],
      "enableFaultInjection": true, "taskRoleArn": "arn:aws:iam::000000000000:role/app",
      "ephemeralStorage": {"sizeInGiB": 21}, "executionRoleArn": "arn:aws:iam::000000000000:role/exec"},
    "ContainerDefinition": {
      "repositoryCredentials": {"credentialsParameter": "p"},
      "environmentFiles": [{"value": "arn:aws:s3:::b/x.env", "type": "s3"}],
      "secrets": [{"name": "S", "valueFrom": "p"}],
      "firelensConfiguration": {"type": "fluentbit"},
      "restartPolicy": {"enabled": true}, "credentialSpecs": ["credentialspec:arn:aws:s3:::b/x.json"],
      "resourceRequirements": [{"type": "GPU", "value": "1"}], "versionConsistency": "enabled"},
    "Volume": {
      "efsVolumeConfiguration": {"fileSystemId": "fs-1"},
      "fsxWindowsFileServerVolumeConfiguration": {"fileSystemId": "fs-1", "rootDirectory": "/"},
      "s3filesVolumeConfiguration": {"fileSystemArn": "arn:aws:s3files:us-east-1:000000000000:fs/1"},
      "configuredAtLaunch": true},
    "RunTask": {
      "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}],
      "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}}, "platformVersion": "1.4.0",
      "volumeConfigurations": [{"name": "v"}], "enableExecuteCommand": true, "referenceId": "r"},
    "StartTask": {
      "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}},
      "volumeConfigurations": [{"name": "v"}], "enableExecuteCommand": true, "referenceId": "r"},
    "TaskOverride": {
      "inferenceAcceleratorOverrides": [{"deviceName": "d", "deviceType": "eia2.medium"}],
      "taskRoleArn": "arn:aws:iam::000000000000:role/app", "ephemeralStorage": {"sizeInGiB": 21},
      "executionRoleArn": "arn:aws:iam::000000000000:role/exec"},
    "ContainerOverride": {
      "environmentFiles": [{"value": "arn:aws:s3:::b/x.env", "type": "s3"}],
      "resourceRequirements": [{"type": "GPU", "value": "1"}]},
    "CreateService": {
      "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}], "platformVersion": "1.4.0",
      "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}},
      "serviceConnectConfiguration": {"enabled": true}, "volumeConfigurations": [{"name": "v"}],
      "vpcLatticeConfigurations": [{"roleArn": "r"}], "enableExecuteCommand": true,
      "availabilityZoneRebalancing": "ENABLED", "role": "ecsServiceRole"},
    "UpdateService": {
      "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}], "platformVersion": "1.4.0",
      "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"]}},
      "serviceConnectConfiguration": {"enabled": true}, "volumeConfigurations": [{"name": "v"}],
      "vpcLatticeConfigurations": [{"roleArn": "r"}], "enableExecuteCommand": true,
      "availabilityZoneRebalancing": "ENABLED"},
    "DeploymentConfiguration": {
      "alarms": {"enable": true, "rollback": false, "alarmNames": ["a"]}},
    "CreateCluster": {
      "defaultCapacityProviderStrategy": [{"capacityProvider": "FARGATE"}],
      "settings": [{"name": "containerInsights", "value": "enabled"}],
      "configuration": {"executeCommandConfiguration": {"logging": "DEFAULT"}},
      "serviceConnectDefaults": {"namespace": "n"}, "capacityProviders": ["FARGATE"]}})json")
                              .get<std::map<std::string, std::map<std::string, json>>>();
  return all;
}

json example(const std::string& shape, const std::string& member) {
  const auto& all = examples().at(shape);
  const auto found = all.find(member);
  EXPECT_NE(found, all.end()) << "no example of " << shape << "." << member;
  return found == all.end() ? json() : found->second;
}

// A definition with that member of the definition, its container or its volume.
json with(const std::string& shape, const std::string& member) {
  json wanted = definition("web");
  if (shape == "RegisterTaskDefinition") wanted[member] = example(shape, member);
  if (shape == "ContainerDefinition") wanted["containerDefinitions"][0][member] = example(shape, member);
  if (shape == "Volume") wanted["volumes"] = {{{"name", "data"}, {member, example(shape, member)}}};
  if (member == "secrets") wanted["executionRoleArn"] = "arn:aws:iam::000000000000:role/exec";
  return wanted;
}

TEST_F(MembersTest, WhatADefinitionAsksForAndNoNodeDoesPlacesNoTask) {
  EXPECT_EQ(obstacle(definition("plain")), "");
  const auto rows = table();
  for (const std::string shape : {"RegisterTaskDefinition", "ContainerDefinition", "Volume"}) {
    for (const std::string& member : rows.at(shape)[kRefused])
      EXPECT_THAT(obstacle(with(shape, member)), AnyOf(Eq("ATTRIBUTE"), Eq("RESOURCE:GPU")))
          << shape << "." << member;
  }
}

TEST_F(MembersTest, WhatNodesDoCarryOutFindsAPlace) {
  const json all = json::parse(
      R"json({"family": "all", "pidMode": "task", "ipcMode": "task", "cpu": "512", "memory": "512",
    "networkMode": "bridge", "requiresCompatibilities": ["EC2"],
    "taskRoleArn": "arn:aws:iam::000000000000:role/own", "executionRoleArn": "own-exec",
    "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
    "placementConstraints": [{"type": "memberOf", "expression": "attribute:ecs.os-type == linux"}],
    "volumes": [{"name": "host", "host": {}}, {"name": "docker", "dockerVolumeConfiguration": {"scope": "task"}}],
    "containerDefinitions": [{"name": "web", "image": "nginx:1", "cpu": 10, "memory": 64, "memoryReservation": 32,
      "links": ["side"], "portMappings": [{"containerPort": 80}], "essential": true, "entryPoint": ["/x"],
      "command": ["y"], "environment": [{"name": "A", "value": "b"}], "secrets": [{"name": "S", "valueFrom": "/s"}],
      "mountPoints": [{"sourceVolume": "host", "containerPath": "/h"}], "volumesFrom": [{"sourceContainer": "side"}],
      "linuxParameters": {"initProcessEnabled": true, "sharedMemorySize": 64, "maxSwap": 10, "swappiness": 10,
        "capabilities": {"add": ["SYS_PTRACE"]}, "tmpfs": [{"containerPath": "/t", "size": 1}]},
      "dependsOn": [{"containerName": "side", "condition": "START"}], "startTimeout": 5, "stopTimeout": 5,
      "hostname": "h", "user": "1", "workingDirectory": "/", "disableNetworking": false, "privileged": true,
      "readonlyRootFilesystem": true, "dnsServers": ["10.0.0.1"], "dnsSearchDomains": ["x"],
      "extraHosts": [{"hostname": "a", "ipAddress": "10.0.0.1"}], "dockerSecurityOptions": ["no-new-privileges"],
      "interactive": true, "pseudoTerminal": true, "dockerLabels": {"a": "b"},
      "ulimits": [{"name": "nofile", "softLimit": 10, "hardLimit": 10}],
      "logConfiguration": {"logDriver": "json-file"}, "restartPolicy": {"enabled": false},
      "healthCheck": {"command": ["CMD", "true"]}, "systemControls": [{"namespace": "kernel.shmmax", "value": "1"}]},
     {"name": "side", "image": "busybox", "memory": 64}]})json");
  EXPECT_EQ(obstacle(all), "");
  EXPECT_EQ(log.find("member_not_carried_out"), std::string::npos) << log;
  const auto rows = table();
  for (const std::string& member : rows.at("RegisterTaskDefinition")[kCarriedOut])
    EXPECT_TRUE(all.contains(member) || member == "tags") << member;
  for (const std::string& member : rows.at("ContainerDefinition")[kCarriedOut])
    EXPECT_TRUE(all["containerDefinitions"][0].contains(member)) << member;
}

TEST_F(MembersTest, WhatADefinitionOnlyKeepsIsToldOfItsTasksAndInAnEventOfItsService) {
  const auto rows = table();
  int number = 0;
  for (const std::string shape : {"RegisterTaskDefinition", "ContainerDefinition"}) {
    for (const std::string& member : rows.at(shape)[kKept]) {
      log.clear();
      EXPECT_EQ(obstacle(with(shape, member)), "");
      EXPECT_TRUE(told(member)) << member << ": " << log;
      EXPECT_NE(log.find("\"operation\":\"RunTask\""), std::string::npos) << log;
      EXPECT_NE(log.find(":task/default/"), std::string::npos) << "which task: " << log;
      const std::string service = "s" + std::to_string(++number);
      api.ok("CreateService", {{"serviceName", service}, {"taskDefinition", "web"}, {"desiredCount", 0}});
      EXPECT_THAT(events(service), Contains(HasSubstr("(service " + service + ") " + member +
                                                      " is kept but not carried out: ")));
      api.ok("UpdateService", {{"service", service}, {"desiredCount", 0}});
      EXPECT_EQ(events(service).size(), 1u) << "no deployment began";
      api.ok("UpdateService", {{"service", service}, {"forceNewDeployment", true}});
      EXPECT_EQ(events(service).size(), 2u) << "one of each deployment";
    }
  }
}

TEST_F(MembersTest, ARoleThatIsNotHereIsToldAndItsTaskRuns) {
  json wanted = definition("web");
  wanted["taskRoleArn"] = "arn:aws:iam::111111111111:role/app";
  wanted["executionRoleArn"] = "absent";
  EXPECT_EQ(obstacle(wanted), "");
  EXPECT_TRUE(told("taskRoleArn") && told("executionRoleArn")) << log;
  api.ok("CreateService", {{"serviceName", "s"}, {"taskDefinition", "web"}, {"desiredCount", 0}});
  EXPECT_THAT(events("s"), Contains(HasSubstr("taskRoleArn is kept but not carried out: ")));
}

// The request of an operation, with the member of it or of what it holds.
json request_with(const std::string& shape, const std::string& member, const std::string& instance) {
  json request{{"taskDefinition", "web"}};
  const json value = example(shape, member);
  if (shape == "StartTask") request["containerInstances"] = {instance};
  if (shape == "CreateService") request.update({{"serviceName", "new-" + member}, {"desiredCount", 0}});
  if (shape == "UpdateService") request = {{"service", "old"}};
  if (shape == "DeploymentConfiguration") {
    request.update(
        {{"serviceName", "new"}, {"desiredCount", 0}, {"deploymentConfiguration", {{member, value}}}});
  } else if (shape == "TaskOverride") {
    request["overrides"] = {{member, value}};
  } else if (shape == "ContainerOverride") {
    request["overrides"]["containerOverrides"] = {{{"name", "web"}, {member, value}}};
  } else {
    request[member] = value;
  }
  return request;
}
std::string operation_of(const std::string& shape) {
  if (shape == "DeploymentConfiguration") return "CreateService";
  return shape.ends_with("Override") ? "RunTask" : shape;
}
constexpr const char* kRequests[] = {
    "RunTask",       "StartTask",     "TaskOverride",           "ContainerOverride",
    "CreateService", "UpdateService", "DeploymentConfiguration"};

TEST_F(MembersTest, WhatARequestAsksForInVainIsRefusedByItsName) {
  api.define("web");
  api.ok("CreateService", {{"serviceName", "old"}, {"taskDefinition", "web"}, {"desiredCount", 0}});
  const auto rows = table();
  for (const std::string shape : kRequests) {
    for (const std::string& member : rows.at(shape)[kRefused]) {
      const auto answer = api.call(operation_of(shape), request_with(shape, member, instance));
      if (member == "resourceRequirements") {
        EXPECT_EQ((*answer)["failures"][0]["reason"], "RESOURCE:GPU");
        continue;
      }
      ASSERT_FALSE(answer) << shape << "." << member << ": " << *answer;
      EXPECT_THAT(answer.error().code(),
                  AnyOf(Eq("UnsupportedFeatureException"), Eq("InvalidParameterException")))
          << shape << "." << member;
    }
  }
}

TEST_F(MembersTest, WhatARequestOnlyKeepsIsTold) {
  api.define("web");
  api.ok("CreateService", {{"serviceName", "old"}, {"taskDefinition", "web"}, {"desiredCount", 0}});
  const auto rows = table();
  for (const std::string shape : kRequests) {
    for (const std::string& member : rows.at(shape)[kKept]) {
      log.clear();
      const json answer = api.ok(operation_of(shape), request_with(shape, member, instance));
      EXPECT_TRUE(told(member)) << shape << "." << member << ": " << log;
      if (!shape.ends_with("Service")) continue;
      EXPECT_THAT(events(answer["service"]["serviceName"]),
                  Contains(HasSubstr(member + " is kept but not carried out: ")));
    }
    log.clear();
    for (const std::string& member : rows.at(shape)[kWithoutEffect])
      api.ok(operation_of(shape), request_with(shape, member, instance));
    EXPECT_EQ(log.find("member_not_carried_out"), std::string::npos) << shape << ": " << log;
  }
  const auto cluster = rows.at("CreateCluster");
  const std::map<std::string, std::string> parts = {{"settings", "containerInsights"},
                                                    {"configuration", "executeCommandConfiguration"}};
  for (const std::string& member : cluster[kKept]) {
    log.clear();
    api.ok("CreateCluster", {{"clusterName", "c-" + member}, {member, example("CreateCluster", member)}});
    EXPECT_TRUE(told(parts.contains(member) ? parts.at(member) : member)) << log;
  }
}

// Terraform sends them for what is not set.
TEST_F(MembersTest, EmptyWordsAreNoMembersThatSomethingHasToBeSaidAbout) {
  api.define("web");
  log.clear();
  api.ok("RunTask",
         {{"taskDefinition", "web"},
          {"overrides", {{"taskRoleArn", ""}, {"executionRoleArn", ""}, {"cpu", ""}, {"memory", ""}}}});
  EXPECT_EQ(log.find("member_not_carried_out"), std::string::npos) << log;
}

TEST_F(MembersTest, DefaultCapacityProviderStrategyIsRefusedWhereATaskWouldNeedIt) {
  api.define("web");
  api.ok("CreateCluster",
         {{"clusterName", "strategy"},
          {"capacityProviders", example("CreateCluster", "capacityProviders")},
          {"defaultCapacityProviderStrategy", example("CreateCluster", "defaultCapacityProviderStrategy")}});
  EXPECT_THAT(api.refused("RunTask", {{"cluster", "strategy"}, {"taskDefinition", "web"}}),
              HasSubstr("default capacity provider strategy of cluster strategy"));
}

TEST_F(MembersTest, NamespaceModesAreCheckedAgainstWhatTheHostOrThePlatformCannotGive) {
  json wanted = definition("web", {{"systemControls", {{{"namespace", "kernel.shmmax"}, {"value", "1"}}}}});
  wanted["ipcMode"] = "task";
  EXPECT_EQ(obstacle(wanted), "") << "for all containers of the task";
  wanted["ipcMode"] = "host";
  EXPECT_EQ(
      obstacle(wanted),
      "Invalid setting for container 'web': systemControls 'kernel.shmmax' cannot be set with ipcMode host: "
      "it would be the host's own setting.");
  wanted["ipcMode"] = "private";
  EXPECT_EQ(obstacle(wanted), "Invalid ipcMode private. It must be host, task or none.");
  json net = definition("web", {{"systemControls", {{{"namespace", "net.core.somaxconn"}, {"value", "1"}}}}});
  net["networkMode"] = "host";
  EXPECT_THAT(obstacle(net), HasSubstr("cannot be set with networkMode host"));
  json windows = definition("web");
  windows.update(
      {{"pidMode", "task"}, {"runtimePlatform", {{"operatingSystemFamily", "WINDOWS_SERVER_2022_CORE"}}}});
  EXPECT_EQ(obstacle(windows), "pidMode is not supported for Windows containers.");
  windows["pidMode"] = "none";
  EXPECT_EQ(obstacle(windows), "Invalid pidMode none. It must be host or task.");
}

}  // namespace
}  // namespace agent::api::ecs::testing
