#include "balancer/tls/transport.h"

#include <openssl/bio.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "balancer/tls/openssl.h"
#include "shared/base/check.h"

namespace balancer::tls {

using loop::Io;
using loop::IoResult;
using shared::Result;

namespace {

// What one write() seals, in this thread.
std::string& outbox() {
  thread_local std::string bytes;
  return bytes;
}

}  // namespace

std::string_view to_string(Failure failure) {
  constexpr std::array<std::string_view, 11> kWords{
      "",          "connection",     "ended", "truncated",          "not_tls", "no_version",
      "no_cipher", "no_application", "alert", "client_certificate", "protocol"};
  return kWords[static_cast<std::size_t>(failure)];
}

struct TlsTransport::Pending {
  struct Record {
    std::size_t end = 0;    // in `bytes`
    std::size_t plain = 0;  // of the owner's bytes in it
  };
  std::string bytes;
  std::size_t sent = 0;
  std::array<Record, kBatchRecords> records;
  std::size_t count = 0;
  std::size_t through = 0;  // records that are out whole and were counted
};

struct TlsTransport::Bio {
  static TlsTransport& of(BIO* bio) { return *static_cast<TlsTransport*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* into, int size) {
    TlsTransport& self = of(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    const IoResult got = self.inner_->read({into, static_cast<std::size_t>(size)});
    self.inner_drained_ =
        got.state == Io::kBlocked ||
        (got.state == Io::kDone && !self.inner_->keeps_more() && got.bytes < static_cast<std::size_t>(size));
    switch (got.state) {
      case Io::kDone:
        return static_cast<int>(got.bytes);
      case Io::kBlocked:
        BIO_set_retry_read(bio);
        return -1;
      case Io::kEnded:
        self.inner_ended_ = true;
        return 0;
      case Io::kFailed:
        self.inner_error_ = got.error != 0 ? got.error : EIO;
        return -1;
    }
    return -1;
  }

  static int write(BIO* bio, const char* from, int size) {
    TlsTransport& self = of(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    if (self.batching_) {
      outbox().append(from, static_cast<std::size_t>(size));
      return size;
    }
    IoResult wrote;
    if (self.pending_) {
      // What OpenSSL says by itself must not overtake; nor may what is counted here be lost to the owner.
      wrote.state = self.push();
    } else {
      wrote.state = Io::kDone;
    }
    if (wrote.state == Io::kDone) {
      const iovec part{const_cast<char*>(from), static_cast<std::size_t>(size)};
      wrote = self.inner_->write(std::span(&part, 1));
    }
    if (wrote.state == Io::kDone && wrote.bytes > 0) return static_cast<int>(wrote.bytes);
    if (wrote.state == Io::kFailed) {
      self.inner_error_ = wrote.error != 0 ? wrote.error : EPIPE;
    } else {
      BIO_set_retry_write(bio);
    }
    return -1;
  }

  static long control(BIO* bio, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    if (command == BIO_CTRL_EOF) return of(bio).inner_ended_ ? 1 : 0;
    return 0;
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* out = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "berth transport");
      BERTH_CHECK(out != nullptr, "no memory");
      BIO_meth_set_read(out, read);
      BIO_meth_set_write(out, write);
      BIO_meth_set_ctrl(out, control);
      return out;
    }();
    return made;
  }
};

void TlsTransport::SslDeleter::operator()(SSL* ssl) const { SSL_free(ssl); }

TlsTransport::TlsTransport(std::shared_ptr<const ServerContext> context,
                           std::unique_ptr<loop::Transport> inner)
    : server_(std::move(context)), inner_(std::move(inner)) {
  begin(server_->native());
  if (ssl_) SSL_set_accept_state(ssl_.get());
}

TlsTransport::TlsTransport(std::shared_ptr<const ClientContext> context,
                           std::unique_ptr<loop::Transport> inner, std::string_view server_name)
    : client_(std::move(context)), inner_(std::move(inner)) {
  begin(client_->native());
  if (!ssl_) return;
  SSL_set_connect_state(ssl_.get());
  if (!server_name.empty()) SSL_set_tlsext_host_name(ssl_.get(), std::string(server_name).c_str());
}

TlsTransport::~TlsTransport() = default;

void TlsTransport::begin(SSL_CTX* context) {
  ERR_clear_error();
  ssl_.reset(SSL_new(context));
  BIO* bio = BIO_new(Bio::method());
  if (ssl_ == nullptr || bio == nullptr) {
    BIO_free(bio);
    ssl_.reset();
    return;
  }
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
}

Result<void> TlsTransport::open(loop::Loop& loop, void* owner, OnReady on_ready) {
  if (!ssl_) return shared::Error("tls", "no memory for a TLS connection");
  owner_ = owner;
  owner_ready_ = on_ready;
  return inner_->open(loop, this,
                      [](void* self, loop::Ready ready) { static_cast<TlsTransport*>(self)->wake(ready); });
}

void TlsTransport::wake(loop::Ready ready) {
  if (closing_ && ready.writable) finish_shutdown();
  owner_ready_(owner_, ready);
}

Io TlsTransport::handshake() {
  if (failure_ != Failure::kNone) return Io::kFailed;
  if (handshaken_) return Io::kDone;
  crossed_read_ = crossed_write_ = false;
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    handshaken_ = true;
    return Io::kDone;
  }
  const IoResult why = broken(result);
  if (why.state == Io::kBlocked) crossed_read_ = crossed_write_ = true;
  return why.state == Io::kBlocked ? Io::kBlocked : Io::kFailed;
}

