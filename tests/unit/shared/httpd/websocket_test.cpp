#include "shared/httpd/websocket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "shared/httpd/client.h"
#include "shared/httpd/server.h"
#include "tests/unit/shared/httpd/raw_peer.h"

namespace shared::httpd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// One end of a websocket, with all that happened to it.
struct End {
  std::shared_ptr<WebSocket> socket;
  std::vector<std::string> texts;
  std::vector<Error> closes;

  WebSocketHandlers handlers() {
    return {.on_open = [this](std::shared_ptr<WebSocket> opened) { socket = std::move(opened); },
            .on_text = [this](std::string text) { texts.push_back(std::move(text)); },
            .on_close = [this](Error error) { closes.push_back(std::move(error)); }};
  }
};

const http::Request kRequest{.target = "/ws?cluster=c"};
constexpr std::string_view kUpgrade =
    "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
    "13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

// A server whose websockets are `end`, and a client's call to it.
struct Pair {
  IoLoop loop;
  End served;
  End dialled;
  std::optional<http::Request> asked;
  std::unique_ptr<Server> server;
  std::unique_ptr<Client> client;
  Call call;

  Pair() {
    auto listening = Server::listen(
        loop, {.address = "127.0.0.1"}, {}, [](http::Request, Reply) {},
        [this](const http::Request& request) -> std::variant<WebSocketHandlers, http::Response> {
          asked = request;
          if (request.path() == "/refused") return http::make_response(403, "text/plain", "bad signature");
          return served.handlers();
        });
    EXPECT_TRUE(listening);
    server = std::move(*listening);
    client = Client::create(loop, server->endpoint());
  }

  bool open() {
    call = client->websocket(kRequest, dialled.handlers());
    return wait([this] { return served.socket && dialled.socket; });
  }
  bool wait(const std::function<bool()>& done) { return loop.run_until(done, kPatience); }
};

// A frame as a client sends it, masked with zeros.
std::string frame(unsigned char first, std::string_view payload) {
  std::string out{static_cast<char>(first)};
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(0x80U | payload.size()));
  } else {
    out.push_back(static_cast<char>(0x80U | 127U));
    for (int shift = 56; shift >= 0; shift -= 8)
      out.push_back(static_cast<char>((payload.size() >> shift) & 255U));
  }
  return out.append(4, '\0').append(payload);
}

TEST(WebSocket, CarriesTextBothWaysInOrder) {
  Pair pair;
  ASSERT_TRUE(pair.open());
  for (int i = 0; i < 100; ++i) pair.dialled.socket->send("up " + std::to_string(i));
  for (int i = 0; i < 100; ++i) pair.served.socket->send("down " + std::to_string(i));
  ASSERT_TRUE(pair.wait([&] { return pair.served.texts.size() == 100 && pair.dialled.texts.size() == 100; }));
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(pair.served.texts[i], "up " + std::to_string(i));
    EXPECT_EQ(pair.dialled.texts[i], "down " + std::to_string(i));
  }
}

TEST(WebSocket, ShowsTheWholeUpgradeRequestToTheAcceptor) {
  Pair pair;
  http::Request request = kRequest;
  request.headers.add("Authorization", "AWS4-HMAC-SHA256 Credential=x");
  request.headers.add("X-Amz-Date", "20240501T123456Z");
  request.headers.add("Host", "ecs-a-1.local");
  pair.call = pair.client->websocket(request, pair.dialled.handlers());
  ASSERT_TRUE(pair.wait([&] { return pair.dialled.socket != nullptr; }));
  EXPECT_EQ(pair.asked->target, "/ws?cluster=c");
  EXPECT_EQ(pair.asked->headers.get("Authorization"), "AWS4-HMAC-SHA256 Credential=x");
  EXPECT_EQ(pair.asked->headers.get("X-Amz-Date"), "20240501T123456Z");
  EXPECT_EQ(pair.asked->headers.get("Host"), "ecs-a-1.local");
  EXPECT_EQ(pair.asked->headers.count("Host"), 1U);
  EXPECT_EQ(pair.asked->peer.address, "127.0.0.1");
}

