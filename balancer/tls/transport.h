// TLS over another transport: loop::Transport with OpenSSL between the owner's bytes and those on the wire.
// What an owner has to know beside loop::Transport:
//
// - handshake() first, again at every report until it says kDone; then facts() are known (ALPN decides how to
//   speak), and reading and writing are tried both. read() and write() also drive it, and are blocked until
//   it is done. How long it may take is the owner's limit.
// - keeps_more(): whether there may be more without another report. While crossed(), any report wakes both
// directions.
// - write() counts what went to the inner transport whole: after a short kDone or kBlocked the next write()
//   begins with the same bytes, of which a part may be sealed and half sent already. A sealed rest is kept
//   here (at most kMaxBatch, while the peer does not read).
// - shutdown_write() says close_notify, then ends the inner transport; where the peer does not read, that is
//   done at a later report. close() tries close_notify once.
// - A peer's end without close_notify: from a client (server side) between records it is kEnded. Requests say
//   where they end, so that nothing can be cut off unseen, and RFC 9112 section 9.8 asks servers to bear it;
//   ended_without_notify() tells. From a target (client side), in a handshake and inside a record it is
//   kFailed: a body that ends with its connection might have been cut.
// - After kFailed nothing is read or written any more; failure() says why.
//
// Idle, a connection holds no record buffers. Not used: kernel TLS (the measuring machine's kernel has none).
// Thread: its loop's. The context and the inner transport live as long as this.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "balancer/loop/transport.h"
#include "balancer/tls/client_context.h"
#include "balancer/tls/server_context.h"
#include "shared/crypto/certificate.h"

struct ssl_st;

namespace balancer::tls {

inline constexpr std::size_t kRecord = 16 * 1024;  // RFC 8446 section 5.1
// Sealed together and written in one call. More makes no call cheaper, and this is what a peer that reads
// nothing can make us hold.
inline constexpr std::size_t kBatchRecords = 4;
inline constexpr std::size_t kMaxBatch = kBatchRecords * (kRecord + 256);

enum class Failure : std::uint8_t {
  kNone,
  kConnection,   // the inner transport failed
  kEnded,        // the peer's end inside the handshake
  kTruncated,    // the peer's end without close_notify where that may have cut something
  kNotTls,       // what came first is no TLS, HTTP for instance
  kVersion,      // no protocol version in common
  kCipher,       // no cipher, group or signature in common
  kApplication,  // no ALPN protocol in common
  kAlert,        // the peer gave up and said so
  kCertificate,  // of the client: see verify_status()
  kProtocol,     // anything else that breaks TLS
};
std::string_view to_string(Failure failure);  // "no_cipher": for logs and metrics

struct Facts {
  std::string_view version;      // "TLSv1.3"
  std::string_view cipher;       // OpenSSL's name
  std::string_view application;  // by ALPN: "h2", "http/1.1"; empty: none was spoken of
  std::string_view server_name;  // by SNI; empty: none
  std::string_view certificate;  // id of the one shown; empty where a session was resumed
  bool resumed = false;
};

// For the headers of mutual TLS (elbv2 "X-Amzn-Mtls-Clientcert..."; client_certificate.h writes them).
struct ClientCertificate {
  shared::crypto::CertificateFacts facts;
  std::string leaf;   // PEM
  std::string chain;  // PEM of all that the client sent, the leaf first
};

class TlsTransport final : public loop::Transport {
 public:
  TlsTransport(std::shared_ptr<const ServerContext> context, std::unique_ptr<loop::Transport> inner);
  // `server_name`: SNI; empty: none is sent, which is what ALB does.
  TlsTransport(std::shared_ptr<const ClientContext> context, std::unique_ptr<loop::Transport> inner,
               std::string_view server_name = {});
  ~TlsTransport() override;

  shared::Result<void> open(loop::Loop& loop, void* owner, OnReady on_ready) override;
  loop::Io handshake();  // kDone, kBlocked or kFailed
  loop::IoResult read(std::span<char> into) override;
  loop::IoResult write(std::span<const iovec> parts) override;
  void shutdown_write() override;
  bool has_pending_input() override;
  void reset_on_close() override;
  void close() override;
  int connect_error() override { return inner_->connect_error(); }
  bool keeps_more() const override;
  loop::Address local_address() const override { return inner_->local_address(); }
  bool crossed() const override { return crossed_read_ || crossed_write_; }

  bool handshaken() const { return handshaken_; }
  Facts facts() const;  // after the handshake; the texts live as long as this
  // What a client showed; nothing: none, or one whose key is of a kind that ALB does not take.
  std::optional<ClientCertificate> client_certificate() const;
  // For the connection log: "Success", "-" (not asked for, not shown), "Failed:ClientCertExpired".
  std::string_view verify_status() const;
  bool ended_without_notify() const { return ended_without_notify_; }
  Failure failure() const { return failure_; }
  // OpenSSL's words for it, for people; empty unless it failed.
  const std::string& failure_text() const;

 private:
  struct Bio;      // the way to and from `inner_` that OpenSSL is given
  struct Pending;  // sealed, and not taken by the inner transport yet
  struct SslDeleter {
    void operator()(ssl_st* ssl) const;
  };

  void begin(ssl_ctx_st* context);
  void wake(loop::Ready ready);
  loop::IoResult broken(int result);
  loop::IoResult failed(Failure why, int error, std::string text);
  Failure reason_of(unsigned long code) const;
  bool seal(std::span<const iovec>& parts, std::size_t& skip, std::size_t& bytes);
  loop::Io push();
  // kDone: nothing is pending. `bytes`: of the owner's, that are through now.
  loop::IoResult flush();
  void finish_shutdown();

  std::shared_ptr<const ServerContext> server_;  // one of the two
  std::shared_ptr<const ClientContext> client_;
  std::unique_ptr<loop::Transport> inner_;
  void* owner_ = nullptr;
  OnReady owner_ready_ = nullptr;
  std::unique_ptr<ssl_st, SslDeleter> ssl_;
  std::unique_ptr<Pending> pending_;
  std::unique_ptr<std::string> failure_text_;
  int inner_error_ = 0;
  Failure failure_ = Failure::kNone;
  bool handshaken_ = false;
  bool inner_drained_ = false;  // what OpenSSL has of it was all that there was
  bool inner_ended_ = false;
  bool ended_without_notify_ = false;
  bool batching_ = false;  // what OpenSSL writes is gathered instead of written
  bool crossed_read_ = false;
  bool crossed_write_ = false;
  bool closing_ = false;  // close_notify is still to be written
  bool reset_ = false;
};

}  // namespace balancer::tls
