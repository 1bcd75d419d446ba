#include "agent/control/engine/task_payload.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/control/records/definition_document.h"

namespace agent::control {
namespace {

using nlohmann::json;

constexpr const char* kFull = R"json({
  "family": "web", "networkMode": "bridge", "cpu": "512", "memory": "1024",
  "volumes": [{"name": "data", "host": {"sourcePath": "/srv/data"}}, {"name": "scratch", "host": {}},
              {"name": "shared", "dockerVolumeConfiguration": {"scope": "shared", "driver": "local"}}],
  "containerDefinitions": [{
    "name": "app", "image": "registry/app:1", "essential": true, "cpu": 256, "memory": 512, "memoryReservation": 128,
    "command": ["serve", "--port", "80"], "entryPoint": ["/entry"],
    "environment": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "portMappings": [{"containerPort": 80, "hostPort": 0}, {"containerPort": 53, "hostPort": 53, "protocol": "udp"}],
    "links": ["side:s"], "dependsOn": [{"containerName": "side", "condition": "START"}],
    "startTimeout": 30, "stopTimeout": 5,
    "user": "1000:1000", "workingDirectory": "/app", "hostname": "h", "dockerLabels": {"team": "x"},
    "pseudoTerminal": true, "interactive": true, "privileged": true, "readonlyRootFilesystem": true,
    "dnsServers": ["10.0.0.2"], "dnsSearchDomains": ["corp"], "dockerSecurityOptions": ["no-new-privileges"],
    "extraHosts": [{"hostname": "db", "ipAddress": "10.1.1.1"}],
    "ulimits": [{"name": "nofile", "softLimit": 1024, "hardLimit": 4096}],
    "systemControls": [{"namespace": "net.core.somaxconn", "value": "1024"}],
    "logConfiguration": {"logDriver": "json-file", "options": {"max-size": "10m"}},
    "healthCheck": {"command": ["CMD", "true"], "interval": 10, "timeout": 2, "retries": 4, "startPeriod": 1},
    "mountPoints": [{"sourceVolume": "data", "containerPath": "/data", "readOnly": true},
                    {"sourceVolume": "scratch", "containerPath": "/tmp/s"},
                    {"sourceVolume": "shared", "containerPath": "/shared"}],
    "linuxParameters": {"capabilities": {"add": ["SYS_PTRACE"], "drop": ["MKNOD"]}, "initProcessEnabled": true,
      "devices": [{"hostPath": "/dev/fuse", "permissions": ["read", "write"]}],
      "sharedMemorySize": 64, "tmpfs": [{"containerPath": "/run", "size": 16, "mountOptions": ["noexec"]}],
      "maxSwap": 100, "swappiness": 10}
  }, {"name": "side", "image": "side", "essential": false, "disableNetworking": true,
      "volumesFrom": [{"sourceContainer": "app", "readOnly": true}]}]
})json";

model::TaskDefinition definition(const std::string& document) {
  model::TaskDefinition row;
  row.arn = "arn:aws:ecs:us-east-1:000000000000:task-definition/web:7";
  row.family = "web";
  row.revision = 7;
  row.document = document;
  EXPECT_TRUE(fill_from_document(row).has_value());
  return row;
}

model::Task task_of(const model::TaskDefinition& row, const std::string& overrides = "{}") {
  model::Task task;
  task.id = "t1";
  task.arn = "arn:task";
  task.family = row.family;
  task.revision = row.revision;
  task.group = "service:web";
  task.service = "web";
  task.overrides = overrides;
  for (const auto& each : row.containers) {
    model::Container container;
    container.name = each.name;
    container.image = each.image;
    container.arn = "arn:container/" + each.name;
    task.containers.push_back(container);
  }
  return task;
}

