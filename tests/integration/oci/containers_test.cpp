// What containers are inside, how they end, and what survives whom.
#include <sys/wait.h>
#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/integration/oci/bench.h"

namespace agent::runtime::oci {

std::string OciTest::said(const std::string& name) {
  std::ifstream in(folder(name) + "/json.log");
  std::string out;
  for (std::string line; std::getline(in, line);)
    out += nlohmann::json::parse(line).at("log").get<std::string>();
  return out;
}

namespace {

namespace fs = std::filesystem;

std::string first_word(const std::string& path) {
  std::string word;
  std::ifstream(path) >> word;
  return word;
}

class OciContainers : public OciTest {};

TEST_F(OciContainers, ExitCodesAndErrorsAreThoseOfDockersUsers) {
  EXPECT_EQ(output(spec("seven", "echo out; echo err >&2; exit 7")).size(), 8u);
  EXPECT_EQ(inspect("seven").exit_code, 7);
  output(spec("killed", "kill -9 $$; kill -TERM 1; sh -c 'kill -9 $PPID'; exit 3"));
  auto missing = spec("missing", "");
  missing.command = {"/no/such"};
  const auto refused = start(missing);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), "CannotStartContainerError");
  EXPECT_NE(refused.error().text().find("no such file"), std::string::npos) << refused.error().text();
  EXPECT_EQ(inspect("missing").phase, ContainerPhase::kCreated);
  auto nobody = spec("nobody", "true");
  nobody.engine_config = R"({"User":"ghost"})";
  EXPECT_EQ(start(nobody).error().text(), "unable to find user ghost: no matching entries in passwd file");
  const auto text = start(spec("again", "exit 0"));
  EXPECT_TRUE(text);
}

TEST_F(OciContainers, TheInsideIsAsDockerMakesIt) {
  auto s = spec("inside",
                "id; hostname; cat /proc/self/status | grep -E 'Cap(Bnd|Eff|Inh|Amb)|Seccomp:|NoNewPrivs'; "
                "cat /proc/kcore | head -c1; "
                "echo x > /proc/sys/kernel/hostname; ls /sys/firmware; ls -ld /dev/null; echo $HOME $PATH; "
                "mount | grep ' / '; cat /srv/data/file; "
                "touch /tmp/w && echo writable; cat /etc/hosts | grep hostname-of-it");
  s.engine_config = R"({"Hostname":"hostname-of-it","User":"web"})";
  const std::string text = output(s);
  EXPECT_NE(text.find("uid=33(web) gid=33(web) groups=4(logs),33(web)"), std::string::npos) << text;
  EXPECT_NE(text.find("CapBnd:\t00000000a80425fb"), std::string::npos) << text;
  EXPECT_NE(text.find("CapInh:\t0000000000000000"), std::string::npos) << text;
  EXPECT_NE(text.find("CapEff:\t0000000000000000"), std::string::npos)
      << "another user than root has none: " << text;
  EXPECT_NE(text.find("Seccomp:\t2"), std::string::npos) << text;
  EXPECT_NE(text.find("NoNewPrivs:\t0"), std::string::npos) << text;
  EXPECT_NE(text.find("/www /usr/local/sbin"), std::string::npos) << text;
  EXPECT_NE(text.find("hostname-of-it\n"), std::string::npos) << text;
  EXPECT_NE(text.find("first\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("writable"), std::string::npos) << "/tmp is root's: " << text;
}

TEST_F(OciContainers, LimitsHoldAndMemoryThatRanOutIsTold) {
  auto s = spec("hungry", "dd if=/dev/zero of=/dev/null bs=200M count=1; exit 9");
  s.entry_point = {"dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"};
  s.command = {};
  s.memory_bytes = 16 << 20;
  s.cpu_shares = 77;
  s.engine_host_config = R"({"PidsLimit":50,"MemorySwap":16777216})";
  ASSERT_TRUE(start(s));
  const auto info = ended("hungry");
  EXPECT_EQ(info.exit_code, 137);
  EXPECT_TRUE(info.oom_killed);
  auto t = spec("limits",
                "cat /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/pids/pids.max "
                "/sys/fs/cgroup/memory/memory.limit_in_bytes");
  t.memory_bytes = 16 << 20;
  t.cpu_shares = 77;
  t.engine_host_config = R"({"PidsLimit":50})";
  if (fs::exists("/sys/fs/cgroup/cpu")) {
    EXPECT_EQ(output(t), "77\n50\n16777216\n");
  }
}

TEST_F(OciContainers, MountsVolumesAndReadOnlyRoots) {
  fs::create_directories(host->folder() + "/bound");
  std::ofstream(host->folder() + "/bound/f") << "bound\n";
  auto s = spec("mounts",
                "cat /b/f; cat /v/file; stat -c %u:%g /v; echo changed > /v/file; touch /t/x && echo tmpfs; "
                "touch /x || echo read-only; "
                "echo n > /b/f || echo ro-bind");
  s.engine_host_config = R"({"ReadonlyRootfs":true,"Binds":[")" + host->folder() +
                         R"(/bound:/b:ro","data:/v"],"Tmpfs":{"/t":"size=1m"}})";
  s.command[2].replace(s.command[2].find("/v/file"), 7, "/v/file");
  const auto volume = ask<VolumeInfo>([&](auto done) {
    runtime->create_volume({"data", "local", {}, {}}, done);
  });
  ASSERT_TRUE(volume);
  const std::string text = output(s);
  EXPECT_NE(text.find("bound\n"), std::string::npos) << text;
  EXPECT_NE(text.find("tmpfs\n"), std::string::npos) << text;
  EXPECT_NE(text.find("read-only\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ro-bind\n"), std::string::npos) << text;
  auto filled = spec("filled", "cat /srv/data/file; stat -c %u:%g /srv/data");
  filled.engine_host_config = R"({"Binds":["fresh:/srv/data"]})";
  EXPECT_EQ(output(filled), "first\n7:8\n") << "an empty volume begins with what the image has there";
}

