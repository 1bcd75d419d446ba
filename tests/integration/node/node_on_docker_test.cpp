// The node with a real container engine and real cgroups; control is simulated. Needs root and docker.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/control/engine/task_payload.h"
#include "agent/control/records/definition_document.h"
#include "agent/runtime/docker/docker_runtime.h"
#include "tests/integration/node/host_cgroups.h"
#include "tests/support/docker_host.h"
#include "tests/unit/agent/node/fixture.h"

namespace agent::node {
namespace {

constexpr shared::Millis kPatience{90'000};
constexpr shared::Millis kTick{20};

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen(command.c_str(), "r");
  std::array<char, 4096> buffer;
  while (const auto n = std::fread(buffer.data(), 1, buffer.size(), pipe)) out.append(buffer.data(), n);
  ::pclose(pipe);
  return out;
}

class NodeOnDocker : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = tests::no_docker(); !why.empty()) GTEST_SKIP() << why;
    const bool systemd = output_of("docker info -f '{{.CgroupDriver}}'").starts_with("systemd");
    cgroups = tests::HostCgroups(systemd ? tests::GroupMaker::kSystemd : tests::GroupMaker::kUs, "berthit");
    if (const std::string why = cgroups.open(); !why.empty()) GTEST_SKIP() << why;
    settings.cpus = 2;
    settings.memory_mib = 4096;
    settings.task_cleanup_wait = shared::Millis(3'600'000);
    control.instance_arn += std::to_string(::getpid());
    boot();
  }
  void TearDown() override {
    if (!node) return;
    node.reset();
    for (const auto& [arn, name] : names) tests::shell("docker rm -f " + name + " >/dev/null 2>&1 || true");
    for (const auto& id : ids) (void)cgroups->remove(id);
    cgroups.close();
  }

  void boot() {
    engine = std::make_unique<runtime::docker::DockerRuntime>(loop, runtime::docker::DockerSettings{});
    node = std::make_unique<Node>(Node::Parts{loop, random, control, *engine, *cgroups, store}, settings);
    ASSERT_TRUE(node->start());
    ASSERT_TRUE(until([&] { return node->not_ready().empty(); })) << node->not_ready();
  }
  void crash() {
    node.reset();
    engine.reset();
  }
  // Looks again at least every tick, for conditions the loop itself hears nothing of.
  bool until(const std::function<bool()>& done) {
    shared::env::Timer tick;
    std::function<void()> again = [&] { tick = loop.after(kTick, again); };
    again();
    return loop.run_until(done, kPatience);
  }

  static link::ContainerPayload busybox(const std::string& name, const std::string& script) {
    auto c = a_container(name);
    c.image = tests::kTestImage;
    c.command = {"sh", "-c", script};
    return c;
  }
  std::string unique(const std::string& id) { return id + "-" + std::to_string(::getpid()); }
  void send(link::TaskPayload t) {
    ids.push_back(unique(t.arn.substr(t.arn.rfind('/') + 1)));
    t.arn = unique(t.arn);
    control.say(
        link::PayloadMessage{"m" + std::to_string(++seq), "default", control.instance_arn, seq, 0, {t}});
    ASSERT_TRUE(until([&] { return node->tasks().contains(t.arn); }));
    for (const auto& c : node->tasks().at(t.arn).containers) names.emplace_back(t.arn, c.engine_name);
  }
  void stop(const std::string& id) {
    auto t = a_task(unique(id), {});
    t.desired_status = "STOPPED";
    control.say(
        link::PayloadMessage{"m" + std::to_string(++seq), "default", control.instance_arn, seq, 0, {t}});
  }
  bool reaches(const std::string& id, const std::string& status) {
    return until([&] {
      const auto all = control.statuses(task_arn(unique(id)));
      return !all.empty() && all.back() == status;
    });
  }
  json container(const std::string& id, const std::string& name) {
    json last;
    for (const auto& report : control.reports(task_arn(unique(id)))) {
      for (const auto& c : report["containers"]) {
        if (c["containerName"] == name) last = c;
      }
    }
    return last;
  }
  const Task& task(const std::string& id) { return node->tasks().at(task_arn(unique(id))); }

  shared::httpd::IoLoop loop;
  shared::env::SystemRandom random;
  FakeControl control{loop};
  tests::HostCgroups cgroups{tests::GroupMaker::kUs, "berthit"};
  std::unique_ptr<runtime::docker::DockerRuntime> engine;
  store::MemoryStore store;
  NodeSettings settings;
  std::uint64_t seq = 0;
  std::vector<std::pair<std::string, std::string>> names;
  std::vector<std::string> ids;
  std::unique_ptr<Node> node;
};

