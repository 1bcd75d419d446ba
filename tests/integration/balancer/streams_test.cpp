// TCP and TLS listeners, as clients and targets see them, and the PROXY protocol on both sides.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>
#include <set>

#include "tests/integration/balancer/tls_wire.h"

namespace balancer::test {
namespace {

using namespace std::string_literals;

struct Group {
  std::vector<TargetEntry> targets;
  std::string more{};  // members of the group
  std::string check = "\"enabled\": false";
};

std::string group_json(const std::string& id, const Group& group) {
  std::string targets;
  for (const TargetEntry& each : group.targets) {
    targets += (targets.empty() ? "" : ", ") + "{\"address\": \"127.0.0.1\", \"port\": "s +
               std::to_string(each.port) + each.extra + "}";
  }
  return "{\"id\": \"" + id + "\", \"protocol\": \"tcp\", \"health_check\": {" + group.check +
         "}, \"targets\": [" + targets + "]" + group.more + "}";
}

std::string listener_json(const std::string& id, std::uint16_t port, const std::string& group,
                          const std::string& more = ", \"protocol\": \"tcp\"") {
  return "{\"id\": \"" + id + "\", \"address\": \"127.0.0.1\", \"port\": " + std::to_string(port) +
         ", \"default_action\": {\"type\": \"forward\", \"forward\": {\"target_groups\": [{\"target_group\": "
         "\"" +
         group + "\"}]}}" + more + "}";
}

std::string config_of(const std::string& listeners, const std::string& groups, int version = 1,
                      const std::string& more = "") {
  return "{\"version\": " + std::to_string(version) + ", \"listeners\": [" + listeners +
         "], \"target_groups\": [" + groups + "]" + more + "}";
}

// One TCP listener before one group.
std::string stream_json(std::uint16_t port, const Group& group, const std::string& options = "",
                        int version = 1) {
  return config_of(listener_json("l", port, "tg", ", \"protocol\": \"tcp\", \"options\": {" + options + "}"),
                   group_json("tg", group), version);
}

std::string stream_bytes(std::size_t size) {
  std::string body(size, ' ');
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 7 + i / 251);
  return body;
}

// Sends back what comes, until its end, with a mark of its own in front.
Target::Serve echo(const std::string& mark = "") {
  return [mark](Wire& wire, int) {
    if (!wire.send(mark)) return;
    for (;;) {
      const std::string byte = wire.read_exactly(1);
      if (byte.empty() || !wire.send(byte)) return;
    }
  };
}

// 0: an orderly end, else the errno of the next read.
int end_of(Wire& wire) {
  pollfd wanted{wire.fd(), POLLIN, 0};
  if (::poll(&wanted, 1, kLimitMs) != 1) return ETIMEDOUT;
  char byte = 0;
  const ssize_t n = ::recv(wire.fd(), &byte, 1, 0);
  return n == 0 ? 0 : n > 0 ? EBADMSG : errno;
}

Wire connect_from(const std::string& address, std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in from{}, to{};
  from.sin_family = to.sin_family = AF_INET;
  ::inet_pton(AF_INET, address.c_str(), &from.sin_addr);
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from), 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return Wire(fd);
}

std::uint16_t port_of(const Wire& wire) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  ::getsockname(wire.fd(), reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

TEST(BalancerStreams, EachSidesEndIsPassedOnByItself) {
  Target target([](Wire& wire, int) {
    const std::string all = wire.read_to_end();
    wire.send("got " + all);
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{target.port(), ""}}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send("no HTTP at all\0\xff"s));
  client.shut_write();
  EXPECT_EQ(client.read_to_end(), "got no HTTP at all\0\xff"s);
  EXPECT_TRUE(eventually([&] { return balancer->metric("berth_lb_flows_active") == 0; }));
  EXPECT_EQ(balancer->metric("berth_lb_flows_total"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_received_bytes_total"), 16U);
  EXPECT_EQ(balancer->metric("berth_lb_sent_bytes_total"), 20U);
  EXPECT_EQ(balancer->metric("berth_lb_tcp_elb_resets_total"), 0U);
}

TEST(BalancerStreams, ATargetThatSpeaksFirstIsHeard) {
  Target target(echo("220 ready\r\n"));
  const auto port = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{target.port(), ""}}}));
  Wire client = Wire::connect(port);
  EXPECT_EQ(client.read_exactly(11), "220 ready\r\n");
  ASSERT_TRUE(client.send("x"));
  EXPECT_EQ(client.read_exactly(1), "x");
}

