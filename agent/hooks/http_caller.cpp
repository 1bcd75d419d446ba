#include "agent/hooks/http_caller.h"

#include <utility>

#include "shared/httpd/client.h"
#include "shared/httpd/https_client.h"
#include "shared/net/https_url.h"

namespace agent::hooks {
namespace {

using shared::Result;
using shared::http::Response;

class HttpCaller final : public Caller {
 public:
  HttpCaller(shared::httpd::IoLoop& loop, std::unique_ptr<shared::httpd::HttpsClient> client)
      : loop_(loop), https_(std::move(client)) {}

  void call(Call wanted, std::function<void(Reply)> done) override {
    const auto url = shared::net::parse_http_url(wanted.url);
    if (!url) {
      return loop_.post([done = std::move(done), text = url.error().text()] {
        done({Said::kNothing, {}, text});
      });
    }
    shared::http::Request request;
    request.method = "POST";
    request.target = url->at.target;
    request.headers.add("User-Agent", "berth");
    request.headers.add("Content-Type", "application/json");
    request.body = body_of(wanted);
    auto heard = [done = std::move(done)](const Result<Response>& answer) {
      if (!answer) return done({Said::kNothing, {}, answer.error().text()});
      done(reply_in(answer->status, answer->body));
    };
    if (url->tls) {
      shared::httpd::HttpsOptions options;
      options.timeout = kCallTimeout;
      options.max_body_bytes = kMaxAnswerBytes;
      return https_->request(url->at, std::move(request), options, std::move(heard)).detach();
    }
    // Each call has a client of its own, which ends with it: hooks are few and far between.
    std::shared_ptr<shared::httpd::Client> client = shared::httpd::Client::create(loop_, url->at.to);
    shared::httpd::CallOptions options;
    options.timeout = kCallTimeout;
    options.max_body_bytes = kMaxAnswerBytes;
    request.headers.add("Connection", "close");
    auto* dials = client.get();
    dials
        ->request(std::move(request), options,
                  [client = std::move(client), &loop = loop_,
                   heard = std::move(heard)](const Result<Response>& answer) {
                    heard(answer);
                    loop.post([client] {});  // not inside of a call from it
                  })
        .detach();
  }

 private:
  shared::httpd::IoLoop& loop_;
  std::unique_ptr<shared::httpd::HttpsClient> https_;
};

}  // namespace

Result<std::unique_ptr<Caller>> http_caller(shared::httpd::IoLoop& loop, const std::string& ca_file) {
  auto client = shared::httpd::HttpsClient::create(loop, ca_file);
  if (!client) return client.error();
  return std::unique_ptr<Caller>(std::make_unique<HttpCaller>(loop, *std::move(client)));
}

}  // namespace agent::hooks