TEST_F(NodeOnDocker, WebTaskServesOnADynamicPortInsideItsCgroupAndStops) {
  auto web = busybox("web", "trap 'exit 7' TERM; httpd -f -p 80 -h /www & wait");
  web.port_mappings = {{80, 0, "tcp"}};
  web.memory = 64;
  auto t = a_task("web", {web});
  t.cpu = 0.5;
  t.memory = 128;
  const auto begin = loop.now();
  send(t);
  ASSERT_TRUE(reaches("web", "RUNNING"));
  RecordProperty("start_ms",
                 static_cast<int>(std::chrono::duration_cast<shared::Millis>(loop.now() - begin).count()));
  const json running = container("web", "web");
  const int port = running["networkBindings"][0]["hostPort"];
  EXPECT_EQ(running["networkBindings"].size(), 1u) << "no :: twin";
  EXPECT_TRUE(until([&] {
    return output_of("busybox wget -q -O - http://127.0.0.1:" + std::to_string(port) + "/ 2>/dev/null") ==
           "hello\n";
  }));
  const std::string pid =
      output_of("docker inspect -f '{{.State.Pid}}' " + running["runtimeId"].get<std::string>());
  std::ifstream membership("/proc/" + pid.substr(0, pid.find('\n')) + "/cgroup");
  std::stringstream where;
  where << membership.rdbuf();
  EXPECT_NE(where.str().find("/" + cgroups.group(unique("web")) + "/"), std::string::npos) << where.str();
  EXPECT_EQ(cgroups.limits(unique("web")).cpu_quota, "50000");
  EXPECT_EQ(cgroups.limits(unique("web")).memory, std::to_string(128 * 1024 * 1024));
  stop("web");
  ASSERT_TRUE(reaches("web", "STOPPED"));
  EXPECT_EQ(container("web", "web")["exitCode"], 7);
  EXPECT_FALSE(container("web", "web").contains("reason"));
}

