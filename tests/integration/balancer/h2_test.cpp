// Clients that speak HTTP/2: honest ones, slow ones, those that break off and those that attack; and the real
// ones of this machine.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <fstream>
#include <memory>
#include <vector>

#include "tests/integration/balancer/h2_wire.h"

namespace balancer::test {
namespace {

constexpr std::size_t kMany = 16 * 1024 * 1024;

std::string varied(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + i * i % 23 + i % 3);
  return out;
}

// SETTINGS_INITIAL_WINDOW_SIZE, as large as it gets.
std::string no_limit() { return std::string("\0\4", 2) + h2::number32(0x7fffffff); }

// Answers every request with its own head and body.
void echo_all(Wire& wire, int) {
  for (;;) {
    const Message request = wire.read_message();
    if (request.head.empty()) return;
    std::string answer = response(200, request.head + request.body);
    if (request.head.rfind("HEAD ", 0) == 0) answer.erase(answer.find("\r\n\r\n") + 4);
    if (!wire.send(answer)) return;
  }
}

struct Rig {
  explicit Rig(Target::Serve serve, ConfigOptions options = {}, std::vector<std::string> more = {})
      : target(std::move(serve)), port(free_port()) {
    options.listener_options +=
        options.listener_options.empty() ? "\"access_log\": true" : ", \"access_log\": true";
    path = ::testing::TempDir() + "/berth-access-" + std::to_string(port);
    more.insert(more.end(), {"--access-log", path});
    balancer = Balancer::with_config(config_json(port, {{target.port(), ""}}, options), std::move(more));
    client = H2Wire::connect(port);
  }
  ~Rig() { std::remove(path.c_str()); }
  // The access log's lines, once there are as many.
  std::vector<std::string> logged(std::size_t count) {
    std::vector<std::string> lines;
    EXPECT_TRUE(eventually([&] {
      lines.clear();
      std::ifstream in(path);
      for (std::string line; std::getline(in, line);) lines.push_back(line);
      return lines.size() >= count;
    }));
    lines.resize(std::max(lines.size(), count));
    return lines;
  }

