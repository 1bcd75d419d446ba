// Trailers of requests of HTTP/2 clients: on their way to targets, and no way to smuggle anything.
#include <gtest/gtest.h>

#include <string>

#include "balancer/h2/session.h"
#include "tests/support/h2_frames.h"
#include "tests/unit/balancer/proxy/rig.h"

namespace balancer::proxy {
namespace {

using h2::Fields;

struct Speaker {
  explicit Speaker(Rig& to) : rig(to), client(to.connect()) { rig.say(client, h2::hello()); }
  // POST with these fields, a body, and these trailers.
  void post(const Fields& trailers, const Fields& fields = {}, std::string_view body = "hello") {
    rig.say(client, h2::request(1, h2::post_fields(fields), false) + h2::frame(h2::kDataFrame, 0, 1, body) +
                        h2::frame(h2::kHeadersFrame, h2::kEndHeadersFlag | h2::kEndStreamFlag, 1,
                                  h2::block(trailers)));
  }
  // RST_STREAM or GOAWAY came.
  bool refused() {
    std::string got = client.got;
    for (const h2::Frame& frame : h2::take_frames(got)) {
      if (frame.type == h2::kResetFrame || (frame.type == h2::kGoawayFrame && frame.code() != 0)) return true;
    }
    return false;
  }
  Rig& rig;
  Rig::End& client;
};

std::string body_of(const std::string& request) { return request.substr(request.find("\r\n\r\n") + 4); }

TEST(RequestTrailers, ReachATargetOfHttp11BehindTheChunks) {
  Rig rig;
  Speaker speaker(rig);
  speaker.post({{"x-sum", "42"}, {"grpc-status", "0"}}, {{"trailer", "x-sum"}});
  const std::string request = rig.target().got;
  EXPECT_NE(request.find("\r\ntrailer: x-sum\r\n"), std::string::npos);
  EXPECT_EQ(body_of(request), "5\r\nhello\r\n0\r\nx-sum: 42\r\ngrpc-status: 0\r\n\r\n");
}

TEST(RequestTrailers, AreNotSaidWhereNothingFramesThem) {
  Rig rig;
  Speaker speaker(rig);
  speaker.post({{"x-sum", "42"}}, {{"content-length", "5"}});
  EXPECT_TRUE(rig.target().got.ends_with("\r\n\r\nhello")) << rig.target().got;
}

TEST(RequestTrailers, ThatMayNotBeTrailersAreLeftOut) {
  for (const std::string name :
       {"content-length", "host", "authorization", "x-forwarded-for", "x-amzn-trace-id", "cookie", "te",
        "trailer", "content-type", "x_forwarded_for", "content_length", "transfer_encoding", "expect",
        "proxy-x", "range"}) {
    Rig rig;
    Speaker speaker(rig);
    speaker.post({{name, "trailers"}, {"x-sum", "1"}});
    if (speaker.refused()) continue;
    EXPECT_EQ(body_of(rig.target().got), "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n") << name;
  }
}

TEST(RequestTrailers, CannotHaveANameThatTargetsAreToldOfTlsBy) {
  const auto renamed = [](shared::lbconfig::Config& config) {
    shared::lbconfig::Listener listener = *config.listeners[0];
    listener.options.tls_header_names.certificate = "X-Person";
    config.listeners[0] = listener;
  };
  Rig rig(renamed);
  Speaker speaker(rig);
  speaker.post({{"x-person", "root"}, {"x-sum", "1"}});
  EXPECT_EQ(body_of(rig.target().got), "5\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n");
  Rig other(renamed);
  other.say(other.connect(),
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Person: "
            "root\r\nX-Sum: 1\r\n\r\n");
  EXPECT_EQ(body_of(other.target().got), "5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n");
}

TEST(RequestTrailers, CannotEndTheRequestOrBeginAnother) {
  const std::string smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
  const Fields hostile[] = {
      {{"x", "a\r\n\r\n" + smuggled}},
      {{"x", "a\n\n" + smuggled}},
      {{"x", "a\r"}},
      {{"x", h2::kNul}},
      {{"x\r\n\r\n" + smuggled, "a"}},
      {{"x: a\r\ny", "a"}},
      {{"x y", "a"}},
      {{"", "a"}},
      {{"X-Upper", "a"}},
      {{":path", "/smuggled"}},
      {{":method", "GET"}},
      {{"transfer-encoding", "chunked"}},
      {{"connection", "keep-alive"}},
      {{"upgrade", "websocket"}},
      {{"x", " leading blank"}},
      {{"0", "a"}, {"\r\n", ""}},
  };
  for (const Fields& trailers : hostile) {
    Rig rig;
    Speaker speaker(rig);
    speaker.post(trailers);
    EXPECT_TRUE(speaker.refused()) << "malformed (RFC 9113 section 8.1.1): " << trailers[0].first;
    for (auto& target : rig.dialled) {
      EXPECT_EQ(target.got.find("smuggled"), std::string::npos);
      EXPECT_EQ(target.got.find("0\r\n"), std::string::npos)
          << "not whole, so never said to be: " << target.got;
    }
  }
}

TEST(RequestTrailers, TooManyOfThemEndTheStream) {
  Fields many;
  for (std::size_t i = 0; i <= codec::kMaxTrailerFields; ++i) many.push_back({"x-" + std::to_string(i), "v"});
  Rig rig;
  Speaker speaker(rig);
  speaker.post(many);
  EXPECT_TRUE(speaker.refused());
  EXPECT_EQ(rig.target().got.find("x-1:"), std::string::npos);
}

// A target's side of HTTP/2.
struct H2Target final : h2::SessionEvents {
  struct Stream final : h2::StreamEvents {
    std::string head, body, told;
    bool ended = false;
    codec::Buffer out;
    void on_head(std::string_view text, bool end) override {
      head = text;
      ended = end;
    }
    void on_data(std::string_view bytes) override { body += bytes; }
    void on_trailers(std::string_view lines) override { told = lines; }
    void on_end() override { ended = true; }
    void on_closed(h2::ErrorCode) override {}
    codec::Buffer& outgoing() override { return out; }
    bool outgoing_ends() override { return true; }
    void on_taken(std::size_t) override {}
  } stream;
  h2::StreamEvents* on_stream(std::int32_t) override { return &stream; }
  std::string_view websocket_key() override { return {}; }

