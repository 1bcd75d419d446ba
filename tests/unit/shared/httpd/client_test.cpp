#include "shared/httpd/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "shared/httpd/server.h"
#include "tests/unit/shared/httpd/outcome.h"
#include "tests/unit/shared/httpd/raw_peer.h"

namespace shared::httpd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Everything that is queued or ready now has run when it returns.
void settle(IoLoop& loop) {
  bool over = false;
  const auto timer = loop.after(Millis(5), [&] { over = true; });
  ASSERT_TRUE(loop.run_until([&] { return over; }, kPatience));
}

std::unique_ptr<Server> echo_server(IoLoop& loop, const net::Endpoint& at = {.address = "127.0.0.1"}) {
  auto server =
      Server::listen(loop, at, {.max_body_bytes = 64 * 1024 * 1024}, [](http::Request request, Reply reply) {
        reply.send(http::make_response(request.path() == "/missing" ? 404 : 200, "text/plain",
                                       request.method + " " + request.target + " " + request.body));
      });
  EXPECT_TRUE(server);
  return std::move(*server);
}

TEST(Client, ExchangesMessagesOverTcpAndUnixSockets) {
  IoLoop loop;
  const TempDir dir;
  for (const net::Endpoint& at :
       {net::Endpoint{.address = "127.0.0.1"}, net::Endpoint{.unix_path = dir.path("engine.sock")}}) {
    const auto server = echo_server(loop, at);
    const auto client = Client::create(loop, server->endpoint());
    Outcome outcome;
    const Call call =
        client->request({.method = "POST", .target = "/x?y", .body = "data"}, {}, into(outcome));
    EXPECT_FALSE(outcome);
    ASSERT_TRUE(wait(loop, outcome));
    ASSERT_TRUE(*outcome);
    EXPECT_EQ((*outcome)->status, 200);
    EXPECT_EQ((*outcome)->headers.get("content-type"), "text/plain");
    EXPECT_EQ((*outcome)->body, "POST /x?y data");
  }
}

TEST(Client, ResolvesHostNames) {
  IoLoop loop;
  const auto server = echo_server(loop);
  const auto client = Client::create(loop, {.address = "localhost", .port = server->endpoint().port});
  Outcome outcome;
  const Call call = client->request({.target = "/named"}, {}, into(outcome));
  ASSERT_TRUE(wait(loop, outcome));
  ASSERT_TRUE(*outcome) << outcome->error().text();
  EXPECT_EQ((*outcome)->body, "GET /named ");
}

TEST(Client, KeepsItsConnectionForTheNextCall) {
  IoLoop loop;
  RawListener listener(loop);
  const auto client = Client::create(loop, listener.endpoint());
  Outcome first;
  const Call one = client->request({.target = "/1"}, {}, into(first));
  RawPeer& peer = listener.next();
  ASSERT_TRUE(peer.wait_for("GET /1 HTTP/1.1\r\nHost: 127.0.0.1:"));
  peer.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na");
  ASSERT_TRUE(wait(loop, first));
  Outcome second;
  const Call two = client->request({.target = "/2"}, {}, into(second));
  ASSERT_TRUE(peer.wait_for("GET /2 "));
  peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nbc\r\n0\r\n\r\n");
  ASSERT_TRUE(wait(loop, second));
  EXPECT_EQ((*second)->body, "bc");
  EXPECT_TRUE(peer.wait_for_close()) << "the answer said that it must not be kept";
}

TEST(Client, DialsAfreshWhenThePeerClosedOrSpokeUnaskedOnAKeptConnection) {
  IoLoop loop;
  RawListener listener(loop);
  const auto client = Client::create(loop, listener.endpoint());
  for (const std::string_view mischief : {"close", "unasked"}) {
    Outcome first;
    const Call one = client->request({.target = "/1"}, {}, into(first));
    RawPeer& old = listener.next();
    ASSERT_TRUE(old.wait_for("\r\n\r\n"));
    old.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(wait(loop, first));
    mischief == "close" ? old.close() : old.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstale");
    Outcome second;
    const Call two = client->request({.method = "POST", .target = "/2"}, {}, into(second));
    RawPeer& fresh = listener.next();
    ASSERT_TRUE(fresh.wait_for("POST /2 "));
    fresh.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nfresh");
    ASSERT_TRUE(wait(loop, second));
    EXPECT_EQ((*second)->body, "fresh");
  }
}

