#include "balancer/tls/transport.h"

#include <sstream>

#include "tests/unit/balancer/tls/harness.h"

namespace balancer::tls {
namespace {

using namespace testing;  // NOLINT

struct Both {
  explicit Both(std::size_t capacity = 64 * 1024, std::uint64_t seed = 1,
                std::shared_ptr<const ServerContext> context = nullptr)
      : wire({capacity}) {
    static const auto kSimple = make_context(simple_settings());
    auto [a, b] = wire.ends();
    client = std::make_unique<Talker>(std::make_unique<TlsTransport>(client_context(), std::move(a)), seed);
    server = std::make_unique<Talker>(
        std::make_unique<TlsTransport>(context ? context : kSimple, std::move(b)), seed + 1000);
    wire.connected();
  }
  bool pump() {
    const bool one = client->pump();
    return server->pump() || one;
  }
  void run() {
    for (bool moved = true; moved;) {
      moved = pump();
      moved |= wire.deliver_both();
    }
  }
  void run_in_pieces(shared::env::Random& random) {
    for (int idle = 0; idle < 100;) {
      const bool pumped = pump();
      const bool moved = wire.step(random) || pumped;
      idle = moved ? 0 : idle + 1;
    }
  }
  MemoryWire wire;
  std::unique_ptr<Talker> client, server;
};

std::string words(std::size_t size, std::uint64_t seed) {
  std::string out(size, '\0');
  shared::env::SeededRandom random(seed);
  for (char& c : out) c = static_cast<char>(random.below(256));
  return out;
}

TEST(TlsTransport, CarriesAllBytesBothWaysHoweverTheWireCutsThem) {
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    shared::env::SeededRandom random(seed);
    const std::size_t capacity = seed % 3 == 0 ? 100 + random.below(1000) : 1 + random.below(100'000);
    Both both(capacity, seed);
    both.client->to_send = words(random.below(3) == 0 ? 0 : random.below(150'000), seed);
    both.server->to_send = words(random.below(3) == 0 ? 0 : random.below(150'000), seed + 1);
    both.client->finish = both.server->finish = true;
    both.run_in_pieces(random);
    ASSERT_FALSE(both.client->failed) << seed << both.client->tls->failure_text();
    ASSERT_FALSE(both.server->failed) << seed << both.server->tls->failure_text();
    ASSERT_TRUE(both.server->received == both.client->to_send) << "seed " << seed;
    ASSERT_TRUE(both.client->received == both.server->to_send) << "seed " << seed;
    ASSERT_TRUE(both.client->ended && both.server->ended) << "seed " << seed;
    ASSERT_FALSE(both.server->tls->ended_without_notify());
  }
}

TEST(TlsTransport, HandshakesWhereverTheFirstFlightIsSplit) {
  Both first;
  first.pump();
  const std::size_t hello = first.wire.under_way(MemoryWire::kToB);
  ASSERT_GT(hello, 100U);
  for (std::size_t at = 1; at < hello; at += at < 12 ? 1 : 7) {
    Both both;
    both.pump();
    both.wire.deliver(MemoryWire::kToB, at);
    both.pump();
    EXPECT_FALSE(both.server->tls->handshaken());
    both.run();
    ASSERT_TRUE(both.server->tls->handshaken() && both.client->tls->handshaken()) << at;
  }
}

TEST(TlsTransport, HandshakesOneByteAtATime) {
  Both both(3);
  both.client->to_send = "hello";
  both.client->finish = true;
  for (bool moved = true; moved;) {
    moved = both.pump();
    moved |= both.wire.deliver_both(1);
  }
  EXPECT_EQ(both.server->received, "hello");
  EXPECT_TRUE(both.server->ended);
}

TEST(TlsTransport, TellsWhatWasAgreedOn) {
  MemoryWire wire;
  auto [a, b] = wire.ends();
  Talker client(
      std::make_unique<TlsTransport>(client_context(TargetProtocol::kHttp2), std::move(a), "WWW.example.com"),
      1);
  Talker server(std::make_unique<TlsTransport>(make_context(simple_settings()), std::move(b)), 2);
  wire.connected();
  EXPECT_EQ(server.tls->facts().version, "");
  for (bool moved = true; moved;) {
    moved = client.pump();
    moved |= server.pump();
    moved |= wire.deliver_both();
  }
  const Facts facts = server.tls->facts();
  EXPECT_EQ(facts.version, "TLSv1.3");
  EXPECT_EQ(facts.cipher, "TLS_AES_128_GCM_SHA256");
  EXPECT_EQ(facts.application, "h2");
  EXPECT_EQ(facts.server_name, "WWW.example.com");
  EXPECT_EQ(facts.certificate, "default");
  EXPECT_FALSE(facts.resumed);
  EXPECT_EQ(client.tls->facts().application, "h2");
  EXPECT_EQ(server.tls->verify_status(), "-");
  EXPECT_FALSE(server.tls->client_certificate());
}

TEST(TlsTransport, ABareEndFromAClientIsAnEndAndFromATargetItIsNot) {
  Both both;
  both.client->to_send = "request";
  both.run();
  ASSERT_EQ(both.server->received, "request");
  both.wire.cut(MemoryWire::kToB);
  both.run();
  EXPECT_TRUE(both.server->ended);
  EXPECT_FALSE(both.server->failed);
  EXPECT_TRUE(both.server->tls->ended_without_notify());
  // The other half still works.
  both.server->to_send = "response";
  both.wire.connected();
  both.run();
  EXPECT_EQ(both.client->received, "response");

  both.wire.cut(MemoryWire::kToA);
  both.run();
  EXPECT_TRUE(both.client->failed);
  EXPECT_FALSE(both.client->ended);
  EXPECT_EQ(both.client->tls->failure(), Failure::kTruncated);
}

TEST(TlsTransport, AnEndInsideARecordIsAFailureFromAnybody) {
  for (const bool from_client : {true, false}) {
    Both both;
    both.run();
    Talker& sender = from_client ? *both.client : *both.server;
    Talker& reader = from_client ? *both.server : *both.client;
    const auto to = from_client ? MemoryWire::kToB : MemoryWire::kToA;
    sender.to_send = "what will be cut";
    both.wire.connected();
    sender.pump();
    for (const std::size_t keep : {3U, 20U}) {
      both.wire.deliver(to, keep);
      reader.pump();
    }
    both.wire.tamper(to).clear();
    both.wire.cut(to);
    both.run();
    EXPECT_TRUE(reader.failed) << from_client;
    EXPECT_FALSE(reader.ended);
    EXPECT_EQ(reader.tls->failure(), Failure::kTruncated);
    EXPECT_EQ(reader.received, "");
  }
}

TEST(TlsTransport, AnEndOrAResetInsideTheHandshakeIsAFailure) {
  Both both;
  both.pump();
  both.wire.deliver(MemoryWire::kToB, 30);
  both.wire.tamper(MemoryWire::kToB).clear();
  both.wire.cut(MemoryWire::kToB);
  both.run();
  EXPECT_TRUE(both.server->failed);
  EXPECT_EQ(both.server->tls->failure(), Failure::kEnded);

  Both other;
  other.pump();
  other.wire.deliver(MemoryWire::kToB, 30);
  other.wire.reset(MemoryWire::kToB);
  other.run();
  EXPECT_TRUE(other.server->failed);
  EXPECT_EQ(other.server->tls->failure(), Failure::kConnection);
}

TEST(TlsTransport, AChangedByteBreaksTheConnectionAndThePeerIsTold) {
  Both both;
  both.run();
  both.client->to_send = "GET / HTTP/1.1\r\n\r\n";
  both.wire.connected();
  both.client->pump();
  both.wire.tamper(MemoryWire::kToB).back() ^= 1;
  both.run();
  EXPECT_TRUE(both.server->failed);
  EXPECT_EQ(both.server->tls->failure(), Failure::kProtocol);
  EXPECT_EQ(both.server->received, "");
  EXPECT_TRUE(both.client->failed);
  EXPECT_EQ(both.client->tls->failure(), Failure::kAlert);
  EXPECT_EQ(both.client->tls->failure_text(), "sslv3 alert bad record mac");
}

TEST(TlsTransport, PlainHttpIsNamedAsSuch) {
  Both both;
  both.wire.inject(MemoryWire::kToB, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  both.wire.deliver(MemoryWire::kToB);
  both.server->pump();
  EXPECT_TRUE(both.server->failed);
  EXPECT_EQ(both.server->tls->failure(), Failure::kNotTls);
  EXPECT_EQ(to_string(both.server->tls->failure()), "not_tls");
}

TEST(TlsTransport, AQuietConnectionHasNoPendingInputAlthoughTicketsCame) {
  Both both;
  both.client->reading = false;
  both.run();
  ASSERT_TRUE(both.client->tls->handshaken());
  EXPECT_FALSE(both.client->tls->has_pending_input());
  both.server->to_send = "!";
  both.wire.connected();
  both.run();
  EXPECT_TRUE(both.client->tls->has_pending_input());
  both.client->reading = true;
  both.wire.connected();
  both.client->pump();
  EXPECT_FALSE(both.client->tls->has_pending_input());
  both.wire.cut(MemoryWire::kToA);
  both.wire.deliver(MemoryWire::kToA);
  EXPECT_TRUE(both.client->tls->has_pending_input());
}

TEST(TlsTransport, CloseSaysCloseNotifyAndAResetDoesNot) {
  Both both;
  both.run();
  both.client->tls->close();
  both.run();
  EXPECT_TRUE(both.server->ended);
  EXPECT_FALSE(both.server->tls->ended_without_notify());

  Both other;
  other.run();
  other.client->tls->reset_on_close();
  other.client->tls->close();
  EXPECT_TRUE(other.wire.was_reset(MemoryWire::kToB));
  other.run();
  EXPECT_TRUE(other.server->failed);
  EXPECT_EQ(other.server->tls->failure(), Failure::kConnection);
}

// What a peer that reads nothing makes us hold, and what is counted as written: nothing that it did not take.
TEST(TlsTransport, WhatThePeerDoesNotReadIsNotCountedAsWritten) {
  Both both(50'000);
  both.run();
  both.client->reading = false;
  both.server->to_send = words(400'000, 7);
  both.wire.connected();
  both.server->pump();
  EXPECT_LT(both.server->sent, 50'000U);
  EXPECT_GT(both.server->sent, 30'000U);
  EXPECT_EQ(both.server->sent % kRecord, 0U);
  both.client->reading = true;
  both.wire.connected();
  both.run();
  EXPECT_EQ(both.server->sent, 400'000U);
  EXPECT_TRUE(both.client->received == both.server->to_send);
}

TEST(TlsTransport, AnEndThatFindsNoRoomFollowsLater) {
  Both both(600);
  both.run();
  both.client->reading = false;
  both.server->to_send = words(578, 3);  // with a record's 22 bytes of TLS 1.3 the pipe is full
  both.server->finish = true;
  both.wire.connected();
  both.server->pump();
  ASSERT_EQ(both.server->sent, 578U);
  EXPECT_FALSE(both.wire.ended(MemoryWire::kToA));
  both.client->reading = true;
  both.run();
  EXPECT_TRUE(both.wire.ended(MemoryWire::kToA));
  EXPECT_TRUE(both.client->ended);
  EXPECT_EQ(both.client->received.size(), 578U);
}

TEST(TlsTransport, RenegotiationIsRefused) {
  Meeting meeting(make_context(simple_settings()));
  SSL_CTX_set_max_proto_version(meeting.client->context, TLS1_2_VERSION);
  ASSERT_TRUE(meeting.meet());
  meeting.client->send("before");
  meeting.run();
  EXPECT_EQ(meeting.server->received, "before");
  ASSERT_EQ(SSL_renegotiate(meeting.client->ssl), 1);
  meeting.client->done = false;
  meeting.run();
  EXPECT_FALSE(meeting.client->done);
  EXPECT_EQ(meeting.client->error, "no renegotiation");
}

// Each update asks for one in return, which nobody reads.
TEST(TlsTransport, AFloodOfKeyUpdatesHoldsABoundedAmountOfMemory) {
  Meeting meeting(make_context(simple_settings()));
  ASSERT_TRUE(meeting.meet());
  for (int i = 0; i < 20'000; ++i) {
    SSL_key_update(meeting.client->ssl, SSL_KEY_UPDATE_REQUESTED);
    meeting.client->send("x");
    meeting.wire.deliver(MemoryWire::kToB);
    meeting.server->pump();
  }
  EXPECT_LE(meeting.wire.under_way(MemoryWire::kToA), 64U * 1024);
  EXPECT_FALSE(meeting.server->failed);
  EXPECT_LT(meeting.server->received.size(), 20'000U);  // its reading waits for the client's
}

}  // namespace
}  // namespace balancer::tls
