#include "agent/metadata/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/metadata/audit_log.h"
#include "tests/support/manual_executor.h"
#include "tests/support/scripted_runtime.h"

namespace agent::metadata {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class MetadataTest : public testing::Test {
 protected:
  MetadataTest() {
    runtime.local_images["shop/web:7"] = {"sha256:1", ""};
    for (const char* id : {"t1", "t2"}) {
      node::Task task;
      task.payload.arn = std::string("arn:aws:ecs:us-east-1:000000000000:task/shop/") + id;
      task.payload.task_cluster_arn = "arn:aws:ecs:us-east-1:000000000000:cluster/shop";
      task.payload.family = "web";
      task.payload.version = "7";
      task.payload.service_name = "front";
      task.payload.cpu = 0.5;
      task.payload.memory = 256;
      task.payload.volumes = R"([{"name":"data","type":"host","host":{"sourcePath":"/srv"}}])";
      task.known = node::Status::kRunning;
      for (const char* name : {"app", "side"}) {
        node::Container c;
        c.spec.name = name;
        c.spec.image = "shop/web:7";
        c.spec.cpu = 128;
        c.spec.memory = 64;
        c.spec.docker_config = R"({"Labels":{"team":"a","com.amazonaws.ecs.cluster":"mine"}})";
        c.spec.port_mappings = {{8080, 0, "tcp"}};
        c.spec.mount_points = {{"data", "/data", false}};
        c.known = node::Status::kRunning;
        c.endpoint_id = std::string(name) + "-of-" + id;
        c.engine_name = std::string("ecs-web-7-") + name + "-" + id;
        c.bindings = {{8080, 32768, "tcp", "0.0.0.0"}};
        c.networks = {{"bridge", "172.17.0.2"}};
        c.image_id = "sha256:1";
        c.created_at = shared::from_epoch_millis(1'700'000'000'500);
        c.started_at = shared::from_epoch_millis(1'700'000'001'000);
        c.runtime_id = create(c.engine_name);
        task.containers.push_back(c);
      }
      tasks[task.arn()] = task;
    }
  }

  std::string create(const std::string& name) {
    std::string id;
    agent::runtime::ContainerSpec spec;
    spec.name = name;
    spec.image = "shop/web:7";
    runtime.create(spec, [&](shared::Result<agent::runtime::ContainerHandle> made) { id = made->id; });
    executor.advance(shared::Millis(10));
    return id;
  }
  std::pair<int, std::string> get(const std::string& target) {
    std::pair<int, std::string> out;
    metadata.answer({.target = target}, [&](shared::http::Response response) {
      out = {response.status, response.body};
    });
    executor.advance(shared::Millis(50));
    return out;
  }
  json good(const std::string& target) {
    const auto [status, body] = get(target);
    EXPECT_EQ(status, 200) << target << " " << body;
    return json::parse(body);
  }
  json introspected(const std::string& target, int status = 200) {
    const auto response = metadata.introspect({.target = target});
    EXPECT_EQ(response.status, status) << target;
    return json::parse(response.body);
  }

