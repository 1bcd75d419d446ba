#include "balancer/h2/session.h"

#include <algorithm>

#include "shared/env/random.h"
#include "tests/unit/balancer/h2/side.h"

namespace balancer::h2 {
namespace {

std::string filler(std::size_t size, std::size_t start = 0) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>('a' + (i + start) % 23);
  return out;
}

// Two sides and what is on its way between them.
struct Pair {
  Side client{Session::Role::kClient};
  Side server{Session::Role::kServer};

  // Until neither has more to say. All that comes is consumed at once.
  void settle() {
    for (bool moved = true; moved;) {
      const std::string up = client.send(), down = server.send();
      moved = !up.empty() || !down.empty();
      EXPECT_TRUE(server.receive(up));
      EXPECT_TRUE(client.receive(down));
      if (consumes) consume();
    }
  }
  void consume() {
    for (auto& [id, stream] : server.streams) take(server, id, stream);
    for (std::size_t i = 0; i < client.asked.size(); ++i)
      take(client, static_cast<std::int32_t>(2 * i + 1), *client.asked[i]);
  }
  static void take(Side& side, std::int32_t id, Side::Stream& stream) {
    if (stream.unconsumed == 0) return;
    side.session->consumed(id, stream.unconsumed);
    stream.unconsumed = 0;
  }
  bool consumes = true;
};

const std::string kGet = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
const std::string kPost = "POST /x HTTP/1.1\r\nHost: a\r\n\r\n";

TEST(Session, CarriesRequestsAndAnswersWhateverPiecesTheyComeIn) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    shared::env::SeededRandom random(seed);
    Pair pair;
    constexpr int kRequests = 12;
    std::vector<std::string> uploads, answers;
    for (int i = 0; i < kRequests; ++i) {
      uploads.push_back(filler(random.below(3) == 0 ? 0 : random.below(90'000), random.below(23)));
      answers.push_back(filler(random.below(3) == 0 ? 0 : random.below(90'000), random.below(23)));
      Side::Stream& stream = pair.client.ask(kPost, uploads.back().empty());
      stream.out.append(uploads.back());
      stream.out_ends = true;
    }
    std::string up, down;
    std::vector<bool> answered(kRequests);
    const std::size_t largest = 1 + static_cast<std::size_t>(random.below(seed % 4 == 0 ? 20'000 : 40));
    const auto pass = [&](std::string& bytes, Side& to) {
      const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + random.below(largest));
      ASSERT_TRUE(to.receive(std::string_view(bytes).substr(0, size)));
      bytes.erase(0, size);
    };
    for (;;) {
      if (up.empty()) up = pair.client.send(1 + random.below(30'000));
      if (down.empty()) down = pair.server.send(1 + random.below(30'000));
      if (up.empty() && down.empty()) {
        pair.consume();
        up = pair.client.send();
        down = pair.server.send();
        if (up.empty() && down.empty()) break;
      }
      for (int i = 0; i < 50 && !up.empty(); ++i) pass(up, pair.server);
      for (int i = 0; i < 50 && !down.empty(); ++i) pass(down, pair.client);
      if (random.below(3) == 0) pair.consume();
      for (int i = 0; i < kRequests; ++i) {
        const auto id = 2 * i + 1;
        const auto at = pair.server.streams.find(id);
        if (answered[static_cast<std::size_t>(i)] || at == pair.server.streams.end() || !at->second.whole())
          continue;
        answered[static_cast<std::size_t>(i)] = true;
        pair.server.session->interim(id, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
        pair.server.answer(id, answers[static_cast<std::size_t>(i)], "X-Id: " + std::to_string(id) + "\r\n");
      }
    }
    for (int i = 0; i < kRequests; ++i) {
      const Side::Stream& asked = *pair.client.asked[static_cast<std::size_t>(i)];
      const Side::Stream& served = pair.server.streams[2 * i + 1];
      EXPECT_EQ(served.data, uploads[static_cast<std::size_t>(i)]);
      EXPECT_EQ(asked.data, answers[static_cast<std::size_t>(i)]);
      ASSERT_EQ(asked.heads.size(), 2U);
      EXPECT_EQ(asked.heads[0], "HTTP/1.1 103 \r\nlink: x\r\n\r\n");
      EXPECT_NE(asked.heads[1].find("x-id: " + std::to_string(2 * i + 1)), std::string::npos);
      EXPECT_TRUE(asked.whole() && asked.closed && served.closed);
      EXPECT_EQ(asked.code, ErrorCode::kNone);
      EXPECT_EQ(served.code, ErrorCode::kNone);
    }
    EXPECT_EQ(pair.server.session->streams(), 0U);
    EXPECT_EQ(pair.client.session->streams(), 0U);
  }
}

TEST(Session, SaysWhetherAMessageEndsWithItsHead) {
  Pair pair;
  Side::Stream& head = pair.client.ask("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n");
  pair.settle();
  EXPECT_EQ(pair.server.streams[1].head(), "HEAD /x HTTP/1.1\r\nhost: a\r\n\r\n");
  EXPECT_TRUE(pair.server.streams[1].head_ended);
  EXPECT_FALSE(pair.server.streams[1].ended) << "said once";
  pair.server.session->respond(1, "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", true);
  pair.settle();
  EXPECT_EQ(head.head(), "HTTP/1.1 200 \r\nserver: x\r\n\r\n") << "no length is made up";
  EXPECT_TRUE(head.head_ended);
}

TEST(Session, PassesTrailersBothWaysAndLeavesOutThoseThatMayNotBeThere) {
  Pair pair;
  Side::Stream& call = pair.client.ask(kPost, false);
  const auto id = pair.client.last_id;
  pair.settle();
  call.out.append("question");
  pair.client.session->trailers(id, "X-Checksum: 1\r\nHost: b\r\n");
  call.out_ends = true;
  pair.client.session->resume(id);
  pair.settle();
  Side::Stream& served = pair.server.streams[id];
  EXPECT_EQ(served.data, "question");
  EXPECT_EQ(served.told_trailers, "x-checksum: 1\r\n");
  EXPECT_TRUE(served.ended);

  pair.server.session->respond(id, "HTTP/1.1 200 OK\r\n\r\n", false);
  pair.settle();
  served.out.append("answer");
  pair.server.session->trailers(id, "grpc-status: 0\r\ngrpc-message: fine\r\n");
  served.out_ends = true;
  pair.server.session->resume(id);
  pair.settle();
  EXPECT_EQ(call.data, "answer");
  EXPECT_EQ(call.told_trailers, "grpc-status: 0\r\ngrpc-message: fine\r\n");
  EXPECT_TRUE(call.ended && call.closed && served.closed);
  EXPECT_EQ(call.code, ErrorCode::kNone);
}

TEST(Session, SendsTrailersOfAnAnswerWithoutABody) {
  Pair pair;
  Side::Stream& call = pair.client.ask(kPost);
  pair.settle();
  pair.server.session->respond(1, "HTTP/1.1 200 OK\r\n\r\n", false);
  pair.server.session->trailers(1, "grpc-status: 12\r\n");
  pair.server.streams[1].out_ends = true;
  pair.settle();
  EXPECT_EQ(call.told_trailers, "grpc-status: 12\r\n");
  EXPECT_TRUE(call.ended);
  EXPECT_EQ(call.data, "");
}

TEST(Session, GivesNoMoreWindowThanWasConsumedAndHoldsUpOnlyThatStream) {
  Pair pair;
  pair.consumes = false;
  Side::Stream& large = pair.client.ask(kPost, false);
  large.out.append(filler(1 << 20));
  pair.settle();
  EXPECT_EQ(pair.server.streams[1].data.size(), kStreamWindow);
  Side::Stream& small = pair.client.ask(kGet);
  pair.settle();
  pair.server.answer(3);
  pair.settle();
  EXPECT_EQ(small.data, "ok") << "others go on";
  pair.server.session->consumed(1, kStreamWindow);
  pair.server.streams[1].unconsumed = 0;
  pair.settle();
  EXPECT_EQ(pair.server.streams[1].data.size(), 2 * kStreamWindow);
}

TEST(Session, HoldsNoMoreOfAllStreamsThanTheConnectionsWindow) {
  Pair pair;
  pair.consumes = false;
  for (int i = 0; i < 100; ++i) pair.client.ask(kPost, false).out.append(filler(kStreamWindow));
  pair.settle();
  std::size_t held = 0;
  for (const auto& [id, stream] : pair.server.streams) held += stream.data.size();
  EXPECT_EQ(held, static_cast<std::size_t>(kConnectionWindow));
  pair.consumes = true;
  pair.consume();
  pair.settle();
  held = 0;
  for (const auto& [id, stream] : pair.server.streams) held += stream.data.size();
  EXPECT_EQ(held, 100 * kStreamWindow);
}

TEST(Session, GivesTheConnectionsWindowBackForBytesOfStreamsThatAreGone) {
  Pair pair;
  pair.consumes = false;
  for (int i = 0; i < 64; ++i) {  // four times the connection's window
    Side::Stream& upload = pair.client.ask(kPost, false);
    const auto id = pair.client.last_id;
    upload.out.append(filler(kStreamWindow));
    pair.settle();
    ASSERT_EQ(pair.server.streams[id].data.size(), kStreamWindow) << i;
    pair.server.session->reset(id, ErrorCode::kCancel);
    pair.settle();
    ASSERT_TRUE(pair.server.streams[id].closed);
    pair.server.session->consumed(id, kStreamWindow);  // its owner has only now let go of them
    pair.settle();
  }
}

TEST(Session, StopsSayingMoreWhenItsOwnerHasEnoughToWrite) {
  Pair pair;
  for (int i = 0; i < 100; ++i) pair.client.ask(kGet);
  pair.settle();
  for (int i = 0; i < 100; ++i) pair.server.answer(2 * i + 1, filler(60'000));
  constexpr std::size_t kMax = 32 * 1024;
  constexpr std::size_t kFrame = 16 * 1024 + 9;
  std::string down = pair.server.send(kMax);
  EXPECT_GE(down.size(), kMax);
  EXPECT_LE(down.size(), kMax + kFrame);
  EXPECT_EQ(pair.server.send(0), "");
}

TEST(Session, AsksNobodyForTheRestOfARequestThatIsAnswered) {
  Pair pair;
  Side::Stream& upload = pair.client.ask(kPost, false);
  upload.out.append(filler(10));
  pair.settle();
  pair.server.answer(1, "enough");
  const auto said = frames_of(pair.server.send());
  ASSERT_EQ(said.size(), 3U);
  EXPECT_EQ(said[1].type, kDataFrame);
  EXPECT_EQ(said[1].flags & kEndStreamFlag, kEndStreamFlag);
  EXPECT_EQ(said[2].type, kResetFrame);
  EXPECT_EQ(said[2].code(), 0U);
  EXPECT_TRUE(pair.server.streams[1].closed);
  EXPECT_EQ(pair.server.streams[1].code, ErrorCode::kNone);
  std::string bytes;
  for (const Frame& one : said) bytes += frame(one.type, one.flags, one.stream, one.payload);
  EXPECT_TRUE(pair.client.receive(bytes));
  EXPECT_EQ(upload.data, "enough");
  EXPECT_TRUE(upload.ended && upload.closed);
  EXPECT_EQ(upload.code, ErrorCode::kNone);
}

TEST(Session, TakesTheRestOfARequestThatIsAnsweredWhereItsOwnerDoes) {
  Pair pair;
  Side::Stream& upload = pair.client.ask(kPost, false);
  upload.out.append(filler(10));
  pair.settle();
  Side::Stream& served = pair.server.streams[1];
  served.reads_on = true;
  pair.server.answer(1, "enough");
  pair.settle();
  EXPECT_TRUE(upload.ended);
  EXPECT_FALSE(upload.closed || served.closed);
  upload.out.append(filler(20));
  upload.out_ends = true;
  pair.client.session->resume(1);
  pair.settle();
  EXPECT_EQ(served.data.size(), 30U);
  EXPECT_TRUE(served.ended && served.closed && upload.closed);
  EXPECT_EQ(upload.taken, 30U);

  Side::Stream& longer = pair.client.ask(kPost, false);
  longer.out.append(filler(10));
  pair.settle();
  pair.server.streams[3].reads_on = true;
  pair.server.answer(3, "enough");
  pair.settle();
  pair.server.session->reset(3, ErrorCode::kNone);  // its owner has had enough
  pair.settle();
  EXPECT_TRUE(longer.ended && longer.closed && pair.server.streams[3].closed);
  EXPECT_EQ(longer.code, ErrorCode::kNone);
}

TEST(Session, TellsBothSidesOfAReset) {
  Pair pair;
  Side::Stream& first = pair.client.ask(kGet);
  Side::Stream& second = pair.client.ask(kGet);
  pair.settle();
  pair.client.session->reset(1, ErrorCode::kCancel);
  pair.server.session->reset(3, ErrorCode::kInternal);
  pair.settle();
  EXPECT_EQ(pair.server.streams[1].code, ErrorCode::kCancel);
  EXPECT_EQ(second.code, ErrorCode::kInternal);
  EXPECT_TRUE(first.closed && pair.server.streams[3].closed);
  EXPECT_EQ(pair.server.session->streams(), 0U);
  EXPECT_EQ(pair.client.session->streams(), 0U);
}

TEST(Session, RefusesAStreamThatItsOwnerDoesNotWantAndSoThatItMayBeTriedElsewhere) {
  Pair pair;
  pair.server.refuses = true;
  Side::Stream& asked = pair.client.ask(kGet);
  pair.settle();
  EXPECT_EQ(asked.code, ErrorCode::kRefused);
  EXPECT_TRUE(asked.heads.empty());
  EXPECT_EQ(pair.server.session->streams(), 0U);
  EXPECT_FALSE(pair.server.session->in_header_block());
}

TEST(Session, ServesWhatIsOpenAndWhatCrossesItsGoawayAndTakesNothingNew) {
  Pair pair;
  Side::Stream& open = pair.client.ask(kGet);
  pair.settle();
  pair.server.session->go_away();
  EXPECT_FALSE(pair.server.session->left()) << "the client has not heard of it";
  Side::Stream& crossing = pair.client.ask(kGet);  // said before the client hears of it
  pair.settle();
  EXPECT_TRUE(pair.client.session->going_away());
  EXPECT_TRUE(pair.server.session->left());
  pair.client.ask(kGet);
  EXPECT_EQ(pair.client.last_id, 0) << "no further one on this connection";
  EXPECT_FALSE(pair.server.session->over());
  pair.server.answer(1);
  pair.server.answer(3);
  pair.settle();
  EXPECT_EQ(open.data, "ok");
  EXPECT_EQ(open.code, ErrorCode::kNone);
  EXPECT_EQ(crossing.data, "ok");
}

TEST(Session, RefusesWhatCrossesItWhenItLeavesAtOnce) {
  Pair pair;
  pair.client.ask(kGet);
  pair.settle();
  pair.server.session->leave_now();
  Side::Stream& crossing = pair.client.ask(kGet);
  pair.settle();
  EXPECT_EQ(crossing.code, ErrorCode::kRefused) << "it may be sent again on another connection";
  EXPECT_EQ(pair.server.streams.count(3), 0U);
}

TEST(Session, TellsItsLimits) {
  Pair pair;
  pair.settle();
  EXPECT_EQ(pair.client.session->peer_max_streams(), kMaxStreams);
}

TEST(Session, LeavesOutInterimAnswersThatNobodyReads) {
  Pair pair;
  pair.client.ask(kGet);
  pair.settle();
  for (int i = 0; i < 100'000; ++i)
    pair.server.session->interim(1, "HTTP/1.1 103 Early Hints\r\nLink: <x>; rel=preload\r\n\r\n");
  EXPECT_LE(frames_of(pair.server.send(1 << 30)).size(), kMaxQueuedForInterims);
  pair.server.answer(1);
  EXPECT_FALSE(pair.server.send().empty());
}

TEST(Session, OfAWebsocketEndsEachSideByItself) {
  Side server(Session::Role::kServer);
  Fields fields = get_fields({{":protocol", "websocket"}, {"sec-websocket-version", "13"}});
  fields[0].second = "CONNECT";
  ASSERT_TRUE(server.receive(hello() + request(1, fields, false)));
  EXPECT_NE(server.streams[1].head().find("upgrade: websocket\r\nsec-websocket-key: "), std::string::npos);
  server.session->respond(
      1, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", false);
  server.streams[1].out.append("hi");
  server.streams[1].out_ends = true;
  bool ended = false;
  for (const Frame& one : frames_of(server.send())) {
    EXPECT_NE(one.type, kResetFrame) << "the client may go on";
    ended |= one.type == kDataFrame && (one.flags & kEndStreamFlag) != 0;
  }
  EXPECT_TRUE(ended);
  ASSERT_TRUE(server.receive(frame(kDataFrame, 0, 1, "more") + frame(kDataFrame, kEndStreamFlag, 1, "last")));
  EXPECT_EQ(server.streams[1].data, "morelast");
  EXPECT_TRUE(server.streams[1].closed);
  EXPECT_EQ(server.streams[1].code, ErrorCode::kNone);
}

TEST(Session, ResetsAnOpenRequestForAWebsocketThatWasAnsweredOtherwise) {
  Side server(Session::Role::kServer);
  Fields fields = get_fields({{":protocol", "websocket"}});
  fields[0].second = "CONNECT";
  ASSERT_TRUE(server.receive(hello() + request(1, fields, false)));
  server.answer(1, "no such thing");
  EXPECT_EQ(frames_of(server.send()).back().type, kResetFrame);
  EXPECT_TRUE(server.streams[1].closed);
}

TEST(Session, TakesNoOrdinaryUseForAFlood) {
  // 100,000 requests one after the other at once; a window and a priority with each, as browsers send them.
  Side server(Session::Role::kServer);
  ASSERT_TRUE(server.receive(hello()));
  for (std::int32_t i = 0; i < 100'000; ++i) {
    const std::int32_t id = 2 * i + 1;
    ASSERT_TRUE(server.receive(request(id) + frame(kWindowFrame, 0, id, number32(1000)) +
                               frame(kPriorityFrame, 0, id, number32(0) + 'x') + frame(16, 0, 0, "u=1")))
        << i;
    server.answer(id, "");
    ASSERT_FALSE(server.send().empty());
    server.streams.clear();
  }
  EXPECT_EQ(server.session->streams_total(), 100'000U);
}

TEST(Session, TakesNoDownloadWithManyWindowUpdatesForAFlood) {
  Side server(Session::Role::kServer);
  ASSERT_TRUE(server.receive(hello() + request(1)));
  server.session->respond(1, "HTTP/1.1 200 OK\r\n\r\n", false);
  const std::string part = filler(16 * 1024);
  for (int i = 0; i < 5'000; ++i) {  // gRPC sends a PING with each as well
    server.streams[1].out.append(part);
    server.session->resume(1);
    std::string answers;
    for (const Frame& one : frames_of(server.send())) {
      if (one.type != kDataFrame) continue;
      const std::string size = number32(static_cast<std::uint32_t>(one.payload.size()));
      answers += frame(kWindowFrame, 0, 1, size) + frame(kWindowFrame, 0, 0, size) +
                 frame(kPingFrame, 0, 0, "12345678");
    }
    ASSERT_FALSE(answers.empty());
    ASSERT_TRUE(server.receive(answers)) << i;
  }
}

TEST(Session, TakesABrowserThatLeavesAPageForNoFlood) {
  Side server(Session::Role::kServer);
  ASSERT_TRUE(server.receive(hello()));
  std::int32_t id = 1;
  for (int page = 0; page < 9; ++page) {
    std::string asks, cancels;
    for (int i = 0; i < 100; ++i, id += 2) {
      asks += request(id);
      cancels += frame(kResetFrame, 0, id, number32(8));
    }
    ASSERT_TRUE(server.receive(asks));
    ASSERT_TRUE(server.receive(cancels)) << page;
    server.send();
    EXPECT_EQ(server.session->streams(), 0U);
  }
}

TEST(Session, DoesNotBlameAClientForWhatItsOwnerResets) {
  Side server(Session::Role::kServer);
  ASSERT_TRUE(server.receive(hello()));
  for (std::int32_t i = 0; i < 5'000; ++i) {
    ASSERT_TRUE(server.receive(request(2 * i + 1))) << i;
    server.session->reset(2 * i + 1, ErrorCode::kInternal);
    ASSERT_FALSE(server.send().empty());
  }
}

}  // namespace
}  // namespace balancer::h2
