// HTTPS client for what others serve: key sets, ACME. The server's certificate must be one of the host that
// was asked for (a name or an IP address) and lead to a root that is trusted here. One connection per call,
// no redirects. Thread: the IoLoop's; names are looked up on a thread of Asio's own, and callbacks never run
// inside the call that started them.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"
#include "shared/httpd/client.h"
#include "shared/httpd/io_loop.h"
#include "shared/net/https_url.h"

namespace shared::httpd {

struct HttpsOptions {
  Millis timeout{30'000};                                // from the look-up of the name to the last byte
  std::size_t max_body_bytes = 1024 * 1024;              // of the answer, where it is collected
  std::function<void(std::string_view)> on_chunk{};      // given: the body of a 2xx answer goes here instead
  std::function<void(const http::Response&)> on_head{};  // status and headers of what is not 1xx
};

class HttpsClient {
 public:
  // Trusts the system's CA certificates (OpenSSL's default places, where SSL_CERT_FILE counts too) and those
  // of the PEM file `ca_file` if one is named. Error "tls": the file cannot be used, and why.
  static Result<std::unique_ptr<HttpsClient>> create(IoLoop& loop, const std::string& ca_file);
  virtual ~HttpsClient() = default;

  // `request.target` is the URL's; Host and Connection are ours. Any answer is a success, whatever its
  // status. Error codes, all to blame the target: "connect" (its name, its addresses), "tls" (handshake,
  // certificate), "timeout", "closed", "too_large", "malformed". Their text names the URL's host and what
  // happened.
  [[nodiscard]] virtual Call request(const net::HttpsUrl& url, http::Request request, HttpsOptions options,
                                     std::function<void(Result<http::Response>)> done) = 0;
};

}  // namespace shared::httpd
