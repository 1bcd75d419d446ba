#include "balancer/codec/head.h"

#include <gtest/gtest.h>

#include <string>

#include "balancer/codec/buffer.h"
#include "shared/env/random.h"

namespace balancer::codec {
namespace {

constexpr std::string_view kRequest =
    "GET http://Example.com:8080?x=1 HTTP/1.1\r\n"
    "Host: other\r\n"
    "X-A:  spaced \t\r\n"
    "Cookie: a=1\r\n"
    "cookie: b=2\r\n"
    "Connection: keep-alive, Upgrade, X-A\r\n"
    "Upgrade: WebSocket\r\n"
    "Sec-WebSocket-Key: x\r\n"
    "\r\n"
    "BODY";

void expect_parsed(const RequestHead& head) {
  EXPECT_EQ(head.method(), "GET");
  EXPECT_EQ(head.target(), "http://Example.com:8080?x=1");
  EXPECT_EQ(head.authority(), "Example.com:8080");
  EXPECT_EQ(head.host_field(), "other");
  EXPECT_EQ(head.path(), "/");
  EXPECT_EQ(head.query(), "x=1");
  EXPECT_TRUE(head.has_query);
  EXPECT_TRUE(head.http11);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.websocket);
  EXPECT_TRUE(head.connection_names_fields);
  ASSERT_EQ(head.fields.size(), 7U);
  EXPECT_EQ(head.name(head.fields[1]), "X-A");
  EXPECT_EQ(head.value(head.fields[1]), "spaced");
  EXPECT_EQ(head.value(FieldId::kCookie), "a=1");
  EXPECT_TRUE(head.is_repeated(FieldId::kCookie));
  EXPECT_EQ(head.value(head.fields[3]), "b=2");
}

TEST(RequestParser, ReadsTheSameHoweverTheBytesArrive) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    shared::env::SeededRandom random(seed);
    RequestParser parser;
    RequestHead head;
    Buffer in;
    std::size_t given = 0;
    const std::size_t head_size = kRequest.size() - 4;
    ParseState state = ParseState::kIncomplete;
    while (state == ParseState::kIncomplete) {
      const std::size_t size =
          seed == 0 ? 1 : std::min<std::size_t>(1 + random.below(60), kRequest.size() - given);
      in.append(kRequest.substr(given, size));  // moves the bytes now and then
      given += size;
      state = parser.parse(in.view(), head);
      ASSERT_EQ(state == ParseState::kComplete, given >= head_size) << "seed " << seed;
    }
    ASSERT_EQ(parser.head_bytes(), head_size);
    expect_parsed(head);
    in.append(std::string(100'000, 'x'));
    head.rebase(in.data());
    expect_parsed(head);
  }
}

TEST(RequestParser, ReadsPipelinedRequestsOneByOne) {
  const std::string text =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
  RequestParser parser;
  RequestHead head;
  ASSERT_EQ(parser.parse(text, head), ParseState::kComplete);
  EXPECT_EQ(head.path(), "/1");
  const std::size_t first = parser.head_bytes();
  parser.reset();
  EXPECT_FALSE(parser.started());
  ASSERT_EQ(parser.parse(std::string_view(text).substr(first), head), ParseState::kComplete);
  EXPECT_EQ(head.path(), "/2");
  EXPECT_FALSE(head.http11);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_EQ(head.authority(), "");
  EXPECT_EQ(first + parser.head_bytes(), text.size());
}

// A client that never ends a line or the head is cut off at the limits, not buffered for ever.
TEST(RequestParser, RefusesEndlessHeadsBeforeTheyEnd) {
  const auto refusal_of = [](std::string text) {
    RequestParser parser;
    RequestHead head;
    return parser.parse(text, head) == ParseState::kError ? to_string(head.refusal) : "incomplete";
  };
  const std::string start = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(refusal_of(std::string(kMaxRequestLine + 1, 'a')), "incomplete");
  EXPECT_EQ(refusal_of(std::string(kMaxRequestLine + 2, 'a')), "request_line_too_long");
  EXPECT_EQ(refusal_of(start + std::string(kMaxFieldLine + 2, 'a')), "header_too_long");
  std::string many = start;
  while (many.size() <= start.size() + kMaxRequestHead) many += "a: " + std::string(1000, 'b') + "\r\n";
  EXPECT_EQ(refusal_of(many), "headers_too_long");
}

TEST(RequestParser, HoldsHeadsUpToTheLimits) {
  std::string text = "GET /" + std::string(kMaxRequestLine - 14, 'a') + " HTTP/1.1\r\nHost: a\r\n";
  while (text.size() + kMaxFieldLine + 2 < kMaxRequestLine + kMaxRequestHead) {
    text += "X: " + std::string(kMaxFieldLine - 3, 'b') + "\r\n";
  }
  text += "\r\n";
  ASSERT_LE(text.size(), kMaxRequestHeadBytes);
  RequestParser parser;
  RequestHead head;
  EXPECT_EQ(parser.parse(text, head), ParseState::kComplete) << to_string(head.refusal);
}

TEST(RequestParser, TakesAnUpgradeOnlyFromAWholeHandshake) {
  const auto websocket = [](std::string fields) {
    const std::string text = "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    RequestParser parser;
    RequestHead head;
    EXPECT_EQ(parser.parse(text, head), ParseState::kComplete);
    return head.websocket;
  };
  EXPECT_TRUE(websocket("Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n"));
  EXPECT_FALSE(websocket("Upgrade: websocket\r\nSec-WebSocket-Key: k\r\n"));
  EXPECT_FALSE(websocket("Connection: upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Key: k\r\n"));
  EXPECT_FALSE(websocket("Connection: upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_FALSE(websocket(
      "Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\nContent-Length: 5\r\n"));
}

TEST(ResponseParser, ReadsTheSameHoweverTheBytesArrive) {
  constexpr std::string_view kResponse =
      "HTTP/1.1 200 All good\r\nServer: x\r\nSet-Cookie: a\r\nset-cookie: b\r\nConnection: close\r\n\r\nBODY";
  for (std::size_t piece = 1; piece <= kResponse.size(); ++piece) {
    ResponseParser parser;
    ResponseHead head;
    ParseState state = ParseState::kIncomplete;
    std::size_t given = 0;
    while (state == ParseState::kIncomplete) {
      given = std::min(given + piece, kResponse.size());
      state = parser.parse(kResponse.substr(0, given), head);
    }
    ASSERT_EQ(state, ParseState::kComplete) << parser.problem();
    EXPECT_EQ(head.status, 200);
    EXPECT_EQ(head.reason(), "All good");
    EXPECT_EQ(head.fields.size(), 4U);
    EXPECT_TRUE(head.connection_close);
    EXPECT_EQ(kResponse.substr(parser.head_bytes()), "BODY");
  }
}

TEST(ResponseParser, NamesWhatIsWrong) {
  const auto problem = [](std::string text) -> std::string {
    ResponseParser parser;
    ResponseHead head;
    const ParseState state = parser.parse(text, head);
    return state == ParseState::kError      ? std::string(parser.problem())
           : state == ParseState::kComplete ? ""
                                            : "incomplete";
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(problem("HTTP/1.0 200\r\n\r\n"), "");
  EXPECT_EQ(problem("HTTP/1.1 200 \r\n\r\n"), "");
  EXPECT_EQ(problem("HTTP/1.1 200 OK\nA: b\n\n"), "")
      << "sloppy targets are common, and the head is written anew";
  EXPECT_EQ(problem("HTTP/2.0 200 OK\r\n"), "bad_status_line");
  EXPECT_EQ(problem("HTTP/1.1 20 OK\r\n"), "bad_status_line");
  EXPECT_EQ(problem("HTTP/1.1 2000 OK\r\n"), "bad_status_line");
  EXPECT_EQ(problem("HTTP/1.1 099 OK\r\n"), "bad_status_line");
  EXPECT_EQ(problem("hello\r\n"), "bad_status_line");
  EXPECT_EQ(problem("HTTP/1.1 200 O\rK\r\n"), "bad_status_line");
  EXPECT_EQ(problem(ok + "foo\r\n\r\n"), "bad_header_line");
  EXPECT_EQ(problem(ok + " foo: a\r\n\r\n"), "bad_header_line");
  EXPECT_EQ(problem(ok + "A: b\rc\r\n\r\n"), "bad_header_value");
  EXPECT_EQ(problem(ok + "Content-Length : 5\r\n\r\n"), "suspicious_header");
  EXPECT_EQ(problem(ok + "A: " + std::string(kMaxResponseHead, 'a')), "headers_too_long");
  std::string many = ok;
  for (std::size_t i = 0; i <= kMaxFields; ++i) many += "a: b\r\n";
  EXPECT_EQ(problem(many + "\r\n"), "too_many_headers");
}

TEST(FieldIds, AreFoundInAnyCase) {
  EXPECT_EQ(field_id("HOST"), FieldId::kHost);
  EXPECT_EQ(field_id("transfer-ENCODING"), FieldId::kTransferEncoding);
  EXPECT_EQ(field_id("x-amzn-trace-id"), FieldId::kXAmznTraceId);
  EXPECT_EQ(field_id("X_Forwarded-For"), FieldId::kReserved);
  EXPECT_EQ(field_id("X-Amzn-Mtls-Clientcert-Subject"), FieldId::kReserved);
  EXPECT_EQ(field_id("X-Amzn-Oidc-Identity"), FieldId::kReserved);
  EXPECT_EQ(field_id("X-Forwarded-Host"), FieldId::kOther);
  EXPECT_EQ(field_id(""), FieldId::kOther);
}

}  // namespace
}  // namespace balancer::codec
