// Request smuggling against the whole program: whatever the bytes, the target sees no request that was not
// meant as one, and a second, plain request on the same connection gets its own answer or a closed
// connection.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/integration/balancer/harness.h"

namespace balancer::test {
namespace {

struct Attack {
  const char* name;
  std::string bytes;
};

const std::string kPost = "POST /first HTTP/1.1\r\nHost: a\r\n";
const std::string kHidden = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

std::vector<Attack> attacks() {
  const std::string length = std::to_string(kHidden.size());
  const auto te = [](const std::string& line) {
    return kPost + "Content-Length: 4\r\n" + line + "\r\n\r\n24\r\n" + kHidden + "\r\n0\r\n\r\n";
  };
  return {
      {"CL.TE",
       kPost + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kHidden.substr(0, 1)},
      {"CL.TE whole", kPost + "Content-Length: " + std::to_string(5 + kHidden.size()) +
                          "\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kHidden},
      {"TE.CL", te("Transfer-Encoding: chunked")},
      {"TE xchunked", te("Transfer-Encoding: xchunked")},
      {"TE space before colon", te("Transfer-Encoding : chunked")},
      {"TE underscore", te("Transfer_Encoding: chunked")},
      {"TE twice", te("Transfer-Encoding: chunked\r\nTransfer-Encoding: x")},
      {"TE quoted", te("Transfer-Encoding: \"chunked\"")},
      {"TE vertical tab", te("Transfer-Encoding: \x0b"
                             "chunked")},
      {"TE folded", te("X: y\r\n Transfer-Encoding: chunked")},
      {"TE after bare LF", te("X: y\nTransfer-Encoding: chunked")},
      {"TE identity", te("Transfer-Encoding: identity")},
      {"two lengths", kPost + "Content-Length: 0\r\nContent-Length: " + length + "\r\n\r\n" + kHidden},
      {"length list", kPost + "Content-Length: 0, " + length + "\r\n\r\n" + kHidden},
      {"length sign", kPost + "Content-Length: +0\r\n\r\n" + kHidden},
      {"length hex", kPost + "Content-Length: 0x0\r\n\r\n" + kHidden},
      {"length overflow", kPost + "Content-Length: 18446744073709551616\r\n\r\n" + kHidden},
      {"GET with body", "GET /first HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\n" + kHidden},
      {"body on a fixed response",
       "POST /fixed HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\n" + kHidden},
      {"body on a redirect",
       "POST /redirect HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\n" + kHidden},
      {"body where no target is",
       "POST /nobody HTTP/1.1\r\nHost: a\r\nContent-Length: " + length + "\r\n\r\n" + kHidden},
      {"body behind a line that is too long", "POST /" + std::string(20'000, 'a') +
                                                  " HTTP/1.1\r\nHost: a\r\nContent-Length: " + length +
                                                  "\r\n\r\n" + kHidden},
      {"chunks on a fixed response",
       "POST /fixed HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n24\r\n" + kHidden},
      {"chunked 1.0",
       "POST /first HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + kHidden},
      {"chunk size with plus", kPost + "Transfer-Encoding: chunked\r\n\r\n+0\r\n\r\n" + kHidden},
      {"chunk without CRLF", kPost + "Transfer-Encoding: chunked\r\n\r\n3\r\nabcX\r\n0\r\n\r\n" + kHidden},
      {"chunk size overflow", kPost + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n" + kHidden},
      {"two hosts", "GET /first HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + kHidden},
      {"no host", "GET /first HTTP/1.1\r\n\r\n" + kHidden},
      {"space in target", "GET /first HTTP/1.1 HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden},
      {"TRACE", "TRACE /first HTTP/1.1\r\nHost: a\r\n\r\n" + kHidden},
      {"connection close, then more",
       "GET /first HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + kHidden},
      {"upgrade refused by the target",
       "GET /first HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: "
       "AAMAAABkAAQAAP__\r\n\r\n"},
  };
}

// Those whose second head is an honest pipelined request for any strict reader (the first one has no body),
// so that a target may see it after the first.
bool may_pipeline(const std::string& name) { return name == "GET with body"; }

TEST(BalancerSmuggling, NoAttackReachesATargetAsARequestAndTheNextRequestGetsItsOwnAnswer) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(echo_line(target));
  const auto port = free_port();
  ConfigOptions options;
  options.rules =
      "[{\"priority\": 1, \"conditions\": [{\"field\": \"path-pattern\", \"values\": [\"/fixed\"]}], "
      "\"action\": {\"type\": "
      "\"fixed-response\", \"fixed_response\": {\"status\": 404, \"content_type\": \"text/plain\", \"body\": "
      "\"fixed\"}}}, {\"priority\": 2, \"conditions\": [{\"field\": \"path-pattern\", \"values\": "
      "[\"/redirect\"]}], \"action\": {\"type\": \"redirect\", \"redirect\": {\"status\": 302, \"path\": "
      "\"/elsewhere\"}}}, {\"priority\": 3, \"conditions\": [{\"field\": \"path-pattern\", \"values\": "
      "[\"/nobody\"]}], \"action\": {\"type\": \"forward\", \"forward\": {\"target_groups\": "
      "[{\"target_group\": \"none\"}]}}}]";
  std::string config = config_json(port, {{target->port(), ""}}, options);
  config.insert(config.find("\"target_groups\": [{\"id\"") + std::string("\"target_groups\": [").size(),
                "{\"id\": \"none\", \"targets\": []}, ");
  auto balancer = Balancer::with_config(config);
  int number = 0;
  for (const Attack& attack : attacks()) {
    SCOPED_TRACE(attack.name);
    const std::string marker = "/second-" + std::to_string(++number);
    Wire client = Wire::connect(port);
    client.send(attack.bytes);
    client.send("GET " + marker + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    const std::string everything = client.read_to_end();
    EXPECT_EQ(everything.rfind("HTTP/1.", 0), 0U)
        << "the first request is answered: " << everything.substr(0, 80);
    for (const std::string& line : target->seen()) {
      const bool known =
          line.find(" /first ") != std::string::npos || line.find(" /second-") != std::string::npos;
      EXPECT_TRUE(known || may_pipeline(attack.name)) << "the target saw '" << line << "'";
    }
    EXPECT_EQ(everything.find("/smuggled"), std::string::npos) << everything;
    // An innocent client is not answered with what the attacker left behind.
    Wire innocent = Wire::connect(port);
    ASSERT_TRUE(innocent.send("GET /first HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_EQ(innocent.read_message().body, "GET /first HTTP/1.1");
  }
}

TEST(BalancerSmuggling, AmbiguousRequestsAreServedOnceAndBothConnectionsClosed) {
  std::unique_ptr<Target> target;
  target = std::make_unique<Target>(echo_line(target));
  const auto port = free_port();
  auto balancer = Balancer::with_config(config_json(port, {{target->port(), ""}}), {"--workers", "1"});
  Wire client = Wire::connect(port);
  ASSERT_TRUE(client.send(kPost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc"));
  const Message answer = client.read_message();
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.field("Connection"), "close");
  EXPECT_TRUE(client.ended());
  Wire next = Wire::connect(port);
  ASSERT_TRUE(next.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_EQ(next.read_message().status, 200);
  EXPECT_EQ(target->connections(), 2) << "the first target connection was not used again";
  EXPECT_EQ(balancer->metric("berth_lb_desync_total{load_balancer=\"\",listener=\"web\",tier=\"ambiguous\"}"),
            1U);
}

}  // namespace
}  // namespace balancer::test