  Target target;
  std::uint16_t port;
  std::string path;
  std::unique_ptr<Balancer> balancer;
  std::unique_ptr<H2Wire> client;
};

TEST(BalancerH2, CarriesRequestsToTargetsThatSpeakHttp11) {
  Rig rig(echo_all);
  Call& get = rig.client->ask("GET /a?b=c HTTP/1.1\r\nHost: Example.com\r\nX-Own: y\r\n\r\n");
  ASSERT_TRUE(rig.client->wait(get));
  EXPECT_EQ(get.status, 200);
  EXPECT_EQ(get.body.rfind("GET /a?b=c HTTP/1.1\r\n", 0), 0U) << get.body;
  EXPECT_NE(get.body.find("x-own: y\r\n"), std::string::npos) << get.body;
  EXPECT_NE(get.body.find("X-Forwarded-Proto: http\r\n"), std::string::npos) << get.body;
  EXPECT_EQ(get.body.find("ransfer-"), std::string::npos) << "no body is announced: " << get.body;
  EXPECT_EQ(get.code, h2::ErrorCode::kNone);

  Call& head = rig.client->ask("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n");
  ASSERT_TRUE(rig.client->wait(head));
  EXPECT_EQ(head.status, 200);
  EXPECT_NE(head.field("content-length"), "0");
  EXPECT_EQ(head.body, "");

  Call& with_length = rig.client->ask("POST /l HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", false);
  rig.client->push(with_length, "hello", true);
  Call& without = rig.client->ask("POST /w HTTP/1.1\r\nHost: a\r\n\r\n", false);
  rig.client->push(without, "hel", false);
  ASSERT_TRUE(rig.client->wait([&] { return without.taken == 3; }));
  rig.client->push(without, "lo", true);
  Call& empty = rig.client->ask("POST /e HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const Call* call : {&with_length, &without, &empty}) ASSERT_TRUE(rig.client->wait(*call));
  EXPECT_TRUE(with_length.body.ends_with("\r\n\r\nhello")) << with_length.body;
  EXPECT_NE(with_length.body.find("ontent-"), std::string::npos) << with_length.body;
  EXPECT_TRUE(without.body.ends_with("\r\n\r\nhello")) << without.body;
  EXPECT_NE(without.body.find("chunked\r\n"), std::string::npos) << without.body;
  EXPECT_TRUE(empty.body.ends_with("\r\n\r\n")) << empty.body;

  const auto lines = rig.logged(5);
  EXPECT_EQ(lines[0].rfind("h2 ", 0), 0U) << lines[0];
  EXPECT_NE(lines[0].find("\"GET http://Example.com:" + std::to_string(rig.port) + "/a?b=c HTTP/2.0\""),
            std::string::npos)
      << lines[0];
}

TEST(BalancerH2, PassesInterimAnswersAndOnesWithoutABody) {
  Rig rig([](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      if (request.head.find("/204") != std::string::npos) {
        wire.send("HTTP/1.1 204 No Content\r\n\r\n");
      } else if (request.head.find("/304") != std::string::npos) {
        wire.send("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n");
      } else if (request.head.find("/empty") != std::string::npos) {
        wire.send(response(200, ""));
      } else {
        wire.send(
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </y>\r\n\r\n" +
            response(200, "ok"));
      }
    }
  });
  Call& hints = rig.client->get("/hints");
  Call& none = rig.client->get("/204");
  Call& same = rig.client->get("/304");
  Call& empty = rig.client->get("/empty");
  Call& expecting = rig.client->ask("POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", false);
  ASSERT_TRUE(rig.client->wait([&] { return !expecting.interims.empty(); }));
  EXPECT_EQ(expecting.interims[0].substr(0, 13), "HTTP/1.1 100 ");
  rig.client->push(expecting, "x", true);
  for (const Call* call : {&hints, &none, &same, &empty, &expecting}) {
    ASSERT_TRUE(rig.client->wait(*call));
    EXPECT_EQ(call->code, h2::ErrorCode::kNone);
  }
  ASSERT_EQ(hints.interims.size(), 2U);
  EXPECT_NE(hints.interims[1].find("link: </y>"), std::string::npos);
  EXPECT_EQ(hints.body, "ok");
  EXPECT_EQ(none.status, 204);
  EXPECT_EQ(same.status, 304);
  EXPECT_EQ(empty.status, 200);
  EXPECT_EQ(expecting.body, "ok");
}

TEST(BalancerH2, PassesTrailersOfAnswersToClientsThatTakeThem) {
  Rig rig([](Wire& wire, int) {
    while (!wire.read_message().head.empty()) {
      wire.send(
          "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Grpc-Status\r\n\r\n3\r\nabc\r\n"
          "0\r\nGrpc-Status: 0\r\nContent-Length: 5\r\n\r\n");
    }
  });
  Call& takes = rig.client->ask("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n");
  Call& does_not = rig.client->get("/");
  ASSERT_TRUE(rig.client->wait(takes));
  ASSERT_TRUE(rig.client->wait(does_not));
  EXPECT_EQ(takes.body, "abc");
  EXPECT_EQ(takes.trailers, "grpc-status: 0\r\n");
  EXPECT_EQ(does_not.body, "abc");
  EXPECT_EQ(does_not.trailers, "");
}

TEST(BalancerH2, CarriesLargeBodiesBothWays) {
  Rig rig([](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      const bool chunked = request.head.find("/chunked") != std::string::npos;
      char size[32];
      std::snprintf(size, sizeof size, "%zx\r\n", request.body.size());
      wire.send(chunked ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + (size + request.body) +
                              "\r\n0\r\n\r\n"
                        : response(200, request.body));
    }
  });
  const std::string large = varied(kMany);
  std::vector<Call*> calls;
  for (const char* path : {"/plain", "/chunked"}) {
    calls.push_back(&rig.client->ask(
        "POST " + std::string(path) +
            " HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(large.size()) + "\r\n\r\n",
        false));
    rig.client->push(*calls.back(), large, true);
  }
  for (const Call* call : calls) {
    ASSERT_TRUE(rig.client->wait(*call));
    EXPECT_TRUE(call->ended);
    EXPECT_TRUE(call->body == large) << call->body.size();
  }
}

