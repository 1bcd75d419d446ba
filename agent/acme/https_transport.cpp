#include "agent/acme/https_transport.h"

#include <utility>

#include "shared/httpd/https_client.h"
#include "shared/net/https_url.h"

namespace agent::acme {
namespace {

using shared::Result;
using shared::http::Request;
using shared::http::Response;

class HttpsTransport final : public Transport {
 public:
  HttpsTransport(shared::httpd::IoLoop& loop, std::unique_ptr<shared::httpd::HttpsClient> client)
      : loop_(loop), client_(std::move(client)) {}

  void send(HttpRequest wanted, std::function<void(Result<Response>)> done) override {
    auto url = shared::net::parse_https_url(wanted.url);
    if (!url) {
      return loop_.post([done = std::move(done), error = url.error()] { done(error); });
    }
    Request request;
    request.method = std::move(wanted.method);
    request.target = url->target;
    request.headers.add("User-Agent", "berth");
    if (!wanted.body.empty()) request.headers.add("Content-Type", "application/jose+json");
    request.body = std::move(wanted.body);
    shared::httpd::HttpsOptions options;
    options.max_body_bytes = kMaxAnswerBytes;
    // Answered in a bounded time; whoever asked knows whether it is still there.
    client_->request(*url, std::move(request), options, std::move(done)).detach();
  }

 private:
  shared::httpd::IoLoop& loop_;
  std::unique_ptr<shared::httpd::HttpsClient> client_;
};

}  // namespace

Result<std::unique_ptr<Transport>> https_transport(shared::httpd::IoLoop& loop, const std::string& ca_file) {
  auto client = shared::httpd::HttpsClient::create(loop, ca_file);
  if (!client) return client.error();
  return std::unique_ptr<Transport>(std::make_unique<HttpsTransport>(loop, *std::move(client)));
}

}  // namespace agent::acme
