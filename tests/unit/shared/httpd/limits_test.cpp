// What a server does that has as many connections or websockets as it may have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "shared/base/descriptor_limit.h"
#include "shared/httpd/server.h"
#include "tests/unit/shared/httpd/raw_peer.h"

namespace shared::httpd {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kCall = "GET /call HTTP/1.1\r\nHost: x\r\n\r\n";
constexpr std::string_view kServed = "HTTP/1.1 200 OK\r\n";
constexpr std::string_view kFull = "HTTP/1.1 503 Service Unavailable\r\n";
constexpr std::string_view kDial =
    "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
constexpr std::string_view kOpened = "HTTP/1.1 101 ";

struct Crowd {
  IoLoop loop;
  std::size_t opened = 0;
  std::size_t closed = 0;
  std::unique_ptr<Server> server;
  std::vector<std::unique_ptr<RawPeer>> peers;  // all that came, unless a test drops them

  explicit Crowd(const ServerLimits& limits, Server::Refuser refuser = nullptr) {
    server = *Server::listen(
        loop, {.address = "127.0.0.1"}, limits,
        [](http::Request request, Reply reply) {
          reply.send(http::make_response(200, "text/plain", request.target + " " + request.body));
        },
        [this](const http::Request&) {
          return WebSocketHandlers{.on_open = [this](std::shared_ptr<WebSocket>) { ++opened; },
                                   .on_text = [](std::string) {},
                                   .on_close = [this](Error) { ++closed; }};
        },
        std::move(refuser));
  }