IoResult TlsTransport::read(std::span<char> into) {
  if (const Io state = handshake(); state != Io::kDone) return {state, 0, EPROTO};
  crossed_read_ = false;
  ERR_clear_error();
  std::size_t bytes = 0;
  const int result = SSL_read_ex(ssl_.get(), into.data(), into.size(), &bytes);
  if (result == 1) return {Io::kDone, bytes, 0};
  const IoResult why = broken(result);
  crossed_read_ = why.state == Io::kBlocked && SSL_want_write(ssl_.get());
  return why;
}

bool TlsTransport::keeps_more() const { return !inner_drained_ || SSL_has_pending(ssl_.get()) == 1; }

// What an OpenSSL call that did not succeed means.
IoResult TlsTransport::broken(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {Io::kBlocked, 0, 0};
    case SSL_ERROR_ZERO_RETURN:
      if (!handshaken_) return failed(Failure::kEnded, ECONNRESET, "the peer ended the handshake");
      if (!inner_ended_) return {Io::kEnded, 0, 0};
      // The server's side: OpenSSL takes the bare end for a close_notify.
      if (SSL_has_pending(ssl_.get()) == 1)
        return failed(Failure::kTruncated, ECONNRESET, "the peer ended inside a record");
      ended_without_notify_ = true;
      return {Io::kEnded, 0, 0};
    default:
      break;
  }
  if (inner_ended_ && !handshaken_)
    return failed(Failure::kEnded, ECONNRESET, "the peer ended the handshake");
  if (inner_ended_) {
    ended_without_notify_ = true;
    return failed(Failure::kTruncated, ECONNRESET, "the peer ended without close_notify");
  }
  if (inner_error_ != 0) return failed(Failure::kConnection, inner_error_, std::strerror(inner_error_));
  // The first that TLS itself found; libraries below it may have said something before.
  unsigned long code = ERR_peek_error();
  while (const unsigned long next = ERR_get_error()) {
    if (ERR_GET_LIB(next) != ERR_LIB_SSL || (ERR_GET_REASON(next) & ERR_RFLAG_COMMON) != 0) continue;
    code = next;
    break;
  }
  const char* text = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return failed(reason_of(code), EPROTO, text != nullptr ? text : "unknown");
}

IoResult TlsTransport::failed(Failure why, int error, std::string text) {
  failure_ = why;
  failure_text_ = std::make_unique<std::string>(std::move(text));
  crossed_read_ = crossed_write_ = closing_ = false;
  ERR_clear_error();
  return {Io::kFailed, 0, error};
}

Failure TlsTransport::reason_of(unsigned long code) const {
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return Failure::kProtocol;
  const int reason = ERR_GET_REASON(code);
  if (reason >= SSL_AD_REASON_OFFSET && reason < SSL_AD_REASON_OFFSET + 256) return Failure::kAlert;
  switch (reason) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_RECORD_LENGTH_MISMATCH:
      return handshaken_ ? Failure::kProtocol : Failure::kNotTls;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_VERSION_TOO_HIGH:
      return Failure::kVersion;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SHARED_GROUPS:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_CIPHERS_AVAILABLE:
      return Failure::kCipher;
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return Failure::kApplication;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Failure::kCertificate;
    case SSL_R_EXCESSIVE_MESSAGE_SIZE:
      return server_ && server_->settings().tls.client.mode != shared::lbconfig::ClientCertificates::kOff
                 ? Failure::kCertificate
                 : Failure::kProtocol;
    default:
      return Failure::kProtocol;
  }
}