  void take(Rig& rig) {
    ASSERT_TRUE(session->receive(rig.target().take(), rig.now));
    codec::Buffer out;
    ASSERT_TRUE(session->send(out, 1 << 20));
    rig.say(rig.target(), out.view());
  }
  std::unique_ptr<h2::Session> session =
      std::move(h2::Session::create(h2::Session::Role::kServer, *this)).value();
};

auto speaking_h2() {
  return Rig::with([](shared::lbconfig::TargetGroup& group) {
    group.protocol_version = shared::lbconfig::ProtocolVersion::kHttp2;
  });
}

TEST(RequestTrailers, ReachATargetOfHttp2AsTrailers) {
  Rig rig(speaking_h2());
  Speaker speaker(rig);
  speaker.post({{"x-sum", "42"}, {"host", "b"}});
  H2Target target;
  target.take(rig);
  EXPECT_EQ(target.stream.body, "hello");
  EXPECT_EQ(target.stream.told, "x-sum: 42\r\n");
  EXPECT_TRUE(target.stream.ended);
}

TEST(RequestTrailers, AndTheBodyReachTheSecondTargetWhereTheFirstOneRefuses) {
  Rig rig([](shared::lbconfig::Config& config) {
    shared::lbconfig::TargetGroup group = *config.target_groups[0];
    group.protocol_version = shared::lbconfig::ProtocolVersion::kHttp2;
    group.targets.push_back(group.targets[0]);
    group.targets[1].registration = "another";
    group.targets[1].port = 2;
    config.target_groups[0] = group;
  });
  Speaker speaker(rig);
  // Everything is there before anybody knows that the first target refuses.
  rig.refuse_next = true;
  speaker.post({{"x-sum", "42"}});
  ASSERT_EQ(rig.dialled.size(), 2U);
  H2Target target;
  target.take(rig);
  EXPECT_EQ(target.stream.body, "hello");
  EXPECT_EQ(target.stream.told, "x-sum: 42\r\n");
  EXPECT_TRUE(target.stream.ended);
}

}  // namespace
}  // namespace balancer::proxy