TEST_F(NodeOnDocker, StaticPortIsBoundAndFreeAgainOnceStoppedIsReported) {
  auto web = busybox("web", "trap 'exit 0' TERM; sleep 1000 & wait");
  web.port_mappings = {{80, 18'931, "tcp"}};
  send(a_task("p1", {web}));
  ASSERT_TRUE(reaches("p1", "RUNNING"));
  EXPECT_EQ(container("p1", "web")["networkBindings"][0]["hostPort"], 18'931);
  send(a_task("p2", {web}));
  stop("p1");
  ASSERT_TRUE(reaches("p1", "STOPPED"));
  ASSERT_TRUE(reaches("p2", "RUNNING")) << container("p2", "web");
}

TEST_F(NodeOnDocker, ProcessThatIgnoresTheSignalIsKilledAfterItsStopTimeout) {
  auto web = busybox("web", "trap '' TERM; while :; do sleep 1; done");
  web.stop_timeout = 1;
  send(a_task("k", {web}));
  ASSERT_TRUE(reaches("k", "RUNNING"));
  stop("k");
  ASSERT_TRUE(reaches("k", "STOPPED"));
  EXPECT_EQ(container("k", "web")["exitCode"], 137);
}

TEST_F(NodeOnDocker, MemoryHungryContainerIsKilledAndNamed) {
  auto web = busybox("web", "x=0123456789abcdef; while :; do x=$x$x; done");
  web.memory = 16;
  send(a_task("oom", {web}));
  ASSERT_TRUE(reaches("oom", "STOPPED"));
  EXPECT_EQ(container("oom", "web")["exitCode"], 137);
  EXPECT_EQ(container("oom", "web")["reason"], "OutOfMemoryError: Container killed due to memory usage");
}

TEST_F(NodeOnDocker, TaskLevelMemoryHoldsContainersWithoutALimitOfTheirOwn) {
  auto t = a_task("toom", {busybox("web", "x=0123456789abcdef; while :; do x=$x$x; done")});
  t.memory = 32;
  send(t);
  ASSERT_TRUE(reaches("toom", "STOPPED"));
  EXPECT_EQ(container("toom", "web")["exitCode"], 137);
  EXPECT_EQ(container("toom", "web")["reason"], "OutOfMemoryError: Container killed due to memory usage");
}

// Counted in the kernel's own scheduling periods, not in seconds of this machine.
TEST_F(NodeOnDocker, CpuHungryTaskIsHeldToItsTaskCpu) {
  auto t = a_task("cpu", {busybox("a", "while :; do :; done"), busybox("b", "while :; do :; done")});
  t.cpu = 0.2;
  t.containers[0].stop_timeout = t.containers[1].stop_timeout = 1;
  send(t);
  ASSERT_TRUE(reaches("cpu", "RUNNING"));
  const auto before = cgroups->read(unique("cpu"));
  ASSERT_TRUE(before) << before.error().text();
  cgroup::Stats after;
  ASSERT_TRUE(until([&] {
    if (auto now = cgroups->read(unique("cpu"))) after = *now;
    return after.periods >= before->periods + 15;
  }));
  EXPECT_GT(after.throttled, before->throttled);
  const double used = static_cast<double>(after.cpu_usage_ns - before->cpu_usage_ns);
  const double periods = static_cast<double>(after.periods - before->periods);
  EXPECT_LT(used / periods, 0.2 * 100e6 * 1.5) << "of a period of 100 ms";
  stop("cpu");
  EXPECT_TRUE(reaches("cpu", "STOPPED"));
}

TEST_F(NodeOnDocker, ContainersSurviveTheAgentAndAreAdoptedOrReportedWithTheirExit) {
  send(a_task("lives", {busybox("web", "trap 'exit 0' TERM; sleep 1000 & wait")}));
  send(a_task("dies", {busybox("web", "trap 'exit 42' TERM; sleep 1000 & wait")}));
  ASSERT_TRUE(reaches("lives", "RUNNING"));
  ASSERT_TRUE(reaches("dies", "RUNNING"));
  const std::string id = container("lives", "web")["runtimeId"];
  const std::string doomed = container("dies", "web")["runtimeId"];
  const std::string started = output_of("docker inspect -f '{{.State.StartedAt}}' " + id);
  crash();
  ASSERT_TRUE(tests::shell("docker stop " + doomed + " >/dev/null"));
  boot();
  ASSERT_TRUE(reaches("dies", "STOPPED"));
  EXPECT_EQ(container("dies", "web")["exitCode"], 42);
  EXPECT_EQ(task("lives").known, Status::kRunning);
  EXPECT_EQ(output_of("docker inspect -f '{{.State.StartedAt}}' " + id), started);
  stop("lives");
  EXPECT_TRUE(reaches("lives", "STOPPED"));
}

TEST_F(NodeOnDocker, CommandThatDoesNotExistFailsTheStart) {
  auto web = a_container("web");
  web.image = tests::kTestImage;
  web.command = {"/no/such/program"};
  send(a_task("bad", {web}));
  ASSERT_TRUE(reaches("bad", "STOPPED"));
  const json c = container("bad", "web");
  EXPECT_TRUE(
      c["reason"].get<std::string>().starts_with("CannotStartContainerError: Error response from daemon: "))
      << c;
  EXPECT_FALSE(c.contains("exitCode"));
}

TEST_F(NodeOnDocker, UnreachableRegistryFailsTheTaskWithThePullError) {
  auto web = a_container("web");
  web.image = "127.0.0.1:1/none:1";
  send(a_task("nopull", {web}));
  ASSERT_TRUE(reaches("nopull", "STOPPED"));
  EXPECT_TRUE(
      container("nopull", "web")["reason"].get<std::string>().starts_with("CannotPullContainerError: "));
}

TEST_F(NodeOnDocker, CleanUpRemovesContainerCgroupAndRecord) {
  crash();
  settings.task_cleanup_wait = shared::Millis(100);
  boot();
  send(a_task("clean", {busybox("web", "exit 3")}));
  ASSERT_TRUE(reaches("clean", "STOPPED"));
  EXPECT_EQ(container("clean", "web")["exitCode"], 3);
  ASSERT_TRUE(until([&] { return node->tasks().empty(); }));
  EXPECT_EQ(cgroups->read(unique("clean")).error().code(), "not_found");
  EXPECT_FALSE(tests::shell("docker inspect " + container("clean", "web")["runtimeId"].get<std::string>() +
                            " >/dev/null 2>&1"));
  EXPECT_FALSE(cgroups.exists(unique("clean"))) << "in every hierarchy";
}

TEST_F(NodeOnDocker, HealthCheckOpensTheWayForDependents) {
  auto db = busybox("db", "trap 'exit 0' TERM; sleep 1000 & wait");
  db.health_check_type = "docker";
  db.docker_config =
      R"({"HealthCheck":{"Test":["CMD","true"],"Interval":1000000000,"Timeout":1000000000,"Retries":1}})";
  send(a_task("health",
              {after(busybox("app", "trap 'exit 0' TERM; sleep 1000 & wait"), "db", "HEALTHY"), db}));
  ASSERT_TRUE(reaches("health", "RUNNING"));
  stop("health");
  EXPECT_TRUE(reaches("health", "STOPPED"));
}

TEST_F(NodeOnDocker, HealthOfAContainerIsToldAsItChanges) {
  auto web = busybox("web", "trap 'exit 0' TERM; echo > /sick; sleep 1000 & wait");
  web.health_check_type = "docker";
  web.docker_config =
      R"({"HealthCheck":{"Test":["CMD-SHELL","[ ! -e /sick ] || { echo as told; exit 1; }"],"Interval":1000000000,
          "Timeout":5000000000,"Retries":1}})";
  send(a_task("told", {web}));
  ASSERT_TRUE(reaches("told", "RUNNING"));
  const auto told = [&](const std::string& status) {
    return until([&] {
      return !control.published.empty() &&
             control.published.back()["tasks"][0]["containers"][0]["healthStatus"] == status;
    });
  };
  ASSERT_TRUE(told("UNHEALTHY"));
  EXPECT_EQ(control.published.back()["tasks"][0]["containers"][0]["statusMessage"], "as told\n");
  ASSERT_TRUE(tests::shell("docker exec " + container("told", "web")["runtimeId"].get<std::string>() +
                           " busybox rm /sick"));
  EXPECT_TRUE(told("HEALTHY"));
  stop("told");
  EXPECT_TRUE(reaches("told", "STOPPED"));
}

