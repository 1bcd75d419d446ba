#include "agent/acme/exchange.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "shared/crypto/rsa.h"
#include "shared/crypto/signing_key.h"

namespace agent::acme {
namespace {

using nlohmann::json;
using shared::Millis;
using shared::http::Response;

const shared::WallTime kNow = shared::from_epoch_millis(1'700'000'000'000);
const std::string kKey = shared::crypto::SigningKey::make("EC-prime256v1")->pem();

Response answer(int status, const std::string& body, const std::string& nonce = "",
                const std::string& extra = "", const std::string& value = "") {
  Response out = shared::http::make_response(status, "application/json", body);
  if (!nonce.empty()) out.headers.add("Replay-Nonce", nonce);
  if (!extra.empty()) out.headers.add(extra, value);
  return out;
}
const std::string kDirectory =
    R"({"newNonce": "https://ca/nonce", "newAccount": "https://ca/account", "newOrder": "https://ca/order"})";
std::string problem(const std::string& type) {
  return R"({"type": "urn:ietf:params:acme:error:)" + type + R"(", "detail": "so it is"})";
}

struct Signed {
  json header, payload;
  std::string text;
};
Signed read(const HttpRequest& request) {
  const json body = json::parse(request.body);
  Signed out;
  out.header = json::parse(*shared::crypto::base64url_decode(body["protected"].get<std::string>()));
  out.text = *shared::crypto::base64url_decode(body["payload"].get<std::string>());
  if (!out.text.empty()) out.payload = json::parse(out.text);
  EXPECT_EQ(shared::crypto::base64url_decode(body["signature"].get<std::string>())->size(), 64U);
  return out;
}

Ask ask_for(Ask::Kind kind) {
  Ask ask;
  ask.kind = kind;
  ask.account_key = kKey;
  ask.account_url = "https://ca/account/7";
  ask.url = "https://ca/thing";
  ask.names = {"a.test", "b.test"};
  ask.contact = {"mailto:ops@a.test"};
  ask.certificate_key = kKey;
  return ask;
}

Known known(std::vector<std::string> nonces = {}) {
  Known out{"https://ca/dir", parse_directory(kDirectory).value(), std::move(nonces)};
  return out;
}

HttpRequest sent(Exchange& exchange) {
  auto next = exchange.next();
  if (const auto* request = std::get_if<HttpRequest>(&next)) return *request;
  ADD_FAILURE() << "it is over: " << to_string(std::get<Reply>(next).problem.value_or(Problem{}));
  return {};
}
Reply over(Exchange& exchange) {
  auto next = exchange.next();
  if (const auto* reply = std::get_if<Reply>(&next)) return *reply;
  ADD_FAILURE() << "it goes on: " << std::get<HttpRequest>(next).url;
  return {};
}

TEST(Exchange, LearnsTheDirectoryAndANonceFirst) {
  Known server{"https://ca/dir"};
  Exchange exchange(ask_for(Ask::Kind::kNewAccount), server);
  HttpRequest request = sent(exchange);
  EXPECT_EQ(request.method + " " + request.url, "GET https://ca/dir");
  exchange.heard(answer(200, kDirectory), kNow);
  request = sent(exchange);
  EXPECT_EQ(request.method + " " + request.url, "HEAD https://ca/nonce");
  exchange.heard(answer(204, "", "n1"), kNow);
  request = sent(exchange);
  EXPECT_EQ(request.method + " " + request.url, "POST https://ca/account");
  const Signed body = read(request);
  EXPECT_EQ(body.header["alg"], "ES256");
  EXPECT_EQ(body.header["nonce"], "n1");
  EXPECT_EQ(body.header["url"], "https://ca/account");
  EXPECT_EQ(body.header["jwk"]["kty"], "EC");
  EXPECT_FALSE(body.header.contains("kid"));
  EXPECT_EQ(body.payload, (json{{"termsOfServiceAgreed", true}, {"contact", {"mailto:ops@a.test"}}}));
  exchange.heard(answer(201, "{}", "n2", "Location", "https://ca/account/7"), kNow);
  EXPECT_EQ(over(exchange).location, "https://ca/account/7");
  EXPECT_EQ(server.nonces, (std::vector<std::string>{"n2"})) << "kept for the next one";
}

TEST(Exchange, SaysWhatEachAskIs) {
  const auto body_of = [](Ask::Kind kind) {
    Known server = known({"n"});
    Exchange exchange(ask_for(kind), server);
    return read(sent(exchange));
  };
  EXPECT_EQ(body_of(Ask::Kind::kNewOrder).payload.dump(),
            R"({"identifiers":[{"type":"dns","value":"a.test"},{"type":"dns","value":"b.test"}]})");
  EXPECT_EQ(body_of(Ask::Kind::kRead).text, "") << "POST-as-GET";
  EXPECT_EQ(body_of(Ask::Kind::kRespond).text, "{}");
  EXPECT_EQ(body_of(Ask::Kind::kRead).header["kid"], "https://ca/account/7");
  EXPECT_EQ(body_of(Ask::Kind::kRead).header["url"], "https://ca/thing");
  const json finalize = body_of(Ask::Kind::kFinalize).payload;
  EXPECT_TRUE(shared::crypto::base64url_decode(finalize["csr"].get<std::string>()));
}

TEST(Exchange, UsesEachNonceOnceAndTakesTheServersWordForABadOne) {
  Known server = known({"old1", "old2"});
  Exchange exchange(ask_for(Ask::Kind::kRead), server);
  EXPECT_EQ(read(sent(exchange)).header["nonce"], "old2");
  exchange.heard(answer(400, problem("badNonce"), "fresh"), kNow);
  EXPECT_EQ(read(sent(exchange)).header["nonce"], "fresh") << "those that were kept are as old";
  exchange.heard(answer(400, problem("badNonce")), kNow);
  EXPECT_EQ(sent(exchange).method, "HEAD") << "none came with the refusal";
  exchange.heard(answer(200, "", "again"), kNow);
  EXPECT_EQ(read(sent(exchange)).header["nonce"], "again");
  exchange.heard(answer(200, "text", "n"), kNow);
  EXPECT_EQ(over(exchange).body, "text");
}

TEST(Exchange, GivesUpOnAServerThatLikesNoNonce) {
  Known server = known({"n"});
  Exchange exchange(ask_for(Ask::Kind::kRead), server);
  for (int i = 0; i < kMaxBadNonces; ++i) {
    ASSERT_EQ(sent(exchange).method, "POST") << i;
    exchange.heard(answer(400, problem("badNonce"), "n" + std::to_string(i)), kNow);
  }
  EXPECT_EQ(over(exchange).problem->type, "badNonce");
}

TEST(Exchange, EndsWithWhatWentWrong) {
  const auto ends = [](const shared::Result<Response>& response) {
    Known server = known({"n"});
    Exchange exchange(ask_for(Ask::Kind::kRead), server);
    (void)sent(exchange);
    exchange.heard(response, kNow);
    return over(exchange);
  };
  EXPECT_EQ(ends(shared::Error("connect", "nobody listens")).problem->type, kUnreachable);
  EXPECT_EQ(ends(answer(403, problem("unauthorized"))).problem->type, "unauthorized");
  const Reply limited = ends(answer(429, problem("rateLimited"), "", "Retry-After", "120"));
  EXPECT_EQ(limited.problem->type, "rateLimited");
  EXPECT_EQ(limited.retry_after, Millis(120'000));
  const auto waits = [&](const std::string& text) {
    return ends(answer(200, "", "", "Retry-After", text)).retry_after;
  };
  EXPECT_EQ(waits("Tue, 14 Nov 2023 22:13:30 GMT"), Millis(10'000));
  EXPECT_EQ(waits("Tue, 14 Nov 2000 22:13:30 GMT"), Millis(0));
  EXPECT_EQ(waits("99999999999"), std::chrono::hours(24));
  EXPECT_EQ(waits("-1"), std::nullopt);
  EXPECT_EQ(waits("soon"), std::nullopt);
}

TEST(Exchange, AsksForTheDirectoryAgainAfterTheServerWasAway) {
  Known server = known({"n"});
  Exchange exchange(ask_for(Ask::Kind::kRead), server);
  (void)sent(exchange);
  exchange.heard(shared::Error("connect", "nobody listens"), kNow);
  EXPECT_FALSE(server.directory);
}

TEST(Exchange, RefusesADirectoryThatItCannotUse) {
  const auto ends = [](const Response& response) {
    Known server{"https://ca/dir"};
    Exchange exchange(ask_for(Ask::Kind::kRead), server);
    (void)sent(exchange);
    exchange.heard(response, kNow);
    return to_string(*over(exchange).problem);
  };
  EXPECT_EQ(ends(answer(200, "<html>")).substr(0, 24), "badAnswer: the directory");
  EXPECT_EQ(ends(answer(404, "gone")), "badAnswer: no problem document came with the answer (404)");
  json directory = json::parse(kDirectory);
  directory["meta"] = {{"externalAccountRequired", true}};
  EXPECT_EQ(ends(answer(200, directory.dump())).substr(0, 23), "externalAccountRequired");
}

}  // namespace
}  // namespace agent::acme