// The race that no check can see: the request is already on its way when the peer closes.
TEST(Client, RepeatsAnIdempotentCallOnceIfItsKeptConnectionDies) {
  IoLoop loop;
  RawListener listener(loop);
  const auto client = Client::create(loop, listener.endpoint());
  for (const std::string method : {"GET", "POST"}) {
    Outcome first;
    const Call one = client->request({.target = "/1"}, {}, into(first));
    RawPeer& old = listener.next();
    ASSERT_TRUE(old.wait_for("\r\n\r\n"));
    old.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    ASSERT_TRUE(wait(loop, first));
    Outcome second;
    const Call two = client->request({.method = method, .target = "/2"}, {}, into(second));
    ASSERT_TRUE(old.wait_for(method + " /2 "));
    old.reset();
    if (method == "POST") {
      ASSERT_TRUE(wait(loop, second));
      ASSERT_FALSE(*second);
      EXPECT_EQ(second->error().code(), "closed");
      EXPECT_EQ(second->error().retry(), Retry::kOnlyIfReused);
      continue;
    }
    RawPeer& fresh = listener.next();
    ASSERT_TRUE(fresh.wait_for("GET /2 "));
    fresh.close();  // the fresh one dies too: that is the answer
    ASSERT_TRUE(wait(loop, second));
    ASSERT_FALSE(*second);
    EXPECT_EQ(second->error().code(), "closed");
    EXPECT_EQ(second->error().retry(), Retry::kNo);
    EXPECT_EQ(second->error().blame(), Blame::kTarget);
  }
}

TEST(Client, StreamsChunksAsTheyComeWithoutAnEnd) {
  IoLoop loop;
  RawListener listener(loop);
  const auto client = Client::create(loop, listener.endpoint());
  std::vector<std::string> events;
  Outcome outcome;
  CallOptions options;
  options.timeout = Millis(0);
  options.max_body_bytes = 4;  // of what is collected; a stream has no limit
  options.on_head = [&](const http::Response& head) {
    events.push_back("head " + std::to_string(head.status));
  };
  options.on_chunk = [&](std::string_view chunk) { events.emplace_back(chunk); };
  const Call call = client->request({.target = "/events"}, std::move(options), into(outcome));
  RawPeer& peer = listener.next();
  ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
  peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  ASSERT_TRUE(loop.run_until([&] { return events.size() == 1; }, kPatience));
  peer.send("7\r\n{\"a\":1}\r\n");
  ASSERT_TRUE(loop.run_until([&] { return events.size() == 2; }, kPatience));
  peer.send("7\r\n{\"b\":2}\r\n0\r\n\r\n");
  ASSERT_TRUE(wait(loop, outcome));
  EXPECT_THAT(events, ElementsAre("head 200", "{\"a\":1}", "{\"b\":2}"));
  EXPECT_EQ((*outcome)->body, "");
}

TEST(Client, CollectsTheBodyOfARefusalEvenIfItWouldStream) {
  IoLoop loop;
  const auto server = echo_server(loop);
  const auto client = Client::create(loop, server->endpoint());
  std::string streamed;
  Outcome outcome;
  CallOptions options;
  options.on_chunk = [&](std::string_view chunk) { streamed += chunk; };
  const Call call = client->request({.target = "/missing"}, std::move(options), into(outcome));
  ASSERT_TRUE(wait(loop, outcome));
  EXPECT_EQ((*outcome)->status, 404);
  EXPECT_EQ((*outcome)->body, "GET /missing ");
  EXPECT_EQ(streamed, "");
}

TEST(Client, NeverCallsBackAfterACancelWhereverItHappens) {
  IoLoop loop;
  RawListener listener(loop);
  const auto client = Client::create(loop, listener.endpoint());
  int called = 0;
  const auto count = [&called](Result<http::Response>) { ++called; };

  Call before_start = client->request({.target = "/0"}, {}, count);
  before_start.cancel();

  Call in_flight = client->request({.target = "/1"}, {}, count);
  RawPeer& peer = listener.next();
  ASSERT_TRUE(peer.wait_for("GET /1 "));
  in_flight.cancel();
  ASSERT_TRUE(peer.wait_for_close());

  Call answered = client->request({.target = "/2"}, {}, count);
  RawPeer& quick = listener.next();
  ASSERT_TRUE(quick.wait_for("GET /2 "));
  quick.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");  // on its way when the call is dropped
  answered.cancel();

  Call in_callback;
  CallOptions options;
  const auto held = std::make_shared<int>(7);
  options.on_chunk = [&in_callback, held](std::string_view) {
    in_callback.cancel();
    EXPECT_EQ(*held, 7);
  };
  in_callback = client->request({.target = "/3"}, std::move(options), count);
  RawPeer& stream = listener.next();
  ASSERT_TRUE(stream.wait_for("GET /3 "));
  stream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
  ASSERT_TRUE(stream.wait_for_close());

  Call in_head;
  CallOptions head_options;
  head_options.on_head = [&in_head](const http::Response&) { in_head.cancel(); };
  in_head = client->request({.target = "/4"}, std::move(head_options), count);
  RawPeer& headed = listener.next();
  ASSERT_TRUE(headed.wait_for("GET /4 "));
  headed.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab");
  ASSERT_TRUE(headed.wait_for_close());

  settle(loop);
  EXPECT_EQ(called, 0);
  EXPECT_EQ(held.use_count(), 1);
}