// The container of a registered definition with this health check, as control sends it.
link::ContainerPayload checked_by(link::ContainerPayload c, const std::string& command) {
  model::TaskDefinition definition;
  definition.document = R"({"containerDefinitions":[{"name":"web","image":"i","healthCheck":{"command":)" +
                        command + R"(,"interval":1,"timeout":5,"retries":1}}]})";
  EXPECT_TRUE(control::fill_from_document(definition));
  const auto payload = control::task_payload(&definition, {}, "default", model::DesiredStatus::kRunning);
  c.health_check_type = payload.containers.at(0).health_check_type;
  c.docker_config = payload.containers.at(0).docker_config;
  return c;
}

TEST_F(NodeOnDocker, HealthCheckThatDoesNotSayHowItIsRunIsRunAsItStands) {
  const std::string script =
      "printf '#!/bin/sh\necho checked; [ ! -e /sick ]' > /healthcheck; busybox chmod +x /healthcheck; "
      "trap 'exit 0' TERM; sleep 1000 & wait";
  send(a_task("asis", {checked_by(busybox("web", script), R"(["/healthcheck"])")}));
  ASSERT_TRUE(reaches("asis", "RUNNING"));
  const auto told = [&](const std::string& status) {
    return until([&] {
      return !control.published.empty() &&
             control.published.back()["tasks"][0]["containers"][0]["healthStatus"] == status;
    });
  };
  ASSERT_TRUE(told("HEALTHY"));
  const std::string id = container("asis", "web")["runtimeId"];
  ASSERT_TRUE(tests::shell("docker exec " + id + " sh -c ': > /sick'"));
  ASSERT_TRUE(told("UNHEALTHY"));
  EXPECT_EQ(control.published.back()["tasks"][0]["containers"][0]["statusMessage"], "checked\n");
  ASSERT_TRUE(tests::shell("docker exec " + id + " busybox rm /sick"));
  EXPECT_TRUE(told("HEALTHY"));
  stop("asis");
  EXPECT_TRUE(reaches("asis", "STOPPED"));
}