// The engine would take the first word of the second for a way to run the rest, and check nothing.
TEST(TaskPayload, AHealthCheckThatDoesNotSayHowItIsRunIsRunAsItStands) {
  const auto test_of = [](const std::string& command) {
    const auto row = definition(
        R"({"containerDefinitions": [{"name": "a", "image": "i", "memory": 64, "healthCheck": {"command": )" +
        command + "}}]}");
    const auto payload = task_payload(&row, task_of(row), "arn:cluster", model::DesiredStatus::kRunning);
    return json::parse(payload.containers.at(0).docker_config)["HealthCheck"]["Test"];
  };
  EXPECT_EQ(test_of(R"(["/healthcheck", "-q"])"), json({"CMD", "/healthcheck", "-q"}));
  for (const char* says_how : {R"(["CMD","true"])", R"(["CMD-SHELL","true"])", R"(["NONE"])"}) {
    EXPECT_EQ(test_of(says_how), json::parse(says_how));
  }
}

TEST(TaskPayload, MapsEveryMemberToItsPlaceInTheProtocol) {
  const auto row = definition(kFull);
  const auto payload = task_payload(&row, task_of(row), "arn:cluster", model::DesiredStatus::kRunning);
  EXPECT_EQ(payload.arn, "arn:task");
  EXPECT_EQ(payload.task_cluster_arn, "arn:cluster");
  EXPECT_EQ(payload.family, "web");
  EXPECT_EQ(payload.version, "7");
  EXPECT_EQ(payload.desired_status, "RUNNING");
  EXPECT_DOUBLE_EQ(payload.cpu, 0.5);  // vCPU, not units
  EXPECT_EQ(payload.memory, 1024);
  EXPECT_EQ(payload.network_mode, "bridge");
  EXPECT_EQ(payload.service_name, "web");
  EXPECT_EQ(payload.group, "service:web");
  ASSERT_EQ(payload.containers.size(), 2u);
  const auto& app = payload.containers[0];
  EXPECT_EQ(app.container_arn, "arn:container/app");
  EXPECT_EQ(app.cpu, 256);
  EXPECT_EQ(app.memory, 512);
  EXPECT_TRUE(app.essential);
  EXPECT_EQ(app.command, (std::vector<std::string>{"serve", "--port", "80"}));
  EXPECT_EQ(app.entry_point, std::vector<std::string>{"/entry"});
  EXPECT_EQ(app.environment, (std::map<std::string, std::string>{
                                 {"A", "1"}, {"B", "2"}, {"AWS_EXECUTION_ENV", "AWS_ECS_EC2"}}));
  ASSERT_EQ(app.port_mappings.size(), 2u);
  EXPECT_EQ(app.port_mappings[0].host_port, 0);
  EXPECT_EQ(app.port_mappings[1].protocol, "udp");
  EXPECT_EQ(app.depends_on.at(0).condition, "START");
  EXPECT_EQ(app.links, std::vector<std::string>{"side:s"});
  EXPECT_EQ(app.start_timeout, 30);
  EXPECT_EQ(app.stop_timeout, 5);
  EXPECT_EQ(app.health_check_type, "docker");
  EXPECT_EQ(json::parse(app.docker_config), json::parse(R"({
    "User": "1000:1000", "WorkingDir": "/app", "Hostname": "h", "Tty": true, "OpenStdin": true,
    "Labels": {"team": "x"},
    "HealthCheck": {"Test": ["CMD", "true"], "Interval": 10000000000, "Timeout": 2000000000, "Retries": 4,
                    "StartPeriod": 1000000000}})"));
  EXPECT_EQ(json::parse(app.docker_host_config), json::parse(R"({
    "NetworkMode": "bridge", "CapAdd": ["SYS_PTRACE"], "CapDrop": ["MKNOD"], "MemoryReservation": 134217728,
    "Privileged": true, "ReadonlyRootfs": true, "Dns": ["10.0.0.2"], "DnsSearch": ["corp"],
    "SecurityOpt": ["no-new-privileges"], "ExtraHosts": ["db:10.1.1.1"],
    "Ulimits": [{"Name": "nofile", "Soft": 1024, "Hard": 4096}], "Sysctls": {"net.core.somaxconn": "1024"},
    "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m"}}, "Init": true, "ShmSize": 67108864,
    "Devices": [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rw"}],
    "Tmpfs": {"/run": "size=16m,noexec"}, "MemorySwap": 641728512, "MemorySwappiness": 10})"));
  EXPECT_EQ(json::parse(payload.volumes), json::parse(R"([
    {"name": "data", "type": "host", "host": {"sourcePath": "/srv/data"}},
    {"name": "scratch", "type": "host", "host": {}},
    {"name": "shared", "type": "docker", "dockerVolumeConfiguration": {"scope": "shared", "driver": "local"}}])"));
  ASSERT_EQ(app.mount_points.size(), 3u);
  EXPECT_EQ(app.mount_points[0].source_volume, "data");
  EXPECT_EQ(app.mount_points[0].container_path, "/data");
  EXPECT_TRUE(app.mount_points[0].read_only);
  EXPECT_FALSE(app.mount_points[1].read_only);
  const auto& side = payload.containers[1];
  ASSERT_EQ(side.volumes_from.size(), 1u);
  EXPECT_EQ(side.volumes_from[0].source_container, "app");
  EXPECT_TRUE(side.volumes_from[0].read_only);
  EXPECT_FALSE(side.essential);
  EXPECT_EQ(side.docker_config, "{}");
  EXPECT_EQ(json::parse(side.docker_host_config),
            json::parse(R"({"NetworkMode": "none", "CapAdd": [], "CapDrop": []})"));
  EXPECT_EQ(side.health_check_type, "");
}

