#include <gtest/gtest.h>

#include "agent/runtime/oci/bundle/etc_files.h"
#include "agent/runtime/oci/bundle/settings.h"
#include "agent/runtime/oci/bundle/users.h"

namespace agent::runtime::oci {
namespace {

std::string refusal(const std::string& body) {
  const auto settings = parse_settings(body);
  return settings ? "" : settings.error().text();
}

TEST(ContainerSettings, WhatIsNotSupportedIsRefusedByName) {
  EXPECT_EQ(
      refusal(R"({"Image":"a","HostConfig":{"Memory":8388608,"CapAdd":[],"Runtime":"","AutoRemove":false}})"),
      "");
  EXPECT_EQ(refusal(R"({"HostConfig":{"DeviceRequests":[{"Driver":"nvidia"}]}})"),
            "HostConfig.DeviceRequests: this runtime does not support it");
  EXPECT_EQ(refusal(R"({"HostConfig":{"LogConfig":{"Type":"syslog"}}})"),
            "HostConfig.LogConfig.Type: the log driver 'syslog' is not one of json-file, none");
  EXPECT_EQ(refusal(R"({"Tty":true})"), "Tty: this runtime gives no terminal (pseudoTerminal)");
  EXPECT_NE(refusal(R"({"HostConfig":{"Memory":1000}})").find("4MB"), std::string::npos);
  EXPECT_NE(refusal(R"({"StopSignal":"SIGNONE"})").find("SIGNONE"), std::string::npos);
  EXPECT_NE(refusal(R"({"HostConfig":{"Binds":["/a:b"]}})").find("Binds"), std::string::npos);
  EXPECT_NE(refusal(R"({"HostConfig":{"SecurityOpt":["label=type:x"]}})").find("label=type:x"),
            std::string::npos);
}

TEST(ContainerSettings, NamesOfMembersAreReadWithoutCase) {
  const auto settings = parse_settings(
      R"({"image":"a","HealthCheck":{"Test":["CMD","true"],"Interval":5000000000},"hostconfig":{"readonlyrootfs":true}})");
  ASSERT_TRUE(settings) << settings.error().text();
  EXPECT_EQ(settings->image, "a");
  EXPECT_TRUE(settings->read_only);
  EXPECT_EQ(settings->health_check->interval_ns, 5'000'000'000);
}

TEST(ContainerSettings, PortsAreOneOrARangeOrLeftOpen) {
  const auto settings = parse_settings(
      R"({"HostConfig":{"PortBindings":{"80/tcp":[{"HostIp":"","HostPort":"8080"}],"53/udp":[{"HostIp":"10.0.0.1","HostPort":"5000-5009"}],"90/tcp":[{"HostPort":""}]}}})");
  ASSERT_TRUE(settings) << settings.error().text();
  ASSERT_EQ(settings->ports.size(), 3u);
  for (const PortBinding& each : settings->ports) {
    if (each.container_port == 80) {
      EXPECT_EQ(each.host_port, 8080);
    }
    if (each.container_port == 53) {
      EXPECT_EQ(each.choose_first, 5000);
      EXPECT_EQ(each.choose_last, 5009);
      EXPECT_EQ(each.bind_ip, "10.0.0.1");
    }
    if (each.container_port == 90) {
      EXPECT_EQ(each.host_port, 0);
    }
  }
}

TEST(ContainerSettings, SizesAndSignals) {
  EXPECT_EQ(parse_size("10m"), 10 * 1024 * 1024);
  EXPECT_EQ(parse_size("1.5kB"), 1536);
  EXPECT_FALSE(parse_size("1x"));
  EXPECT_EQ(parse_signal("SIGTERM"), 15);
  EXPECT_EQ(parse_signal("quit"), 3);
  EXPECT_EQ(parse_signal("9"), 9);
  EXPECT_EQ(parse_signal("SIGRTMIN+3"), 37);
  EXPECT_FALSE(parse_signal("SIGRTMIN+99"));
  EXPECT_FALSE(parse_signal(""));
}

constexpr const char* kPasswd = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34::/www:/bin/sh\n";
constexpr const char* kGroup = "root:x:0:\nweb:x:34:\nlogs:x:4:web,root\n";

TEST(ContainerUsers, ComeFromTheImagesOwnFiles) {
  const auto web = find_user("web", kPasswd, kGroup, {});
  ASSERT_TRUE(web);
  EXPECT_EQ(web->uid, 33u);
  EXPECT_EQ(web->groups, (std::vector<std::uint32_t>{34, 4}));
  EXPECT_EQ(web->home, "/www");
  EXPECT_EQ(find_user("web:logs", kPasswd, kGroup, {})->groups, (std::vector<std::uint32_t>{4}))
      << "a group that is named is the only one";
  EXPECT_EQ(find_user("1234", kPasswd, kGroup, {})->gid, 0u);
  EXPECT_EQ(find_user("", "", "", {})->uid, 0u);
  EXPECT_EQ(find_user("33", kPasswd, kGroup, {})->home, "/www");
  EXPECT_EQ(find_user("nobody", kPasswd, kGroup, {}).error().text(),
            "unable to find user nobody: no matching entries in passwd file");
  EXPECT_EQ(find_user("web:none", kPasswd, kGroup, {}).error().text(),
            "unable to find group none: no matching entries in group file");
  EXPECT_EQ(find_user("4294967296", kPasswd, kGroup, {}).error().text(),
            "uids must be in range 0-2147483647");
}

TEST(ContainerEtc, ResolversThatAContainerCannotReachAreLeftOut) {
  const char* host =
      "nameserver 127.0.0.53\nnameserver 10.0.0.2\nnameserver fe80::1\nsearch a b\noptions edns0\n";
  EXPECT_EQ(resolver_file({}, host, false), "nameserver 10.0.0.2\nsearch a b\noptions edns0\n");
  EXPECT_EQ(resolver_file({}, host, true), host);
  ContainerSettings settings;
  settings.dns = {"9.9.9.9"};
  EXPECT_EQ(resolver_file(settings, host, false), "nameserver 9.9.9.9\nsearch a b\noptions edns0\n");
  EXPECT_TRUE(only_loopback_servers("nameserver 127.0.0.53\n"));
  EXPECT_FALSE(only_loopback_servers(host));
}

TEST(ContainerEtc, HostsNameTheContainerItsLinksAndExtraHosts) {
  ContainerSettings settings;
  settings.extra_hosts = {"db:10.1.1.1", "host:host-gateway"};
  const std::string hosts =
      hosts_file(settings, "abc", "172.29.0.5", "172.29.0.1", {{"172.29.0.6", "alias name"}});
  for (const char* line : {"127.0.0.1\tlocalhost\n", "10.1.1.1\tdb\n", "172.29.0.1\thost\n",
                           "172.29.0.6\talias name\n", "172.29.0.5\tabc\n"})
    EXPECT_NE(hosts.find(line), std::string::npos) << line;
}

}  // namespace
}  // namespace agent::runtime::oci