TEST_F(NodeOnDocker, ContainersOfATaskShareItsVolumeWhichGoesWithTheTask) {
  crash();
  settings.task_cleanup_wait = shared::Millis(100);
  boot();
  const auto directory =
      std::filesystem::temp_directory_path() / ("berth-bind-" + std::to_string(::getpid()));
  std::filesystem::remove_all(directory);
  auto writer =
      busybox("writer", "echo shared > /out/file && cat /in/given > /out/seen && ! echo x > /in/new");
  writer.mount_points = {{"scratch", "/out", false}, {"given", "/in", true}};
  writer.essential = false;
  auto reader =
      after(busybox("reader", "cat /data/file /data/seen && ! echo x > /data/new"), "writer", "SUCCESS");
  reader.mount_points = {{"scratch", "/data", true}};
  reader.essential = false;
  auto copier = after(busybox("copier", "cat /out/file && ! echo x > /out/new"), "reader", "SUCCESS");
  copier.volumes_from = {{"writer", true}};
  std::filesystem::create_directories(directory);
  std::ofstream(directory / "given") << "from the host\n";
  auto t = a_task("vol", {writer, reader, copier});
  t.volumes = R"([{"name":"scratch","type":"docker","dockerVolumeConfiguration":{"labels":{"team":"x"}}},
                  {"name":"given","type":"host","host":{"sourcePath":")" +
              directory.string() + R"("}}])";
  const std::string volume = "ecs-shop-3-scratch-" + unique("vol");
  send(t);
  ASSERT_TRUE(reaches("vol", "STOPPED"));
  for (const char* name : {"writer", "reader", "copier"})
    EXPECT_EQ(container("vol", name)["exitCode"], 0) << container("vol", name);
  ASSERT_TRUE(until([&] { return node->tasks().empty(); }));
  EXPECT_EQ(output_of("docker volume ls -q -f name=" + volume), "");
  EXPECT_TRUE(std::filesystem::exists(directory / "given")) << "the host's own stays";
  std::filesystem::remove_all(directory);
}

TEST_F(NodeOnDocker, VolumeOfATaskFoundAgainAfterACrashGoesToo) {
  auto web = busybox("web", "trap 'exit 0' TERM; sleep 1000 & wait");
  web.mount_points = {{"data", "/data", false}};
  auto t = a_task("again", {web});
  t.volumes = R"([{"name":"data","type":"host","host":{}}])";
  const std::string volume = "ecs-shop-3-data-" + unique("again");
  send(t);
  ASSERT_TRUE(reaches("again", "RUNNING"));
  EXPECT_EQ(
      output_of("docker volume inspect -f '{{index .Labels \"com.amazonaws.ecs.task-arn\"}}' " + volume),
      task_arn(unique("again")) + "\n");
  crash();
  settings.task_cleanup_wait = shared::Millis(100);
  boot();
  stop("again");
  ASSERT_TRUE(until([&] { return node->tasks().empty(); }));
  EXPECT_EQ(output_of("docker volume ls -q -f name=" + volume), "");
}

constexpr const char* kIdle = "trap 'exit 0' TERM; sleep 1000 & wait";

std::string in_container(const std::string& id, const std::string& command) {
  return output_of("docker exec " + id + " " + command + " 2>&1");
}