// Seals up to a record of `parts` (without their first `skip` bytes, which move on) into the outbox.
bool TlsTransport::seal(std::span<const iovec>& parts, std::size_t& skip, std::size_t& bytes) {
  thread_local std::array<char, kRecord> gathered;
  const char* from = nullptr;
  std::size_t size = 0;
  while (!parts.empty() && size < kRecord) {
    const char* at = static_cast<const char*>(parts.front().iov_base) + skip;
    const std::size_t left = parts.front().iov_len - skip;
    if (left == 0) {
      parts = parts.subspan(1);
      skip = 0;
      continue;
    }
    const std::size_t take = std::min(left, kRecord - size);
    // One part alone is sealed where it is.
    if (size == 0 && (take == kRecord || parts.size() == 1)) {
      from = at;
    } else {
      std::memcpy(gathered.data() + size, at, take);
      from = gathered.data();
    }
    size += take;
    skip += take;
    if (take == left) {
      parts = parts.subspan(1);
      skip = 0;
    }
  }
  if (size == 0) return true;
  batching_ = true;
  ERR_clear_error();
  const int result = SSL_write_ex(ssl_.get(), from, size, &bytes);
  batching_ = false;
  if (result == 1 && bytes == size) return true;
  const IoResult why = broken(result);
  if (why.state != Io::kFailed) failed(Failure::kProtocol, EPROTO, "a record could not be sealed");
  return false;
}

Io TlsTransport::push() {
  while (pending_->sent < pending_->bytes.size()) {
    const iovec part{pending_->bytes.data() + pending_->sent, pending_->bytes.size() - pending_->sent};
    const IoResult wrote = inner_->write(std::span(&part, 1));
    if (wrote.state != Io::kDone || wrote.bytes == 0) {
      if (wrote.state == Io::kFailed) inner_error_ = wrote.error != 0 ? wrote.error : EPIPE;
      return wrote.state == Io::kDone ? Io::kBlocked : wrote.state;
    }
    pending_->sent += wrote.bytes;
    if (wrote.bytes < part.iov_len) return Io::kBlocked;
  }
  return Io::kDone;
}

IoResult TlsTransport::flush() {
  IoResult out{Io::kDone, 0, 0};
  if (!pending_) return out;
  out.state = push();
  if (out.state == Io::kFailed)
    return failed(Failure::kConnection, inner_error_, std::strerror(inner_error_));
  while (pending_->through < pending_->count && pending_->records[pending_->through].end <= pending_->sent)
    out.bytes += pending_->records[pending_->through++].plain;
  if (out.state == Io::kDone) pending_.reset();
  return out;
}

IoResult TlsTransport::write(std::span<const iovec> parts) {
  if (const Io state = handshake(); state != Io::kDone) return {state, 0, EPROTO};
  crossed_write_ = false;
  IoResult flushed = flush();
  if (flushed.state != Io::kDone)
    return flushed.state == Io::kBlocked && flushed.bytes > 0 ? IoResult{Io::kDone, flushed.bytes, 0}
                                                              : flushed;
  std::size_t through = flushed.bytes;
  std::size_t skip = through;
  while (!parts.empty() && skip >= parts.front().iov_len) {
    skip -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  BERTH_CHECK(!parts.empty() || skip == 0, "bytes that were half written are not written again");
  std::string& out = outbox();
  while (!parts.empty()) {
    Pending::Record records[kBatchRecords];
    std::size_t count = 0;
    std::size_t plain = 0;
    bool sealed = true;
    out.clear();
    while (!parts.empty() && count < kBatchRecords && sealed) {
      Pending::Record& record = records[count];
      sealed = seal(parts, skip, record.plain);
      record.end = out.size();
      if (sealed && record.plain > 0) {
        plain += record.plain;
        ++count;
      }
    }
    if (out.empty() && sealed) break;
    const iovec part{out.data(), out.size()};
    const IoResult wrote = inner_->write(std::span(&part, 1));
    if (!sealed) return {Io::kFailed, 0, EPROTO};
    if (wrote.state == Io::kFailed) {
      inner_error_ = wrote.error != 0 ? wrote.error : EPIPE;
      return failed(Failure::kConnection, inner_error_, std::strerror(inner_error_));
    }
    const std::size_t sent = wrote.state == Io::kDone ? wrote.bytes : 0;
    if (sent == out.size()) {
      through += plain;
      continue;
    }
    pending_ = std::make_unique<Pending>();
    pending_->bytes.assign(out, sent);
    for (std::size_t i = 0; i < count; ++i) {
      if (records[i].end <= sent) {
        through += records[i].plain;
      } else {
        pending_->records[pending_->count++] = {records[i].end - sent, records[i].plain};
      }
    }
    return through > 0 ? IoResult{Io::kDone, through, 0} : IoResult{Io::kBlocked, 0, 0};
  }
  return {Io::kDone, through, 0};
}

void TlsTransport::shutdown_write() {
  if (failure_ != Failure::kNone || !handshaken_) return inner_->shutdown_write();
  closing_ = true;
  finish_shutdown();
}

void TlsTransport::finish_shutdown() {
  ERR_clear_error();
  const int result = SSL_shutdown(ssl_.get());
  if (result < 0 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_WRITE) return;
  ERR_clear_error();
  closing_ = false;
  inner_->shutdown_write();
}

bool TlsTransport::has_pending_input() {
  if (!handshaken_ || failure_ != Failure::kNone) return inner_->has_pending_input();
  if (SSL_has_pending(ssl_.get()) == 0 && !inner_->has_pending_input()) return false;
  // A ticket or a key update is nothing for the owner.
  ERR_clear_error();
  char byte = 0;
  std::size_t bytes = 0;
  const int result = SSL_peek_ex(ssl_.get(), &byte, 1, &bytes);
  const int error = result == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), result);
  ERR_clear_error();
  return error != SSL_ERROR_WANT_READ;
}

