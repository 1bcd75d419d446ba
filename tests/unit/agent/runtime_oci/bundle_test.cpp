#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agent/runtime/oci/bundle/bundle.h"
#include "agent/runtime/oci/bundle/defaults.h"
#include "agent/runtime/oci/bundle/seccomp.h"

namespace agent::runtime::oci {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;

std::set<std::string> caps(const Words& add, const Words& drop) {
  const auto granted = capabilities(add, drop, false, (std::uint64_t{1} << 41) - 1);
  return granted ? *granted : std::set<std::string>{"error"};
}

TEST(Bundle, EntryPointsAndCommandsMergeAsDockersDo) {
  ImageConfig image;
  image.entry_point = {"/entry"};
  image.command = {"default"};
  const auto arguments = [&](const ContainerSettings& settings) {
    const auto process = merge(settings, image, "h");
    return process ? process->arguments : Words{process.error().text()};
  };
  ContainerSettings settings;
  EXPECT_EQ(arguments(settings), (Words{"/entry", "default"}));
  settings.command = {"own"};
  EXPECT_EQ(arguments(settings), (Words{"/entry", "own"}));
  settings.entry_point = Words{"/mine"};
  EXPECT_EQ(arguments(settings), (Words{"/mine", "own"}));
  settings.command = {};
  EXPECT_EQ(arguments(settings), (Words{"/mine"})) << "an own entry point drops the image's command";
  settings.entry_point = Words{""};
  EXPECT_EQ(arguments(settings), (Words{"No command specified"}));
}

TEST(Bundle, TheContainersEnvironmentWinsByName) {
  ImageConfig image;
  image.environment = {"PATH=/image", "A=1"};
  image.command = {"x"};
  ContainerSettings settings;
  settings.environment = {"A=2", "B=3"};
  EXPECT_EQ(merge(settings, image, "h")->environment, (Words{"PATH=/image", "HOSTNAME=h", "A=2", "B=3"}));
}

TEST(Bundle, CapabilitiesAreDockersFourteenPlusAndMinus) {
  EXPECT_EQ(caps({}, {}).size(), 14u);
  EXPECT_TRUE(caps({"net_admin"}, {}).contains("CAP_NET_ADMIN"));
  EXPECT_FALSE(caps({}, {"CAP_CHOWN"}).contains("CAP_CHOWN"));
  EXPECT_EQ(caps({"NET_ADMIN"}, {"ALL"}), (std::set<std::string>{"CAP_NET_ADMIN"}));
  EXPECT_EQ(caps({"ALL"}, {"SYS_ADMIN"}).size(), 40u);
  EXPECT_EQ(caps({"NONSENSE"}, {}), (std::set<std::string>{"error"}));
}

// Docker 20.10's profile, read from the bundle of one of its containers, less io_uring, plus
// name_to_handle_at, pkey_* and process_vm_*, as its newest has it.
TEST(Bundle, SystemCallsThatEscapeAContainerNeedTheirCapability) {
  const auto allowed = [](const std::set<std::string>& with, const std::string& call) {
    const json profile = seccomp_profile(with);
    for (const json& rule : profile.at("syscalls")) {
      const json& names = rule.at("names");
      if (rule.at("action") == "SCMP_ACT_ALLOW" && !rule.contains("args") &&
          std::find(names.begin(), names.end(), call) != names.end())
        return true;
    }
    return false;
  };
  for (const char* call : {"mount",          "setns",
                           "unshare",        "bpf",
                           "keyctl",         "add_key",
                           "userfaultfd",    "perf_event_open",
                           "init_module",    "kexec_load",
                           "reboot",         "swapon",
                           "settimeofday",   "open_by_handle_at",
                           "io_uring_setup", "pivot_root",
                           "clone",          "clone3",
                           "ptrace_x",       "personality"})
    EXPECT_FALSE(allowed(caps({}, {}), call)) << call;
  for (const char* call :
       {"read", "openat2", "execve", "futex", "chroot", "name_to_handle_at", "ptrace", "epoll_pwait2"})
    EXPECT_TRUE(allowed(caps({}, {}), call)) << call;
  EXPECT_TRUE(allowed(caps({"SYS_ADMIN"}, {}), "mount"));
  EXPECT_FALSE(allowed(caps({}, {"SYS_CHROOT"}), "chroot"));
  EXPECT_TRUE(allowed(caps({"SYS_TIME"}, {}), "clock_settime"));
}

json config_of(const ContainerSettings& settings, BundleInputs inputs = {}) {
  inputs.process.arguments = {"/x"};
  inputs.process.environment = {"A=1"};
  inputs.network = "";
  const auto text = bundle_config(settings, inputs);
  return text ? json::parse(*text) : json(text.error().text());
}

TEST(Bundle, APrivilegedContainerHasNoMasksAndNoFilter) {
  ContainerSettings settings;
  const json plain = config_of(settings);
  EXPECT_EQ(plain.at("linux").at("maskedPaths").size(), 10u);
  EXPECT_TRUE(plain.at("linux").contains("seccomp"));
  EXPECT_FALSE(plain.at("process").at("capabilities").contains("inheritable"));
  settings.privileged = true;
  const json privileged = config_of(settings);
  EXPECT_FALSE(privileged.at("linux").contains("maskedPaths"));
  EXPECT_FALSE(privileged.at("linux").contains("seccomp"));
  EXPECT_EQ(privileged.at("linux").at("resources").at("devices"),
            json::parse(R"([{"allow":true,"access":"rwm"}])"));
}

TEST(Bundle, MountsInsideOfMountsComeAfterThem) {
  ContainerSettings settings;
  settings.tmpfs = {{"/a/b", "size=1m,exec"}};
  BundleInputs inputs;
  inputs.mounts = {{"/host/deep", "/a/b/c", true, "rprivate"}, {"/host/top", "/a", false, "rprivate"}};
  std::vector<std::string> order;
  const json config = config_of(settings, inputs);
  for (const json& each : config.at("mounts"))
    if (each.at("destination").get<std::string>().starts_with("/a")) order.push_back(each.at("destination"));
  EXPECT_EQ(order, (std::vector<std::string>{"/a", "/a/b", "/a/b/c"}));
}

TEST(Bundle, WeightsAreNotPartOfItAsTheyWouldSlowItsOwnStart) {
  ContainerSettings settings;
  settings.cpu_shares = 2;
  settings.memory = 64 << 20;
  const json resources = config_of(settings).at("linux").at("resources");
  EXPECT_FALSE(resources.contains("cpu"));
  EXPECT_EQ(resources.at("memory").at("limit"), 64 << 20);
}

TEST(Bundle, AHealthCheckTakesFromTheImageWhatTheContainerDoesNotSay) {
  ImageConfig image;
  image.health_check = HealthCheck{{"CMD-SHELL", "probe"}, 7, 8, 9, 4};
  ContainerSettings settings;
  settings.health_check = HealthCheck{{}, 1'000, 0, 0, 0};
  const auto check = merge_health(settings, image);
  ASSERT_TRUE(check);
  EXPECT_EQ(check->interval_ns, 1'000);
  EXPECT_EQ(check->retries, 4);
  EXPECT_EQ(health_arguments(*check, image), (Words{"/bin/sh", "-c", "probe"}));
  settings.health_check->test = {"NONE"};
  EXPECT_FALSE(merge_health(settings, image));
}

}  // namespace
}  // namespace agent::runtime::oci