TEST(WebSocket, WorksOverAUnixSocket) {
  IoLoop loop;
  const TempDir dir;
  End served;
  End dialled;
  const auto server = Server::listen(
      loop, {.unix_path = dir.path("feed.sock")}, {}, [](http::Request, Reply) {},
      [&](const http::Request&) { return served.handlers(); });
  ASSERT_TRUE(server);
  const auto client = Client::create(loop, (*server)->endpoint());
  const Call call = client->websocket(kRequest, dialled.handlers());
  ASSERT_TRUE(loop.run_until([&] { return served.socket && dialled.socket; }, kPatience));
  dialled.socket->send("hello");
  EXPECT_TRUE(loop.run_until([&] { return served.texts.size() == 1; }, kPatience));
}

TEST(WebSocket, CarriesMessagesUpToTheLimitAndRefusesLargerOnes) {
  Pair pair;
  ASSERT_TRUE(pair.open());
  const std::string largest(WebSocket::kMaxMessageBytes, 'x');
  pair.dialled.socket->send(largest);
  pair.served.socket->send(largest);
  ASSERT_TRUE(pair.wait([&] { return pair.served.texts.size() == 1 && pair.dialled.texts.size() == 1; }));
  EXPECT_EQ(pair.served.texts[0], largest);
  EXPECT_EQ(pair.dialled.texts[0], largest);
  pair.dialled.socket->send(largest + "y");
  ASSERT_TRUE(pair.wait([&] { return pair.served.closes.size() == 1 && pair.dialled.closes.size() == 1; }));
  EXPECT_EQ(pair.dialled.closes[0].code(), "too_large");
  EXPECT_THAT(pair.served.closes[0].text(), HasSubstr("1009"));
}