TEST(TaskPayload, OverridesAreMergedHereBecauseTheAgentOnlyKnowsCommands) {
  const auto row = definition(kFull);
  const auto task = task_of(row, R"({"cpu": "1024", "memory": "2048", "containerOverrides": [
      {"name": "app", "command": ["migrate"], "cpu": 100, "memory": 600, "memoryReservation": 64,
       "environment": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}]})");
  const auto payload = task_payload(&row, task, "c", model::DesiredStatus::kRunning);
  const auto& app = payload.containers[0];
  EXPECT_DOUBLE_EQ(payload.cpu, 1.0);
  EXPECT_EQ(payload.memory, 2048);
  EXPECT_EQ(app.command, std::vector<std::string>{"migrate"});
  EXPECT_EQ(app.cpu, 100);
  EXPECT_EQ(app.memory, 600);
  EXPECT_EQ(app.environment.at("A"), "1");
  EXPECT_EQ(app.environment.at("B"), "3");
  EXPECT_EQ(app.environment.at("C"), "4");
  EXPECT_EQ(json::parse(app.docker_host_config)["MemoryReservation"], 64 * 1024 * 1024);
}

TEST(TaskPayload, NamespaceModesAreTheTasksAndAbsentOnesStayAbsent) {
  auto row =
      definition(R"({"family": "web", "pidMode": "task", "ipcMode": "host", "containerDefinitions": []})");
  auto payload = task_payload(&row, task_of(row), "arn:cluster", model::DesiredStatus::kRunning);
  EXPECT_EQ(payload.pid_mode, "task");
  EXPECT_EQ(payload.ipc_mode, "host");
  row = definition(kFull);
  payload = task_payload(&row, task_of(row), "arn:cluster", model::DesiredStatus::kRunning);
  EXPECT_EQ(payload.pid_mode, "");
  EXPECT_EQ(payload.ipc_mode, "");
}

TEST(TaskPayload, AStopNeedsNoDefinition) {
  const auto row = definition(kFull);
  const auto payload = task_payload(nullptr, task_of(row), "c", model::DesiredStatus::kStopped);
  EXPECT_EQ(payload.desired_status, "STOPPED");
  ASSERT_EQ(payload.containers.size(), 2u);
  EXPECT_EQ(payload.containers[1].name, "side");
}

}  // namespace
}  // namespace agent::control
