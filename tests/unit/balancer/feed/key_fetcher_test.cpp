#include "balancer/feed/key_fetcher.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/rsa_signer.h"
#include "tests/support/tls_peer.h"

namespace balancer::feed {
namespace {

using tests::support::Issued;
using tests::support::make_certificate;
using tests::support::TlsPeer;

constexpr shared::Millis kPatience{20'000};

std::string answer_with(const std::string& body, const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class KeyFetcherTest : public ::testing::Test {
 protected:
  KeyFetcherTest() {
    std::string name = (std::filesystem::temp_directory_path() / "berth-keys-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    directory = name;
    std::ofstream(directory + "/ca.pem") << ca.certificate;
    fetcher = std::move(KeyFetcher::create(loop, directory + "/ca.pem")).value();
  }
  ~KeyFetcherTest() override { std::filesystem::remove_all(directory); }

  static std::string endpoint_of(const TlsPeer& issuer, const std::string& path = "/keys") {
    return "https://127.0.0.1:" + std::to_string(issuer.port()) + path;
  }
  // What is told to who waits.
  jwt::Reason outcome(const std::string& endpoint) {
    std::optional<jwt::KeyAnswer> told;
    EXPECT_FALSE(fetcher->look_up(endpoint));
    fetcher->await(endpoint, [&told](const jwt::KeyAnswer& answer) { told = answer; });
    EXPECT_TRUE(loop.run_until([&told] { return told.has_value(); }, kPatience));
    return told->reason;
  }

  const Issued ca = make_certificate({.common_name = "root", .key_number = 1, .ca = true});
  const Issued identity = make_certificate(
      {.common_name = "issuer", .key_number = 2, .issuer = &ca, .extension = "subjectAltName=IP:127.0.0.1"});
  std::string directory;
  shared::httpd::IoLoop loop;
  std::unique_ptr<KeyFetcher> fetcher;
};

TEST_F(KeyFetcherTest, AllWorkersWaitForOneFetch) {
  const TlsPeer issuer(identity, answer_with("{\"keys\":[" + tests::RsaSigner().jwk("a") + "]}"));
  const std::string endpoint = endpoint_of(issuer);
  int told = 0;
  const auto tell = [&told](const jwt::KeyAnswer& answer) { told += answer.keys != nullptr ? 1 : 0; };
  for (int worker = 0; worker < 3; ++worker) {
    EXPECT_FALSE(fetcher->look_up(endpoint));
    fetcher->await(endpoint, tell);
  }
  EXPECT_EQ(told, 0);
  ASSERT_TRUE(loop.run_until([&told] { return told == 3; }, kPatience));
  EXPECT_EQ(issuer.requests(), 1);
  const auto known = fetcher->look_up(endpoint);
  ASSERT_TRUE(known && known->keys);
  fetcher->await(endpoint, tell);
  EXPECT_EQ(told, 4) << "nothing is under way";

  EXPECT_FALSE(fetcher->look_up_newer(endpoint, *known->keys)) << "another key is asked for";
  fetcher->await(endpoint, tell);
  EXPECT_EQ(told, 4) << "the keys that are known are not what is waited for";
  ASSERT_TRUE(loop.run_until([&told] { return told == 5; }, kPatience));
  EXPECT_EQ(issuer.requests(), 2);
  EXPECT_NE(fetcher->look_up_newer(endpoint, *known->keys)->keys, known->keys);
}

TEST_F(KeyFetcherTest, WhatWentWrongIsToldApart) {
  const TlsPeer issuer(identity, [](const std::string& head) {
    if (head.starts_with("GET /missing ")) return answer_with("{}", "404 Not Found");
    if (head.starts_with("GET /moved ")) return answer_with("", "302 Found");
    return answer_with(std::string(head.starts_with("GET /large ") ? jwt::kMaxKeySetBytes + 1 : 2, ' '));
  });
  EXPECT_EQ(outcome(endpoint_of(issuer, "/missing")), jwt::Reason::kKeysFailed);
  EXPECT_EQ(outcome(endpoint_of(issuer, "/moved")), jwt::Reason::kKeysFailed);
  EXPECT_EQ(outcome(endpoint_of(issuer, "/large")), jwt::Reason::kKeysTooLarge);
  EXPECT_EQ(outcome(endpoint_of(issuer, "/empty")), jwt::Reason::kKeysInvalid);
  EXPECT_EQ(outcome("https://127.0.0.1:1/keys"), jwt::Reason::kKeysFailed);
}

TEST_F(KeyFetcherTest, ACaFileThatIsNotThereIsAnError) {
  const auto made = KeyFetcher::create(loop, directory + "/missing.pem");
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text().find("missing.pem"), std::string::npos);
}

}  // namespace
}  // namespace balancer::feed
