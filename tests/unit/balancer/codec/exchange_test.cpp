#include "balancer/codec/exchange.h"

#include <gtest/gtest.h>

#include <string>

namespace balancer::codec {
namespace {

using Kind = BodyFraming::Kind;

ResponsePlan plan(const std::string& status_and_fields, RequestFacts request = {}) {
  static ResponseHead head;
  static std::string text;
  text = status_and_fields + "\r\n\r\n";
  ResponseParser parser;
  EXPECT_EQ(parser.parse(text, head), ParseState::kComplete) << parser.problem();
  return plan_response(head, request);
}

constexpr RequestFacts kHead{.head_method = true};
constexpr RequestFacts kHttp10{.http11 = false, .keep_alive = true};
constexpr RequestFacts kUpgrade{.websocket = true};

TEST(PlanResponse, PassesTrailersFromChunksToChunksOnly) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  constexpr RequestFacts kTakes{.takes_trailers = true};
  EXPECT_TRUE(plan(ok + "Transfer-Encoding: chunked", kTakes).in.trailers);
  EXPECT_FALSE(plan(ok + "Transfer-Encoding: chunked").in.trailers);
  EXPECT_FALSE(
      plan(ok + "Transfer-Encoding: chunked", {.http11 = false, .takes_trailers = true}).in.trailers);
  EXPECT_FALSE(plan(ok + "A: b", kTakes).in.trailers);
}

TEST(PlanResponse, FramesByTheRules) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  const ResponsePlan length = plan(ok + "Content-Length: 5");
  EXPECT_EQ(length.in, (BodyFraming{Kind::kLength, 5}));
  EXPECT_EQ(length.out, length.in);
  EXPECT_TRUE(length.keep_client && length.reuse_target);

  const ResponsePlan chunked = plan(ok + "Transfer-Encoding: chunked");
  EXPECT_EQ(chunked.in.kind, Kind::kChunked);
  EXPECT_EQ(chunked.form(), BodyForm::kChunked);
  EXPECT_TRUE(chunked.keep_client && chunked.reuse_target);

  const ResponsePlan until_close = plan(ok + "A: b");
  EXPECT_EQ(until_close.in.kind, Kind::kUntilClose);
  EXPECT_EQ(until_close.out.kind, Kind::kChunked) << "so that the client's connection can stay";
  EXPECT_TRUE(until_close.keep_client);
  EXPECT_FALSE(until_close.reuse_target);
}

TEST(PlanResponse, KnowsAnswersWithoutABody) {
  EXPECT_EQ(plan("HTTP/1.1 200 OK\r\nContent-Length: 5", kHead).in, BodyFraming());
  EXPECT_EQ(plan("HTTP/1.1 304 Not Modified\r\nContent-Length: 5").in, BodyFraming());
  EXPECT_TRUE(plan("HTTP/1.1 304 Not Modified\r\nContent-Length: 5").reuse_target);
  EXPECT_TRUE(plan("HTTP/1.1 204 No Content\r\nA: b").reuse_target);
  EXPECT_FALSE(plan("HTTP/1.1 204 No Content\r\nContent-Length: 5").reuse_target) << "five bytes may follow";
}

TEST(PlanResponse, SendsChunkedBodiesUnframedToOldClients) {
  const ResponsePlan got = plan("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked", kHttp10);
  EXPECT_EQ(got.form(), BodyForm::kPlain);
  EXPECT_FALSE(got.keep_client);
  EXPECT_TRUE(got.reuse_target);
  EXPECT_TRUE(plan("HTTP/1.1 200 OK\r\nContent-Length: 5", kHttp10).keep_client);
}

TEST(PlanResponse, GivesUpTheTargetConnectionWhenInDoubt) {
  EXPECT_FALSE(plan("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5").reuse_target);
  const ResponsePlan both = plan("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked");
  EXPECT_EQ(both.in.kind, Kind::kChunked);
  EXPECT_FALSE(both.reuse_target);
  EXPECT_FALSE(plan("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0").reuse_target);
  EXPECT_FALSE(plan("HTTP/1.0 200 OK\r\nContent-Length: 0").reuse_target);
  EXPECT_TRUE(plan("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive").reuse_target);
}

TEST(PlanResponse, RefusesFramingThatCannotBeTrusted) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(plan(ok + "Content-Length: 5\r\nContent-Length: 6").problem, "multiple_content_length");
  EXPECT_EQ(plan(ok + "Content-Length: 5, 5").problem, "bad_content_length");
  EXPECT_EQ(plan(ok + "Transfer-Encoding: gzip").problem, "bad_transfer_encoding");
  EXPECT_EQ(plan(ok + "Transfer-Encoding: chunked, chunked").problem, "bad_transfer_encoding");
  EXPECT_EQ(plan(ok + "Transfer-Encoding: xchunked").kind, ResponseKind::kBad);
}

TEST(PlanResponse, TunnelsOnlyAfterAValid101ThatWasAskedFor) {
  const std::string valid =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "
      "websocket\r\nSec-WebSocket-Accept: x";
  EXPECT_EQ(plan(valid, kUpgrade).kind, ResponseKind::kUpgrade);
  EXPECT_EQ(plan(valid).problem, "unasked_101");
  EXPECT_EQ(plan("HTTP/1.1 101 Ok\r\nConnection: Upgrade\r\nUpgrade: websocket", kUpgrade).problem,
            "bad_101");
  EXPECT_EQ(plan("HTTP/1.1 101 Ok\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x", kUpgrade).problem,
            "bad_101");
  EXPECT_EQ(plan("HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0", kUpgrade).kind, ResponseKind::kFinal);
}

TEST(PlanResponse, PassesOnEveryInterimAnswerButToHttp10) {
  for (int status = 100; status < 200; ++status) {
    if (status == 101) continue;
    const std::string head = "HTTP/1.1 " + std::to_string(status) + " Word\r\nLink: x";
    EXPECT_EQ(plan(head).kind, ResponseKind::kInterimForward) << status;
    EXPECT_EQ(plan(head, kHttp10).kind, ResponseKind::kInterimDrop) << status;
    EXPECT_EQ(plan(head, {.websocket = true}).kind, ResponseKind::kInterimForward) << status;
  }
}

TEST(PlanResponse, TellsAClientOnceToContinue) {
  constexpr RequestFacts kContinued{.continued = true};
  EXPECT_EQ(plan("HTTP/1.1 100 Continue\r\nA: b", kContinued).kind, ResponseKind::kInterimDrop);
  EXPECT_EQ(plan("HTTP/1.1 102 Processing\r\nA: b", kContinued).kind, ResponseKind::kInterimForward);
}

}  // namespace
}  // namespace balancer::codec