TEST_F(NodeOnDocker, ContainersOfATaskSeeEachOthersProcessesAndSharedMemory) {
  crash();
  settings.task_cleanup_wait = shared::Millis(100);
  boot();
  auto web = busybox("web", "trap 'exit 0' TERM; sleep 1111 & wait");
  web.docker_host_config = R"({"ShmSize":16777216})";
  auto side = busybox("side", kIdle);
  side.essential = false;
  auto t = a_task("shared", {web, side});
  t.pid_mode = t.ipc_mode = "task";
  send(t);
  ASSERT_TRUE(reaches("shared", "RUNNING")) << container("shared", "web");
  const std::string web_id = container("shared", "web")["runtimeId"];
  const std::string side_id = container("shared", "side")["runtimeId"];
  const std::string seen = in_container(side_id, "busybox sh -c 'cat /proc/[0-9]*/cmdline'");
  EXPECT_EQ(seen.find("/pause"), 0u) << "the first process: " << seen;
  EXPECT_NE(seen.find("1111"), std::string::npos) << "the other's: " << seen;
  // System V shared memory, made in the namespace of the one and seen in the other.
  const std::string pid = output_of("docker inspect -f '{{.State.Pid}}' " + web_id);
  ASSERT_TRUE(
      tests::shell("nsenter --ipc -t " + pid.substr(0, pid.find('\n')) + " ipcmk -M 4321 >/dev/null"));
  EXPECT_NE(in_container(side_id, "cat /proc/sysvipc/shm").find(" 4321 "), std::string::npos);
  EXPECT_EQ(in_container(web_id, "sh -c 'echo shared > /dev/shm/file'"), "");
  EXPECT_EQ(in_container(side_id, "cat /dev/shm/file"), "shared\n");
  EXPECT_NE(in_container(side_id, "busybox df -m /dev/shm").find(" 16 "), std::string::npos)
      << "as large as a container asks for";
  // One that is not essential ends: the other keeps all that is shared.
  ASSERT_TRUE(tests::shell("docker kill " + side_id + " >/dev/null"));
  ASSERT_TRUE(until([&] { return container("shared", "side").value("exitCode", 0) == 137; }));
  EXPECT_EQ(task("shared").known, Status::kRunning);
  EXPECT_EQ(in_container(web_id, "cat /dev/shm/file"), "shared\n");
  stop("shared");
  ASSERT_TRUE(reaches("shared", "STOPPED"));
  EXPECT_EQ(container("shared", "web")["exitCode"], 0) << "by its signal, not by the end of the namespace";
  ASSERT_TRUE(until([&] { return node->tasks().empty(); }));
  EXPECT_EQ(output_of("docker ps -aq -f label=com.amazonaws.ecs.task-arn=" + task_arn(unique("shared"))), "");
}

TEST_F(NodeOnDocker, SharedNamespacesSurviveTheAgentAndGoWithTheTask) {
  auto t = a_task("kept", {busybox("web", kIdle)});
  t.pid_mode = t.ipc_mode = "task";
  send(t);
  ASSERT_TRUE(reaches("kept", "RUNNING")) << container("kept", "web");
  const std::string list = "docker ps -q -f label=com.amazonaws.ecs.task-arn=" + task_arn(unique("kept"));
  const std::string before = output_of(list);
  crash();
  settings.task_cleanup_wait = shared::Millis(100);
  boot();
  EXPECT_EQ(output_of(list), before) << "web and the holder, untouched";
  stop("kept");
  ASSERT_TRUE(reaches("kept", "STOPPED"));
  EXPECT_EQ(container("kept", "web")["exitCode"], 0);
  ASSERT_TRUE(until([&] { return node->tasks().empty(); }));
  EXPECT_EQ(output_of("docker ps -aq -f label=com.amazonaws.ecs.task-arn=" + task_arn(unique("kept"))), "");
}