  RawPeer& come() { return *peers.emplace_back(std::make_unique<RawPeer>(loop, server->endpoint())); }
  RawPeer& come_with(std::string_view bytes) {
    RawPeer& peer = come();
    peer.send(bytes);
    return peer;
  }
  // One that holds the only connection that `max_connections` = 1 allows.
  RawPeer& hold() {
    RawPeer& holder = come_with(kCall);
    EXPECT_TRUE(holder.wait_for("/call"));
    return holder;
  }
  // Until the server has seen what was done before.
  void turn() {
    for (int i = 0; i < 3; ++i) {
      bool turned = false;
      loop.post([&] { turned = true; });
      ASSERT_TRUE(loop.run_until([&] { return turned; }, kPatience));
    }
  }
};

void expect_told_to_come_back(RawPeer& peer) {
  EXPECT_TRUE(peer.wait_for_close());
  EXPECT_FALSE(peer.was_reset()) << "a reset can destroy the answer on its way";
  EXPECT_THAT(peer.received(), StartsWith(std::string(kFull)));
  EXPECT_THAT(peer.received(), HasSubstr("\r\nRetry-After: 5\r\n"));
  EXPECT_THAT(peer.received(), HasSubstr("\r\nConnection: close\r\n"));
}

TEST(ServerLimits, WebSocketsDoNotCountAsConnections) {
  Crowd crowd({.max_connections = 1});
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(crowd.come_with(kDial).wait_for(kOpened));
  EXPECT_TRUE(crowd.come_with(kCall).wait_for(kServed));
  EXPECT_EQ(crowd.opened, 5U);
}

TEST(ServerLimits, AWebSocketBeyondTheLimitIsToldToComeBackAndTakenOnceAnotherHasGone) {
  Crowd crowd({.max_websockets = 2});
  RawPeer& first = crowd.come_with(kDial);
  ASSERT_TRUE(first.wait_for(kOpened));
  ASSERT_TRUE(crowd.come_with(kDial).wait_for(kOpened));
  expect_told_to_come_back(crowd.come_with(kDial));
  EXPECT_TRUE(crowd.come_with(kCall).wait_for(kServed)) << "calls are answered all the same";
  first.close();
  ASSERT_TRUE(crowd.loop.run_until([&] { return crowd.closed == 1; }, kPatience));
  EXPECT_TRUE(crowd.come_with(kDial).wait_for(kOpened));
}

TEST(ServerLimits, AWebSocketIsTakenAlthoughTheConnectionsAreFull) {
  Crowd crowd({.max_connections = 1});
  crowd.hold();
  EXPECT_TRUE(crowd.come_with(kDial).wait_for(kOpened));
  expect_told_to_come_back(crowd.come_with(kCall));
}

TEST(ServerLimits, AnOldClientsUpgradeIsACallAndHasNoWayAroundTheLimit) {
  Crowd crowd({.max_connections = 1});
  crowd.hold();
  std::string dial(kDial);
  dial.replace(dial.find("HTTP/1.1"), 8, "HTTP/1.0");
  expect_told_to_come_back(crowd.come_with(dial));
}

TEST(ServerLimits, AnIdleConnectionBeyondTheLimitIsAnsweredAfterItsShortTime) {
  Crowd crowd({.max_connections = 1, .unseated_timeout = Millis(30)});
  RawPeer& holder = crowd.hold();
  RawPeer& silent = crowd.come();
  RawPeer& slow = crowd.come_with("POST /ca");
  expect_told_to_come_back(silent);
  expect_told_to_come_back(slow);
  EXPECT_FALSE(holder.closed());
}

TEST(ServerLimits, AConnectionBeyondTheLimitIsAUsualOneOnceAnotherHasGone) {
  Crowd crowd({.max_connections = 1, .unseated_timeout = Millis(300)});
  RawPeer& holder = crowd.hold();
  RawPeer& next = crowd.come();
  crowd.turn();
  holder.close();
  crowd.turn();
  next.send("POST /slowly HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n");
  bool over = false;
  const auto timer = crowd.loop.after(Millis(400), [&] { over = true; });
  ASSERT_TRUE(crowd.loop.run_until([&] { return over; }, kPatience));
  next.send("body");
  ASSERT_TRUE(next.wait_for("/slowly body")) << next.received();
  next.take();
  next.send(kCall);
  EXPECT_TRUE(next.wait_for("/call ")) << "it stays open";
  expect_told_to_come_back(crowd.come_with(kCall));
}

TEST(ServerLimits, AFloodGetsItsAnswersAndTheServerIsWellAfterwards) {
  Crowd crowd({.max_connections = 1});
  RawPeer& holder = crowd.hold();
  for (std::size_t i = 0; i < kMaxUnseated; ++i) crowd.come();
  crowd.turn();
  for (int i = 0; i < 100; ++i) {
    RawPeer& silent = crowd.come();
    RawPeer& calling = crowd.come_with(kCall);
    expect_told_to_come_back(silent);
    expect_told_to_come_back(calling);
    ASSERT_FALSE(HasFailure());
    crowd.peers.pop_back();
    crowd.peers.pop_back();
  }
  holder.take();
  holder.send(kCall);
  EXPECT_TRUE(holder.wait_for("/call ")) << "who was let in is served";
  crowd.peers.erase(crowd.peers.begin() + 1, crowd.peers.end());
  crowd.turn();
  EXPECT_TRUE(crowd.come_with(kDial).wait_for(kOpened)) << "there is room for websockets again";
}

TEST(ServerLimits, TheRefuserWordsWhatIsBeyondThem) {
  std::vector<std::string> said;
  Crowd crowd({.max_connections = 1, .max_websockets = 0},
              [&](int status, const std::string& text, const http::Request& head) {
                said.push_back(std::to_string(status) + " " + head.target + " " + text);
                return http::make_response(status, "text/plain", "words");
              });
  crowd.hold();
  for (const std::string_view bytes : {kCall, kDial}) {
    RawPeer& peer = crowd.come_with(bytes);
    expect_told_to_come_back(peer);
    EXPECT_THAT(peer.received(), EndsWith("words"));
  }
  EXPECT_THAT(said, ::testing::ElementsAre("503 /call There are too many connections; try again in a moment.",
                                           "503 /ws There are too many websockets; try again in a moment."));
}

TEST(ServerLimits, TheServerMayBeDestroyedWhileItRefuses) {
  enum class At { kHead, kDeadline, kUnheard, kWebSocket };
  for (const At at : {At::kHead, At::kDeadline, At::kUnheard, At::kWebSocket}) {
    SCOPED_TRACE(static_cast<int>(at));
    Crowd* here = nullptr;
    Crowd crowd({.max_connections = 1,
                 .max_websockets = 0,
                 .unseated_timeout = Millis(at == At::kDeadline ? 20 : 5'000)},
                [&](int status, const std::string&, const http::Request&) {
                  here->server.reset();
                  return http::make_response(status, "text/plain", "gone");
                });
    here = &crowd;
    RawPeer& holder = crowd.hold();
    if (at == At::kUnheard) {
      for (std::size_t i = 0; i < kMaxUnseated; ++i) crowd.come();
      crowd.turn();
    }
    RawPeer& refused = at == At::kHead        ? crowd.come_with(kCall)
                       : at == At::kWebSocket ? crowd.come_with(kDial)
                                              : crowd.come();
    EXPECT_TRUE(refused.wait_for_close());
    EXPECT_TRUE(holder.wait_for_close());
    EXPECT_EQ(crowd.server, nullptr);
  }
}

TEST(ServerLimits, TheServerMayBeDestroyedWhileConnectionsWaitForTheir503OrHaveJustGotIt) {
  Crowd crowd({.max_connections = 1});
  crowd.hold();
  RawPeer& silent = crowd.come();
  RawPeer& half = crowd.come_with("GET / HT");
  RawPeer& told = crowd.come_with(kCall);  // the server still reads on after its last answer
  ASSERT_TRUE(told.wait_for(kFull));
  crowd.come_with(kCall);
  crowd.server.reset();
  EXPECT_TRUE(silent.wait_for_close());
  EXPECT_TRUE(half.wait_for_close());
  EXPECT_TRUE(told.wait_for_close());
  EXPECT_TRUE(crowd.peers.back()->wait_for_close());
}

TEST(ServerLimits, CallsAreAnsweredBesideThreeThousandWebSockets) {
  constexpr std::size_t kWebSockets = 3'000;
  constexpr std::size_t kAtOnce = 100;
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  if (raise_descriptor_limit() < 2 * kWebSockets + 100)
    GTEST_SKIP() << "the hard limit of descriptors is lower";
  {
    Crowd crowd({});
    while (crowd.peers.size() < kWebSockets) {
      for (std::size_t i = 0; i < kAtOnce; ++i) crowd.come_with(kDial);
      ASSERT_TRUE(crowd.loop.run_until([&] { return crowd.opened == crowd.peers.size(); }, kPatience));
      RawPeer call(crowd.loop, crowd.server->endpoint());
      call.send(kCall);
      ASSERT_TRUE(call.wait_for(kServed)) << crowd.opened;
    }
    EXPECT_EQ(crowd.closed, 0U);
    for (std::size_t i = 0; i < kWebSockets / 2; ++i) crowd.peers[i]->close();
    ASSERT_TRUE(crowd.loop.run_until([&] { return crowd.closed == kWebSockets / 2; }, kPatience));
    EXPECT_TRUE(crowd.come_with(kCall).wait_for(kServed));
  }
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
}

TEST(DescriptorLimit, IsRaisedToTheHardLimitAndToldAsItIsInForce) {
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  rlimit low = usual;
  low.rlim_cur = 256;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const rlim_t told = raise_descriptor_limit();
  rlimit now{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
  EXPECT_EQ(told, now.rlim_cur);
  EXPECT_EQ(now.rlim_cur, std::min(usual.rlim_max, kWantedDescriptors));
  EXPECT_EQ(now.rlim_max, usual.rlim_max);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
}

}  // namespace
}  // namespace shared::httpd
