// Challenges of ACME are answered by the balancer itself, before any rule.
#include <gtest/gtest.h>

#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

std::string with_challenge(std::string config) {
  config.insert(config.find('{') + 1, R"("acme_challenges": [{"host": "www.example.test", "token": "tok",
    "key_authorization": "tok.thumb"}], )");
  return config;
}

Message ask_host(std::uint16_t port, const std::string& host, const std::string& path,
                 const std::string& method = "GET") {
  Wire client = Wire::connect(port);
  client.send(method + " " + path + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n");
  return client.read_message();
}

TEST(BalancerAcme, AnswersAChallengeForItsHostBeforeTheRules) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(echo_line(target));
  const auto port = free_port();
  const std::string config = config_json(port, {{target->port(), ""}});
  auto balancer = Balancer::with_config(with_challenge(config));
  const std::string path = "/.well-known/acme-challenge/tok";
  const Message answer = ask_host(port, "www.example.test", path);
  EXPECT_NE(answer.head.find("200 OK"), std::string::npos) << answer.head;
  EXPECT_EQ(answer.body, "tok.thumb");
  EXPECT_EQ(ask_host(port, "WWW.example.test:" + std::to_string(port), path).body, "tok.thumb");
  EXPECT_NE(ask_host(port, "other.example.test", path).body, "tok.thumb")
      << "another host's target may know it";
  EXPECT_NE(ask_host(port, "www.example.test", path + "x").body, "tok.thumb");
  EXPECT_NE(ask_host(port, "www.example.test", path, "POST").body, "tok.thumb");
  balancer->write_config(config);
  balancer->signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return ask_host(port, "www.example.test", path).body != "tok.thumb"; }))
      << "with the next configuration it is gone";
}

}  // namespace
}  // namespace balancer::test
