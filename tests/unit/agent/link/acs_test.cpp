#include "agent/link/acs.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace agent::link {
namespace {

PayloadMessage a_payload() {
  ContainerPayload web;
  web.name = "web";
  web.image = "localhost:5000/web:1";
  web.container_arn = "arn:aws:ecs:us-east-1:000000000000:container/default/t1/c1";
  web.cpu = 256;
  web.memory = 128;
  web.command = {"httpd", "-f"};
  web.entry_point = {"/bin/sh", "-c"};
  web.environment = {{"AWS_EXECUTION_ENV", "AWS_ECS_EC2"}, {"path", "lower"}, {"PATH", "upper"}};
  web.port_mappings = {{80, 0, "tcp"}, {53, 5353, "udp"}};
  web.depends_on = {{"init", "SUCCESS"}};
  web.links = {"init:setup"};
  web.mount_points = {{"data", "/data", true}};
  web.volumes_from = {{"init", false}};
  web.start_timeout = 10;
  web.stop_timeout = 20;
  web.docker_config = R"({"HealthCheck":{"Test":["CMD","true"]}})";
  web.docker_host_config = R"({"NetworkMode":"bridge","CapAdd":[]})";
  web.health_check_type = "docker";
  ContainerPayload init;
  init.name = "init";
  init.image = "busybox";
  init.essential = false;
  TaskPayload task;
  task.arn = "arn:aws:ecs:us-east-1:000000000000:task/default/t1";
  task.task_cluster_arn = "arn:aws:ecs:us-east-1:000000000000:cluster/default";
  task.family = "shop";
  task.version = "7";
  task.cpu = 0.5;
  task.memory = 256;
  task.pid_mode = "task";
  task.ipc_mode = "none";
  task.service_name = "shop";
  task.group = "service:shop";
  task.volumes = R"([{"host":{"sourcePath":"/srv"},"name":"data","type":"host"}])";
  task.containers = {web, init};
  PayloadMessage m;
  m.message_id = "m1";
  m.cluster_arn = "default";
  m.container_instance_arn = "ci";
  m.seq_num = 42;
  m.generated_at_ms = 1'700'000'000'123;
  m.tasks = {task};
  return m;
}

template <class T>
T decoded(std::string_view text, std::vector<BadTask>* bad = nullptr) {
  auto got = acs_from_json(text, bad);
  EXPECT_TRUE(got) << (got ? "" : got.error().text());
  return got ? std::get<T>(*got) : T{};
}

TEST(Acs, PayloadIsWrittenAsTheOriginalAgentReadsIt) {
  const auto golden = nlohmann::json::parse(R"json({"type":"PayloadMessage","message":{
    "messageId":"m1","clusterArn":"default","containerInstanceArn":"ci","seqNum":42,"generatedAt":1700000000123,
    "tasks":[{"arn":"arn:aws:ecs:us-east-1:000000000000:task/default/t1",
      "taskClusterArn":"arn:aws:ecs:us-east-1:000000000000:cluster/default","family":"shop","version":"7",
      "desiredStatus":"RUNNING","cpu":0.5,"memory":256,"networkMode":"bridge","launchType":"EC2",
      "pidMode":"task","ipcMode":"none","serviceName":"shop","group":"service:shop","overrides":"{}",
      "volumes":[{"name":"data","type":"host","host":{"sourcePath":"/srv"}}],
      "containers":[
       {"name":"web","image":"localhost:5000/web:1",
        "containerArn":"arn:aws:ecs:us-east-1:000000000000:container/default/t1/c1","cpu":256,"memory":128,
        "essential":true,"command":["httpd","-f"],"entryPoint":["/bin/sh","-c"],
        "environment":{"AWS_EXECUTION_ENV":"AWS_ECS_EC2","path":"lower","PATH":"upper"},
        "portMappings":[{"containerPort":80,"hostPort":0,"protocol":"tcp"},
                        {"containerPort":53,"hostPort":5353,"protocol":"udp"}],
        "dependsOn":[{"containerName":"init","condition":"SUCCESS"}],"links":["init:setup"],
        "mountPoints":[{"sourceVolume":"data","containerPath":"/data","readOnly":true}],
        "volumesFrom":[{"sourceContainer":"init","readOnly":false}],
        "startTimeout":10,"stopTimeout":20,"healthCheckType":"docker","overrides":"{\"command\":null}",
        "dockerConfig":{"config":"{\"HealthCheck\":{\"Test\":[\"CMD\",\"true\"]}}",
                        "hostConfig":"{\"NetworkMode\":\"bridge\",\"CapAdd\":[]}","version":"1.18"}},
       {"name":"init","image":"busybox","cpu":0,"memory":0,"essential":false,"environment":{},
        "portMappings":[],"links":[],"overrides":"{\"command\":null}",
        "dockerConfig":{"config":"{}","hostConfig":"{}","version":"1.18"}}]}]}})json");
  EXPECT_EQ(nlohmann::json::parse(acs_to_json(a_payload())), golden);
}

TEST(Acs, PayloadSurvivesTheRoundTrip) {
  const std::string text = acs_to_json(a_payload());
  const auto back = decoded<PayloadMessage>(text);
  EXPECT_EQ(acs_to_json(back), text);
  EXPECT_EQ(back.tasks[0].containers[0].environment.at("path"), "lower");
  EXPECT_EQ(back.tasks[0].containers[0].environment.at("PATH"), "upper");
  EXPECT_EQ(back.tasks[0].containers[0].mount_points[0].container_path, "/data");
}

