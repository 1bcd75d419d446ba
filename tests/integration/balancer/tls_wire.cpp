#include "tests/integration/balancer/tls_wire.h"

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace balancer::test {

TlsClient::TlsClient(std::uint16_t port, const TlsWish& wish) {
  namespace d = tests::support::certificates_detail;
  Wire plain = Wire::connect(port);
  socket_ = ::dup(plain.fd());
  plain.close();
  context_ = SSL_CTX_new(TLS_client_method());
  if (wish.version != 0) SSL_CTX_set_max_proto_version(context_, wish.version);
  if (wish.certificate != nullptr) {
    X509* certificate = d::certificate_of(wish.certificate->certificate);
    EVP_PKEY* key = d::private_key_of(wish.certificate->key);
    SSL_CTX_use_certificate(context_, certificate);
    SSL_CTX_use_PrivateKey(context_, key);
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  ssl_ = SSL_new(context_);
  SSL_set_fd(ssl_, socket_);
  SSL_clear_mode(ssl_, SSL_MODE_AUTO_RETRY);  // a ticket is no reason to wait for more
  if (!wish.server_name.empty()) SSL_set_tlsext_host_name(ssl_, wish.server_name.c_str());
  std::string protocols;
  for (const std::string& name : wish.alpn) protocols += static_cast<char>(name.size()) + name;
  if (!protocols.empty()) {
    SSL_set_alpn_protos(ssl_, reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
  }
  if (wish.session != nullptr) SSL_set_session(ssl_, wish.session);
  const timeval limit{kLimitMs / 1000, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  connected_ = SSL_connect(ssl_) == 1;
  ERR_clear_error();
  if (!connected_) return;
  resumed_ = SSL_session_reused(ssl_) == 1;
  version_ = SSL_get_version(ssl_);
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_, &chosen, &size);
  application_.assign(reinterpret_cast<const char*>(chosen), size);
  if (X509* shown = SSL_get1_peer_certificate(ssl_); shown != nullptr) {
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(shown), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    shown_name_ = name.data();
    X509_free(shown);
  }
  std::array<int, 2> pair{};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()), 0);
  inner_ = pair[0];
  wire_ = Wire(pair[1]);
  thread_ = std::thread([this] { pump(); });
}

void TlsClient::pump() {
  std::array<char, 16 * 1024> chunk{};
  for (;;) {
    std::array<pollfd, 2> wanted{{{socket_, POLLIN, 0}, {inner_, POLLIN, 0}}};
    if (SSL_has_pending(ssl_) == 0 && ::poll(wanted.data(), wanted.size(), -1) < 0) break;
    if (wanted[1].revents != 0) {
      const ssize_t n = ::recv(inner_, chunk.data(), chunk.size(), 0);
      if (n <= 0 || SSL_write(ssl_, chunk.data(), static_cast<int>(n)) <= 0) break;
    }
    if (wanted[0].revents == 0 && SSL_has_pending(ssl_) == 0) continue;
    const int n = SSL_read(ssl_, chunk.data(), static_cast<int>(chunk.size()));
    if (n <= 0 && SSL_get_error(ssl_, n) == SSL_ERROR_WANT_READ) continue;
    if (n <= 0) break;
    for (int sent = 0; sent < n;) {
      const ssize_t gone =
          ::send(inner_, chunk.data() + sent, static_cast<std::size_t>(n - sent), MSG_NOSIGNAL);
      if (gone <= 0) break;
      sent += static_cast<int>(gone);
    }
  }
  ERR_clear_error();
  ::shutdown(inner_, SHUT_RDWR);
}

SSL_SESSION* TlsClient::end_and_take_session() {
  if (wire_.fd() >= 0) ::shutdown(wire_.fd(), SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
  return SSL_get1_session(ssl_);
}

TlsClient::~TlsClient() {
  if (wire_.fd() >= 0) ::shutdown(wire_.fd(), SHUT_RDWR);
  if (socket_ >= 0) ::shutdown(socket_, SHUT_RDWR);
  if (thread_.joinable()) thread_.join();
  // Else OpenSSL takes the session for one that must not be resumed.
  SSL_set_shutdown(ssl_, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  SSL_free(ssl_);
  SSL_CTX_free(context_);
  if (inner_ >= 0) ::close(inner_);
  if (socket_ >= 0) ::close(socket_);
}

}  // namespace balancer::test
