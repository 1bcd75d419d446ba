// A client that speaks TLS by OpenSSL. What it carries is read and written on a Wire, in plain text, which a
// thread moves through TLS.
#pragma once
#include <openssl/ssl.h>

#include <string>
#include <thread>

#include "tests/integration/balancer/harness.h"
#include "tests/support/certificates.h"

namespace balancer::test {

struct TlsWish {
  std::string server_name{};
  std::vector<std::string> alpn{};  // in order of preference; none: not said
  const tests::support::Issued* certificate = nullptr;
  SSL_SESSION* session = nullptr;  // to resume
  int version = 0;                 // TLS1_2_VERSION only; 0: any
};

class TlsClient {
 public:
  explicit TlsClient(std::uint16_t port, const TlsWish& wish = {});
  ~TlsClient();
  TlsClient(const TlsClient&) = delete;
  TlsClient& operator=(const TlsClient&) = delete;

  bool connected() const { return connected_; }  // the handshake succeeded
  bool resumed() const { return resumed_; }
  const std::string& shown_name() const { return shown_name_; }  // of the server's certificate
  const std::string& application() const { return application_; }
  const std::string& version() const { return version_; }
  Wire& wire() { return wire_; }
  SSL_SESSION* end_and_take_session();  // the caller's; the connection is over

 private:
  void pump();
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  int socket_ = -1;
  int inner_ = -1;  // our end of wire_
  bool connected_ = false;
  bool resumed_ = false;
  std::string shown_name_, application_, version_;
  Wire wire_{-1};
  std::thread thread_;
};

}  // namespace balancer::test