TEST(Acs, EveryOtherMessageSurvivesTheRoundTrip) {
  const std::vector<ManifestTask> tasks = {{"t1", "c", "RUNNING"},
                                           {"t2", "c", "RUNNING", "PENDING", {{"web", "STOPPED"}}}};
  EXPECT_NE(acs_to_json(TaskStopVerificationMessage{"m", tasks})
                .find(R"("containers":[{"containerName":"web","lastStatus":"STOPPED"}])"),
            std::string::npos);
  const std::vector<AcsMessage> messages = {HeartbeatMessage{"h", true},
                                            TaskManifestMessage{"m", "c", "ci", 9, 123, tasks},
                                            TaskStopVerificationMessage{"m", tasks},
                                            TaskStopVerificationAck{"m", 5, tasks},
                                            AckRequest{"c", "ci", "m"},
                                            NackRequest{"c", "ci", "m", "why"},
                                            HeartbeatAckRequest{"h"},
                                            UnknownMessage{"CloseMessage"}};
  for (const auto& m : messages) {
    const auto back = acs_from_json(acs_to_json(m), nullptr);
    ASSERT_TRUE(back) << acs_to_json(m);
    EXPECT_EQ(back->index(), m.index());
    EXPECT_EQ(acs_to_json(*back), acs_to_json(m));
  }
}

TEST(Acs, NamesMatchWithoutCaseAndUnknownOnesAreIgnored) {
  const auto m = decoded<PayloadMessage>(R"json({"TYPE":"PayloadMessage","Message":{"MESSAGEID":"m",
    "ClusterARN":"c","containerinstancearn":"ci","new":1,"SeqNum":null,"Tasks":[{"ARN":"a","desiredstatus":"RUNNING",
    "newer":{},"Containers":[{"NAME":"x","Image":"i","Overrides":{"Command":["from","override"]},"Command":["old"],
    "DockerConfig":{"HostConfig":"{\"Privileged\":true}"}}]}]}})json");
  ASSERT_EQ(m.tasks.size(), 1u);
  EXPECT_EQ(m.tasks[0].network_mode, "bridge");
  const auto& c = m.tasks[0].containers[0];
  EXPECT_EQ(c.command, (std::vector<std::string>{"from", "override"}));
  EXPECT_FALSE(c.essential) << "an absent member means false on this wire";
  EXPECT_EQ(c.docker_host_config, R"({"Privileged":true})");
  EXPECT_EQ(c.docker_config, "{}");
}

TEST(Acs, TaskThatCannotBeReadIsNamedAndTheOthersGoOn) {
  const auto around = [](const std::string& task) {
    return R"({"type":"PayloadMessage","message":{"messageId":"m","clusterArn":"c","containerInstanceArn":"ci","tasks":[)" +
           task + R"(,{"arn":"good","desiredStatus":"RUNNING"}]}})";
  };
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"({"arn":"bad","desiredStatus":"SLEEPING"})", "desiredStatus: unknown value 'SLEEPING'"},
      {R"({"arn":"bad","desiredStatus":"RUNNING","memory":"1"})", "memory: expected a whole number"},
      {R"({"arn":"bad","desiredStatus":"RUNNING","cpu":-1})", "cpu: expected a number from 0"},
      {R"({"arn":"bad","desiredStatus":"RUNNING","containers":[{"name":"x","overrides":"{\"cpu\":1}"}]})",
       "containers[0].overrides.cpu: only 'command' may be overridden here"},
      {R"({"arn":"bad","desiredStatus":"RUNNING","containers":[{"name":"x","portMappings":[{"containerPort":70000}]}]})",
       "containers[0].portMappings[0].containerPort: expected 1 to 65535"},
      {R"({"arn":"bad","desiredStatus":"RUNNING","containers":[{"name":"x","dependsOn":[{"containerName":"y","condition":"SOON"}]}]})",
       "containers[0].dependsOn[0].condition: unknown value 'SOON'"},
      {R"({"arn":"bad","desiredStatus":"RUNNING","containers":[{"name":"x","dockerConfig":{"config":"[]"}}]})",
       "containers[0].dockerConfig.config: expected a JSON object in the string"},
      {R"({"arn":"bad","desiredStatus":"RUNNING","containers":{}})", "containers: expected a list"},
  };
  for (const auto& [task, reason] : cases) {
    std::vector<BadTask> bad;
    const auto m = decoded<PayloadMessage>(around(task), &bad);
    ASSERT_EQ(bad.size(), 1u) << task;
    EXPECT_EQ(bad[0].arn, "bad");
    EXPECT_EQ(bad[0].reason, reason);
    ASSERT_EQ(m.tasks.size(), 1u);
    EXPECT_EQ(m.tasks[0].arn, "good");
  }
}

TEST(Acs, BrokenFramesAreErrorsThatNameTheMember) {
  const auto error = [](std::string_view text) {
    const auto got = acs_from_json(text, nullptr);
    EXPECT_FALSE(got) << text;
    EXPECT_EQ(got ? "" : got.error().code(), "BadRequestException");
    return got ? "" : got.error().text();
  };
  EXPECT_NE(error("{").find("invalid JSON"), std::string::npos);
  EXPECT_EQ(error("[]"), "message: expected an object");
  EXPECT_EQ(error("{}"), "type: is required");
  EXPECT_EQ(error(R"({"type":"HeartbeatMessage"})"), "message: is required");
  EXPECT_EQ(error(R"({"type":"PayloadMessage","message":{"messageId":"m","clusterArn":"c"}})"),
            "PayloadMessage: containerInstanceArn: is required");
  EXPECT_EQ(error(R"({"type":"TaskManifestMessage","message":{"timeline":-1}})"),
            "TaskManifestMessage: timeline: expected 0 to 9223372036854775807");
}

}  // namespace
}  // namespace agent::link
