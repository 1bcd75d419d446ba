#include "agent/app/registry_client.h"

#include "shared/crypto/hash.h"
#include "shared/net/https_url.h"

namespace agent::app {

using shared::Error;
using shared::Result;
namespace http = shared::http;

namespace {

constexpr shared::Millis kRegistryTimeout{10'000};
constexpr std::size_t kMaxRegistryAnswer = 4 * 1024 * 1024;  // a manifest

}  // namespace

Result<std::unique_ptr<RegistryClient>> RegistryClient::create(shared::httpd::IoLoop& loop,
                                                               const std::string& url,
                                                               const std::string& password) {
  const auto parsed = shared::net::parse_http_url(url);
  if (!parsed) return Error("setting", parsed.error().text());
  if (parsed->at.target != "/")
    return Error("setting", "'" + url + "' has a path: a registry is a host and a port");
  std::unique_ptr<RegistryClient> out(new RegistryClient(parsed->at));
  const auto begin = url.find("://") + 3;
  out->host_ = url.substr(begin, url.find('/', begin) - begin);
  if (!password.empty()) out->authorization_ = "Basic " + shared::crypto::base64_encode("AWS:" + password);
  if (parsed->tls) {
    auto client = shared::httpd::HttpsClient::create(loop, "");
    if (!client) return client.error();
    out->tls_ = *std::move(client);
  } else {
    out->plain_ = shared::httpd::Client::create(loop, parsed->at.to);
  }
  return out;
}

void RegistryClient::fetch(http::Request request, std::function<void(Result<http::Response>)> done) const {
  if (!authorization_.empty()) request.headers.set("Authorization", authorization_);
  if (tls_) {
    shared::net::HttpsUrl to = at_;
    to.target = request.target;
    shared::httpd::HttpsOptions options;
    options.timeout = kRegistryTimeout;
    options.max_body_bytes = kMaxRegistryAnswer;
    return tls_->request(to, std::move(request), options, std::move(done)).detach();
  }
  shared::httpd::CallOptions options;
  options.timeout = kRegistryTimeout;
  options.max_body_bytes = kMaxRegistryAnswer;
  plain_->request(std::move(request), options, std::move(done)).detach();
}

}  // namespace agent::app
