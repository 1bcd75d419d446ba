#include "shared/httpd/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <vector>

#include "tests/unit/shared/httpd/raw_peer.h"

namespace shared::httpd {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const net::Endpoint kAnyPort{.address = "127.0.0.1"};

Server::Handler echo() {
  return [](http::Request request, Reply reply) {
    reply.send(
        http::make_response(200, "text/plain", request.method + " " + request.target + " " + request.body));
  };
}

std::unique_ptr<Server> serve(IoLoop& loop, Server::Handler handler, ServerLimits limits = {}) {
  auto server = Server::listen(loop, kAnyPort, limits, std::move(handler));
  EXPECT_TRUE(server);
  return std::move(*server);
}

// Counts the answers in what a peer has received.
std::size_t count(const std::string& text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(Server, AnswersWithLengthAndDateAndKeepsTheConnection) {
  IoLoop loop;
  const auto server = serve(loop, echo());
  RawPeer peer(loop, server->endpoint());
  for (int i = 0; i < 3; ++i) {
    peer.send("POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    ASSERT_TRUE(peer.wait_for("POST /a?b=c hello"));
    const std::string answer = peer.take();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nContent-Length: 17\r\n"));
    EXPECT_THAT(answer, HasSubstr("\r\nDate: "));
    EXPECT_THAT(answer, Not(HasSubstr("Connection:")));
  }
}

TEST(Server, TellsWhoIsAskingAndWhatWasAsked) {
  IoLoop loop;
  std::optional<http::Request> seen;
  const auto server = serve(loop, [&](http::Request request, Reply reply) {
    seen = std::move(request);
    reply.send(http::make_response(204, "text/plain", ""));
  });
  RawPeer peer(loop, server->endpoint());
  peer.send("DELETE /x%20y?z=%2F HTTP/1.1\r\nHost: api\r\nX-Amz-Date: now\r\nx-amz-date:  again \r\n\r\n");
  ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
  EXPECT_THAT(peer.received(), StartsWith("HTTP/1.1 204 No Content\r\n"));
  EXPECT_THAT(peer.received(), Not(HasSubstr("Content-Length")));
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->target, "/x%20y?z=%2F");
  EXPECT_EQ(seen->headers.count("X-Amz-Date"), 2U);
  EXPECT_EQ(seen->headers.fields().back().second, "again");
  EXPECT_EQ(seen->peer.address, "127.0.0.1");
  EXPECT_NE(seen->peer.port, 0);
}

TEST(Server, AnswersRequestsThatCameInOnePacketOneByOneInOrder) {
  IoLoop loop;
  std::vector<Reply> waiting;
  std::vector<std::string> targets;
  const auto server = serve(loop, [&](http::Request request, Reply reply) {
    targets.push_back(request.target);
    waiting.push_back(std::move(reply));
  });
  RawPeer peer(loop, server->endpoint());
  peer.send(
      "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: "
      "x\r\n\r\n");
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(loop.run_until([&] { return targets.size() == i + 1; }, kPatience));
    EXPECT_EQ(waiting.size(), i + 1);  // the next is not even looked at before this one is answered
    waiting[i].send(http::make_response(200, "text/plain", "answer to " + targets[i]));
  }
  ASSERT_TRUE(peer.wait_for("answer to /3"));
  EXPECT_LT(peer.received().find("answer to /1"), peer.received().find("answer to /2"));
}

TEST(Server, ReadsARequestThatArrivesByteByByte) {
  IoLoop loop;
  const auto server = serve(loop, echo());
  RawPeer peer(loop, server->endpoint());
  const std::string request =
      "POST /slow HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nX-Trailer: 1\r\n\r\n";
  for (const char c : request) {
    peer.send(std::string(1, c));
    bool turned = false;
    loop.post([&] { turned = true; });
    ASSERT_TRUE(loop.run_until([&] { return turned; }, kPatience));
  }
  ASSERT_TRUE(peer.wait_for("POST /slow abcde"));
  EXPECT_EQ(count(peer.received(), "HTTP/1.1 "), 1U);
}

TEST(Server, SendsTheLengthButNoBodyForHead) {
  IoLoop loop;
  const auto server = serve(loop, [](http::Request, Reply reply) {
    reply.send(http::make_response(200, "text/plain", "twelve bytes"));
  });
  RawPeer peer(loop, server->endpoint());
  peer.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
  EXPECT_THAT(peer.received(), HasSubstr("Content-Length: 12\r\n"));
  EXPECT_THAT(peer.received(), EndsWith("\r\n\r\n"));
}

TEST(Server, AnswersExpectContinueBeforeTheBodyComes) {
  IoLoop loop;
  const auto server = serve(loop, echo());
  RawPeer peer(loop, server->endpoint());
  peer.send("PUT /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n");
  ASSERT_TRUE(peer.wait_for("HTTP/1.1 100 Continue\r\n\r\n"));
  peer.send("abc");
  ASSERT_TRUE(peer.wait_for("PUT /x abc"));
  peer.take();
  // A body that is there already needs no invitation.
  peer.send("PUT /y HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
  ASSERT_TRUE(peer.wait_for("PUT /y abc"));
  EXPECT_THAT(peer.received(), StartsWith("HTTP/1.1 200 OK"));
}

TEST(Server, HonoursConnectionCloseAndOldClients) {
  IoLoop loop;
  const auto server = serve(loop, echo());
  RawPeer closing(loop, server->endpoint());
  closing.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(closing.wait_for_close());
  EXPECT_THAT(closing.received(), HasSubstr("\r\nConnection: close\r\n"));

  RawPeer old(loop, server->endpoint());
  old.send("GET /old HTTP/1.0\r\n\r\n");
  ASSERT_TRUE(old.wait_for_close());
  EXPECT_THAT(old.received(), HasSubstr("GET /old"));

  RawPeer kept(loop, server->endpoint());
  kept.send("GET /kept HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(kept.wait_for("GET /kept"));
  EXPECT_THAT(kept.received(), HasSubstr("\r\nConnection: keep-alive\r\n"));
}

struct Refusal {
  std::string name;
  std::string request;
  std::string status;
};

class RefusedRequest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedRequest, IsAnsweredAndItsConnectionClosed) {
  IoLoop loop;
  int handled = 0;
  const auto server =
      serve(loop, [&](http::Request, Reply) { ++handled; }, {.max_body_bytes = 1000, .max_head_bytes = 2000});
  RawPeer peer(loop, server->endpoint());
  peer.send(GetParam().request);
  ASSERT_TRUE(peer.wait_for_close());
  EXPECT_THAT(peer.received(), StartsWith("HTTP/1.1 " + GetParam().status + " "));
  EXPECT_THAT(peer.received(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_THAT(peer.received(), HasSubstr("\r\nDate: "));
  EXPECT_EQ(count(peer.received(), "HTTP/1.1 "), 1U);
  EXPECT_EQ(handled, 0);
}

const std::string kHost = " HTTP/1.1\r\nHost: x\r\n";
INSTANTIATE_TEST_SUITE_P(
    Server, RefusedRequest,
    ::testing::Values(
        Refusal{"Garbage", "\x16\x03\x01 hello\r\n\r\n", "400"}, Refusal{"NoVersion", "GET /\r\n\r\n", "400"},
        Refusal{"HttpTwo", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
        Refusal{"NoHost", "GET / HTTP/1.1\r\n\r\n", "400"},
        Refusal{"TwoHosts", "GET /" + kHost + "host: y\r\n\r\n", "400"},
        Refusal{"LengthAndChunked",
                "POST /" + kHost + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
        Refusal{"ChunkedAndLength",
                "POST /" + kHost + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", "400"},
        Refusal{"TwoLengths", "POST /" + kHost + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400"},
        Refusal{"ListOfLengths", "POST /" + kHost + "Content-Length: 3, 3\r\n\r\nabc", "400"},
        Refusal{"NegativeLength", "POST /" + kHost + "Content-Length: -3\r\n\r\n", "400"},
        Refusal{"OtherCoding", "POST /" + kHost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400"},
        Refusal{"CodingAfterChunked", "POST /" + kHost + "Transfer-Encoding: chunked, gzip\r\n\r\n", "400"},
        Refusal{"ChunkedInHttp10", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
        Refusal{"SpaceBeforeColon", "GET /" + kHost + "Content-Length : 3\r\n\r\nabc", "400"},
        Refusal{"BadChunk", "POST /" + kHost + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
        Refusal{"AuthorityForm", "CONNECT x:80" + kHost + "\r\n", "400"},
        Refusal{"OtherScheme", "GET ftp://x/" + kHost + "\r\n", "400"},
        Refusal{"UnknownExpectation", "GET /" + kHost + "Expect: 200-ok\r\n\r\n", "417"},
        Refusal{"LongBody", "POST /" + kHost + "Content-Length: 1001\r\n\r\n" + std::string(1001, 'b'),
                "413"},
        Refusal{"LongBodyExpected", "POST /" + kHost + "Content-Length: 1001\r\nExpect: 100-continue\r\n\r\n",
                "413"},
        Refusal{"LongChunks",
                "POST /" + kHost + "Transfer-Encoding: chunked\r\n\r\n1f4\r\n" + std::string(500, 'a') +
                    "\r\n1f5\r\n" + std::string(501, 'b') + "\r\n0\r\n\r\n",
                "413"},
        Refusal{"LongTarget", "GET /" + std::string(3000, 't') + kHost + "\r\n", "431"},
        Refusal{"LongHeader", "GET /" + kHost + "A: " + std::string(3000, 'h') + "\r\n\r\n", "431"},
        Refusal{"LongTrailer",
                "POST /" + kHost + "Transfer-Encoding: chunked\r\n\r\n0\r\nT: " + std::string(40'000, 't'),
                "400"}),
    [](const auto& test) { return test.param.name; });

TEST(Server, RefusesAHeadThatGrowsForeverFieldByField) {
  IoLoop loop;
  const auto server = serve(loop, echo(), {.max_head_bytes = 2000});
  RawPeer peer(loop, server->endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n");
  for (int i = 0; i < 200 && !peer.closed(); ++i) peer.send("X-Field: something\r\n");
  ASSERT_TRUE(peer.wait_for_close());
  EXPECT_THAT(peer.received(), StartsWith("HTTP/1.1 431 "));
}

TEST(Server, DoesNotTakeATrailerForAHeader) {
  IoLoop loop;
  std::optional<http::Request> seen;
  const auto server = serve(loop, [&](http::Request request, Reply) { seen = std::move(request); });
  RawPeer peer(loop, server->endpoint());
  peer.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nAuthorization: me\r\n\r\n");
  ASSERT_TRUE(loop.run_until([&] { return seen.has_value(); }, kPatience));
  EXPECT_EQ(seen->headers.get("Authorization"), std::nullopt);
}

TEST(Server, TakesTheHostOfAnAbsoluteTarget) {
  IoLoop loop;
  std::optional<http::Request> seen;
  const auto server = serve(loop, [&](http::Request request, Reply) { seen = std::move(request); });
  RawPeer peer(loop, server->endpoint());
  peer.send("GET HTTP://real:81?q=1 HTTP/1.1\r\nHost: other\r\n\r\n");
  ASSERT_TRUE(loop.run_until([&] { return seen.has_value(); }, kPatience));
  EXPECT_EQ(seen->headers.get("Host"), "real:81");
  EXPECT_EQ(seen->target, "/?q=1");
}

TEST(Server, Answers408ToASlowHeadAndClosesAnIdleConnectionSilently) {
  IoLoop loop;
  const auto server = serve(loop, echo(), {.idle_timeout = Millis(30)});
  RawPeer slow(loop, server->endpoint());
  RawPeer slow_body(loop, server->endpoint());
  RawPeer idle(loop, server->endpoint());
  slow.send("GET / HTTP/1.1\r\nHo");
  slow_body.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(slow.wait_for_close());
  ASSERT_TRUE(slow_body.wait_for_close());
  ASSERT_TRUE(idle.wait_for_close());
  EXPECT_THAT(slow.received(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_THAT(slow_body.received(), StartsWith("HTTP/1.1 408 Request Timeout\r\n"));
  EXPECT_EQ(idle.received(), "");
}

TEST(Server, DoesNotLimitHowLongAHandlerThinks) {
  IoLoop loop;
  std::optional<Reply> waiting;
  env::Timer later;
  const auto server = serve(loop,
                            [&](http::Request, Reply reply) {
                              waiting.emplace(std::move(reply));
                              later = loop.after(Millis(60), [&] {
                                waiting->send(http::make_response(200, "text/plain", "at last"));
                              });
                            },
                            {.idle_timeout = Millis(20)});
  RawPeer peer(loop, server->endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(peer.wait_for("at last"));
}

TEST(Server, Answers500WhenAReplyIsDropped) {
  IoLoop loop;
  const auto server = serve(loop, [](http::Request, Reply) {});
  RawPeer peer(loop, server->endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(peer.wait_for("not answered"));
  EXPECT_THAT(peer.received(), StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
}

TEST(Server, SurvivesAReplyToAPeerThatHasGone) {
  IoLoop loop;
  std::vector<Reply> waiting;
  const auto server = serve(loop, [&](http::Request, Reply reply) { waiting.push_back(std::move(reply)); });
  for (int i = 0; i < 2; ++i) {
    RawPeer peer(loop, server->endpoint());
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(loop.run_until([&] { return waiting.size() == static_cast<std::size_t>(i) + 1; }, kPatience));
    i == 0 ? peer.reset() : peer.close();
  }
  for (Reply& reply : waiting)
    reply.send(http::make_response(200, "text/plain", std::string(8'000'000, 'x')));
  // The server is well: it answers the next one.
  RawPeer next(loop, server->endpoint());
  next.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(loop.run_until([&] { return waiting.size() == 3; }, kPatience));
  waiting.back().send(http::make_response(200, "text/plain", "well"));
  EXPECT_TRUE(next.wait_for("well"));
}

TEST(Server, StillAnswersAClientThatHasShutDownItsSendingSide) {
  IoLoop loop;
  const auto server = serve(loop, echo());
  RawPeer peer(loop, server->endpoint());
  peer.send("GET /half HTTP/1.1\r\nHost: x\r\n\r\n");
  peer.half_close();
  ASSERT_TRUE(peer.wait_for("GET /half"));
  EXPECT_TRUE(peer.wait_for_close());
}

TEST(Server, MayBeDestroyedWithRepliesOutstandingAndConnectionsOpen) {
  IoLoop loop;
  std::vector<Reply> waiting;
  auto server = serve(loop, [&](http::Request, Reply reply) { waiting.push_back(std::move(reply)); });
  RawPeer asking(loop, server->endpoint());
  RawPeer dropped(loop, server->endpoint());
  RawPeer half(loop, server->endpoint());
  asking.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  dropped.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  half.send("GET / HT");
  ASSERT_TRUE(loop.run_until([&] { return waiting.size() == 2; }, kPatience));
  server.reset();
  waiting[0].send(http::make_response(200, "text/plain", "too late"));
  waiting.clear();
  EXPECT_TRUE(asking.wait_for_close());
  EXPECT_TRUE(dropped.wait_for_close());
  EXPECT_TRUE(half.wait_for_close());
  EXPECT_EQ(asking.received(), "");
}

TEST(Server, MayBeDestroyedByItsOwnHandler) {
  IoLoop loop;
  std::unique_ptr<Server> server;
  const auto held = std::make_shared<std::string>("alive");
  server = serve(loop, [&server, held](http::Request, Reply reply) {
    server.reset();
    EXPECT_EQ(*held, "alive");
    reply.send(http::make_response(200, "text/plain", *held));
  });
  RawPeer peer(loop, server->endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(peer.wait_for_close());
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Server, LeavesNothingBehindWhenItsLoopDiesFirstWithQueuedWork) {
  const auto held = std::make_shared<int>(1);
  std::vector<Reply> waiting;
  {
    IoLoop loop;
    auto server = serve(loop, [&, held](http::Request, Reply reply) { waiting.push_back(std::move(reply)); });
    RawPeer peer(loop, server->endpoint());
    peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(loop.run_until([&] { return waiting.size() == 1; }, kPatience));
    server.reset();
  }
  EXPECT_EQ(held.use_count(), 1);
  waiting.clear();
}

TEST(Server, Answers503BeyondItsLimitOfConnectionsAndServesTheNextOneWhenSomeHaveGone) {
  IoLoop loop;
  const auto server = serve(loop, echo(), {.max_connections = 2});
  RawPeer one(loop, server->endpoint());
  RawPeer two(loop, server->endpoint());
  two.send("GET /two HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(two.wait_for("GET /two"));
  RawPeer three(loop, server->endpoint());
  three.send("POST /three HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + std::string(100'000, 'b'));
  ASSERT_TRUE(three.wait_for_close());
  EXPECT_THAT(three.received(), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(three.received(), HasSubstr("\r\nRetry-After: 5\r\n"));
  EXPECT_THAT(three.received(), HasSubstr("\r\nConnection: close\r\n"));
  EXPECT_EQ(count(three.received(), "HTTP/1.1 "), 1U);
  one.send("GET /one HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(one.wait_for_close());
  one.close();
  const SteadyTime give_up = loop.now() + kPatience;
  for (bool taken = false; !taken;) {  // its place is free once the server has seen it go
    ASSERT_LT(loop.now(), give_up);
    RawPeer four(loop, server->endpoint());
    four.send("GET /four HTTP/1.1\r\nHost: x\r\n\r\n");
    ASSERT_TRUE(four.wait_for("\r\n\r\n"));
    taken = four.received().find("GET /four") != std::string::npos;
  }
}

TEST(Server, TakesWaitingConnectionsOnceDescriptorsAreFreeAgain) {
  IoLoop loop;
  const auto server = serve(loop, echo());
  RawPeer peer(loop, server->endpoint());  // waits in the backlog
  peer.send("GET /patient HTTP/1.1\r\nHost: x\r\n\r\n");
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  rlimit none_left = usual;
  none_left.rlim_cur = static_cast<rlim_t>(UniqueFd(::dup(0)).get());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none_left), 0);
  bool over = false;
  const auto timer = loop.after(Millis(10), [&] { over = true; });
  EXPECT_TRUE(loop.run_until([&] { return over; }, kPatience));
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  EXPECT_EQ(peer.received(), "");
  EXPECT_TRUE(peer.wait_for("GET /patient"));
}

TEST(Server, ClosesTheConnectionWhenTheHandlerSaysSo) {
  IoLoop loop;
  const auto server = serve(loop, [](http::Request, Reply reply) {
    auto response = http::make_response(200, "text/plain", "bye");
    response.headers.add("Connection", "close");
    reply.send(std::move(response));
  });
  RawPeer peer(loop, server->endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(peer.wait_for_close());
}

TEST(Server, SendsLargeAnswersWhole) {
  IoLoop loop;
  const std::string body(20'000'000, 'z');
  const auto server = serve(
      loop, [&](http::Request, Reply reply) { reply.send(http::make_response(200, "text/plain", body)); });
  RawPeer peer(loop, server->endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(peer.wait_for_close());
  EXPECT_THAT(peer.received().size(), ::testing::Gt(body.size()));
  EXPECT_EQ(peer.received().substr(peer.received().size() - body.size()), body);
}

TEST(Server, RefusesUpgradesThatNobodyTakesButIgnoresOtherProtocols) {
  IoLoop loop;
  const auto server = serve(loop, echo());
  RawPeer peer(loop, server->endpoint());
  peer.send(
      "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  ASSERT_TRUE(peer.wait_for("HTTP/1.1 426 Upgrade Required\r\n"));
  peer.take();
  peer.send("GET /h2c HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n");
  EXPECT_TRUE(peer.wait_for("GET /h2c"));
}

TEST(Server, ListensOnAUnixSocketAndReplacesOneThatNobodyListensOn) {
  IoLoop loop;
  const TempDir dir;
  const net::Endpoint at{.unix_path = dir.path("api.sock")};
  {
    auto first = Server::listen(loop, at, {}, echo());
    ASSERT_TRUE(first);
    const auto second = Server::listen(loop, at, {}, echo());
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), "address_in_use");
    EXPECT_THAT(second.error().text(), HasSubstr(at.unix_path));
    // What a crash leaves: the file is there and nobody listens.
    ASSERT_EQ(::link(at.unix_path.c_str(), dir.path("stale.sock").c_str()), 0);
  }
  struct stat info {};
  EXPECT_NE(::stat(at.unix_path.c_str(), &info), 0) << "the file goes with its server";

  const auto server = Server::listen(loop, {.unix_path = dir.path("stale.sock")}, {}, echo());
  ASSERT_TRUE(server);
  RawPeer peer(loop, (*server)->endpoint());
  peer.send("GET /unix HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_TRUE(peer.wait_for("GET /unix"));
}

TEST(Server, NamesTheEndpointThatItCannotBind) {
  IoLoop loop;
  const TempDir dir;
  const auto first = serve(loop, echo());
  EXPECT_EQ(Server::listen(loop, first->endpoint(), {}, echo()).error().code(), "address_in_use");
  EXPECT_THAT(Server::listen(loop, first->endpoint(), {}, echo()).error().text(),
              HasSubstr(net::to_string(first->endpoint())));
  EXPECT_EQ(Server::listen(loop, {.address = "not-numeric", .port = 80}, {}, echo()).error().code(), "bind");
  EXPECT_EQ(Server::listen(loop, {.unix_path = dir.path("no/such/dir.sock")}, {}, echo()).error().code(),
            "bind");
  // A file that is no socket is not ours to remove.
  std::ofstream(dir.path("precious")) << "data";
  EXPECT_EQ(Server::listen(loop, {.unix_path = dir.path("precious")}, {}, echo()).error().code(),
            "address_in_use");
  struct stat info {};
  ASSERT_EQ(::stat(dir.path("precious").c_str(), &info), 0);
  EXPECT_EQ(info.st_size, 4);
}

TEST(ServerStream, IsSentAsItComesAndEndsWithTheConnection) {
  IoLoop loop;
  std::unique_ptr<BodyStream> stream;
  int closed = 0;
  const auto server = serve(loop, [&](const http::Request&, Reply reply) {
    stream = reply.stream(http::make_response(200, "text/event-stream", ""),
                          {.taken = {}, .closed = [&] { ++closed; }});
  });
  RawPeer peer(loop, server->endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
  EXPECT_THAT(peer.received(), HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(peer.received(), HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(peer.received(), Not(HasSubstr("Content-Length")));
  stream->send("one ");
  ASSERT_TRUE(peer.wait_for("one "));
  stream->send("two ");
  stream->send("three");
  stream.reset();
  ASSERT_TRUE(peer.wait_for_close());
  EXPECT_THAT(peer.received(), EndsWith("\r\n\r\none two three"));
  EXPECT_EQ(closed, 0) << "who ended it knows";
}

TEST(ServerStream, HearsThatItsClientHasLeft) {
  IoLoop loop;
  std::unique_ptr<BodyStream> stream;
  int closed = 0;
  const auto server = serve(loop, [&](const http::Request&, Reply reply) {
    stream = reply.stream(http::make_response(200, "text/plain", ""), {.taken = {}, .closed = [&] {
                                                                         ++closed;
                                                                         stream.reset();
                                                                       }});
  });
  RawPeer peer(loop, server->endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
  peer.close();
  EXPECT_TRUE(loop.run_until([&] { return closed == 1; }, kPatience));
  EXPECT_FALSE(stream);
}

TEST(ServerStream, SaysWhatTheClientHasNotTakenAndGivesUpOneThatTakesNothing) {
  IoLoop loop;
  std::unique_ptr<BodyStream> stream;
  int closed = 0;
  int taken = 0;
  ServerLimits limits;
  limits.idle_timeout = Millis{300};
  const auto server = serve(
      loop,
      [&](const http::Request&, Reply reply) {
        stream = reply.stream(http::make_response(200, "text/plain", ""),
                              {.taken = [&] { ++taken; }, .closed = [&] { ++closed; }});
      },
      limits);
  // Its socket is full soon, and nobody reads.
  UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(server->endpoint().port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(silent.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(::send(silent.get(), request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  ASSERT_TRUE(loop.run_until([&] { return stream && taken == 1; }, kPatience));
  EXPECT_EQ(stream->waiting(), 0U);
  stream->send(std::string(64 * 1024 * 1024, 'x'));
  EXPECT_GT(stream->waiting(), 0U);
  EXPECT_TRUE(loop.run_until([&] { return closed == 1; }, kPatience));
  EXPECT_EQ(stream->waiting(), 0U);
}

TEST(ServerStream, EndsWithTheServer) {
  IoLoop loop;
  std::unique_ptr<BodyStream> stream;
  int closed = 0;
  auto server = serve(loop, [&](const http::Request&, Reply reply) {
    stream =
        reply.stream(http::make_response(200, "text/plain", ""), {.taken = {}, .closed = [&] { ++closed; }});
  });
  RawPeer peer(loop, server->endpoint());
  peer.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
  server.reset();
  EXPECT_EQ(closed, 1);
  stream->send("to nobody");
}

}  // namespace
}  // namespace shared::httpd
