// Peers over a wire in memory: one that uses TlsTransport as the proxy does, and an OpenSSL client that can
// do what ours never would.
#pragma once
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <utility>

#include "balancer/loop/loop.h"
#include "balancer/tls/transport.h"
#include "shared/env/random.h"
#include "tests/support/certificates.h"
#include "tests/support/memory_transport.h"

namespace balancer::tls::testing {

namespace lb = shared::lbconfig;
using ::tests::support::Issued;
using ::tests::support::KeyKind;
using ::tests::support::make_certificate;
using ::tests::support::make_crl;
using ::tests::support::MemoryWire;
using ::tests::support::Wish;

inline shared::WallTime now() {
  return shared::from_epoch_millis(static_cast<long long>(std::time(nullptr)) * 1000);
}

inline lb::Certificate part_of(const std::string& id, const Issued& issued, const std::string& rest = "") {
  return {id, issued.certificate + rest, issued.key, "", ""};
}

inline ServerSettings simple_settings() {
  ServerSettings out;
  out.listener = "web";
  out.tls.policy = "ELBSecurityPolicy-TLS13-1-2-2021-06";
  out.http2 = true;
  out.certificates = {part_of("default", make_certificate({.names = {"www.example.com"}}))};
  return out;
}

inline std::shared_ptr<const ServerContext> make_context(
    const ServerSettings& settings, std::shared_ptr<TicketKeys> keys = std::make_shared<TicketKeys>()) {
  auto made = ServerContext::make(settings, std::move(keys), now());
  EXPECT_TRUE(made) << made.error().text();
  return made ? *made : nullptr;
}

inline std::shared_ptr<const ClientContext> client_context(TargetProtocol protocol = TargetProtocol::kHttp1) {
  auto made = ClientContext::make(protocol);
  EXPECT_TRUE(made) << made.error().text();
  return *made;
}

inline loop::Loop& a_loop() {
  static const std::unique_ptr<loop::Loop> made = std::move(loop::Loop::create()).value();
  return *made;
}

// Reads and writes when it was told to and not otherwise, in pieces that a seed chooses.
class Talker {
 public:
  Talker(std::unique_ptr<TlsTransport> made, std::uint64_t seed) : tls(std::move(made)), random_(seed) {
    EXPECT_TRUE(tls->open(a_loop(), this, [](void* self, loop::Ready ready) {
      auto& me = *static_cast<Talker*>(self);
      me.readable_ |= ready.readable || ready.ended;
      me.writable_ |= ready.writable;
      // Asked before anything is done.
      if (me.tls->crossed()) me.readable_ = me.writable_ = true;
    }));
  }

  // Gives whether it did anything.
  bool pump() {
    if (!tls->handshaken()) {
      if (!readable_ && !writable_) return false;
      readable_ = writable_ = false;
      const loop::Io state = tls->handshake();
      if (state == loop::Io::kFailed) failed = true;
      if (state == loop::Io::kDone) readable_ = writable_ = true;
      return state != loop::Io::kBlocked;
    }
    bool did = false;
    while (readable_ && !ended && !failed && reading) {
      std::string buffer(1 + random_.below(20'000), '\0');
      const loop::IoResult got = tls->read(buffer);
      if (got.state == loop::Io::kBlocked) readable_ = false;
      if (got.state == loop::Io::kEnded) ended = true;
      if (got.state == loop::Io::kFailed) failed = true;
      received.append(buffer, 0, got.bytes);
      did = true;
    }
    while (writable_ && sent < to_send.size() && !failed) {
      // All that is left, as two or three parts.
      const std::size_t left = to_send.size() - sent;
      const std::size_t first = random_.below(left + 1);
      const std::size_t second = random_.below(left - first + 1);
      char* at = to_send.data() + sent;
      const iovec parts[] = {{at, first}, {at + first, second}, {at + first + second, left - first - second}};
      const loop::IoResult wrote = tls->write(parts);
      if (wrote.state == loop::Io::kFailed) failed = true;
      sent += wrote.bytes;
      if (wrote.state == loop::Io::kBlocked || wrote.bytes < left) writable_ = false;
      did = true;
    }
    if (finish && sent == to_send.size() && !finished_ && !failed) {
      finished_ = true;
      tls->shutdown_write();
      did = true;
    }
    return did;
  }

  std::unique_ptr<TlsTransport> tls;
  std::string to_send;
  std::size_t sent = 0;
  std::string received;
  bool finish = false;  // shutdown_write() after the last byte
  bool reading = true;
  bool ended = false;
  bool failed = false;

 private:
  shared::env::SeededRandom random_;
  bool readable_ = false;
  bool writable_ = false;
  bool finished_ = false;
};

// An OpenSSL client at one end of the wire.
class RawClient {
 public:
  explicit RawClient(std::unique_ptr<loop::Transport> end)
      : context(SSL_CTX_new(TLS_client_method())), end_(std::move(end)) {
    // Whatever the host's openssl.cnf says.
    SSL_CTX_set_cipher_list(context, "ALL");
    SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_min_proto_version(context, TLS1_VERSION);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_set_app_data(context, this);
    SSL_CTX_sess_set_new_cb(context, [](SSL* made, SSL_SESSION* fresh) {
      auto* self = static_cast<RawClient*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(made)));
      SSL_SESSION_free(self->session);
      self->session = fresh;
      ++self->tickets;
      return 1;
    });
  }
  ~RawClient() {
    // A session whose connection ended without a word would not be resumed.
    if (ssl != nullptr) SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(ssl);
    SSL_CTX_free(context);
    SSL_SESSION_free(session);
  }