TEST(Client, LetsACallbackDropItsOwnCallAndItsClient) {
  IoLoop loop;
  const auto server = echo_server(loop);
  auto client = Client::create(loop, server->endpoint());
  Call call;
  bool done = false;
  call = client->request({}, {}, [&](Result<http::Response> result) {
    call.cancel();
    client.reset();
    EXPECT_TRUE(result);
    done = true;
  });
  ASSERT_TRUE(loop.run_until([&] { return done; }, kPatience));
}

TEST(Client, FinishesADetachedCallEvenAfterTheClientHasGone) {
  IoLoop loop;
  const auto server = echo_server(loop);
  auto client = Client::create(loop, server->endpoint());
  Outcome outcome;
  client->request({.target = "/detached"}, {}, into(outcome)).detach();
  client.reset();
  ASSERT_TRUE(wait(loop, outcome));
  EXPECT_EQ((*outcome)->body, "GET /detached ");
}

TEST(Client, SaysThatNothingWasSentWhenItCannotConnect) {
  IoLoop loop;
  const TempDir dir;
  net::Endpoint deaf;
  {
    const auto server = echo_server(loop);
    deaf = server->endpoint();
  }
  for (const net::Endpoint& to : {deaf, net::Endpoint{.unix_path = dir.path("none.sock")},
                                  net::Endpoint{.address = "no-such-host.invalid", .port = 80}}) {
    const auto client = Client::create(loop, to);
    Outcome outcome;
    const Call call = client->request({}, {}, into(outcome));
    ASSERT_TRUE(wait(loop, outcome));
    ASSERT_FALSE(*outcome);
    EXPECT_EQ(outcome->error().code(), "connect");
    EXPECT_EQ(outcome->error().blame(), Blame::kTarget);
    EXPECT_EQ(outcome->error().retry(), Retry::kYes);
    EXPECT_THAT(outcome->error().text(), HasSubstr(net::to_string(to)));
  }
}

TEST(Client, TimesOutOnAPeerThatStopsInTheMiddle) {
  IoLoop loop;
  RawListener listener(loop);
  const auto client = Client::create(loop, listener.endpoint());
  for (const std::string_view part : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"}) {
    Outcome outcome;
    CallOptions options;
    options.timeout = Millis(40);
    const Call call = client->request({}, std::move(options), into(outcome));
    RawPeer& peer = listener.next();
    peer.send(part);
    ASSERT_TRUE(wait(loop, outcome));
    ASSERT_FALSE(*outcome);
    EXPECT_EQ(outcome->error().code(), "timeout");
    EXPECT_TRUE(peer.wait_for_close());
  }
}