TEST(BalancerStreams, MuchPassesByteForByteBothWaysToSlowReadersToo) {
  constexpr std::size_t kSize = 6 * 1024 * 1024 + 77;
  Target target([](Wire& wire, int) {
    const std::string got = wire.read_exactly(kSize);
    wire.send(got == stream_bytes(kSize) ? stream_bytes(kSize) : "other bytes");
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{target.port(), ""}}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(stream_bytes(kSize)));
  std::string got;
  for (std::size_t piece = 1; got.size() < kSize; piece = piece * 3 % 90'001 + 1) {
    const std::string part = client.read_exactly(std::min(piece, kSize - got.size()));
    if (part.empty()) break;
    got += part;
  }
  EXPECT_TRUE(got == stream_bytes(kSize)) << got.size();
  EXPECT_EQ(end_of(client), 0);
  EXPECT_LT(balancer->resident_kilobytes(), 64 * 1024);
}

TEST(BalancerStreams, AResetOfOneSideIsOneForTheOther) {
  std::atomic<int> ended_with{-1};
  Target target([&](Wire& wire, int connection) {
    wire.send("hello");
    if (connection == 1) {
      ended_with = end_of(wire);
    } else if (wire.read_exactly(1) == "x") {
      wire.reset();
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{target.port(), ""}}}));
  Wire client = Wire::connect(port);
  EXPECT_EQ(client.read_exactly(5), "hello");
  client.reset();
  EXPECT_TRUE(eventually([&] { return ended_with != -1; }));
  EXPECT_EQ(ended_with, ECONNRESET);
  Wire second = Wire::connect(port);
  EXPECT_EQ(second.read_exactly(5), "hello");
  ASSERT_TRUE(second.send("x"));
  EXPECT_EQ(end_of(second), ECONNRESET);
  EXPECT_TRUE(eventually([&] { return balancer->metric("berth_lb_flows_active") == 0; }));
  EXPECT_EQ(balancer->metric("berth_lb_tcp_client_resets_total"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_tcp_target_resets_total"), 1U);
}

TEST(BalancerStreams, WhatATargetSaidBeforeItTookNothingMoreStillArrives) {
  Target target([](Wire& wire, int) {
    wire.read_exactly(1);
    wire.send("no, thank you");  // and closes with much unread, which resets
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{target.port(), ""}}}));
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send("x"));
  EXPECT_EQ(client.read_exactly(13), "no, thank you");
}

TEST(BalancerStreams, AnotherTargetIsTakenWhereOneRefusesAndNoByteIsLost) {
  Target target(echo());
  const auto dead = free_port();
  const auto port = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{dead, ""}, {target.port(), ""}}}));
  for (int i = 0; i < 6; ++i) {
    Wire client = Wire::connect(port);
    ASSERT_TRUE(client.send("first byte"));
    EXPECT_EQ(client.read_exactly(10), "first byte");
  }
  EXPECT_GE(balancer->metric("berth_lb_retries_total"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_flows_refused_total"), 0U);
}

TEST(BalancerStreams, WithoutATargetClientsAreReset) {
  const auto port = free_port();
  const auto dead = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{dead, ""}}}));
  Wire client = Wire::connect(port);
  EXPECT_EQ(end_of(client), ECONNRESET);
  EXPECT_EQ(balancer->metric("berth_lb_flows_refused_total"), 1U);
  EXPECT_EQ(balancer->metric("berth_lb_tcp_elb_resets_total"), 1U);
}

