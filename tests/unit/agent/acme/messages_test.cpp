#include "agent/acme/messages.h"

#include <gtest/gtest.h>

namespace agent::acme {
namespace {

TEST(Problems, AreNamedWithoutTheirPrefix) {
  const auto problem = problem_in(shared::http::make_response(
      429, "application/problem+json",
      R"({"type": "urn:ietf:params:acme:error:rateLimited", "detail": "too many", "status": 429})"));
  EXPECT_EQ(problem, (Problem{"rateLimited", "too many", 429}));
  EXPECT_EQ(to_string(problem), "rateLimited: too many (429)");
}

TEST(Problems, AreThereForEveryAnswerThatIsNoSuccess) {
  const auto of = [](int status, const char* body) {
    return problem_in(shared::http::make_response(status, "text/html", body)).type;
  };
  EXPECT_EQ(of(502, "<html>"), "serverInternal");
  EXPECT_EQ(of(404, "<html>"), kBadAnswer);
  EXPECT_EQ(of(400, "[]"), kBadAnswer);
  EXPECT_EQ(of(400, R"({"type": 7})"), kBadAnswer);
  EXPECT_EQ(of(400, "{}"), "about:blank") << "RFC 7807";
}

TEST(Problems, AreKeptShort) {
  const std::string body = R"({"type": "x", "detail": ")" + std::string(10'000, 'd') + "\"}";
  EXPECT_EQ(problem_in(shared::http::make_response(400, "", body)).detail.size(), kMaxDetail);
}

TEST(Answers, SayWhatIsWrongWithThem) {
  EXPECT_EQ(parse_directory(R"({"newNonce": "https://a/n", "newAccount": "https://a/a"})").error().text(),
            "newOrder: is required");
  EXPECT_EQ(parse_directory(R"({"newNonce": "http://a/n"})").error().text(),
            "newNonce: is no https URL of at most 2048 bytes");
  EXPECT_EQ(parse_order(R"({"status": "valid", "finalize": "https://a/f"})").error().text(),
            "certificate: is required when valid");
  EXPECT_EQ(
      parse_order(R"({"status": "pending", "finalize": "https://a/f", "authorizations": ["file:///x"]})")
          .error()
          .text(),
      "authorizations: holds what is no https URL of at most 2048 bytes");
  EXPECT_EQ(parse_authorization(R"({"status": "pending", "identifier": {"type": "dns", "value": "a.test"},
      "challenges": [{"type": "http-01", "url": "https://a/c", "token": "../../etc"}]})")
                .error()
                .text(),
            "challenges[0].token: is no base64url of at most 200 bytes");
  EXPECT_EQ(parse_authorization(R"({"status": "valid", "identifier": {"type": "dns", "value": "a b"}})")
                .error()
                .text(),
            "identifier.value: is no host name");
  for (const char* broken : {"", "[]", "{", "null", "{\"status\": 1}"}) {
    EXPECT_EQ(parse_order(broken).error().code(), kBadAnswer) << broken;
    EXPECT_EQ(parse_authorization(broken).error().code(), kBadAnswer) << broken;
    EXPECT_EQ(parse_directory(broken).error().code(), kBadAnswer) << broken;
  }
}

TEST(Answers, OfAuthorizationsShowTheHttpChallenge) {
  const auto read =
      parse_authorization(R"({"status": "invalid", "identifier": {"type": "dns", "value": "a.test"},
      "challenges": [{"type": "dns-01", "url": "https://a/d", "token": "d"},
                     {"type": "http-01", "url": "https://a/c", "token": "t_-1", "status": "invalid",
                      "error": {"type": "urn:ietf:params:acme:error:connection", "detail": "refused"}}]})");
  ASSERT_TRUE(read) << read.error().text();
  EXPECT_EQ(read->host, "a.test");
  EXPECT_EQ(read->token, "t_-1");
  EXPECT_EQ(read->challenge_url, "https://a/c");
  EXPECT_EQ(read->error->type, "connection");
}

}  // namespace
}  // namespace agent::acme