  void start(const std::string& host = "", SSL_SESSION* resume = nullptr) {
    ssl = SSL_new(context);
    in_ = BIO_new(BIO_s_mem());
    out_ = BIO_new(BIO_s_mem());
    BIO_set_mem_eof_return(in_, -1);
    SSL_set_bio(ssl, in_, out_);
    SSL_set_connect_state(ssl);
    if (!host.empty()) SSL_set_tlsext_host_name(ssl, host.c_str());
    if (resume != nullptr) SSL_set_session(ssl, resume);
  }
  // Moves bytes both ways and goes on with the handshake; gives whether anything moved.
  bool pump() {
    bool did = false;
    char buffer[4096];
    for (;;) {
      const loop::IoResult got = end_->read(buffer);
      if (got.state != loop::Io::kDone) break;
      BIO_write(in_, buffer, static_cast<int>(got.bytes));
      did = true;
    }
    ERR_clear_error();
    if (!done && !broken) {
      const int result = SSL_do_handshake(ssl);
      if (result == 1) done = true;
      if (result != 1 && SSL_get_error(ssl, result) == SSL_ERROR_SSL) fail();
    }
    if (done) {
      const int bytes = SSL_read(ssl, buffer, sizeof buffer);
      if (bytes > 0) received.append(buffer, static_cast<std::size_t>(bytes));
      if (bytes <= 0 && SSL_get_error(ssl, bytes) == SSL_ERROR_SSL) fail();
      did |= bytes > 0;
    }
    did |= flush();
    return did;
  }
  bool flush() {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out_, &bytes);
    if (size <= 0) return false;
    const iovec part{bytes, static_cast<std::size_t>(size)};
    const loop::IoResult wrote = end_->write(std::span(&part, 1));
    if (wrote.bytes == 0) return false;
    std::string taken(wrote.bytes, '\0');
    BIO_read(out_, taken.data(), static_cast<int>(taken.size()));
    return true;
  }
  void send(const std::string& text) {
    SSL_write(ssl, text.data(), static_cast<int>(text.size()));
    flush();
  }
  std::string cipher() const { return SSL_get_cipher_name(ssl); }
  std::string common_name() const {
    X509* shown = SSL_get0_peer_certificate(ssl);
    char text[256] = "";
    if (shown != nullptr)
      X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, text, sizeof text);
    return text;
  }

  SSL_CTX* context;
  SSL* ssl = nullptr;
  SSL_SESSION* session = nullptr;  // the newest
  int tickets = 0;
  bool done = false;
  bool broken = false;
  std::string error;  // OpenSSL's reason; an alert of the server's by its name
  std::string received;

 private:
  void fail() {
    broken = true;
    const char* reason = ERR_reason_error_string(ERR_peek_error());
    error = reason != nullptr ? reason : "unknown";
    ERR_clear_error();
  }
  std::unique_ptr<loop::Transport> end_;
  BIO* in_ = nullptr;
  BIO* out_ = nullptr;
};

// One connection of a raw client to a context.
struct Meeting {
  explicit Meeting(std::shared_ptr<const ServerContext> context) {
    auto [a, b] = wire.ends();
    client = std::make_unique<RawClient>(std::move(a));
    server = std::make_unique<Talker>(std::make_unique<TlsTransport>(std::move(context), std::move(b)), 1);
  }
  // Until nothing moves any more.
  void run() {
    for (bool moved = true; moved;) {
      moved = client->pump();
      moved |= wire.deliver_both();
      moved |= server->pump();
    }
  }
  bool meet(const std::string& host = "", SSL_SESSION* resume = nullptr) {
    client->start(host, resume);
    run();
    return client->done && !client->broken && server->tls->handshaken() && !server->failed;
  }
  MemoryWire wire;
  std::unique_ptr<RawClient> client;
  std::unique_ptr<Talker> server;
};

}  // namespace balancer::tls::testing