TEST(Client, NamesWhatIsWrongWithAnAnswer) {
  IoLoop loop;
  RawListener listener(loop);
  const auto client = Client::create(loop, listener.endpoint());
  const struct {
    std::string answer;
    std::string code;
  } cases[] = {
      {"SSH-2.0-OpenSSH\r\n\r\n", "malformed"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "malformed"},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "malformed"},
      {"HTTP/1.1 200 OK\r\nA: " + std::string(300'000, 'a'), "malformed"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901", "too_large"},
      {"HTTP/1.1 500 Oops\r\nContent-Length: 11\r\n\r\n12345678901", "too_large"},
      {"", "closed"},
      {"HTTP/1.1 200 OK\r\nConte", "closed"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", "closed"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", "closed"},
  };
  for (const auto& [answer, code] : cases) {
    Outcome outcome;
    CallOptions options;
    options.max_body_bytes = 10;
    const Call call = client->request({}, std::move(options), into(outcome));
    RawPeer& peer = listener.next();
    ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
    peer.send(answer);
    if (code == "closed") peer.close();
    ASSERT_TRUE(wait(loop, outcome)) << answer.substr(0, 80);
    ASSERT_FALSE(*outcome) << answer.substr(0, 80);
    EXPECT_EQ(outcome->error().code(), code) << answer.substr(0, 80);
  }
}

TEST(Client, ReadsAnswersWithoutLengthInterimOnesAndThoseOfHead) {
  IoLoop loop;
  RawListener listener(loop);
  const auto client = Client::create(loop, listener.endpoint());
  Outcome until_close;
  const Call one = client->request({}, {}, into(until_close));
  RawPeer& peer = listener.next();
  ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
  peer.send(
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.0 200 OK\r\n\r\nall ");
  peer.send("of it");
  peer.half_close();
  ASSERT_TRUE(wait(loop, until_close));
  ASSERT_TRUE(*until_close);
  EXPECT_EQ((*until_close)->body, "all of it");
  EXPECT_EQ((*until_close)->headers.get("Link"), std::nullopt);

  Outcome head;
  const Call two = client->request({.method = "HEAD"}, {}, into(head));
  RawPeer& next = listener.next();
  ASSERT_TRUE(next.wait_for("HEAD / "));
  next.send("HTTP/1.1 200 OK\r\nContent-Length: 12345\r\n\r\n");
  ASSERT_TRUE(wait(loop, head));
  EXPECT_EQ((*head)->headers.get("Content-Length"), "12345");
}

TEST(Client, TakesAnAnswerThatOvertakesItsRequest) {
  IoLoop loop;
  auto server =
      Server::listen(loop, {.address = "127.0.0.1"}, {.max_body_bytes = 10}, [](http::Request, Reply) {});
  ASSERT_TRUE(server);
  const auto client = Client::create(loop, (*server)->endpoint());
  for (int i = 0; i < 2; ++i) {
    Outcome outcome;
    const Call call =
        client->request({.method = "PUT", .body = std::string(3'000'000, 'x')}, {}, into(outcome));
    ASSERT_TRUE(wait(loop, outcome));
    ASSERT_TRUE(*outcome) << outcome->error().text();
    EXPECT_EQ((*outcome)->status, 413);
  }
}

TEST(Client, CarriesLargeBodiesBothWaysAndManyCallsAtOnce) {
  IoLoop loop;
  const auto server = echo_server(loop);
  const auto client = Client::create(loop, server->endpoint());
  const std::string large(10'000'000, 'L');
  Outcome outcome;
  const Call call = client->request({.method = "POST", .body = large}, {}, into(outcome));
  std::vector<Call> calls;
  std::size_t finished = 0;
  for (int i = 0; i < 50; ++i) {
    const std::string target = "/" + std::to_string(i);
    calls.push_back(
        client->request({.target = target}, {}, [&finished, target](Result<http::Response> result) {
          ASSERT_TRUE(result);
          EXPECT_EQ(result->body, "GET " + target + " ");
          ++finished;
        }));
  }
  ASSERT_TRUE(loop.run_until([&] { return outcome && finished == 50; }, kPatience));
  EXPECT_EQ((*outcome)->body, "POST / " + large);
}

TEST(Client, RefusesToSendWhatWouldBreakTheRequestApart) {
  IoLoop loop;
  const auto server = echo_server(loop);
  const auto client = Client::create(loop, server->endpoint());
  Outcome outcome;
  const Call call = client->request({.target = "/a b HTTP/1.1\r\n\r\n"}, {}, into(outcome));
  EXPECT_FALSE(outcome);
  ASSERT_TRUE(wait(loop, outcome));
  EXPECT_EQ(outcome->error().code(), "malformed");
  EXPECT_EQ(outcome->error().blame(), Blame::kSelf);
}

TEST(Client, LeavesNothingBehindWhenTheLoopDiesInTheMiddle) {
  const auto held = std::make_shared<int>(1);
  {
    IoLoop loop;
    RawListener listener(loop);
    auto client = Client::create(loop, listener.endpoint());
    client->request({.target = "/unstarted"}, {}, [held](Result<http::Response>) {}).detach();
    RawPeer& peer = listener.next();
    ASSERT_TRUE(peer.wait_for("GET /unstarted "));
    client->request({.target = "/dialling"}, {}, [held](Result<http::Response>) {}).detach();
    const auto named = Client::create(loop, {.address = "localhost", .port = 1});
    named->request({}, {}, [held](Result<http::Response>) {}).detach();
    bool turned = false;
    loop.post([&] { turned = true; });
    ASSERT_TRUE(loop.run_until([&] { return turned; }, kPatience));
    client->request({.target = "/queued"}, {}, [held](Result<http::Response>) {}).detach();
  }
  EXPECT_EQ(held.use_count(), 1);
}

}  // namespace
}  // namespace shared::httpd