TEST(WebSocket, DeliversWhatWasSentBeforeACloseAndTellsBothEndsOnce) {
  Pair pair;
  ASSERT_TRUE(pair.open());
  for (int i = 0; i < 20; ++i) pair.dialled.socket->send(std::string(100'000, 'q'));
  pair.dialled.socket->close(1000, "done");
  pair.dialled.socket->send("after the close");
  pair.dialled.socket->close(1001, "again");
  ASSERT_TRUE(pair.wait([&] { return !pair.served.closes.empty() && !pair.dialled.closes.empty(); }));
  EXPECT_EQ(pair.served.texts.size(), 20U);
  EXPECT_EQ(pair.served.closes[0].code(), "closed");
  EXPECT_THAT(pair.served.closes[0].text(), HasSubstr("1000: done"));
  EXPECT_EQ(pair.dialled.closes[0].code(), "closed");
  pair.served.socket->send("to nobody");
  pair.served.socket->close(1000, "");
  bool turned = false;
  pair.loop.post([&] { turned = true; });
  ASSERT_TRUE(pair.wait([&] { return turned; }));
  EXPECT_EQ(pair.served.closes.size(), 1U);
  EXPECT_EQ(pair.dialled.closes.size(), 1U);
}

// A receiver takes half a character for a broken connection (RFC 6455 section 8.1).
TEST(WebSocket, ShortensTheReasonOfACloseBetweenCharacters) {
  Pair pair;
  ASSERT_TRUE(pair.open());
  pair.dialled.socket->close(1000, std::string(122, 'x') + "\u00e9, because");
  ASSERT_TRUE(pair.wait([&] { return !pair.served.closes.empty(); }));
  EXPECT_EQ(pair.served.closes[0].code(), "closed");
  EXPECT_THAT(pair.served.closes[0].text(), HasSubstr("1000: " + std::string(122, 'x')));
  EXPECT_THAT(pair.served.closes[0].text(), Not(HasSubstr("because")));
}

TEST(WebSocket, MayBeClosedFromItsOwnCallbacks) {
  Pair pair;
  WebSocketHandlers handlers = pair.dialled.handlers();
  handlers.on_open = [&](std::shared_ptr<WebSocket> socket) {
    pair.dialled.socket = std::move(socket);
    pair.call.cancel();  // of no effect once it is open
    pair.dialled.socket->send("hello");
  };
  handlers.on_text = [&](std::string) { pair.dialled.socket->close(4000, "enough"); };
  pair.call = pair.client->websocket(kRequest, std::move(handlers));
  ASSERT_TRUE(pair.wait([&] { return pair.served.texts.size() == 1; }));
  pair.served.socket->send("one");
  pair.served.socket->send("two");
  ASSERT_TRUE(pair.wait([&] { return !pair.served.closes.empty() && !pair.dialled.closes.empty(); }));
  EXPECT_THAT(pair.served.closes[0].text(), HasSubstr("4000: enough"));
}

TEST(WebSocket, TellsARefusalWithItsBody) {
  Pair pair;
  pair.call = pair.client->websocket({.target = "/refused"}, pair.dialled.handlers());
  ASSERT_TRUE(pair.wait([&] { return pair.dialled.closes.size() == 1; }));
  EXPECT_EQ(pair.dialled.closes[0].code(), "refused");
  EXPECT_THAT(pair.dialled.closes[0].text(), HasSubstr("403"));
  EXPECT_THAT(pair.dialled.closes[0].text(), HasSubstr("bad signature"));
  EXPECT_EQ(pair.dialled.closes[0].retry(), Retry::kNo);
  EXPECT_EQ(pair.dialled.socket, nullptr);
}

TEST(WebSocket, TellsAnAttemptThatFails) {
  IoLoop loop;
  RawListener listener(loop);
  const TempDir dir;
  const auto client = Client::create(loop, listener.endpoint());
  const struct {
    std::string answer;
    std::string code;
  } cases[] = {
      {"", "lost"},
      {"SSH-2.0\r\n\r\n", "malformed"},
      {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
       "Sec-WebSocket-Accept: wrong\r\n\r\n",
       "malformed"},
      {"HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater", "refused"},
  };
  for (const auto& [answer, code] : cases) {
    End end;
    const Call call = client->websocket(kRequest, end.handlers());
    RawPeer& peer = listener.next();
    ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
    peer.send(answer);
    if (answer.empty()) peer.close();
    ASSERT_TRUE(loop.run_until([&] { return end.closes.size() == 1; }, kPatience)) << answer;
    EXPECT_EQ(end.closes[0].code(), code) << end.closes[0].text();
    EXPECT_EQ(end.closes[0].retry(), code == "refused" ? Retry::kYes : Retry::kNo) << code;
  }
  End end;
  const auto nobody = Client::create(loop, {.unix_path = dir.path("none.sock")});
  const Call call = nobody->websocket(kRequest, end.handlers());
  ASSERT_TRUE(loop.run_until([&] { return end.closes.size() == 1; }, kPatience));
  EXPECT_EQ(end.closes[0].code(), "connect");
  EXPECT_EQ(end.closes[0].retry(), Retry::kYes);
}

TEST(WebSocket, CallsNobodyAfterAnAttemptWasDropped) {
  IoLoop loop;
  RawListener listener(loop);
  const auto client = Client::create(loop, listener.endpoint());
  End end;
  Call unstarted = client->websocket(kRequest, end.handlers());
  unstarted.cancel();
  Call call = client->websocket(kRequest, end.handlers());
  RawPeer& peer = listener.next();
  ASSERT_TRUE(peer.wait_for("\r\n\r\n"));
  call.cancel();
  EXPECT_TRUE(peer.wait_for_close());
  EXPECT_TRUE(end.closes.empty());
}

TEST(WebSocket, RefusesUpgradesThatAreNotProper) {
  Pair pair;
  const struct {
    std::string name;
    std::string from;
    std::string to;
    std::string status;
  } cases[] = {
      {"old version", "Version: 13", "Version: 8", "426"},
      {"short key", "dGhlIHNhbXBsZSBub25jZQ==", "short", "400"},
      {"post", "GET /ws", "POST /ws", "400"},
      {"refused by the acceptor", "GET /ws", "GET /refused", "403"},
  };
  for (const auto& [name, from, to, status] : cases) {
    std::string request(kUpgrade);
    request.replace(request.find(from), from.size(), to);
    RawPeer peer(pair.loop, pair.server->endpoint());
    peer.send(request);
    ASSERT_TRUE(peer.wait_for("\r\n\r\n")) << name;
    EXPECT_THAT(peer.received(), StartsWith("HTTP/1.1 " + status + " ")) << name;
  }
  EXPECT_EQ(pair.served.socket, nullptr);
}

TEST(WebSocket, AnswersPingsAndTellsWhatBrokeTheConnection) {
  Pair pair;
  const struct {
    std::string bytes;  // after a proper upgrade; empty: the peer vanishes
    std::string code;
  } cases[] = {
      {"", "lost"},
      {frame(0x82, "binary"), "malformed"},
      {frame(0x81, "\xff\xfe"), "malformed"},       // not UTF-8
      {std::string("\x81\x02hi", 4), "malformed"},  // a client must mask
      {frame(0x88, std::string("\x03\xe8"
                               "bye",
                               5)),
       "closed"},
      {frame(0x81, std::string(100, 'x'))
           .replace(1, 1, "\xff")
           .insert(2, std::string("\0\0\0\0\x7f\0\0\0", 8)),
       "too_large"},
  };
  for (const auto& [bytes, code] : cases) {
    pair.served = End();
    RawPeer peer(pair.loop, pair.server->endpoint());
    peer.send(kUpgrade);
    ASSERT_TRUE(peer.wait_for("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));  // the key's answer in RFC 6455
    ASSERT_TRUE(pair.wait([&] { return pair.served.socket != nullptr; }));
    peer.take();
    peer.send(frame(0x89, "ping!"));
    ASSERT_TRUE(peer.wait_for("\x8a\x05ping!"));
    if (bytes.empty()) {
      peer.reset();
    } else {
      peer.send(bytes);
      ASSERT_TRUE(peer.wait_for("\x88")) << code;
      if (code == "malformed" && bytes[0] == '\x82') peer.send(frame(0x88, std::string("\x03\xeb", 2)));
      peer.half_close();
    }
    ASSERT_TRUE(pair.wait([&] { return pair.served.closes.size() == 1; })) << code;
    EXPECT_EQ(pair.served.closes[0].code(), code) << pair.served.closes[0].text();
    EXPECT_TRUE(pair.served.texts.empty());
  }
}

TEST(WebSocket, GivesUpOnAPeerThatDoesNotRead) {
  IoLoop loop;
  RawListener listener(loop);
  End served;
  const auto server = Server::listen(
      loop, {.address = "127.0.0.1"}, {}, [](http::Request, Reply) {},
      [&](const http::Request&) { return served.handlers(); });
  ASSERT_TRUE(server);
  RawPeer peer(loop, (*server)->endpoint());
  peer.send(kUpgrade);
  ASSERT_TRUE(loop.run_until([&] { return served.socket != nullptr; }, kPatience));
  // Nothing is read meanwhile, since the loop does not turn.
  const std::string part(1024 * 1024, 'p');
  for (std::size_t sent = 0; sent <= WebSocket::kMaxQueuedBytes; sent += part.size())
    served.socket->send(part);
  ASSERT_TRUE(loop.run_until([&] { return served.closes.size() == 1; }, kPatience));
  EXPECT_EQ(served.closes[0].code(), "too_slow");
}

TEST(WebSocket, SaysGoodbyeWhenItsServerDiesAndCallsNoHandlerOfTheServersOwner) {
  Pair pair;
  ASSERT_TRUE(pair.open());
  pair.server.reset();
  ASSERT_TRUE(pair.wait([&] { return pair.dialled.closes.size() == 1; }));
  EXPECT_THAT(pair.dialled.closes[0].text(), HasSubstr("1001"));
  EXPECT_TRUE(pair.served.closes.empty());
  pair.served.socket->send("ignored");
}

TEST(WebSocket, OutlivesItsClientAndItsHandleMayOutliveTheLoop) {
  std::shared_ptr<WebSocket> handle;
  {
    Pair pair;
    ASSERT_TRUE(pair.open());
    pair.client.reset();
    pair.call.cancel();
    pair.dialled.socket->send("still here");
    ASSERT_TRUE(pair.wait([&] { return pair.served.texts.size() == 1; }));
    EXPECT_THAT(pair.served.texts, ElementsAre("still here"));
    handle = pair.dialled.socket;
  }
  handle->send("nobody");
  handle->close(1000, "");
}

}  // namespace
}  // namespace shared::httpd