TEST(BalancerStreams, AFlowInWhichNothingMovesForTheIdleTimeoutIsReset) {
  std::atomic<int> ended_with{-1};
  Target target([&](Wire& wire, int) {
    wire.send("hello");
    ended_with = end_of(wire);
  });
  const auto port = free_port();
  auto balancer =
      Balancer::with_config(stream_json(port, {{{target.port(), ""}}}, "\"idle_timeout_ms\": 300"));
  Wire client = Wire::connect(port);
  EXPECT_EQ(client.read_exactly(5), "hello");
  EXPECT_EQ(end_of(client), ECONNRESET);
  EXPECT_TRUE(eventually([&] { return ended_with == ECONNRESET; }));
  EXPECT_EQ(balancer->metric("berth_lb_flows_idle_timeouts_total"), 1U);
}

TEST(BalancerStreams, FlowsToADrainingTargetGoOnWhileNewOnesGoElsewhere) {
  Target old_one(echo("old")), new_one(echo("new"));
  const auto port = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{old_one.port(), ""}}}));
  Wire client = Wire::connect(port);
  EXPECT_EQ(client.read_exactly(3), "old");
  // The limit has passed at once: control may stop the target, but the flow is not ours to end.
  balancer->write_config(stream_json(
      port, {{{old_one.port(), ", \"state\": \"draining\", \"drain_limit_ms\": 0"}, {new_one.port(), ""}}},
      "", 2));
  ASSERT_TRUE(balancer->wait_for_version(2));
  for (int i = 0; i < 4; ++i) EXPECT_EQ(Wire::connect(port).read_exactly(3), "new");
  ASSERT_TRUE(client.send("still here"));
  EXPECT_EQ(client.read_exactly(10), "still here");
  // Also when the target is gone from the configuration.
  balancer->write_config(stream_json(port, {{{new_one.port(), ""}}}, "", 3));
  ASSERT_TRUE(balancer->wait_for_version(3));
  ASSERT_TRUE(client.send("still here"));
  EXPECT_EQ(client.read_exactly(10), "still here");
}

TEST(BalancerStreams, ConnectionTerminationEndsFlowsAtTheDrainLimit) {
  Target old_one(echo("old"));
  const auto port = free_port();
  const std::string terminates = ", \"close_at_drain_limit\": true";
  auto balancer = Balancer::with_config(stream_json(port, {{{old_one.port(), ""}}, terminates}));
  Wire client = Wire::connect(port);
  EXPECT_EQ(client.read_exactly(3), "old");
  balancer->write_config(stream_json(
      port, {{{old_one.port(), ", \"state\": \"draining\", \"drain_limit_ms\": 200"}}, terminates}, "", 2));
  EXPECT_EQ(end_of(client), ECONNRESET);
}

TEST(BalancerStreams, FlowsToATargetThatBecomesUnhealthyAreReset) {
  for (const bool close : {true, false}) {
    Target target(echo("t"));
    // What is checked is another port, so that the flow's own end stays as it is.
    auto checked = std::make_unique<Target>([](Wire&, int) {});
    const auto port = free_port();
    auto balancer = Balancer::with_config(
        stream_json(port, {{{target.port(), ""}},
                           close ? "" : ", \"close_when_unhealthy\": false",
                           "\"protocol\": \"tcp\", \"interval_ms\": 50, \"timeout_ms\": 50, \"port\": " +
                               std::to_string(checked->port())}));
    const auto in_state = [&](const std::string& state) {
      return balancer->metric("berth_lb_targets{target_group=\"tg\",state=\"" + state + "\"}") == 1;
    };
    ASSERT_TRUE(eventually([&] { return in_state("healthy"); }));
    Wire client = Wire::connect(port);
    EXPECT_EQ(client.read_exactly(1), "t");
    checked.reset();
    ASSERT_TRUE(eventually([&] { return in_state("unhealthy"); }));
    if (close) {
      EXPECT_EQ(end_of(client), ECONNRESET);
    } else {
      ASSERT_TRUE(client.send("x"));
      EXPECT_EQ(client.read_exactly(1), "x");
    }
  }
}

