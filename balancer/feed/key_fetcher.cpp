#include "balancer/feed/key_fetcher.h"

#include <utility>

#include "shared/log/log.h"

namespace balancer::feed {

using jwt::KeyAnswer;
using jwt::Reason;
using shared::Error;
using shared::Result;

namespace {

Reason reason_of(const Error& error) {
  if (error.code() == "timeout") return Reason::kKeysTimeout;
  return error.code() == "too_large" ? Reason::kKeysTooLarge : Reason::kKeysFailed;
}

std::string text_of(const KeyAnswer& outcome, const Result<shared::http::Response>& response) {
  if (!response) return response.error().text();
  if (outcome.reason == Reason::kKeysFailed) return "answered with " + std::to_string(response->status);
  return "answered with what is no key set that can be used";
}

}  // namespace

Result<std::unique_ptr<KeyFetcher>> KeyFetcher::create(shared::httpd::IoLoop& loop,
                                                       const std::string& ca_file) {
  auto client = shared::httpd::HttpsClient::create(loop, ca_file);
  if (!client) return client.error();
  return std::unique_ptr<KeyFetcher>(new KeyFetcher(loop, *std::move(client)));
}

std::optional<KeyAnswer> KeyFetcher::look_up(const std::string& endpoint) {
  const std::lock_guard lock(mutex_);
  return carry_out(endpoint, cache_.look_up(endpoint, loop_.now()));
}

std::optional<KeyAnswer> KeyFetcher::look_up_newer(const std::string& endpoint, const jwt::KeySet& seen) {
  const std::lock_guard lock(mutex_);
  return carry_out(endpoint, cache_.look_up_newer(endpoint, seen, loop_.now()));
}

std::optional<KeyAnswer> KeyFetcher::carry_out(const std::string& endpoint,
                                               const jwt::KeyCache::Lookup& found) {
  if (found.fetch) loop_.post([this, endpoint] { fetch(endpoint); });
  return found.known ? std::optional(found.answer) : std::nullopt;
}

void KeyFetcher::await(const std::string& endpoint, Done done) {
  std::optional<KeyAnswer> known;
  {
    const std::lock_guard lock(mutex_);
    if (!cache_.fetching(endpoint)) known = carry_out(endpoint, cache_.look_up(endpoint, loop_.now()));
    if (!known) waiting_[endpoint].push_back(std::move(done));
  }
  if (known) done(*known);
}

void KeyFetcher::fetch(const std::string& endpoint) {
  const auto url = shared::net::parse_https_url(endpoint);
  if (!url) return fetched(endpoint, url.error());
  shared::http::Request request;
  request.headers.set("Accept", "application/json");
  calls_[endpoint] = client_->request(*url, std::move(request), {jwt::kKeyFetchLimit, jwt::kMaxKeySetBytes},
                                      [this, endpoint](const Result<shared::http::Response>& response) {
                                        calls_.extract(endpoint).mapped().detach();
                                        fetched(endpoint, response);
                                      });
}

void KeyFetcher::fetched(const std::string& endpoint, const Result<shared::http::Response>& response) {
  KeyAnswer outcome = response ? jwt::KeyCache::read(response->status, response->body)
                               : KeyAnswer{nullptr, reason_of(response.error())};
  if (!outcome.keys) {
    shared::log::warn("jwks_not_fetched", {{"endpoint", endpoint.substr(0, endpoint.find('?'))},
                                           {"reason", jwt::row_of(outcome.reason).word},
                                           {"error", text_of(outcome, response)}});
  }
  KeyAnswer answer;
  std::vector<Done> waiting;
  {
    const std::lock_guard lock(mutex_);
    answer = cache_.on_fetched(endpoint, std::move(outcome), loop_.now());
    if (auto entry = waiting_.extract(endpoint)) waiting = std::move(entry.mapped());
  }
  for (const Done& done : waiting) done(answer);
}

}  // namespace balancer::feed