TEST_F(NodeOnDocker, NamespacesOfTheHostAreTheHosts) {
  auto t = a_task("host", {busybox("web", kIdle)});
  t.pid_mode = t.ipc_mode = "host";
  send(t);
  ASSERT_TRUE(reaches("host", "RUNNING")) << container("host", "web");
  const std::string id = container("host", "web")["runtimeId"];
  const std::string us = std::to_string(::getpid());
  EXPECT_EQ(in_container(id, "cat /proc/" + us + "/comm"), output_of("cat /proc/" + us + "/comm"));
  EXPECT_EQ(in_container(id, "cat /proc/1/comm"), output_of("cat /proc/1/comm"));
  const std::string pid = output_of("docker inspect -f '{{.State.Pid}}' " + id);
  EXPECT_EQ(output_of("readlink /proc/" + pid.substr(0, pid.find('\n')) + "/ns/ipc"),
            output_of("readlink /proc/self/ns/ipc"));
  EXPECT_EQ(output_of("docker ps -q -f label=com.amazonaws.ecs.task-arn=" + task_arn(unique("host"))).size(),
            13u)
      << "one container";
  stop("host");
  EXPECT_TRUE(reaches("host", "STOPPED"));
}

TEST_F(NodeOnDocker, TaskWithoutSharedMemoryHasNone) {
  auto t = a_task("noipc", {busybox("web", "busybox grep -q /dev/shm /proc/mounts || exit 7")});
  t.ipc_mode = "none";
  send(t);
  ASSERT_TRUE(reaches("noipc", "STOPPED"));
  EXPECT_EQ(container("noipc", "web")["exitCode"], 7);
}

// A registry of our own on the loopback.
class Registry {
 public:
  Registry()
      : directory_(std::filesystem::temp_directory_path() /
                   ("berth-registry-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ / "config.yml")
        << "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: " << directory_.string()
        << "\nhttp:\n  addr: 127.0.0.1:" << kPort << "\n";
    const std::string config = (directory_ / "config.yml").string();
    const char* arguments[] = {"docker-registry", "serve", config.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    if (::posix_spawnp(&pid_, arguments[0], &actions, nullptr, const_cast<char**>(arguments), environ) != 0)
      pid_ = 0;
    posix_spawn_file_actions_destroy(&actions);
  }
  ~Registry() {
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    std::filesystem::remove_all(directory_);
  }
  bool started() const { return pid_ > 0; }
  static constexpr int kPort = 15'931;

 private:
  std::filesystem::path directory_;
  pid_t pid_ = 0;
};

TEST_F(NodeOnDocker, ImageIsPulledFromARegistryByTagAndByDigest) {
  Registry registry;
  if (!registry.started()) GTEST_SKIP() << "docker-registry is not installed";
  const std::string name = "127.0.0.1:" + std::to_string(Registry::kPort) + "/web";
  ASSERT_TRUE(tests::shell("docker tag " + std::string(tests::kTestImage) + " " + name + ":1"));
  ASSERT_TRUE(until([&] { return tests::shell("docker push -q " + name + ":1 >/dev/null 2>&1"); }));
  ASSERT_TRUE(tests::shell("docker rmi " + name + ":1 >/dev/null"));
  auto web = busybox("web", "exit 0");
  web.image = name + ":1";
  send(a_task("tag", {web}));
  ASSERT_TRUE(reaches("tag", "STOPPED"));
  EXPECT_EQ(container("tag", "web")["exitCode"], 0) << container("tag", "web");
  const std::string digest = container("tag", "web")["imageDigest"];
  EXPECT_TRUE(digest.starts_with("sha256:"));
  web.image = name + "@" + digest;
  send(a_task("digest", {web}));
  ASSERT_TRUE(reaches("digest", "STOPPED"));
  EXPECT_EQ(container("digest", "web")["exitCode"], 0) << container("digest", "web");
  EXPECT_EQ(container("digest", "web")["imageDigest"], digest);
  web.image = name + ":none";
  send(a_task("missing", {web}));
  ASSERT_TRUE(reaches("missing", "STOPPED"));
  EXPECT_TRUE(
      container("missing", "web")["reason"].get<std::string>().starts_with("CannotPullContainerError: "));
  tests::shell("docker rmi -f " + name + ":1 >/dev/null 2>&1 || true");
}

}  // namespace
}  // namespace agent::node
