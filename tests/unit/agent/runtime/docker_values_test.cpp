#include "agent/runtime/docker/values.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/runtime/docker/pull_stream.h"

namespace agent::runtime::docker {
namespace {

using nlohmann::json;

json created(const ContainerSpec& spec) {
  const auto body = create_body(spec);
  EXPECT_TRUE(body) << (body ? "" : body.error().text());
  return body ? json::parse(*body) : json();
}

TEST(DockerCreate, SpecBecomesARequest) {
  ContainerSpec spec;
  spec.name = "n";
  spec.image = "web:1";
  spec.command = {"serve"};
  spec.environment = {{"A", "1"}, {"B", "x=y"}};
  spec.labels = {{"l", "v"}};
  spec.ports = {{80, 0, "tcp", "0.0.0.0"}, {80, 8080, "tcp", "0.0.0.0"}, {53, 53, "udp", "0.0.0.0"}};
  spec.links = {"db:database"};
  spec.cgroup_parent = "/ecs/t1";
  spec.memory_bytes = 1 << 26;
  EXPECT_EQ(created(spec),
            json::parse(R"json({"Image":"web:1","Cmd":["serve"],"Env":["A=1","B=x=y"],"Labels":{"l":"v"},
    "ExposedPorts":{"80/tcp":{},"53/udp":{}},
    "HostConfig":{"NetworkMode":"bridge","CpuShares":2,"Memory":67108864,"CgroupParent":"/ecs/t1","Links":["db:database"],
      "PortBindings":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":""},{"HostIp":"0.0.0.0","HostPort":"8080"}],
                      "53/udp":[{"HostIp":"0.0.0.0","HostPort":"53"}]}}})json"));
}

TEST(DockerCreate, NamespaceModesAreNamedOnlyWhenTheyAreNotTheEnginesDefault) {
  ContainerSpec spec;
  EXPECT_FALSE(created(spec)["HostConfig"].contains("PidMode"));
  EXPECT_FALSE(created(spec)["HostConfig"].contains("IpcMode"));
  spec.pid_mode = "container:pause";
  spec.ipc_mode = "host";
  EXPECT_EQ(created(spec)["HostConfig"]["PidMode"], "container:pause");
  EXPECT_EQ(created(spec)["HostConfig"]["IpcMode"], "host");
}

TEST(DockerCreate, EngineSettingsAreLaidOverWithoutCase) {
  ContainerSpec spec;
  spec.image = "i";
  spec.environment = {{"A", "1"}};
  spec.labels = {{"ours", "kept"}};
  spec.cpu_shares = 1'000'000;
  spec.engine_config =
      R"({"HealthCheck":{"Test":["CMD","true"]},"user":"7","LABELS":{"theirs":"x","ours":"lost"},
                           "env":["ONLY=this"],"WorkingDir":null})";
  spec.engine_host_config = R"({"networkmode":"host","Sysctls":{"a":"b"},"cpushares":9})";
  const json body = created(spec);
  EXPECT_EQ(body["Env"], (json{"ONLY=this"})) << "lists replace wholesale";
  EXPECT_EQ(body["Labels"], (json{{"ours", "kept"}, {"theirs", "x"}}));
  EXPECT_EQ(body["user"], "7");
  EXPECT_TRUE(body.contains("HealthCheck"));
  EXPECT_FALSE(body.contains("WorkingDir"));
  EXPECT_EQ(body["HostConfig"], (json{{"NetworkMode", "host"}, {"CpuShares", 9}, {"Sysctls", {{"a", "b"}}}}));
}

TEST(DockerCreate, SettingsThatAreNoObjectAreNamed) {
  ContainerSpec spec;
  spec.engine_host_config = "[]";
  const auto body = create_body(spec);
  ASSERT_FALSE(body);
  EXPECT_EQ(body.error().code(), "CannotCreateContainerError");
  EXPECT_EQ(body.error().text(), "engine host config is no JSON object");
}

TEST(DockerImage, ReferencesAreSplitAsTheEngineWantsThem) {
  const std::vector<std::pair<std::string, ImageReference>> cases = {
      {"web", {"web", "latest"}},
      {"web:1", {"web", "1"}},
      {"localhost:5000/web", {"localhost:5000/web", "latest"}},
      {"localhost:5000/a/web:1", {"localhost:5000/a/web", "1"}},
      {"localhost:5000/web@sha256:ab", {"localhost:5000/web", "sha256:ab"}},
      {"localhost:5000/web:1@sha256:ab", {"localhost:5000/web", "sha256:ab"}},
  };
  for (const auto& [image, expected] : cases) EXPECT_EQ(split_reference(image), expected) << image;
}

TEST(DockerImage, DigestOfTheRepositoryAskedForIsPreferred) {
  const auto info = image_from_inspect(
      R"({"Id":"sha256:i","RepoDigests":["other@sha256:1","localhost:5000/web@sha256:2"]})",
      "localhost:5000/web:1");
  ASSERT_TRUE(info);
  EXPECT_EQ(info->digest, "sha256:2");
  EXPECT_EQ(image_from_inspect(R"({"Id":"i","RepoDigests":[]})", "web")->digest, "");
  EXPECT_FALSE(image_from_inspect("{}", "web"));
}