  static constexpr const char* kFirst = "arn:aws:ecs:us-east-1:000000000000:task/shop/t1";
  tests::ManualExecutor executor;
  tests::ScriptedRuntime runtime{executor};
  Metadata::Tasks tasks;
  std::vector<std::string> audit;
  Metadata metadata{{executor, runtime, [this]() -> const Metadata::Tasks& { return tasks; },
                     [] {
                       return Host{"shop", "arn:instance", "1.0", "abc"};
                     },
                     [this](const std::string& line) { audit.push_back(line); }},
                    RateLimit{}};
};

TEST_F(MetadataTest, AContainerIsToldOfItself) {
  const json own = good("/v4/app-of-t1");
  EXPECT_EQ(own["Name"], "app");
  EXPECT_EQ(own["DockerName"], "ecs-web-7-app-t1");
  EXPECT_EQ(own["Image"], "shop/web:7");
  EXPECT_EQ(own["ImageID"], "sha256:1");
  EXPECT_EQ(own["Limits"], json({{"CPU", 128}, {"Memory", 64}}));
  EXPECT_EQ(own["DesiredStatus"], "RUNNING");
  EXPECT_EQ(own["KnownStatus"], "RUNNING");
  EXPECT_EQ(own["CreatedAt"], "2023-11-14T22:13:20.500Z");
  EXPECT_EQ(own["Type"], "NORMAL");
  EXPECT_EQ(own["Ports"][0],
            json({{"ContainerPort", 8080}, {"Protocol", "tcp"}, {"HostPort", 32768}, {"HostIp", "0.0.0.0"}}));
  EXPECT_EQ(own["Networks"][0], json({{"NetworkMode", "bridge"}, {"IPv4Addresses", {"172.17.0.2"}}}));
  EXPECT_EQ(own["Volumes"][0], json({{"Source", "/srv"}, {"Destination", "/data"}}));
  EXPECT_EQ(own["Labels"]["team"], "a");
  EXPECT_EQ(own["Labels"]["com.amazonaws.ecs.cluster"], "shop") << "ECS's own are over the definition's";
  EXPECT_FALSE(own.contains("ExitCode") || own.contains("FinishedAt") || own.contains("Health"));
  EXPECT_FALSE(good("/v3/app-of-t1")["Ports"][0].contains("HostIp"));
}

TEST_F(MetadataTest, ItsTaskHasItsOwnContainersAndNoOthers) {
  const json task = good("/v4/side-of-t2/task");
  EXPECT_EQ(task["TaskARN"], "arn:aws:ecs:us-east-1:000000000000:task/shop/t2");
  EXPECT_EQ(task["Family"], "web");
  EXPECT_EQ(task["Revision"], "7");
  EXPECT_EQ(task["ServiceName"], "front");
  EXPECT_EQ(task["LaunchType"], "EC2");
  EXPECT_EQ(task["Limits"], json({{"CPU", 0.5}, {"Memory", 256}}));
  ASSERT_EQ(task["Containers"].size(), 2U);
  EXPECT_EQ(task["Containers"][1]["DockerName"], "ecs-web-7-side-t2");
  EXPECT_FALSE(good("/v3/side-of-t2/task").contains("LaunchType")) << "version 3 did not have it";
  const json errors = good("/v4/side-of-t2/taskWithTags")["Errors"];
  EXPECT_EQ(errors.size(), 2U) << "what is not there is said";
}

TEST_F(MetadataTest, AContainerThatTheEngineDoesNotHaveYetIsNotInItsTask) {
  tasks[kFirst].containers[1].runtime_id.clear();
  EXPECT_EQ(good("/v4/app-of-t1/task")["Containers"].size(), 1U);
  EXPECT_EQ(get("/v4/side-of-t1").first, 404);
}

TEST_F(MetadataTest, StatsAreTheEnginesAndOfATaskByContainer) {
  EXPECT_EQ(good("/v4/app-of-t1/stats")["memory_stats"]["usage"], 4096);
  const json again = good("/v4/app-of-t1/stats");
  EXPECT_TRUE(again["network_rate_stats"].contains("rx_bytes_per_sec")) << "since the last time";
  EXPECT_FALSE(good("/v3/app-of-t1/stats").contains("network_rate_stats"));
  runtime.boxes().erase(tasks[kFirst].containers[1].runtime_id);
  const json all = good("/v4/app-of-t1/task/stats");
  EXPECT_EQ(all[tasks[kFirst].containers[0].runtime_id]["memory_stats"]["usage"], 4096);
  EXPECT_TRUE(all[tasks[kFirst].containers[1].runtime_id].is_null());
  EXPECT_EQ(get("/v4/side-of-t1/stats").first, 500);
}

TEST_F(MetadataTest, UnknownIdsAndPathsAreToldApart) {
  const auto [status, body] = get("/v4/nobody");
  EXPECT_EQ(status, 404);
  EXPECT_THAT(body, HasSubstr("V4 container metadata handler: unable to get container ID from request"));
  EXPECT_EQ(get("/v3/nobody/task").first, 500) << "as the agent has it";
  for (const char* path :
       {"/", "/v2/metadata", "/v4", "/v4/app-of-t1/none", "/v4/app-of-t1/task/none", "/v4//task"})
    EXPECT_EQ(get(path).first, 404) << path;
  tasks[kFirst].containers[0].endpoint_id.clear();
  EXPECT_EQ(get("/v4/").first, 404);
}

TEST_F(MetadataTest, ATaskHasItsOwnRolesKeysAndEachRequestForThemIsWrittenDown) {
  const auto keys = [](const std::string& name) {
    return link::RoleCredentials{"id-" + name,       "arn:aws:iam::000000000000:role/" + name,
                                 "ASIA" + name,      "secret-" + name,
                                 "token-of-" + name, "2026-01-01T06:00:00Z"};
  };
  node::Task& first = tasks.at(kFirst);
  first.payload.role_credentials = keys("app");
  first.payload.execution_role_credentials = keys("exec");
  EXPECT_EQ(good("/v2/credentials/id-app"), json({{"RoleArn", "arn:aws:iam::000000000000:role/app"},
                                                  {"AccessKeyId", "ASIAapp"},
                                                  {"SecretAccessKey", "secret-app"},
                                                  {"Token", "token-of-app"},
                                                  {"Expiration", "2026-01-01T06:00:00Z"}}));
  EXPECT_EQ(good("/v1/credentials?id=id-app")["AccessKeyId"], "ASIAapp");
  good("/v2/credentials/id-exec");
  const auto refused = [&](const std::string& target, int status, const std::string& code) {
    const auto [got, body] = get(target);
    EXPECT_EQ(got, status) << target;
    EXPECT_EQ(json::parse(body)["code"], code) << target;
    EXPECT_EQ(json::parse(body)["HTTPErrorCode"], status) << target;
  };
  refused("/v2/credentials/", 400, "NoIdInRequest");
  refused("/v1/credentials", 400, "NoIdInRequest");
  refused("/v2/credentials/another", 400, "InvalidIdInRequest");
  EXPECT_EQ(get("/v2/credentials").first, 404);
  first.payload.role_credentials->access_key_id.clear();
  refused("/v2/credentials/id-app", 503, "CredentialsUninitialized");
  first.payload.role_credentials = keys("app");
  first.known = node::Status::kStopped;
  refused("/v2/credentials/id-app", 400, "InvalidIdInRequest");
  ASSERT_EQ(audit.size(), 8U);
  EXPECT_THAT(audit[0], HasSubstr(" 200 "));
  EXPECT_THAT(audit[0], HasSubstr(std::string("\"/v2/credentials\" \"\" ") + kFirst +
                                  " GetCredentials 2 shop arn:instance"));
  EXPECT_THAT(audit[2], HasSubstr("GetCredentialsExecutionRole 2 "));
  EXPECT_TRUE(audit[3].ends_with("\"/v2/credentials\" \"\" - ")) << audit[3];
  for (const std::string& line : audit) EXPECT_EQ(line.find("id-app"), std::string::npos) << line;
}

TEST(AuditLog, IsAppendedToAndRenamedWhenItIsLarge) {
  std::string folder = testing::TempDir() + "audit_XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/audit.log";
  const auto text_of = [](const std::string& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  };
  for (const char* line : {"one", "two"}) AuditLog::open(path)->write(line);
  EXPECT_EQ(text_of(path), "one\ntwo\n");
  auto log = AuditLog::open(path, 8);
  ASSERT_TRUE(log);
  log->write("three");
  EXPECT_EQ(text_of(path), "three\n");
  EXPECT_EQ(text_of(path + ".1"), "one\ntwo\n");
  EXPECT_FALSE(AuditLog::open(folder + "/none/audit.log"));
  std::filesystem::remove_all(folder);
}

TEST_F(MetadataTest, TooManyRequestsAtOnceAreRefusedAndLaterOnesAnswered) {
  int answered = 0;
  for (int i = 0; i < 100; ++i)
    metadata.answer({.target = "/v4/app-of-t1"},
                    [&](const auto& response) { answered += response.status == 200; });
  EXPECT_EQ(answered, 60);
  executor.advance(shared::Millis(1'000));
  for (int i = 0; i < 100; ++i)
    metadata.answer({.target = "/v4/app-of-t1"},
                    [&](const auto& response) { answered += response.status == 200; });
  EXPECT_EQ(answered, 100);
}

TEST_F(MetadataTest, IntrospectionTellsOfTheHostAndOfEachTask) {
  EXPECT_EQ(introspected("/v1/metadata"), json({{"Cluster", "shop"},
                                                {"ContainerInstanceArn", "arn:instance"},
                                                {"Version", "Amazon ECS Agent - v1.0 (*abc)"}}));
  EXPECT_EQ(introspected("/v1/tasks")["Tasks"].size(), 2U);
  EXPECT_EQ(introspected(std::string("/v1/tasks?taskarn=") + kFirst)["Containers"][0]["Name"], "app");
  const std::string id = tasks[kFirst].containers[1].runtime_id;
  EXPECT_EQ(introspected("/v1/tasks?dockerid=" + id)["Arn"], kFirst);
  EXPECT_TRUE(introspected("/v1/tasks?taskarn=none", 404)["Containers"].is_null());
  EXPECT_EQ(introspected("/anything")["AvailableCommands"].size(), 3U);
}

}  // namespace
}  // namespace agent::metadata
