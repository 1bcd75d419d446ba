#include "agent/acme/exchange.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "shared/base/check.h"
#include "shared/crypto/signing_key.h"
#include "shared/json/reader.h"

namespace agent::acme {
namespace {

using nlohmann::json;
using shared::Millis;
using shared::Result;
using shared::WallTime;
using shared::crypto::base64url_encode;
using shared::crypto::SigningKey;
using shared::http::Response;

constexpr std::size_t kMaxNonce = 512;
constexpr Millis kLongestRetryAfter = std::chrono::hours(24);

bool is_nonce(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNonce && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

// Seconds or a date (RFC 9110 section 10.2.3).
std::optional<Millis> retry_after(const Response& response, WallTime now) {
  const auto text = response.headers.get("Retry-After");
  if (!text) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error == std::errc() && end == text->data() + text->size() && seconds >= 0)
    return std::min<Millis>(std::chrono::seconds(std::min<std::int64_t>(seconds, 1'000'000)),
                            kLongestRetryAfter);
  const auto at = shared::http::parse_http_date(*text);
  if (!at) return std::nullopt;
  return std::clamp(std::chrono::duration_cast<Millis>(*at - now), Millis(0), kLongestRetryAfter);
}

std::string payload_of(const Ask& ask) {
  switch (ask.kind) {
    case Ask::Kind::kNewAccount: {
      json payload{{"termsOfServiceAgreed", true}};
      if (!ask.contact.empty()) payload["contact"] = ask.contact;
      return payload.dump();
    }
    case Ask::Kind::kNewOrder: {
      json identifiers = json::array();
      for (const std::string& name : ask.names) identifiers.push_back({{"type", "dns"}, {"value", name}});
      return json{{"identifiers", std::move(identifiers)}}.dump();
    }
    case Ask::Kind::kRespond:
      return "{}";
    case Ask::Kind::kRead:
    case Ask::Kind::kFinalize:
    case Ask::Kind::kMakeKey:
      return "";
  }
  return "";
}

// RFC 8555 section 6.2: flattened JSON.
std::string sign(const SigningKey& key, const Ask& ask, const std::string& url, const std::string& nonce,
                 const std::string& payload) {
  json header{{"alg", "ES256"}, {"nonce", nonce}, {"url", url}};
  if (ask.kind == Ask::Kind::kNewAccount) {
    header["jwk"] = json::parse(key.jwk());
  } else {
    header["kid"] = ask.account_url;
  }
  const std::string first = base64url_encode(header.dump());
  const std::string second = base64url_encode(payload);
  return json{{"protected", first},
              {"payload", second},
              {"signature", base64url_encode(key.sign_es256(first + "." + second))}}
      .dump();
}

}  // namespace

std::variant<HttpRequest, Reply> Exchange::next() {
  if (reply_) return *reply_;
  if (!known_.directory) {
    sent_ = Sent::kDirectory;
    return HttpRequest{"GET", known_.directory_url};
  }
  if (known_.nonces.empty()) {
    sent_ = Sent::kNonce;
    return HttpRequest{"HEAD", known_.directory->new_nonce};
  }
  return signed_request();
}

std::variant<HttpRequest, Reply> Exchange::signed_request() {
  const auto key = SigningKey::parse(ask_.account_key);
  if (!key || key->jwk().empty()) {
    end({std::string(kBadAnswer), "the account's key cannot be read"});
    return *reply_;
  }
  std::string payload = payload_of(ask_);
  if (ask_.kind == Ask::Kind::kFinalize) {
    const auto certificate_key = SigningKey::parse(ask_.certificate_key);
    const auto request = certificate_key ? certificate_key->certificate_request(ask_.names)
                                         : Result<std::string>(certificate_key.error());
    if (!request) {
      end({"badCSR", request.error().text()});
      return *reply_;
    }
    payload = json{{"csr", base64url_encode(*request)}}.dump();
  }
  const std::string& url = ask_.kind == Ask::Kind::kNewAccount ? known_.directory->new_account
                           : ask_.kind == Ask::Kind::kNewOrder ? known_.directory->new_order
                                                               : ask_.url;
  sent_ = Sent::kAsk;
  const std::string nonce = std::move(known_.nonces.back());
  known_.nonces.pop_back();
  return HttpRequest{"POST", url, sign(*key, ask_, url, nonce, payload)};
}

void Exchange::heard(const Result<Response>& response, WallTime now) {
  BERTH_CHECK(sent_ != Sent::kNothing && !reply_, "an answer follows a request");
  if (!response) {
    known_.directory.reset();  // it may be somewhere else by then
    return end({std::string(kUnreachable), response.error().text()});
  }
  if (const auto nonce = response->headers.get("Replay-Nonce");
      nonce && is_nonce(*nonce) && known_.nonces.size() < kMaxNonces)
    known_.nonces.emplace_back(*nonce);
  if (sent_ == Sent::kAsk) return heard_of_ask(*response, now);
  if (response->status >= 300) {
    known_.directory.reset();
    end(problem_in(*response));
    reply_->retry_after = retry_after(*response, now);
    return;
  }
  if (sent_ == Sent::kNonce) {
    if (known_.nonces.empty()) end({std::string(kBadAnswer), "no usable nonce came from the server"});
    return;
  }
  auto directory = parse_directory(response->body);
  if (!directory) return end({std::string(kBadAnswer), "the directory: " + directory.error().text()});
  if (directory->external_account) {
    return end(
        {"externalAccountRequired",
         "the server gives accounts only to those who have one with it elsewhere, which is not offered"});
  }
  known_.directory = *std::move(directory);
}

void Exchange::heard_of_ask(const Response& response, WallTime now) {
  Reply reply;
  reply.retry_after = retry_after(response, now);
  if (response.status >= 200 && response.status < 300) {
    reply.body = response.body;
    reply.location = response.headers.get("Location").value_or("");
    reply_ = std::move(reply);
    return;
  }
  Problem problem = problem_in(response);
  if (problem.type == "badNonce" && ++bad_nonces_ < kMaxBadNonces) {
    // Those that were kept are as old.
    if (known_.nonces.size() > 1) known_.nonces.erase(known_.nonces.begin(), known_.nonces.end() - 1);
    return;
  }
  reply.problem = std::move(problem);
  reply_ = std::move(reply);
}

void Exchange::end(Problem problem) {
  Reply reply;
  reply.problem = std::move(problem);
  reply_ = std::move(reply);
}

}  // namespace agent::acme
