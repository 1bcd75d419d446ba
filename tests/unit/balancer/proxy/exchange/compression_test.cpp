// Responses that are compressed on their way, as the client sees them.
#include <gtest/gtest.h>

#include <string>

#include "balancer/h2/session.h"
#include "tests/support/decoder.h"
#include "tests/unit/balancer/proxy/rig.h"

namespace balancer::proxy {
namespace {

using shared::lbconfig::Coding;
using shared::lbconfig::Compression;
using tests::support::decode;

constexpr std::string_view kLastChunkMark = "0\r\n\r\n";

auto compressing(std::function<void(Compression&)> change = {}) {
  return Rig::with([change = std::move(change)](shared::lbconfig::TargetGroup& group) {
    group.compression.algorithms = {Coding::kZstd, Coding::kBrotli, Coding::kGzip};
    group.compression.minimum_length = 10;
    if (change) change(group.compression);
  });
}

std::string get(const std::string& accept, const std::string& more = "", const std::string& version = "1.1") {
  return "GET / HTTP/" + version + "\r\nHost: a\r\n" +
         (accept.empty() ? "" : "Accept-Encoding: " + accept + "\r\n") + more + "\r\n";
}
std::string html(const std::string& body, const std::string& more = "") {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + more + "\r\n" + body;
}

struct Got {
  std::string head;
  std::string body;      // without chunks
  std::string trailers;  // with the last empty line
  bool has(const std::string& line) const { return head.find("\r\n" + line + "\r\n") != std::string::npos; }
  bool names(const std::string& field) const { return head.find("\r\n" + field + ": ") != std::string::npos; }
};
Got parse(const std::string& bytes) {
  Got out;
  const auto end = bytes.find("\r\n\r\n");
  if (end == std::string::npos) return out;
  out.head = bytes.substr(0, end + 4);
  std::string_view rest = std::string_view(bytes).substr(end + 4);
  if (!out.has("Transfer-Encoding: chunked")) return out.body = rest, out;
  while (!rest.empty()) {
    const auto line = rest.find("\r\n");
    const std::size_t size = std::stoul(std::string(rest.substr(0, line)), nullptr, 16);
    rest.remove_prefix(line + 2);
    if (size == 0) {
      out.trailers = rest;
      return out;
    }
    out.body.append(rest.substr(0, size));
    rest.remove_prefix(std::min(rest.size(), size + 2));
  }
  return out;
}

std::string long_text() {
  std::string out;
  for (int i = 0; i < 2'000; ++i) out += "<li>entry " + std::to_string(i * i) + "</li>\n";
  return out;
}

TEST(ResponseCompression, GivesTheClientTheCodingThatItTakesAndTheTargetsBytesInIt) {
  for (const std::string coding : {"gzip", "br", "zstd"}) {
    Rig rig(compressing());
    auto& client = rig.connect();
    rig.say(client, get(coding));
    const std::string body = long_text();
    rig.say(
        rig.target(),
        html(body,
             "ETag: \"v1\"\r\nAccept-Ranges: bytes\r\nContent-MD5: x\r\nRepr-Digest: x\r\nX-Other: 1\r\n"));
    const Got got = parse(client.take());
    EXPECT_TRUE(got.has("Content-Encoding: " + coding)) << got.head;
    EXPECT_TRUE(got.has("Vary: Accept-Encoding"));
    EXPECT_TRUE(got.has("ETag: W/\"v1\""));
    EXPECT_TRUE(got.has("Transfer-Encoding: chunked"));
    EXPECT_TRUE(got.has("X-Other: 1"));
    for (const char* gone : {"Content-Length", "Accept-Ranges", "Content-MD5", "Repr-Digest"})
      EXPECT_FALSE(got.names(gone)) << gone;
    EXPECT_EQ(got.trailers, "\r\n");
    EXPECT_LT(got.body.size(), body.size() / 2);
    const auto decoded = decode(coding, got.body);
    EXPECT_TRUE(decoded.whole);
    EXPECT_EQ(decoded.text, body);
    EXPECT_EQ(rig.counters().encoded_responses.get(), 1U);
    EXPECT_EQ(rig.counters().encoded_from_bytes.get(), body.size());
    EXPECT_EQ(rig.counters().encoded_to_bytes.get(), got.body.size());
    EXPECT_EQ(rig.worker->encoders().in_use(), 0U);
  }
}

TEST(ResponseCompression, TheConnectionServesOnAfterIt) {
  Rig rig(compressing());
  auto& client = rig.connect();
  for (int i = 0; i < 3; ++i) {
    rig.say(client, get("gzip"));
    rig.say(rig.target(), html("hello, hello, hello"));
    const Got got = parse(client.take());
    EXPECT_EQ(decode("gzip", got.body).text, "hello, hello, hello");
    EXPECT_FALSE(got.names("Connection"));
  }
  EXPECT_EQ(rig.dialled.size(), 1U) << "the target's connection as well";
}

TEST(ResponseCompression, WhoDoesNotAskGetsTheTargetsAnswerAndCachesAreTold) {
  Rig rig(compressing());
  auto& client = rig.connect();
  rig.say(client, get(""));
  rig.say(rig.target(), html("hello, hello, hello", "Vary: Cookie\r\nETag: \"v1\"\r\n"));
  const Got got = parse(client.take());
  EXPECT_EQ(got.body, "hello, hello, hello");
  EXPECT_TRUE(got.has("Content-Length: 19"));
  EXPECT_TRUE(got.has("ETag: \"v1\""));
  EXPECT_TRUE(got.has("Vary: Cookie") && got.has("Vary: Accept-Encoding"));
}

TEST(ResponseCompression, ATargetThatSaysSoItselfIsNotDoubted) {
  Rig rig(compressing());
  auto& client = rig.connect();
  rig.say(client, get("gzip"));
  rig.say(rig.target(), html("hello, hello, hello", "Vary: Origin, accept-encoding\r\nETag: W/\"v1\"\r\n"));
  const Got got = parse(client.take());
  EXPECT_TRUE(got.has("ETag: W/\"v1\""));
  EXPECT_FALSE(got.has("Vary: Accept-Encoding"));
  EXPECT_TRUE(got.has("Vary: Origin, accept-encoding"));
}

TEST(ResponseCompression, IsOffUnlessItIsConfigured) {
  Rig rig;
  auto& client = rig.connect();
  rig.say(client, get("gzip"));
  rig.say(rig.target(), html("hello, hello, hello"));
  std::string date;
  rig.on_loop([&] { date = rig.worker->date(); });
  EXPECT_EQ(client.take(), "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nDate: " + date +
                               "\r\nContent-Length: 19\r\n\r\nhello, hello, hello");
}

TEST(ResponseCompression, EventsAreNotHeldUp) {
  for (const std::string coding : {"gzip", "br", "zstd"}) {
    Rig rig(compressing());
    auto& client = rig.connect();
    rig.say(client, get(coding));
    rig.say(rig.target(),
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
    std::string all;
    for (int i = 0; i < 5; ++i) {
      const std::string event = "data: " + std::to_string(i) + "\n\n";
      char size[16];
      std::snprintf(size, sizeof size, "%zx\r\n", event.size());
      rig.say(rig.target(), size + event + "\r\n");
      all += event;
      EXPECT_EQ(decode(coding, parse(client.got).body).text, all) << coding << ": the target pauses here";
    }
    rig.say(rig.target(), std::string(kLastChunkMark));
    EXPECT_TRUE(decode(coding, parse(client.got).body).whole);
    EXPECT_TRUE(client.got.ends_with(kLastChunkMark));
  }
}

TEST(ResponseCompression, AnHttp10ClientGetsItUntilTheEndOfTheConnection) {
  Rig rig(compressing());
  auto& client = rig.connect();
  rig.say(client, get("gzip", "Connection: keep-alive\r\n", "1.0"));
  rig.say(rig.target(), html("hello, hello, hello"));
  const Got got = parse(client.got);
  EXPECT_TRUE(got.has("Content-Encoding: gzip"));
  EXPECT_FALSE(got.names("Transfer-Encoding") || got.names("Content-Length"));
  EXPECT_TRUE(decode("gzip", got.body).whole);
  EXPECT_TRUE(client.ended);
  EXPECT_FALSE(client.broken);
}

TEST(ResponseCompression, ATargetThatBreaksOffLeavesNoWholeBody) {
  Rig rig(compressing());
  auto& client = rig.connect();
  rig.say(client, get("gzip"));
  rig.say(rig.target(), "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 100\r\n\r\nonly this");
  rig.on_loop([&] { rig.target().transport->close(); });
  rig.settle();
  const Got got = parse(client.got);
  EXPECT_TRUE(client.ended);
  EXPECT_EQ(got.trailers, "") << "no last chunk";
  EXPECT_FALSE(decode("gzip", got.body).whole);
  EXPECT_EQ(rig.worker->encoders().in_use(), 0U);
}

TEST(ResponseCompression, TrailersFollowTheCompressedBody) {
  Rig rig(compressing());
  auto& client = rig.connect();
  rig.say(client, get("gzip", "TE: trailers\r\nConnection: TE\r\n"));
  rig.say(rig.target(),
          "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
          "5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n");
  const Got got = parse(client.got);
  EXPECT_EQ(decode("gzip", got.body).text, "hello");
  EXPECT_EQ(got.trailers, "X-Sum: 7\r\n\r\n");
}

TEST(ResponseCompression, HeadTellsOfTheTargetsBytesAndOfVary) {
  Rig rig(compressing());
  auto& client = rig.connect();
  rig.say(client, "HEAD / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
  rig.say(rig.target(), "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n");
  const Got got = parse(client.got);
  EXPECT_TRUE(got.has("Content-Length: 5000") && got.has("Vary: Accept-Encoding"));
  EXPECT_FALSE(got.names("Content-Encoding"));
}

TEST(ResponseCompression, AListenerThatSetsTheCodingItselfIsLeftAlone) {
  Rig rig([](shared::lbconfig::Config& config) {
    compressing()(config);
    shared::lbconfig::Listener web = *config.listeners[0];
    web.options.response_headers = {{"Content-Encoding", "aws-chunked"}};
    config.listeners[0] = web;
  });
  auto& client = rig.connect();
  rig.say(client, get("gzip"));
  rig.say(rig.target(), html("hello, hello, hello"));
  EXPECT_EQ(parse(client.got).body, "hello, hello, hello");
}

// A body that hardly gets smaller, to a client that does not read: the target is held up.
TEST(ResponseCompression, AClientThatDoesNotReadHoldsUpTheTarget) {
  Rig rig(compressing());
  auto& client = rig.connect();
  rig.say(client, get("gzip"));
  std::string noise(4 * 1024 * 1024, ' ');
  std::uint64_t state = 1;
  for (char& c : noise)
    c = static_cast<char>((state = state * 6364136223846793005U + 1442695040888963407U) >> 56);
  std::string all = html(noise);
  auto& target = rig.target();
  // The client's end of the wire is not read: 64 KiB fit.
  const auto push = [&](bool client_reads) {
    for (int quiet = 0; quiet < 6; ++quiet) {
      rig.on_loop([&] {
        if (!all.empty()) {
          const iovec part{all.data(), all.size()};
          const auto wrote = target.transport->write(std::span(&part, 1));
          all.erase(0, wrote.bytes);
          if (wrote.bytes != 0) quiet = 0;
        }
        target.wire.deliver_both();
        client.wire.deliver_both();
        if (client_reads) {
          std::string space(256 * 1024, ' ');
          const auto read = client.transport->read(space);
          client.got.append(space, 0, read.bytes);
          if (read.bytes != 0) quiet = 0;
          client.wire.deliver_both();
        }
      });
    }
  };
  push(false);
  EXPECT_GT(all.size(), 3U * 1024 * 1024) << "most of it is still with the target";
  push(true);
  EXPECT_TRUE(all.empty());
  EXPECT_EQ(decode("gzip", parse(client.got).body).text, noise);
}

struct H2Answer final : h2::StreamEvents {
  std::string head, body;
  bool ended = false;
  codec::Buffer out;
  void on_head(std::string_view text, bool end) override {
    head = text;
    ended = end;
  }
  void on_data(std::string_view bytes) override { body += bytes; }
  void on_end() override { ended = true; }
  void on_closed(h2::ErrorCode) override {}
  codec::Buffer& outgoing() override { return out; }
  bool outgoing_ends() override { return true; }
  void on_taken(std::size_t) override {}
};
struct H2Asker final : h2::SessionEvents {
  h2::StreamEvents* on_stream(std::int32_t) override { return nullptr; }
  std::string_view websocket_key() override { return {}; }
};

TEST(ResponseCompression, AnHttp2ClientGetsItAsWell) {
  Rig rig(compressing());
  auto& client = rig.connect();
  H2Asker asker;
  auto session = std::move(h2::Session::create(h2::Session::Role::kClient, asker)).value();
  H2Answer answer;
  session->request("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br\r\n\r\n", "http", true, answer);
  codec::Buffer out;
  ASSERT_TRUE(session->send(out, 1 << 20));
  rig.say(client, out.view());
  rig.say(rig.target(), html("hello, hello, hello"));
  ASSERT_TRUE(session->receive(client.got, rig.now));
  EXPECT_TRUE(answer.ended);
  EXPECT_NE(answer.head.find("content-encoding: br\r\n"), std::string::npos) << answer.head;
  EXPECT_EQ(answer.head.find("content-length"), std::string::npos);
  EXPECT_EQ(decode("br", answer.body).text, "hello, hello, hello");
}

}  // namespace
}  // namespace balancer::proxy