TEST_F(OciContainers, AnInitReapsAndPassesSignalsOn) {
  auto s = spec("init", "trap 'echo got; exit 5' TERM; echo up; while true; do sleep 1; done");
  s.engine_host_config = R"({"Init":true})";
  ASSERT_TRUE(start(s));
  ASSERT_TRUE(loop.run_until([&] { return said("init") == "up\n"; }, kPatience));
  const auto stopped = ask<ContainerInfo>([&](auto done) {
    runtime->stop({"", "init"}, shared::Millis(10'000), done);
  });
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->exit_code, 5);
}

TEST_F(OciContainers, AProgramThatDoesNotListenIsKilledAfterTheGrace) {
  ASSERT_TRUE(start(spec("deaf", "trap '' TERM; echo up; while true; do sleep 1; done")));
  ASSERT_TRUE(loop.run_until([&] { return said("deaf") == "up\n"; }, kPatience));
  const auto stopped = ask<ContainerInfo>([&](auto done) {
    runtime->stop({"", "deaf"}, shared::Millis(200), done);
  });
  ASSERT_TRUE(stopped);
  EXPECT_EQ(stopped->exit_code, 137);
  EXPECT_FALSE(stopped->oom_killed);
}

TEST_F(OciContainers, HealthChecksRunInsideAndAreTold) {
  auto s = spec("health", "echo up; while true; do sleep 1; done");
  s.engine_config =
      R"({"Healthcheck":{"Test":["CMD-SHELL","echo probe; test -e /tmp/ok"],"Interval":200000000,"Timeout":5000000000,"Retries":2}})";
  ASSERT_TRUE(start(s));
  EXPECT_EQ(inspect("health").health, "starting");
  ASSERT_TRUE(loop.run_until([&] { return inspect("health").health == "unhealthy"; }, kPatience));
  EXPECT_EQ(inspect("health").health_output, "probe\n");
  std::ofstream("/proc/" + std::to_string(inspect("health").pid) + "/root/tmp/ok") << "1";
  EXPECT_TRUE(loop.run_until([&] { return inspect("health").health == "healthy"; }, kPatience));
}

TEST_F(OciContainers, AnAgentThatComesBackFindsThemRunningAndEnded) {
  ASSERT_TRUE(start(spec("stays", "echo one; while true; do sleep 1; done")));
  ASSERT_TRUE(start(spec("ends", "while test ! -e /tmp/end; do sleep 0.1; done; exit 42")));
  const int pid = inspect("stays").pid;
  const int other = inspect("ends").pid;
  runtime.reset();  // containers keep running, as after kill -9: nothing is told to them
  EXPECT_TRUE(fs::exists("/proc/" + std::to_string(pid)));
  std::ofstream("/proc/" + std::to_string(other) + "/root/tmp/end") << "1";
  ASSERT_TRUE(loop.run_until([&] { return !fs::exists("/proc/" + std::to_string(other)); }, kPatience));
  open();
  EXPECT_EQ(inspect("stays").phase, ContainerPhase::kRunning);
  EXPECT_EQ(inspect("stays").pid, pid);
  EXPECT_EQ(ended("ends").exit_code, 42);
  const auto stopped = ask<ContainerInfo>([&](auto done) {
    runtime->stop({"", "stays"}, shared::Millis(0), done);
  });
  EXPECT_EQ(stopped->exit_code, 137);
}

TEST_F(OciContainers, ADeadMonitorIsFoundOutAndTheEndIsStillTold) {
  ASSERT_TRUE(start(spec("orphan", "while true; do sleep 1; done")));
  const int pid = inspect("orphan").pid;
  std::ostringstream stat;
  stat << std::ifstream("/proc/" + std::to_string(pid) + "/status").rdbuf();
  const std::string text = stat.str();
  const int monitor = std::stoi(text.substr(text.find("PPid:") + 5));
  ASSERT_EQ(first_word("/proc/" + std::to_string(monitor) + "/comm"), "berth-monitor");
  ::kill(monitor, SIGKILL);
  ::kill(pid, SIGKILL);
  const auto info = ended("orphan");
  EXPECT_EQ(info.exit_code, 255) << "nobody could see how it ended";
}

TEST_F(OciContainers, TheHostsMountTableDoesNotGrow) {
  const auto mounts = [] {
    std::ifstream in("/proc/mounts");
    int lines = 0;
    for (std::string line; std::getline(in, line);) ++lines;
    return lines;
  };
  const int before = mounts();
  ASSERT_TRUE(start(spec("one", "while true; do sleep 1; done")));
  ASSERT_TRUE(start(spec("two", "while true; do sleep 1; done")));
  EXPECT_LE(mounts(), before);
}

TEST_F(OciContainers, ThePoliciesOfSystemCallsHold) {
  auto s = spec("calls",
                "mount -t tmpfs none /tmp && echo mounted; mknod /dev/x b 8 0 && cat /dev/x >/dev/null && "
                "echo disk; echo done");
  EXPECT_EQ(output(s).find("mounted"), std::string::npos);
  auto p = spec("privileged", "mount -t tmpfs none /tmp && echo mounted");
  p.engine_host_config = R"({"Privileged":true})";
  EXPECT_EQ(output(p), "mounted\n");
}

}  // namespace
}  // namespace agent::runtime::oci
