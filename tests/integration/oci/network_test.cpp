// Networks of containers: who reaches whom, and what comes back when somebody takes it away.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "tests/integration/oci/bench.h"

namespace agent::runtime::oci {
namespace {

class OciNetwork : public OciTest {
 protected:
  ContainerInfo server(const std::string& name, int host_port = 0) {
    auto s = spec(name, "httpd -p 80 -h /www; while true; do sleep 1; done");
    s.ports = {{80, host_port, "tcp", "0.0.0.0"}};
    auto info = start(s);
    EXPECT_TRUE(info) << (info ? "" : info.error().text());
    if (!info) return {};
    const std::string url = "http://" + info->networks.at("bridge") + "/";
    EXPECT_TRUE(loop.run_until([&] { return fetch(url) == "hello\n"; }, kPatience)) << url;
    return *info;
  }
  static std::string fetch(const std::string& url) {
    const std::string file = testing::TempDir() + "berth-fetched";
    if (!tests::shell("timeout 5 busybox wget -q -O " + file + " " + url + " 2>/dev/null")) return "";
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
  }
};

TEST_F(OciNetwork, PublishedPortsAreReachedFromTheHostOtherContainersAndThemselves) {
  const auto info = server("server");
  const std::string port = std::to_string(info.ports.at(0).host_port);
  EXPECT_EQ(fetch("http://127.0.0.1:" + port + "/"), "hello\n");
  const std::string address = info.networks.at("bridge");
  // The gateway is the host as a container sees it.
  auto other = spec("other", "timeout 5 wget -q -O - http://" + address + "/");
  EXPECT_EQ(output(other), "hello\n");
  std::ifstream routes("/proc/" + std::to_string(info.pid) + "/net/route");
  std::string line;
  std::string at_gateway;
  while (std::getline(routes, line)) {
    std::istringstream words(line);
    std::string device, destination, via;
    words >> device >> destination >> via;
    if (destination != "00000000") continue;
    const in_addr raw{static_cast<in_addr_t>(std::stoul(via, nullptr, 16))};
    at_gateway = ::inet_ntoa(raw);
  }
  ASSERT_FALSE(at_gateway.empty());
  EXPECT_EQ(output(spec("through", "timeout 5 wget -q -O - http://" + at_gateway + ":" + port + "/")),
            "hello\n");
  auto self =
      spec("self", "httpd -p 80 -h /www; sleep 0.3; timeout 5 wget -q -O - http://" + at_gateway + ":$PORT/");
  const int own = 20'000 + ::getpid() % 10'000;
  self.ports = {{80, own, "tcp", "0.0.0.0"}};
  self.environment = {{"PORT", std::to_string(own)}};
  EXPECT_EQ(output(self), "hello\n") << "a container reaches its own published port";
}

TEST_F(OciNetwork, ContainersDoNotReachWhatListensOnTheHostsLoopback) {
  const shared::UniqueFd listener(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  ::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size);
  const std::string port = std::to_string(ntohs(address.sin_port));
  // It gives up its own loopback and sends what is for 127.0.0.1 to the host. A datagram needs no answer.
  const auto attack = [&](const std::string& name) {
    auto s = spec(
        name,
        "g=$(ip route | grep default | cut -d' ' -f3); ip addr del 127.0.0.1/8 dev lo; ip link set lo down; "
        "ip route add 127.0.0.1/32 via $g && echo routed; timeout 2 tftp -g -l /tmp/x -r x 127.0.0.1 " +
            port + "; echo tried");
    s.engine_host_config = R"({"CapAdd":["NET_ADMIN"]})";
    EXPECT_NE(output(s).find("routed"), std::string::npos) << said(name);
    char byte = 0;
    return ::recv(listener.get(), &byte, 1, 0) == 1;
  };
  EXPECT_FALSE(attack("attacker"));
  // That the attack is one shows without the guard.
  ASSERT_TRUE(tests::shell("nft flush chain ip berth_" + host->settings.bridge.bridge + " guard"));
  EXPECT_TRUE(attack("unguarded"));
}

TEST_F(OciNetwork, RulesThatSomebodyRemovesComeBack) {
  const auto info = server("server");
  const std::string url = "http://127.0.0.1:" + std::to_string(info.ports.at(0).host_port) + "/";
  ASSERT_EQ(fetch(url), "hello\n");
  ASSERT_TRUE(tests::shell("nft delete table ip berth_" + host->settings.bridge.bridge));
  EXPECT_TRUE(loop.run_until([&] { return fetch(url) == "hello\n"; }, kPatience));
}

TEST_F(OciNetwork, PortsAndAddressesOfBeforeAreKeptByTheAgentThatComesBack) {
  const auto info = server("server");
  runtime.reset();
  const std::string url = "http://127.0.0.1:" + std::to_string(info.ports.at(0).host_port) + "/";
  EXPECT_EQ(fetch(url), "hello\n") << "it serves while there is no agent";
  open();
  EXPECT_EQ(fetch(url), "hello\n");
  EXPECT_EQ(inspect("server").ports.at(0).host_port, info.ports.at(0).host_port);
  auto taken = spec("taken", "true");
  taken.ports = {{80, info.ports.at(0).host_port, "tcp", "0.0.0.0"}};
  const auto refused = start(taken);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("port is already allocated"), std::string::npos)
      << refused.error().text();
  EXPECT_NE(inspect("taken").networks.at("bridge"), info.networks.at("bridge"));
}

TEST_F(OciNetwork, OtherModesAreTheHostsNetworkAndNone) {
  auto none = spec("none", "ls /sys/class/net");
  none.network_mode = "none";
  EXPECT_EQ(output(none).find("eth0"), std::string::npos);
  auto of_host = spec("host", "ls -d /sys/class/net/" + host->settings.bridge.bridge);
  of_host.network_mode = "host";
  EXPECT_NE(output(of_host).find(host->settings.bridge.bridge), std::string::npos);
}

TEST_F(OciNetwork, ASubnetThatIsRoutedElsewhereIsRefused) {
  tests::OciHost other;
  other.settings.bridge.subnet = host->settings.bridge.subnet;
  const auto opened = OciRuntime::open(loop, other.settings);
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().text().find("overlaps a route"), std::string::npos) << opened.error().text();
}

}  // namespace
}  // namespace agent::runtime::oci