TEST(DockerInspect, RunningContainer) {
  const auto info = container_from_inspect(R"json({"Id":"abc","Name":"/ecs-x","Config":{"Labels":{"l":"v"}},
    "State":{"Status":"running","Running":true,"Pid":7,"ExitCode":0,"StartedAt":"2023-11-14T22:13:20.123456789Z",
             "FinishedAt":"0001-01-01T00:00:00Z","Health":{"Status":"healthy"}},
    "NetworkSettings":{"Ports":{"80/tcp":[{"HostIp":"0.0.0.0","HostPort":"32768"},{"HostIp":"::","HostPort":"32768"}],
                                "81/tcp":null}}})json");
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->handle.name, "ecs-x");
  EXPECT_EQ(info->phase, ContainerPhase::kRunning);
  EXPECT_EQ(info->exit_code, std::nullopt);
  EXPECT_EQ(info->started_at, shared::from_epoch_millis(1'700'000'000'123));
  EXPECT_EQ(info->finished_at, std::nullopt);
  EXPECT_EQ(info->health, "healthy");
  ASSERT_EQ(info->ports.size(), 1u);
  EXPECT_EQ(info->ports[0].host_port, 32768);
  EXPECT_EQ(info->ports[0].bind_ip, "0.0.0.0");
}

TEST(DockerInspect, ExitedAndFailedToStart) {
  const auto oom =
      container_from_inspect(R"({"Id":"a","State":{"Status":"exited","Running":false,"OOMKilled":true,
      "ExitCode":137,"StartedAt":"2023-11-14T22:13:20Z","FinishedAt":"2023-11-14T22:13:21Z"}})");
  ASSERT_TRUE(oom);
  EXPECT_EQ(oom->phase, ContainerPhase::kExited);
  EXPECT_EQ(oom->exit_code, 137);
  EXPECT_TRUE(oom->oom_killed);
  EXPECT_EQ(oom->finished_at, shared::from_epoch_millis(1'700'000'001'000));
  const auto unstarted =
      container_from_inspect(R"({"Id":"a","State":{"Status":"created","ExitCode":127,"Error":"exec"}})");
  EXPECT_EQ(unstarted->phase, ContainerPhase::kCreated);
  EXPECT_EQ(unstarted->exit_code, std::nullopt);
}

TEST(DockerEvents, OnlyWhatWeActOn) {
  const auto event = event_from(
      R"({"Type":"container","Action":"die","Actor":{"ID":"abc","Attributes":{"name":"n","exitCode":"9"}}})");
  ASSERT_TRUE(event);
  EXPECT_EQ(event->type, EventType::kExited);
  EXPECT_EQ(event->exit_code, 9);
  EXPECT_EQ(event->handle.name, "n");
  EXPECT_EQ(
      event_from(R"({"Type":"container","Action":"health_status: unhealthy","Actor":{"ID":"a"}})")->type,
      EventType::kHealth);
  EXPECT_FALSE(event_from(R"({"Type":"container","Action":"exec_start: sh","Actor":{"ID":"a"}})"));
  EXPECT_FALSE(event_from(R"({"Type":"network","Action":"connect","Actor":{"ID":"a"}})"));
  EXPECT_FALSE(event_from("nonsense"));
}

TEST(DockerVolume, LabelsMayBeNullAndTheListMayBe) {
  const auto volume = volume_from_inspect(
      R"({"Name":"v","Driver":"local","Labels":null,"Mountpoint":"/m","Options":null,"Scope":"local"})");
  ASSERT_TRUE(volume) << volume.error().text();
  EXPECT_EQ(volume->name, "v");
  EXPECT_EQ(volume->driver, "local");
  EXPECT_TRUE(volume->labels.empty());
  EXPECT_FALSE(volume_from_inspect("{}"));
  EXPECT_TRUE(volumes_from_list(R"({"Volumes":null,"Warnings":null})")->empty());
  const auto list = volumes_from_list(R"({"Volumes":[{"Name":"a","Driver":"d","Labels":{"k":"v"}}]})");
  ASSERT_TRUE(list) << list.error().text();
  EXPECT_EQ(list->at(0).labels.at("k"), "v");
}

TEST(DockerPullStream, ErrorInsideAGoodAnswerIsFoundAcrossAnyCut) {
  const std::string text =
      "{\"status\":\"Pulling from web\"}\r\n"
      "{\"errorDetail\":{\"message\":\"unexpected EOF\"},\"error\":\"unexpected EOF\"}";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    PullStream stream;
    stream.feed(text.substr(0, cut));
    stream.feed(text.substr(cut));
    EXPECT_EQ(stream.finish(), "unexpected EOF") << cut;
  }
  PullStream good;
  good.feed("{\"status\":\"Downloaded\"}\n");
  EXPECT_EQ(good.finish(), "");
}

TEST(DockerPullStream, EndlessLineIsSkippedNotKept) {
  Lines lines;
  int seen = 0;
  const std::string much(Lines::kMaxLine / 2, 'x');
  for (int i = 0; i < 5; ++i) lines.feed(much, [&](auto) { ++seen; });
  lines.feed("tail\nnext\n", [&](std::string_view line) {
    ++seen;
    EXPECT_EQ(line, "next");
  });
  EXPECT_EQ(seen, 1);
}

TEST(DockerVersion, PreferredApiOrTheNearest) {
  EXPECT_EQ(choose_api({"20.10", "1.41", "1.12"}), "1.41");
  EXPECT_EQ(choose_api({"19.03", "1.40", "1.12"}), "1.40");
  EXPECT_EQ(choose_api({"29.0", "1.52", "1.44"}), "1.44");
}

}  // namespace
}  // namespace agent::runtime::docker