TEST(BalancerH2, AClientThatOpensNoWindowHoldsUpOnlyThatStreamAndNoMemory) {
  std::atomic<std::size_t> pushed{0};
  std::atomic<bool> blocked{false};
  Rig rig([&](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      if (request.head.find("/large") == std::string::npos) {
        wire.send(response(200, "small"));
        continue;
      }
      wire.send("HTTP/1.1 200 OK\r\nContent-Length: 268435456\r\n\r\n");
      const timeval limit{0, 300'000};
      ::setsockopt(wire.fd(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
      const std::string chunk(64 * 1024, 'x');
      while (::send(wire.fd(), chunk.data(), chunk.size(), MSG_NOSIGNAL) > 0) pushed += chunk.size();
      blocked = true;
      wire.ended();
      return;
    }
  });
  const long before = rig.balancer->resident_kilobytes();
  std::vector<Call*> held;
  for (int i = 0; i < 8; ++i) {
    held.push_back(&rig.client->get("/large"));
    held.back()->hold = true;
  }
  ASSERT_TRUE(rig.client->wait([&] { return blocked.load(); }));
  Call& small = rig.client->get("/small");
  ASSERT_TRUE(rig.client->wait(small));
  EXPECT_EQ(small.body, "small");
  for (const Call* call : held) EXPECT_LE(call->body.size(), h2::kStreamWindow);
  EXPECT_LT(pushed, 128U * 1024 * 1024) << "targets are held back";
  EXPECT_LT(rig.balancer->resident_kilobytes() - before, 8 * 1024) << "kilobytes";
}

TEST(BalancerH2, ATargetThatDoesNotReadHoldsUpOnlyThatUpload) {
  std::atomic<bool> connected{false}, go{false};
  Rig rig([&](Wire& wire, int connection) {
    connected = true;
    if (connection == 1) eventually([&] { return go.load(); });
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      wire.send(response(200, std::to_string(request.body.size())));
    }
  });
  const std::string large(kMany, 'x');
  Call& upload = rig.client->ask(
      "POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(large.size()) + "\r\n\r\n", false);
  rig.client->push(upload, large, true);
  ASSERT_TRUE(rig.client->wait([&] { return connected.load(); }));
  Call& small = rig.client->get("/small");
  ASSERT_TRUE(rig.client->wait(small));
  EXPECT_FALSE(upload.over());
  EXPECT_LT(upload.taken, large.size()) << "it was held back";
  go = true;
  ASSERT_TRUE(rig.client->wait(upload));
  EXPECT_EQ(upload.body, std::to_string(large.size()));
}

TEST(BalancerH2, AnAnswerThatBreaksOffIsNeverTakenForAWholeOne) {
  std::atomic<bool> arrived{false};
  Rig rig([&](Wire& wire, int) {
    const Message request = wire.read_message();
    if (request.head.find("/length") != std::string::npos)
      wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    if (request.head.find("/chunked") != std::string::npos)
      wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    if (request.head.find("/close") != std::string::npos) {
      wire.send("HTTP/1.1 200 OK\r\n\r\nabc");
      eventually([&] { return arrived.load(); });
      return wire.reset();
    }
  });
  for (const char* path : {"/length", "/chunked", "/close"}) {
    SCOPED_TRACE(path);
    arrived = false;
    Call& call = rig.client->get(path);
    ASSERT_TRUE(rig.client->wait([&] { return call.over() || call.body == "abc"; }));
    arrived = call.body == "abc";
    ASSERT_TRUE(rig.client->wait(call));
    EXPECT_FALSE(call.ended);
    EXPECT_EQ(call.code, h2::ErrorCode::kInternal);
  }
  Call& none = rig.client->get("/nothing");
  ASSERT_TRUE(rig.client->wait(none));
  EXPECT_EQ(none.status, 502);
  EXPECT_FALSE(rig.client->ended());
}

TEST(BalancerH2, AClientThatCancelsEndsItsRequestAtTheTargetAndIsLogged) {
  std::atomic<int> asked{0}, gone{0};
  Rig rig([&](Wire& wire, int) {
    const Message request = wire.read_message();
    if (request.head.empty()) return;
    if (request.head.find("/after") != std::string::npos)
      wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    ++asked;
    if (wire.ended()) ++gone;
  });
  Call& before = rig.client->get("/before");
  Call& after = rig.client->get("/after");
  ASSERT_TRUE(rig.client->wait([&] { return asked == 2 && after.body == "abc"; }));
  rig.client->cancel(before);
  rig.client->cancel(after);
  ASSERT_TRUE(rig.client->wait([&] { return gone == 2; }));
  for (const std::string& line : rig.logged(2)) {
    EXPECT_TRUE(line.ends_with(" client client_closed \"-\"")) << line;
    EXPECT_NE(line.find(line.find("/before") != std::string::npos ? " 460 - " : " 200 200 "),
              std::string::npos)
        << line;
  }
  Call& next = rig.client->get("/after");
  ASSERT_TRUE(rig.client->wait([&] { return next.body == "abc"; })) << "the connection goes on";
}

TEST(BalancerH2, AnAnswerBeforeTheUploadEndedIsNotLost) {
  Rig rig([](Wire& wire, int) {
    wire.read_exactly(1'000);
    wire.send("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 6\r\n\r\nenough");
    wire.read_to_end();
  });
  for (int i = 0; i < 20; ++i) {
    Call& upload = rig.client->ask("POST /up HTTP/1.1\r\nHost: a\r\n\r\n", false);
    rig.client->push(upload, std::string(300'000, 'x'), true);
    ASSERT_TRUE(rig.client->wait([&] { return upload.closed; }));
    EXPECT_EQ(upload.status, 413);
    EXPECT_EQ(upload.body, "enough");
    EXPECT_TRUE(upload.ended);
    EXPECT_EQ(upload.code, h2::ErrorCode::kNone);
    EXPECT_EQ(upload.taken, 300'000U) << "a client that is reset within its upload takes that for a failure";
  }
  EXPECT_FALSE(rig.client->told_to_go()) << "all on one connection";
}

// The balancer's own answer to whatever is asked.
ConfigOptions refuses_all() {
  ConfigOptions options;
  options.listener_options = "\"maintenance\": {\"body\": \"closed\"}";
  return options;
}

TEST(BalancerH2, AnOwnAnswerBeforeTheBodyHasEndedLetsASmallBodyEnd) {
  Rig rig(echo_all, refuses_all());
  RawH2 raw(rig.port);
  const h2::Fields post = {{":method", "POST"}, {":scheme", "http"}, {":path", "/"}, {":authority", "a"}};
  raw.send(h2::frame(h2::kHeadersFrame, h2::kEndHeadersFlag, 1, h2::block(post)) +
           h2::frame(h2::kDataFrame, 0, 1, "some"));
  const h2::Frame last = raw.until(h2::kDataFrame, 1);
  EXPECT_EQ(last.payload, "closed");
  EXPECT_NE(last.flags & h2::kEndStreamFlag, 0) << "the answer does not wait for the body";
  raw.send(h2::frame(h2::kDataFrame, h2::kEndStreamFlag, 1, "more") +
           h2::frame(h2::kPingFrame, 0, 0, "12345678"));
  ASSERT_EQ(raw.until(h2::kPingFrame, 0).flags, h2::kAckFlag);
  for (const h2::Frame& one : raw.seen) EXPECT_NE(one.type, h2::kResetFrame);
}

TEST(BalancerH2, ABodyThatNobodyReadsIsCutOffWhereItGetsLongOrStops) {
  Rig rig(echo_all, refuses_all());
  Call& upload = rig.client->ask("POST /up HTTP/1.1\r\nHost: a\r\n\r\n", false);
  rig.client->push(upload, std::string(kMany, 'x'), true);
  Call& stops = rig.client->ask("POST /up HTTP/1.1\r\nHost: a\r\n\r\n", false);
  rig.client->push(stops, "some", false);
  ASSERT_TRUE(rig.client->wait([&] { return upload.closed && stops.closed; }));
  for (const Call* call : {&upload, &stops}) {
    EXPECT_EQ(call->status, 503);
    EXPECT_EQ(call->body, "closed");
    EXPECT_TRUE(call->ended);
    EXPECT_EQ(call->code, h2::ErrorCode::kNone);
  }
  EXPECT_GE(upload.taken, 1024U * 1024);
  EXPECT_LT(upload.taken, 2U * 1024 * 1024);
  EXPECT_FALSE(rig.client->told_to_go());
}

TEST(BalancerH2, DrainsBySayingGoawayAndEndingWhatIsOpen) {
  std::atomic<bool> asked{false}, go{false};
  Rig rig([&](Wire& wire, int) {
    wire.read_message();
    asked = true;
    eventually([&] { return go.load(); });
    wire.send(response(200, "late"));
  });
  Call& open = rig.client->get("/");
  ASSERT_TRUE(rig.client->wait([&] { return asked.load(); }));
  auto idle = H2Wire::connect(rig.port);
  ASSERT_TRUE(idle->wait([&] { return idle->session().peer_max_streams() == h2::kMaxStreams; }));
  rig.balancer->signal(SIGTERM);
  ASSERT_TRUE(rig.client->wait([&] { return rig.client->told_to_go(); }));
  ASSERT_FALSE(idle->wait([] { return false; }));
  EXPECT_TRUE(idle->told_to_go());
  EXPECT_FALSE(open.over());
  go = true;
  ASSERT_TRUE(rig.client->wait(open));
  EXPECT_EQ(open.body, "late");
  EXPECT_FALSE(rig.client->wait([] { return false; }));
  EXPECT_TRUE(rig.client->ended());
  EXPECT_EQ(rig.balancer->wait_exit(), 0);
}

TEST(BalancerH2, KeepsItsConnectionsAndStreamsWhenTheConfigurationChanges) {
  std::atomic<bool> asked{false}, go{false};
  Rig rig([&](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      if (request.head.find("/slow") != std::string::npos) {
        asked = true;
        eventually([&] { return go.load(); });
      }
      wire.send(response(200, "old"));
    }
  });
  Target other([](Wire& wire, int) {
    while (!wire.read_message().head.empty()) wire.send(response(200, "new"));
  });
  Call& open = rig.client->get("/slow");
  ASSERT_TRUE(rig.client->wait([&] { return asked.load(); }));
  std::string changed =
      config_json(rig.port, {{other.port(), ""}, {rig.target.port(), ", \"state\": \"draining\""}});
  changed.replace(changed.find("\"version\": 1"), 12, "\"version\": 2");
  rig.balancer->write_config(changed);
  ASSERT_TRUE(rig.balancer->wait_for_version(2));
  Call& next = rig.client->get("/next");
  ASSERT_TRUE(rig.client->wait(next));
  EXPECT_EQ(next.body, "new");
  go = true;
  ASSERT_TRUE(rig.client->wait(open));
  EXPECT_EQ(open.body, "old") << "a target that is deregistered ends what it has";
  EXPECT_FALSE(rig.client->told_to_go());
}

TEST(BalancerH2, EndsAConnectionThatIsIdleWithGoawayAlthoughItPings) {
  ConfigOptions options;
  options.listener_options = "\"idle_timeout_ms\": 300";
  Rig rig(echo_all, options);
  Call& first = rig.client->get("/");
  ASSERT_TRUE(rig.client->wait(first));
  ASSERT_FALSE(rig.client->wait([] { return false; }));
  EXPECT_TRUE(rig.client->told_to_go());
  EXPECT_TRUE(rig.client->ended());

  RawH2 pinging(rig.port);
  bool told = false;
  for (int i = 0; i < 400 && !told; ++i) {
    if (!pinging.send(h2::frame(h2::kPingFrame, 0, 0, "12345678"))) break;
    const h2::Frame came = pinging.until([](const h2::Frame& one) {
      return one.type == h2::kGoawayFrame || (one.type == h2::kPingFrame && one.flags == h2::kAckFlag);
    });
    told = came.type != h2::kPingFrame;
    ::usleep(10'000);
  }
  EXPECT_TRUE(told);
}

TEST(BalancerH2, EndsAConnectionWhoseClientReadsNothingThoughNoStreamIsOpen) {
  ConfigOptions options;
  options.listener_options = "\"idle_timeout_ms\": 200";
  Rig rig(
      [](Wire& wire, int) {
        wire.read_message();
        wire.send(response(200, std::string(8 << 20, 'x')));
      },
      options);
  RawH2 client(rig.port);
  const std::string wide = h2::frame(h2::kSettingsFrame, 0, 0, no_limit());
  ASSERT_TRUE(client.send(wide + h2::frame(h2::kWindowFrame, 0, 0, h2::number32(0x7fff0000 - 65'535)) +
                          h2::request(1)));
  EXPECT_TRUE(eventually([&] { return rig.balancer->metric("berth_lb_client_connections_active") == 1; }));
  EXPECT_TRUE(eventually([&] { return rig.balancer->metric("berth_lb_client_connections_active") == 0; }));
}

TEST(BalancerH2, SaysGoawayAfterTenThousandRequestsAndLosesNone) {
  ConfigOptions options;
  options.rules =
      "[{\"priority\": 1, \"conditions\": [{\"field\": \"path-pattern\", \"values\": [\"/fixed\"]}], "
      "\"action\": "
      "{\"type\": \"fixed-response\", \"fixed_response\": {\"status\": 200, \"content_type\": "
      "\"text/plain\", "
      "\"body\": \"fixed\"}}}]";
  Rig rig(echo_all, options);
  int asked = 0, answered = 0, again = 0;
  while (!rig.client->told_to_go()) {
    ASSERT_LE(asked, 10'100);
    std::vector<Call*> calls;
    for (int i = 0; i < 100; ++i) calls.push_back(&rig.client->get("/fixed"));
    asked += 100;
    for (const Call* call : calls) {
      ASSERT_TRUE(rig.client->wait([&] { return call->closed || call->id == 0; }));
      answered += call->ended && call->body == "fixed" ? 1 : 0;
      again += call->id == 0 || call->code == h2::ErrorCode::kRefused ? 1 : 0;
    }
  }
  EXPECT_GE(answered, 10'000) << "and those that had crossed it";
  EXPECT_EQ(answered + again, asked) << "each is answered, or known not to have been served";
  EXPECT_FALSE(rig.client->wait([] { return false; }));
  EXPECT_TRUE(rig.client->ended());
}

TEST(BalancerH2, ServesAHundredStreamsOfAllKindsAtATime) {
  Rig rig(echo_all);
  for (int round = 0; round < 5; ++round) {
    std::vector<Call*> calls;
    for (int i = 0; i < 100; ++i) {
      const std::string path = "/" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
      if (i % 3 == 0) {
        calls.push_back(&rig.client->ask("GET " + path));
      } else if (i % 3 == 1) {
        calls.push_back(&rig.client->ask("HEAD " + path));
      } else {
        calls.push_back(&rig.client->ask("POST " + path, false));
        rig.client->push(*calls.back(), varied(static_cast<std::size_t>(i) * 1'000), true);
      }
    }
    for (int i = 0; i < 100; ++i) {
      const Call& call = *calls[static_cast<std::size_t>(i)];
      ASSERT_TRUE(rig.client->wait(call)) << i;
      EXPECT_EQ(call.status, 200);
      EXPECT_EQ(call.code, h2::ErrorCode::kNone);
      if (i % 3 == 1) continue;
      const std::string sent = i % 3 == 2 ? varied(static_cast<std::size_t>(i) * 1'000) : std::string();
      EXPECT_NE(call.body.find("/" + std::to_string(i) + " HTTP/1.1"), std::string::npos);
      EXPECT_TRUE(call.body.ends_with(sent));
    }
  }
  EXPECT_EQ(rig.balancer->metric("berth_lb_client_connections_total"), 1U);
}

TEST(BalancerH2, ReadsOnFromAClientThatHadStoppedReading) {
  Rig rig([](Wire& wire, int) {
    for (;;) {
      const Message request = wire.read_message();
      if (request.head.empty()) return;
      wire.send(
          response(200, std::string(request.head.find("/last") != std::string::npos ? 4 : 1 << 20, 'x')));
    }
  });
  RawH2 client(rig.port);
  std::string asks = h2::frame(h2::kSettingsFrame, 0, 0, no_limit()) +
                     h2::frame(h2::kWindowFrame, 0, 0, h2::number32(0x7fff0000 - 65'535));
  for (std::int32_t i = 0; i < 16; ++i) asks += h2::request(2 * i + 1);
  ASSERT_TRUE(client.send(asks));
  // Its buffers are full, and ours: then it asks for more, and reads only afterwards.
  ASSERT_TRUE(eventually([&] { return rig.balancer->metric("berth_lb_requests_total") == 16; }));
  h2::Fields last = h2::get_fields();
  last[2].second = "/last";
  ASSERT_TRUE(client.send(h2::request(101, last)));
  const h2::Frame end =
      client.until([](const h2::Frame& one) { return one.stream == 101 && one.type == h2::kDataFrame; });
  EXPECT_EQ(end.payload, "xxxx");
}

TEST(BalancerH2, TakesThePrefaceInPieces) {
  Rig rig(echo_all);
  Wire client = Wire::connect(rig.port);
  for (const char byte : h2::hello() + h2::request(1)) {
    ASSERT_TRUE(client.send(std::string(1, byte)));
    rig.balancer->admin("/readyz");  // it has time to look at that byte alone
  }
  std::string got;
  while (got.find("GET / HTTP/1.1") == std::string::npos) {
    const std::string byte = client.read_exactly(1);
    ASSERT_EQ(byte.size(), 1U) << got;
    got += byte;
  }
}

TEST(BalancerH2, CarriesAWebsocketBothWaysAndEndsEachSideByItself) {
  Rig rig([](Wire& wire, int) {
    const Message request = wire.read_message();
    const std::string key = request.field("Sec-WebSocket-Key");
    if (request.field("Upgrade") != "websocket" || key.size() != 24) return;
    wire.send(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: chat\r\n\r\nhello");
    if (wire.read_exactly(4) != "ping") return;
    wire.send("pong");
    if (request.head.find("/target") != std::string::npos) {  // ends first, and still reads
      wire.shut_write();
      wire.read_exactly(4);
      return;
    }
    wire.read_to_end();  // the client's end came
    wire.send("last");
  });
  for (const char* path : {"/client", "/target"}) {
    SCOPED_TRACE(path);
    RawH2 client(rig.port);
    h2::Fields fields = h2::get_fields({{":protocol", "websocket"}, {"sec-websocket-version", "13"}});
    fields[0].second = "CONNECT";
    fields[2].second = path;
    ASSERT_TRUE(client.send(h2::request(1, fields, false)));
    const h2::Frame head = client.until(h2::kHeadersFrame, 1);
    ASSERT_EQ(head.payload.substr(0, 1), "\x88") << ":status 200";
    EXPECT_EQ(client.until(h2::kDataFrame, 1).payload, "hello");
    ASSERT_TRUE(client.send(h2::frame(h2::kDataFrame, 0, 1, "ping")));
    EXPECT_EQ(client.until(h2::kDataFrame, 1).payload, "pong");
    const auto ends = [](const h2::Frame& one) {
      return one.stream == 1 && (one.type == h2::kResetFrame || (one.flags & h2::kEndStreamFlag) != 0);
    };
    if (std::string(path) == "/client") {
      ASSERT_TRUE(client.send(h2::frame(h2::kDataFrame, h2::kEndStreamFlag, 1, "")));
      EXPECT_EQ(client.until(h2::kDataFrame, 1).payload, "last");
      EXPECT_EQ(client.until(ends).type, h2::kDataFrame);
    } else {
      EXPECT_EQ(client.until(ends).type, h2::kDataFrame);
      ASSERT_TRUE(client.send(h2::frame(h2::kDataFrame, 0, 1, "more") +
                              h2::frame(h2::kDataFrame, h2::kEndStreamFlag, 1, "")));
    }
    ASSERT_TRUE(client.send(h2::frame(h2::kPingFrame, 0, 0, "12345678")));
    EXPECT_EQ(client.until(h2::kPingFrame, 0).type, h2::kPingFrame);
    for (const h2::Frame& one : client.seen) EXPECT_NE(one.type, h2::kResetFrame) << one.code();
  }
}

TEST(BalancerH2, RefusesTunnelsThatItDoesNotKnow) {
  Rig rig(echo_all);
  RawH2 client(rig.port);
  h2::Fields fields = h2::get_fields({{":protocol", "connect-udp"}});
  fields[0].second = "CONNECT";
  ASSERT_TRUE(client.send(h2::request(1, fields, false) +
                          h2::request(3, {{":method", "CONNECT"}, {":authority", "a:80"}}, false)));
  EXPECT_EQ(client.until(h2::kResetFrame, 1).code(), 1U);
  EXPECT_NE(client.until(h2::kHeadersFrame, 3).payload.substr(0, 1), "\x88") << "not :status 200";
  EXPECT_TRUE(rig.target.connections() == 0) << "no target was asked";
}

// Requests that need more connections to targets than there are descriptors for.
TEST(BalancerH2, IdleClientsMakeRoomWhenDescriptorsRunOut) {
  constexpr int kDescriptors = 200;
  constexpr std::size_t kIdle = 75;
  constexpr std::size_t kOpen = 110;
  std::atomic<std::size_t> arrived{0};
  std::atomic<bool> answers{true};
  Target target([&](Wire& wire, int) {
    while (!wire.read_message().head.empty()) {
      ++arrived;
      eventually([&] { return answers.load(); });
      if (!wire.send(response(200, "x"))) return;
    }
  });
  const auto port = free_port();
  auto balancer =
      Balancer::with_config(config_json(port, {{target.port(), ""}}), {"--workers", "1"}, kDescriptors);
  std::vector<std::unique_ptr<H2Wire>> idle;
  for (std::size_t i = 0; i < kIdle; ++i) {
    idle.push_back(H2Wire::connect(port));
    Call& call = idle.back()->get("/");
    ASSERT_TRUE(idle.back()->wait(call)) << i;
    ASSERT_EQ(call.status, 200) << i;
  }
  answers = false;
  arrived = 0;
  auto busy = H2Wire::connect(port);
  std::vector<Call*> calls;
  for (std::size_t i = 0; i < kOpen; ++i) calls.push_back(&busy->get("/"));
  const auto turned_away = [&] {
    return std::count_if(calls.begin(), calls.end(), [](Call* call) { return call->over(); });
  };
  EXPECT_TRUE(busy->wait([&] { return arrived + static_cast<std::size_t>(turned_away()) == kOpen; }));
  EXPECT_EQ(turned_away(), 0);
  answers = true;
  for (Call* call : calls) {
    EXPECT_TRUE(busy->wait(*call));
    EXPECT_EQ(call->status, 200);
  }
  std::size_t gone = 0;
  for (auto& one : idle) {
    if (Call& call = one->get("/"); one->wait(call) && call.status == 200) continue;
    EXPECT_TRUE(one->told_to_go());
    ++gone;
  }
  EXPECT_GT(gone, 0U);
  EXPECT_LT(gone, kIdle);
}

TEST(BalancerH2, EndsTheConnectionsOfAttackersAndServesTheOthers) {
  Rig rig(echo_all);
  struct Row {
    const char* name;
    std::function<std::string(int)> next;
  };
  for (const Row& row : std::vector<Row>{
           {"PING", [](int) { return h2::frame(h2::kPingFrame, 0, 0, "12345678"); }},
           {"rapid reset",
            [](int i) {
              return h2::request(2 * i + 1) + h2::frame(h2::kResetFrame, 0, 2 * i + 1, h2::number32(8));
            }},
           {"made you reset",
            [](int i) {
              return h2::request(2 * i + 1) +
                     h2::frame(h2::kWindowFrame, 0, 2 * i + 1, h2::number32(0x7fffffff));
            }},
           {"CONTINUATION",
            [](int i) {
              return h2::frame(i == 0 ? h2::kHeadersFrame : h2::kContinuationFrame, 0, 1,
                               h2::block({{"x" + std::to_string(i), "y"}}));
            }},
       }) {
    SCOPED_TRACE(row.name);
    RawH2 attacker(rig.port);
    std::string bytes;
    for (int i = 0; i < 5'000; ++i) bytes += row.next(i);
    attacker.send(bytes);
    EXPECT_EQ(attacker.until(h2::kGoawayFrame, 0).code(), 11U) << "ENHANCE_YOUR_CALM";
    EXPECT_EQ(attacker.until([](const h2::Frame&) { return false; }).type, 255);
    EXPECT_TRUE(attacker.ended);
    Call& other = rig.client->get("/other");
    ASSERT_TRUE(rig.client->wait(other));
    EXPECT_EQ(other.status, 200);
  }
  EXPECT_TRUE(eventually([&] { return rig.balancer->metric("berth_lb_requests_in_flight") == 0; }));
}

// Runs a real client; nullopt: it is not installed.
std::optional<std::string> output_of(const std::string& program, const std::string& arguments) {
  if (std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) != 0) return std::nullopt;
  std::string out;
  FILE* pipe = ::popen((program + " " + arguments + " 2>&1").c_str(), "r");
  char chunk[4096];
  while (const std::size_t n = std::fread(chunk, 1, sizeof chunk, pipe)) out.append(chunk, n);
  ::pclose(pipe);
  return out;
}

TEST(BalancerH2, ServesCurl) {
  Rig rig(echo_all);
  const std::string url = "http://127.0.0.1:" + std::to_string(rig.port);
  const std::string arguments =
      "-s --max-time 20 --http2-prior-knowledge -w '|%{http_version}|%{response_code}' ";
  const auto post = output_of("curl", arguments + "--data-binary hello " + url + "/a");
  const auto get = output_of("curl", arguments + url + "/b");
  if (!post) GTEST_SKIP() << "curl is not installed (scripts/packages test)";
  EXPECT_NE(post->find("POST /a HTTP/1.1"), std::string::npos) << *post;
  EXPECT_NE(post->find("hello|2|200"), std::string::npos) << *post;
  EXPECT_NE(get->find("GET /b HTTP/1.1"), std::string::npos) << *get;
  EXPECT_NE(get->find("|2|200"), std::string::npos) << *get;
}

TEST(BalancerH2, AnOwnAnswerToAnUploadIsNoFailureForCurl) {
  Rig rig(echo_all, refuses_all());
  const std::string url = "http://127.0.0.1:" + std::to_string(rig.port) + "/up";
  const std::string file = rig.path + ".body";
  for (const char* version : {"--http1.1", "--http2-prior-knowledge"}) {
    for (const std::size_t size : {5U, 300'000U, 20'000'000U}) {
      std::ofstream(file) << std::string(size, 'x');
      const auto said =
          output_of("curl", std::string("-s --max-time 20 -H Expect: -o /dev/null -w '%{http_code} "
                                        "%{exitcode} %{errormsg}' --data-binary @") +
                                file + " " + version + " " + url);
      if (!said) GTEST_SKIP() << "curl is not installed (scripts/packages test)";
      EXPECT_EQ(*said, "503 0 ") << version << ", " << size << " bytes";
    }
  }
  std::remove(file.c_str());
}

TEST(BalancerH2, ServesH2loadWithoutAFailure) {
  Rig rig(echo_all);
  const auto got = output_of(
      "timeout", "60 h2load -n 20000 -c 10 -m 50 http://127.0.0.1:" + std::to_string(rig.port) + "/load");
  if (!output_of("h2load", "--version")) GTEST_SKIP() << "h2load is not installed (scripts/packages test)";
  EXPECT_NE(got->find("20000 succeeded, 0 failed, 0 errored"), std::string::npos) << *got;
}

}  // namespace
}  // namespace balancer::test