TEST(BalancerStreams, OneClientAddressKeepsItsTargetAndManySpreadOverAll) {
  Target a(echo("a")), b(echo("b")), c(echo("c"));
  const auto port = free_port();
  const std::vector<TargetEntry> targets{{a.port(), ""}, {b.port(), ""}, {c.port(), ""}};
  auto balancer = Balancer::with_config(
      stream_json(port, {targets, ", \"stickiness\": {\"type\": \"source_ip\"}"}), {"--workers", "2"});
  std::set<std::string> all;
  for (int host = 1; host <= 24; ++host) {
    const std::string address = "127.0.1." + std::to_string(host);
    const std::string first = connect_from(address, port).read_exactly(1);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(connect_from(address, port).read_exactly(1), first);
    all.insert(first);
  }
  EXPECT_EQ(all, (std::set<std::string>{"a", "b", "c"}));
}

TEST(BalancerStreams, SigtermLetsFlowsEndByThemselves) {
  Target target(echo("t"));
  const auto port = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{target.port(), ""}}}));
  Wire client = Wire::connect(port);
  EXPECT_EQ(client.read_exactly(1), "t");
  balancer->signal(SIGTERM);
  EXPECT_TRUE(eventually([&] { return !Wire::connect(port).valid(); }));
  ASSERT_TRUE(client.send("last words"));
  EXPECT_EQ(client.read_exactly(10), "last words");
  client.close();
  EXPECT_EQ(balancer->wait_exit(), 0);
}

TEST(BalancerStreams, ATargetIsToldOfTheClientByThePROXYProtocol) {
  for (const std::string version : {"v1", "v2"}) {
    Target target([&](Wire& wire, int) { wire.send(wire.read_to_end()); });
    const auto port = free_port();
    auto balancer = Balancer::with_config(
        stream_json(port, {{{target.port(), ""}}, ", \"proxy_protocol\": \"" + version + "\""}));
    Wire client = connect_from("127.0.3.7", port);
    const std::uint16_t from = port_of(client);
    ASSERT_TRUE(client.send("bytes"));
    client.shut_write();
    const auto two = [](std::uint16_t n) {
      return std::string{static_cast<char>(n >> 8), static_cast<char>(n & 255)};
    };
    const std::string wanted =
        version == "v1"
            ? "PROXY TCP4 127.0.3.7 127.0.0.1 " + std::to_string(from) + " " + std::to_string(port) + "\r\n"
            : "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\x03\x07\x7f\0\0\x01"s + two(from) + two(port);
    EXPECT_EQ(client.read_to_end(), wanted + "bytes");
  }
}

TEST(BalancerStreams, TlsEndsHereAndBeginsAnewTowardsATlsGroup) {
  Target target([](Wire& wire, int) {
    std::string got;
    for (std::string byte = "-"; !byte.empty() && !got.ends_with("secret"); got += byte)
      byte = wire.read_exactly(1);
    wire.send("[" + got + "]");
  });
  const auto outer = free_port(), inner = free_port();
  const auto issued = tests::support::make_certificate({.common_name = "one", .names = {"one.example"}});
  const auto quoted = [](const std::string& text) {
    std::string out = "\"";
    for (const char c : text) out += c == '\n' ? "\\n"s : std::string(1, c);
    return out + "\"";
  };
  const std::string tls = ", \"protocol\": \"tls\", \"tls\": {\"certificates\": [\"one\"]";
  // The outer listener's target is the inner one, which is told of the client in clear in front of TLS.
  std::string sealed = group_json("inner", {{{inner, ""}}, ", \"proxy_protocol\": \"v2\""});
  sealed.replace(sealed.find("\"tcp\""), 5, "\"tls\"");
  auto balancer = Balancer::with_config(
      config_of(listener_json("outer", outer, "inner", tls + ", \"alpn\": \"HTTP2Optional\"}") + ", " +
                    listener_json("inner", inner, "tg",
                                  tls + "}, \"options\": {\"proxy_protocol_from\": [\"127.0.0.0/8\"]}"),
                sealed + ", " + group_json("tg", {{{target.port(), ""}}, ", \"proxy_protocol\": \"v1\""}), 1,
                ", \"certificates\": [{\"id\": \"one\", \"chain\": " + quoted(issued.certificate) +
                    ", \"key\": " + quoted(issued.key) + "}]"));
  TlsClient client(outer, {.server_name = "one.example", .alpn = {"h2", "http/1.1"}});
  ASSERT_TRUE(client.connected());
  EXPECT_EQ(client.application(), "http/1.1") << "HTTP2Optional prefers HTTP/1";
  ASSERT_TRUE(client.wire().send("secret"));
  const std::string got = client.wire().read_to_end();
  EXPECT_TRUE(got.starts_with("[PROXY TCP4 127.0.0.1 127.0.0.1 ")) << got;
  EXPECT_TRUE(got.ends_with(" " + std::to_string(outer) + "\r\nsecret]")) << got;
  EXPECT_EQ(balancer->metric("berth_lb_tls_handshakes_total"), 2U);
  // Nobody agrees where the client offers only what the policy does not have.
  EXPECT_FALSE(TlsClient(outer, {.alpn = {"mqtt"}}).connected());
  EXPECT_TRUE(TlsClient(outer).connected());
}

