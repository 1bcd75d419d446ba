#include "agent/dns/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/agent/dns/packets.h"

namespace agent::dns {
namespace {

// A client of the server; waits for at most five seconds.
class Client {
 public:
  Client(const Server& server, int kind) : fd_(::socket(AF_INET, kind, 0)) {
    const timeval patience{5, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.endpoint().port);
    ::inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  }
  ~Client() { ::close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  void say(const std::string& bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), 0), static_cast<ssize_t>(bytes.size()));
  }
  std::string hear(std::size_t least = 1) {
    std::string out;
    std::array<char, 2048> buffer;
    while (out.size() < least) {
      const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      out.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return out;
  }

 private:
  int fd_;
};

std::shared_ptr<const Zones> zones_with(std::uint8_t last) {
  auto zones = std::make_shared<Zones>();
  Zone& zone = zones->zones["apps.local"];
  zone.name = "apps.local";
  Named& web = zone.names["web.apps.local"];
  web.a = 5;
  web.hosts.push_back({"i.web.apps.local", std::array<std::uint8_t, 4>{10, 0, 0, last}});
  return zones;
}

TEST(DnsServer, AnswersByUdpAndTcpFromTheNewestZones) {
  auto server = Server::listen({"127.0.0.1", 0});
  ASSERT_TRUE(server) << server.error().text();
  Client udp(**server, SOCK_DGRAM);
  udp.say(test::query("web.apps.local", 1));
  EXPECT_EQ(test::code_of(udp.hear()), 5U);  // it knows nothing yet
  (*server)->set_zones(zones_with(1));
  udp.say(test::query("web.apps.local", 1));
  EXPECT_EQ(test::sections(udp.hear())[0].at(0).data, "10.0.0.1");
  (*server)->set_zones(zones_with(2));
  Client tcp(**server, SOCK_STREAM);
  const std::string asked = test::query("web.apps.local", 1);
  const std::string framed = test::u16(static_cast<unsigned>(asked.size())) + asked;
  tcp.say(framed.substr(0, 1));  // in pieces, and two at once
  tcp.say(framed.substr(1) + framed);
  const std::string first = tcp.hear(2);
  const std::size_t length = test::number(first, 0);
  std::string rest = first;
  while (rest.size() < 2 * (2 + length)) {
    const std::string more = tcp.hear();
    ASSERT_NE(more, "");
    rest += more;
  }
  EXPECT_EQ(test::sections(rest.substr(2, length))[0].at(0).data, "10.0.0.2");
  EXPECT_EQ(rest.substr(2, 2), rest.substr(4 + length, 2));
}

TEST(DnsServer, ClosesAClientThatSendsNonsense) {
  auto server = Server::listen({"127.0.0.1", 0});
  ASSERT_TRUE(server);
  Client tcp(**server, SOCK_STREAM);
  tcp.say(test::u16(3) + "abc");
  EXPECT_EQ(tcp.hear(), "");
}

TEST(DnsServer, NamesTheAddressThatItCannotHave) {
  const auto server = Server::listen({"192.0.2.1", 5353});
  ASSERT_FALSE(server);
  EXPECT_NE(server.error().text().find("192.0.2.1:5353"), std::string::npos) << server.error().text();
}

}  // namespace
}  // namespace agent::dns
