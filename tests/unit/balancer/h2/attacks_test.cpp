// What a hostile client is told, and what it can make us hold: rows 22 to 27 of the attacks that the balancer
// is held against, and the floods. Raw frames; what is asserted is what the client sees.
#include <algorithm>
#include <functional>
#include <optional>

#include "balancer/h2/flood_guard.h"
#include "tests/unit/balancer/h2/side.h"

namespace balancer::h2 {
namespace {

constexpr std::uint32_t kProtocolCode = static_cast<std::uint32_t>(ErrorCode::kProtocol);
constexpr std::uint32_t kCalmCode = static_cast<std::uint32_t>(ErrorCode::kEnhanceYourCalm);
constexpr std::uint32_t kRefusedCode = static_cast<std::uint32_t>(ErrorCode::kRefused);

struct Seen {
  std::optional<std::uint32_t> goaway;
  std::map<std::int32_t, std::uint32_t> resets;
};
Seen seen(Side& server) {
  Seen out;
  for (const Frame& one : frames_of(server.send())) {
    if (one.type == kGoawayFrame) out.goaway = one.code();
    if (one.type == kResetFrame) {
      EXPECT_EQ(out.resets.count(one.stream), 0U) << "one reset is enough";
      out.resets[one.stream] = one.code();
    }
  }
  return out;
}

TEST(H2Attacks, OfFramesEndTheConnection) {
  const std::string ended = request(1);
  struct Row {
    const char* name;
    std::string bytes;  // after the preface and SETTINGS
    std::uint32_t code;
  };
  for (const Row& row : std::vector<Row>{
           {"DATA on stream 0", frame(kDataFrame, 0, 0, "x"), kProtocolCode},
           {"HEADERS on stream 0", frame(kHeadersFrame, 5, 0, block(get_fields())), kProtocolCode},
           {"RST_STREAM on stream 0", frame(kResetFrame, 0, 0, number32(8)), kProtocolCode},
           {"even id", request(2), kProtocolCode},
           {"id of a stream that has ended", ended + ended, kStreamClosedCode},
           {"DATA on an idle stream", frame(kDataFrame, 0, 1, "x"), kProtocolCode},
           {"RST_STREAM on an idle stream", frame(kResetFrame, 0, 1, number32(8)), kProtocolCode},
           {"WINDOW_UPDATE on an idle stream", frame(kWindowFrame, 0, 1, number32(8)), kProtocolCode},
           {"PING of 7 bytes", frame(kPingFrame, 0, 0, "1234567"), kFrameSizeCode},
           {"PING on a stream", frame(kPingFrame, 0, 1, "12345678"), kProtocolCode},
           {"RST_STREAM of 3 bytes", ended + frame(kResetFrame, 0, 1, "123"), kFrameSizeCode},
           {"WINDOW_UPDATE of 3 bytes", frame(kWindowFrame, 0, 0, "123"), kFrameSizeCode},
           {"WINDOW_UPDATE of 0", frame(kWindowFrame, 0, 0, number32(0)), kProtocolCode},
           {"window beyond 2^31-1", frame(kWindowFrame, 0, 0, number32(0x7fffffff)), kFlowControlCode},
           {"SETTINGS of 5 bytes", frame(kSettingsFrame, 0, 0, "12345"), kFrameSizeCode},
           {"SETTINGS on a stream", frame(kSettingsFrame, 0, 1), kProtocolCode},
           {"ACK with a payload", frame(kSettingsFrame, kAckFlag, 0, std::string("\0\1\0\0\0\0", 6)),
            kFrameSizeCode},
           {"initial window beyond 2^31-1", frame(kSettingsFrame, 0, 0, std::string("\0\4\x80\0\0\0", 6)),
            kFlowControlCode},
           {"frames of 1 byte at most", frame(kSettingsFrame, 0, 0, std::string("\0\5\0\0\0\1", 6)),
            kProtocolCode},
           {"ENABLE_PUSH of 2", frame(kSettingsFrame, 0, 0, std::string("\0\2\0\0\0\2", 6)), kProtocolCode},
           {"33 settings",
            frame(kSettingsFrame, 0, 0,
                  [] {
                    std::string many;
                    for (int i = 0; i < 33; ++i) many += std::string("\0\x63\0\0\0\0", 6);
                    return many;
                  }()),
            kCalmCode},
           {"a frame beyond SETTINGS_MAX_FRAME_SIZE",
            request(1, post_fields(), false) + frame(kDataFrame, 0, 1, std::string(16 * 1024 + 1, 'x')),
            kFrameSizeCode},
           {"padding as long as DATA",
            request(1, post_fields(), false) + frame(kDataFrame, kPaddedFlag, 1, std::string("\5abcd")),
            kProtocolCode},
           {"padding as long as HEADERS",
            frame(kHeadersFrame, kPaddedFlag | kEndHeadersFlag, 1, std::string("\xff") + block(get_fields())),
            kProtocolCode},
           {"padded DATA of no bytes",
            request(1, post_fields(), false) + frame(kDataFrame, kPaddedFlag, 1, ""), kProtocolCode},
           {"CONTINUATION without HEADERS", frame(kContinuationFrame, kEndHeadersFlag, 1, ""), kProtocolCode},
           {"CONTINUATION after the end", ended + frame(kContinuationFrame, kEndHeadersFlag, 1, ""),
            kProtocolCode},
           {"a frame inside of a header block",
            frame(kHeadersFrame, 0, 1, block(get_fields())) + frame(kPingFrame, 0, 0, "12345678"),
            kProtocolCode},
           {"CONTINUATION of another stream",
            frame(kHeadersFrame, 0, 1, block(get_fields())) + frame(kContinuationFrame, 4, 3, ""),
            kProtocolCode},
           {"an unknown frame inside of a header block",
            frame(kHeadersFrame, 0, 1, block(get_fields())) + frame(99, 0, 1, ""), kProtocolCode},
           {"PUSH_PROMISE of a client", frame(kPushFrame, 4, 1, number32(2) + block(get_fields())),
            kProtocolCode},
           {"HPACK that is none", frame(kHeadersFrame, 5, 1, "\xff\xff\xff\xff\xff\xff"), kCompressionCode},
           {"HPACK with an index beyond the table", frame(kHeadersFrame, 5, 1, "\xfe"), kCompressionCode},
           {"HPACK with a table larger than allowed",
            frame(kHeadersFrame, 5, 1, "\x3f\xff\xff\x7f" + block(get_fields())), kCompressionCode},
           {"HPACK that is cut off", frame(kHeadersFrame, 5, 1, std::string("\0\5ab", 4)), kCompressionCode},
       }) {
    SCOPED_TRACE(row.name);
    Side server(Session::Role::kServer);
    server.receive(hello() + row.bytes);
    const Seen told = seen(server);
    ASSERT_TRUE(told.goaway.has_value());
    EXPECT_EQ(*told.goaway, row.code);
    EXPECT_FALSE(server.receive(request(101))) << "nothing is taken any more";
    EXPECT_FALSE(server.session->problem().empty());
    EXPECT_EQ(server.streams.count(101), 0U);
    EXPECT_TRUE(server.session->over());
  }
}

TEST(H2Attacks, OfThePrefaceEndTheConnection) {
  for (const std::string& bytes :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(kPreface.substr(0, 20)) + "xxxxxxxxx",
        std::string(kPreface) + request(1), std::string(kPreface) + frame(kPingFrame, 0, 0, "12345678")}) {
    Side server(Session::Role::kServer);
    server.receive(bytes);
    seen(server);
    EXPECT_FALSE(server.receive(request(3)));
    EXPECT_TRUE(server.streams.empty());
  }
}

TEST(H2Attacks, OfOneStreamResetItAndLetTheOthersGoOn) {
  struct Row {
    const char* name;
    std::string bytes;
    std::uint32_t code;
    bool told = false;  // of the request, before what is wrong came
  };
  std::vector<Row> rows = {
      {"window of a stream beyond 2^31-1",
       request(1, post_fields(), false) + frame(kWindowFrame, 0, 1, number32(0x7fffffff)), kFlowControlCode,
       true},
      {"content-length above DATA",
       request(1, post_fields({{"content-length", "5"}}), false) +
           frame(kDataFrame, kEndStreamFlag, 1, "abc"),
       kProtocolCode, true},
      {"content-length below DATA",
       request(1, post_fields({{"content-length", "2"}}), false) + frame(kDataFrame, 0, 1, "abc"),
       kProtocolCode, true},
      {"content-length above DATA, ended by trailers",
       request(1, post_fields({{"content-length", "5"}}), false) + frame(kDataFrame, 0, 1, "abc") +
           request(1, {{"x", "y"}}),
       kProtocolCode, true},
      {"content-length and no DATA", request(1, post_fields({{"content-length", "5"}})), kProtocolCode},
      {"trailers that do not end", request(1, post_fields(), false) + request(1, {{"x", "y"}}, false),
       kProtocolCode, true},
      {"pseudo field in trailers", request(1, post_fields(), false) + request(1, {{":path", "/"}}),
       kProtocolCode, true},
      {"framing in trailers",
       request(1, post_fields(), false) + request(1, {{"transfer-encoding", "chunked"}}), kProtocolCode,
       true},
      {"a line in trailers", request(1, post_fields(), false) + request(1, {{"x", "a\r\nb: c"}}),
       kProtocolCode, true},
  };
  const auto head = [&](const char* name, const Fields& fields) {
    rows.push_back({name, request(1, fields), kProtocolCode});
  };
  head("two content-lengths", post_fields({{"content-length", "0"}, {"content-length", "5"}}));
  head("content-length twice", post_fields({{"content-length", "0"}, {"content-length", "0"}}));
  for (const char* value : {"+5", "-5", "0x5", "5,5", "5 5", "18446744073709551616", "", "a"})
    head("content-length", post_fields({{"content-length", value}}));
  for (const char* name :
       {"transfer-encoding", "connection", "keep-alive", "proxy-connection", "upgrade", "http2-settings"})
    head(name, get_fields({{name, "x"}}));
  head("te", get_fields({{"te", "gzip"}}));
  head("upper-case name", get_fields({{"Accept", "x"}}));
  head("empty name", get_fields({{"", "x"}}));
  head("blank in a name", get_fields({{"a b", "x"}}));
  head("colon in a name", get_fields({{"a:b", "x"}}));
  for (const std::string& value :
       {std::string("a\r\nb: c"), std::string("a\nb"), "a" + kNul, std::string(" a"), std::string("a "),
        std::string("\ta"), std::string("a\x7f")})
    head("value", get_fields({{"x", value}}));
  head("path with a line",
       {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/ HTTP/1.1\r\nX: y"}});
  head("method with a line",
       {{":method", "GET / HTTP/1.1"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}});
  head("path twice", get_fields({{":path", "/"}}));
  head("unknown pseudo field", get_fields({{":x", "/"}}));
  head("status", get_fields({{":status", "200"}}));
  head("pseudo field after others",
       {{":method", "GET"}, {"x", "y"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}});
  head("no path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}});
  head("no method", {{":scheme", "http"}, {":authority", "a"}, {":path", "/"}});
  head("no scheme", {{":method", "GET"}, {":authority", "a"}, {":path", "/"}});
  head("no authority and no host", {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}});
  head("empty path", {{":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", ""}});
  head("scheme with more",
       {{":method", "GET"}, {":scheme", "http://x/"}, {":authority", "a"}, {":path", "/"}});
  head("host differs", get_fields({{"host", "b"}}));
  head("unknown protocol", {{":method", "CONNECT"},
                            {":protocol", "connect-udp"},
                            {":scheme", "http"},
                            {":authority", "a"},
                            {":path", "/"}});
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    Side server(Session::Role::kServer);
    EXPECT_TRUE(server.receive(hello() + row.bytes));
    const Seen told = seen(server);
    EXPECT_FALSE(told.goaway.has_value());
    ASSERT_EQ(told.resets.count(1), 1U);
    EXPECT_EQ(told.resets.at(1), row.code);
    EXPECT_EQ(!server.streams[1].heads.empty(), row.told) << "a request that is wrong is no request";
    EXPECT_FALSE(server.streams[1].whole() && row.told) << "never taken for whole";
    EXPECT_TRUE(server.streams[1].closed);
    EXPECT_NE(server.streams[1].code, ErrorCode::kNone);
    EXPECT_FALSE(server.session->in_header_block());
    ASSERT_TRUE(server.receive(request(3))) << "the connection goes on";
    EXPECT_EQ(server.streams[3].heads.size(), 1U);
    EXPECT_EQ(server.session->streams(), 1U);
  }
}

TEST(H2Attacks, WithAnEndedStreamsIdAreNoRequest) {
  Side server(Session::Role::kServer);
  ASSERT_TRUE(server.receive(hello() + request(5)));
  server.answer(5);
  seen(server);
  server.receive(request(5) + request(3));
  EXPECT_EQ(server.streams.size(), 1U);
  EXPECT_EQ(server.streams[5].heads.size(), 1U);
  server.receive(frame(kDataFrame, 0, 5, "x") + frame(kHeadersFrame, 0, 3, ""));
  EXPECT_TRUE(server.session->in_header_block()) << "also one that is ignored";
}

TEST(H2Attacks, WithDataBehindTheEndResetTheStreamOrEndTheConnection) {
  Side server(Session::Role::kServer);
  server.receive(hello() + request(1) + frame(kDataFrame, 0, 1, "x"));
  const Seen told = seen(server);
  EXPECT_TRUE((told.resets.count(1) == 1 && told.resets.at(1) == kStreamClosedCode) ||
              told.goaway == kStreamClosedCode);
  EXPECT_EQ(server.streams[1].data, "");
}

TEST(H2Attacks, WithDataBeyondTheWindowEndThere) {
  Side server(Session::Role::kServer);
  std::string bytes = hello() + request(1, post_fields(), false);
  for (int i = 0; i < 8; ++i) bytes += frame(kDataFrame, 0, 1, std::string(16 * 1024, 'x'));
  server.receive(bytes);
  const Seen told = seen(server);
  EXPECT_TRUE((told.resets.count(1) == 1 && told.resets.at(1) == kFlowControlCode) ||
              told.goaway == kFlowControlCode);
  EXPECT_LE(server.streams[1].data.size(), kStreamWindow);
}

// nghttp2 looks at no padding there.
TEST(H2Attacks, WithPaddingLongerThanItsFrameEndTheConnectionAlsoOnAStreamThatHasEnded) {
  Side server(Session::Role::kServer);
  ASSERT_TRUE(server.receive(hello() + request(1)));
  server.answer(1);
  seen(server);
  EXPECT_FALSE(server.receive(request(3) + frame(kDataFrame, kPaddedFlag, 1, "\xff")));
  EXPECT_EQ(server.streams[3].heads.size(), 1U) << "what came before it was read";
  EXPECT_EQ(seen(server).goaway, 1U);
  EXPECT_EQ(server.session->problem(), "h2_error");
}

TEST(H2Attacks, WithPaddingLoseNoWindow) {
  Side server(Session::Role::kServer);
  ASSERT_TRUE(server.receive(hello() + request(1, post_fields(), false)));
  for (int i = 0; i < 40'000; ++i) {
    const std::string padded = frame(kDataFrame, kPaddedFlag, 1,
                                     "\x1f"
                                     "x" +
                                         std::string(31, '\0'));
    ASSERT_TRUE(server.receive(padded)) << i;
    server.session->consumed(1, 1);
    if (i % 100 == 0) {
      EXPECT_FALSE(seen(server).goaway.has_value());
    }
  }
  EXPECT_EQ(server.streams[1].data.size(), 40'000U);
}

// Sends `next(i)` until it is refused; how often it was taken. The client reads what it is told.
int floods(Side& server, const std::function<std::string(int)>& next, int limit = 100'000) {
  EXPECT_TRUE(server.receive(hello()));
  int taken = 0;
  while (taken < limit && server.receive(next(taken))) {
    ++taken;
    for (const Frame& one : frames_of(server.send())) {
      if (one.type != kGoawayFrame) continue;
      EXPECT_EQ(one.code(), kCalmCode);
      return taken;
    }
  }
  bool told = false;
  for (const Frame& one : frames_of(server.send()))
    told |= one.type == kGoawayFrame && one.code() == kCalmCode;
  EXPECT_TRUE(told) << "it is told why";
  return taken;
}

TEST(H2Attacks, ByFloodsEndWithGoaway) {
  const auto id = [](int i) { return 2 * i + 1; };
  struct Row {
    const char* name;
    std::function<std::string(int)> next;
    double burst;
  };
  for (const Row& row : std::vector<Row>{
           {"PING", [](int) { return frame(kPingFrame, 0, 0, "12345678"); }, kControlBurst},
           {"PING ACK", [](int) { return frame(kPingFrame, kAckFlag, 0, "12345678"); }, kControlBurst},
           {"SETTINGS", [](int) { return frame(kSettingsFrame, 0, 0); }, kControlBurst},
           {"PRIORITY", [&](int i) { return frame(kPriorityFrame, 0, id(i), number32(0) + 'x'); },
            kControlBurst},
           {"unknown frames", [](int) { return frame(200, 0, 0, "x"); }, kControlBurst},
           {"WINDOW_UPDATE", [](int) { return frame(kWindowFrame, 0, 0, number32(1)); }, kControlBurst},
           {"empty DATA",
            [](int i) { return i == 0 ? request(1, post_fields(), false) : frame(kDataFrame, 0, 1); },
            kControlBurst},
           {"padded empty DATA",
            [](int i) {
              return i == 0 ? request(1, post_fields(), false)
                            : frame(kDataFrame, kPaddedFlag, 1, std::string("\2\0\0", 3));
            },
            kControlBurst},
           {"rapid reset", [&](int i) { return request(id(i)) + frame(kResetFrame, 0, id(i), number32(8)); },
            kResetBurst},
           {"rapid reset without error",
            [&](int i) { return request(id(i)) + frame(kResetFrame, 0, id(i), number32(0)); }, kResetBurst},
           {"rapid reset of requests with bodies",
            [&](int i) {
              return request(id(i), post_fields(), false) + frame(kDataFrame, 0, id(i), "x") +
                     frame(kResetFrame, 0, id(i), number32(8));
            },
            kResetBurst},
           {"resets of streams that are gone",
            [&](int i) {
              return i == 0 ? request(1) + frame(kResetFrame, 0, 1, number32(8))
                            : frame(kResetFrame, 0, 1, number32(8));
            },
            kControlBurst},
           {"made you reset by a window",
            [&](int i) { return request(id(i)) + frame(kWindowFrame, 0, id(i), number32(0x7fffffff)); },
            kResetBurst},
           {"made you reset by a length",
            [&](int i) {
              return request(id(i), post_fields({{"content-length", "1"}}), false) +
                     frame(kDataFrame, kEndStreamFlag, id(i), "");
            },
            kResetBurst},
           {"made you reset by a head",
            [&](int i) {
              return request(id(i), get_fields({{"te", "x"}}));
            },
            kResetBurst},
           {"made you reset by trailers",
            [&](int i) {
              return request(id(i), post_fields(), false) + request(id(i), {{":x", "y"}});
            },
            kResetBurst},
           {"heads of streams that are gone",
            [&](int i) { return i == 0 ? request(1) + frame(kResetFrame, 0, 1, number32(8)) : request(1); },
            kControlBurst},
       }) {
    SCOPED_TRACE(row.name);
    Side server(Session::Role::kServer);
    const int taken = floods(server, row.next);
    EXPECT_GT(taken, row.burst / 2);
    EXPECT_LE(taken, row.burst + kExplainedPerStream * kResetBurst + 10);
    EXPECT_LE(server.session->streams(), kMaxStreams);
  }
}

TEST(H2Attacks, ByFloodsAreFoundAlsoWhenTheClientReadsNothing) {
  for (const std::string& one : {frame(kPingFrame, 0, 0, "12345678"), frame(kSettingsFrame, 0, 0),
                                 frame(kSettingsFrame, 0, 0, std::string("\0\4\0\0\0\1", 6))}) {
    Side server(Session::Role::kServer);
    ASSERT_TRUE(server.receive(hello()));
    int taken = 0;
    while (taken < 100'000 && server.receive(one)) ++taken;
    EXPECT_LE(taken, kControlBurst + 10);
    EXPECT_LE(server.send(1 << 30).size(), 64U * 1024) << "what waits for it is bounded";
  }
}

TEST(H2Attacks, WithMoreStreamsThanAllowedAreRefusedAndCounted) {
  Side server(Session::Role::kServer);
  std::string bytes = hello();
  for (std::int32_t i = 0; i < 400; ++i) bytes += request(2 * i + 1);
  EXPECT_TRUE(server.receive(bytes));  // our SETTINGS have not been acknowledged
  const Seen told = seen(server);
  EXPECT_FALSE(told.goaway.has_value());
  EXPECT_EQ(told.resets.size(), 400 - kMaxStreams);
  for (const auto& [id, code] : told.resets) EXPECT_EQ(code, kRefusedCode);
  EXPECT_EQ(server.streams.size(), kMaxStreams);
  EXPECT_EQ(server.session->streams(), kMaxStreams);
  int more = 400;
  while (more < 10'000 && server.receive(request(2 * more + 1))) {
    seen(server);
    ++more;
  }
  EXPECT_LE(more, kResetBurst + kMaxStreams + 10) << "and it does not go on forever";
  EXPECT_EQ(server.streams.size(), kMaxStreams);
}

TEST(H2Attacks, WithAHeaderBlockThatNeverEndsEndWithGoaway) {
  for (const std::string& part : {std::string(), block({{"x", "y"}})}) {
    Side server(Session::Role::kServer);
    ASSERT_TRUE(server.receive(hello() + frame(kHeadersFrame, kEndStreamFlag, 1, block(get_fields()))));
    EXPECT_TRUE(server.session->in_header_block());
    int taken = 0;
    while (taken < 1'000 && server.receive(frame(kContinuationFrame, 0, 1, part))) ++taken;
    EXPECT_EQ(taken, kMaxContinuations);
    EXPECT_EQ(seen(server).goaway, kCalmCode);
    EXPECT_TRUE(server.streams[1].heads.empty());
  }
  Side server(Session::Role::kServer);  // and one that ends in time is a request
  std::string bytes = hello() + frame(kHeadersFrame, kEndStreamFlag, 1, "");
  const std::string fields = block(get_fields());
  for (int i = 0; i < kMaxContinuations - 1; ++i)
    bytes += frame(kContinuationFrame, 0, 1, fields.substr(static_cast<std::size_t>(i), 1));
  bytes += frame(kContinuationFrame, kEndHeadersFlag, 1, fields.substr(kMaxContinuations - 1));
  ASSERT_TRUE(server.receive(bytes));
  EXPECT_EQ(server.streams[1].heads.size(), 1U);
  EXPECT_FALSE(server.session->in_header_block());
}

TEST(H2Attacks, ByHpackBombEndBeforeTheyAreUnpacked) {
  Side server(Session::Role::kServer);
  std::string bomb = block(get_fields()) + '\x40' + hpack_string("x") + hpack_string(std::string(3'900, 'v'));
  const std::size_t first = bomb.size();
  bomb += std::string(16'384 - first, '\xbe');  // one byte, one field of 3,901
  std::string bytes = frame(kHeadersFrame, kEndStreamFlag, 1, bomb);
  bytes += frame(kContinuationFrame, kEndHeadersFlag, 1, std::string(16'384 - first, '\xbe'));
  EXPECT_FALSE(server.receive(hello() + bytes));
  EXPECT_EQ(seen(server).goaway, kCalmCode);
  EXPECT_TRUE(server.streams[1].heads.empty());
}

TEST(H2Attacks, ByHpackBombInTrailersEndBeforeTheyAreUnpacked) {
  Side server(Session::Role::kServer);
  ASSERT_TRUE(server.receive(hello() + request(1, post_fields(), false)));
  std::string bomb = '\x40' + hpack_string("x") + hpack_string(std::string(3'900, 'v'));
  bomb += std::string(10'000, '\xbe');
  EXPECT_FALSE(server.receive(frame(kHeadersFrame, kEndStreamFlag | kEndHeadersFlag, 1, bomb)));
  EXPECT_EQ(seen(server).goaway, kCalmCode);
}

TEST(H2Attacks, WithAHeadThatIsOnlyTooLargeAreAnswered) {
  for (const bool many : {true, false}) {
    Side server(Session::Role::kServer);
    Fields fields = get_fields();
    for (int i = 0; i < (many ? 200 : 9); ++i) fields.emplace_back("x", std::string(many ? 1 : 12'000, 'v'));
    const std::string all = block(fields);
    std::string bytes = hello();
    for (std::size_t at = 0; at < all.size(); at += 16'384)
      bytes +=
          frame(at == 0 ? kHeadersFrame : kContinuationFrame,
                static_cast<std::uint8_t>((at == 0 ? kEndStreamFlag : std::uint8_t{0}) |
                                          (at + 16'384 >= all.size() ? kEndHeadersFlag : std::uint8_t{0})),
                1, all.substr(at, 16'384));
    ASSERT_TRUE(server.receive(bytes));
    ASSERT_EQ(server.streams[1].heads.size(), 1U);
    EXPECT_EQ(server.streams[1].heads[0], "");
    server.answer(1, "too large");
    EXPECT_TRUE(seen(server).resets.empty());
    EXPECT_TRUE(server.streams[1].closed);
  }
}

TEST(H2Attacks, OfATargetOnOurClientEndTheConnectionOrTheStream) {
  struct Row {
    const char* name;
    std::string bytes;
  };
  for (const Row& row : std::vector<Row>{
           {"PUSH_PROMISE", frame(kPushFrame, 4, 1, number32(2) + block(get_fields()))},
           {"an answer nobody asked for", request(3, {{":status", "200"}})},
           {"CONTINUATION flood", frame(kHeadersFrame, 0, 1, block({{":status", "200"}})) +
                                      [] {
                                        std::string many;
                                        for (int i = 0; i < 20; ++i) many += frame(kContinuationFrame, 0, 1);
                                        return many;
                                      }()},
           {"no status", request(1, {{"x", "y"}})},
           {"framing", request(1, {{":status", "200"}, {"transfer-encoding", "chunked"}})},
           {"101", request(1, {{":status", "101"}}, false)},
           {"DATA before the head", frame(kDataFrame, kEndStreamFlag, 1, "x")},
           {"length above DATA", request(1, {{":status", "200"}, {"content-length", "5"}}, false) +
                                     frame(kDataFrame, kEndStreamFlag, 1, "x")},
           {"PING flood",
            [] {
              std::string many;
              for (int i = 0; i < 2'000; ++i) many += frame(kPingFrame, 0, 0, "12345678");
              return many;
            }()},
       }) {
    SCOPED_TRACE(row.name);
    Side client(Session::Role::kClient);
    Side::Stream& asked = client.ask("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    client.send();
    const bool goes_on = client.receive(frame(kSettingsFrame, 0, 0) + row.bytes);
    const Seen told = seen(client);
    EXPECT_TRUE(!goes_on || told.goaway.has_value() || !told.resets.empty());
    EXPECT_FALSE(asked.whole()) << "never taken for a whole answer";
  }
}

}  // namespace
}  // namespace balancer::h2