TEST(BalancerStreams, AnHttpListenerBelievesTheHeaderOfTrustedAddressesOnly) {
  Target target([](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty() || !wire.send(response(200, request.field("x-forwarded-for")))) return;
    }
  });
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(
      port, {{target.port(), ""}}, {.listener_options = "\"proxy_protocol_from\": [\"127.0.5.0/24\"]"}));
  const auto ask = [](Wire& wire) {
    EXPECT_TRUE(wire.send(get("/")));
    return wire.read_message().body;
  };
  Wire trusted = connect_from("127.0.5.1", port);
  ASSERT_TRUE(trusted.send("PROXY TCP4 192.0.2.9 192.0.2.1 5000"));
  ASSERT_TRUE(trusted.send("0 80\r\n" + get("/")));  // the request is right behind it
  EXPECT_EQ(trusted.read_message().body, "192.0.2.9");
  EXPECT_EQ(ask(trusted), "192.0.2.9") << "for as long as the connection lasts";
  Wire local = connect_from("127.0.5.1", port);
  ASSERT_TRUE(local.send("PROXY UNKNOWN\r\n"));
  EXPECT_EQ(ask(local), "127.0.5.1");
  Wire stranger = connect_from("127.0.6.1", port);
  EXPECT_EQ(ask(stranger), "127.0.6.1") << "of whom none is expected";
  EXPECT_EQ(balancer->metric("berth_lb_proxy_protocol_errors_total"), 0U);
  Wire wrong = connect_from("127.0.5.1", port);
  ASSERT_TRUE(wrong.send(get("/")));
  EXPECT_EQ(end_of(wrong), ECONNRESET);
  Wire gone = connect_from("127.0.5.1", port);
  ASSERT_TRUE(gone.send("PROXY TCP4 192.0"));
  gone.shut_write();
  EXPECT_EQ(end_of(gone), ECONNRESET);
  EXPECT_EQ(balancer->metric("berth_lb_proxy_protocol_errors_total"), 2U);
  Wire cheat = connect_from("127.0.6.1", port);
  ASSERT_TRUE(cheat.send("PROXY TCP4 192.0.2.9 192.0.2.1 5000 80\r\n" + get("/")));
  EXPECT_EQ(cheat.read_message().status, 400);
}

TEST(BalancerStreams, AProtocolThatIsNotOfferedIsRefusedByName) {
  const auto port = free_port();
  auto balancer = Balancer::with_config(stream_json(port, {{{free_port(), ""}}}));
  std::string config = stream_json(port, {{{free_port(), ""}}}, "", 2);
  config.replace(config.find("\"protocol\": \"tcp\", \"health"), 17, "\"protocol\": \"udp\"");
  balancer->write_config(config);
  EXPECT_TRUE(eventually([&] {
    return balancer->log().find(
               "target_groups[0].protocol: expected one of http, https, tcp, tls, got 'udp'") !=
           std::string::npos;
  }));
}

}  // namespace
}  // namespace balancer::test