void TlsTransport::reset_on_close() {
  reset_ = true;
  inner_->reset_on_close();
}

void TlsTransport::close() {
  if (handshaken_ && failure_ == Failure::kNone && !reset_ && !pending_ &&
      (SSL_get_shutdown(ssl_.get()) & SSL_SENT_SHUTDOWN) == 0) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  inner_->close();
}

Facts TlsTransport::facts() const {
  Facts out;
  if (!handshaken_) return out;
  const SSL* ssl = ssl_.get();
  out.version = SSL_get_version(ssl);
  out.cipher = SSL_get_cipher_name(ssl);
  const unsigned char* protocol = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl, &protocol, &size);
  if (size > 0) out.application = {reinterpret_cast<const char*>(protocol), size};
  if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) out.server_name = name;
  out.resumed = SSL_session_reused(ssl) == 1;
  if (server_ && !out.resumed) out.certificate = server_->id_of(SSL_get_certificate(ssl));
  return out;
}

std::optional<ClientCertificate> TlsTransport::client_certificate() const {
  const X509* leaf = server_ && handshaken_ ? SSL_get0_peer_certificate(ssl_.get()) : nullptr;
  if (leaf == nullptr) return std::nullopt;
  auto facts = shared::crypto::facts_of(*leaf);
  if (!facts) return std::nullopt;
  ClientCertificate out{std::move(facts).value(), shared::crypto::to_pem(*leaf), {}};
  out.chain = out.leaf;
  STACK_OF(X509)* others = SSL_get_peer_cert_chain(ssl_.get());  // of a client: without its own
  for (int i = 0; i < sk_X509_num(others); ++i)
    out.chain += shared::crypto::to_pem(*sk_X509_value(others, i));
  return out;
}

std::string_view TlsTransport::verify_status() const {
  using shared::lbconfig::ClientCertificates;
  if (!server_ || server_->settings().tls.client.mode != ClientCertificates::kVerify) return "-";
  if (handshaken_) return "Success";
  if (failure_ != Failure::kCertificate) return "-";
  switch (SSL_get_verify_result(ssl_.get())) {
    case X509_V_OK:
      // Rejected for want of a certificate, or before it could be looked at.
      return failure_text() == "excessive message size" ? "Failed:ClientCertMaxSizeExceeded"
                                                        : "Failed:ClientCertRejected";
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
      return "Failed:ClientCertMaxChainDepthExceeded";
    case X509_V_ERR_CERT_REVOKED:
      return "Failed:ClientCertCrlHit";
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_CRL_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CRL_SIGNATURE:
      return "Failed:ClientCertCrlProcessingError";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return "Failed:ClientCertNotYetValid";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return "Failed:ClientCertExpired";
    case X509_V_ERR_UNSUPPORTED_SIGNATURE_ALGORITHM:
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
    case X509_V_ERR_CA_MD_TOO_WEAK:
      return "Failed:ClientCertTypeUnsupported";
    case X509_V_ERR_INVALID_PURPOSE:
      return "Failed:ClientCertPurposeInvalid";
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED:
      return "Failed:ClientCertUntrusted";
    default:
      return "Failed:ClientCertInvalid";
  }
}

const std::string& TlsTransport::failure_text() const {
  static const std::string kNothing;
  return failure_text_ ? *failure_text_ : kNothing;
}

}  // namespace balancer::tls
