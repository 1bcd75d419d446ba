// Challenges of ACME in a configuration.
#include "shared/lbconfig/acme.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/lbconfig/delta.h"
#include "shared/lbconfig/feed.h"
#include "shared/lbconfig/json.h"

namespace shared::lbconfig {
namespace {

std::string with(const std::string& challenges) { return R"({"acme_challenges": [)" + challenges + "]}"; }
std::string challenge_problem(const std::string& challenges) {
  const auto config = config_from_json(with(challenges));
  return config ? "" : config.error().text();
}
const std::string kOneChallenge =
    R"({"host": "www.example.test", "token": "abc_-9", "key_authorization": "abc_-9.thumb"})";

TEST(AcmeChallenges, AreReadAndWritten) {
  const auto config = config_from_json(with(kOneChallenge));
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->acme_challenges, (AcmeChallenges{{"www.example.test", "abc_-9", "abc_-9.thumb"}}));
  EXPECT_EQ(config_from_json(config_to_json(*config))->acme_challenges, config->acme_challenges);
  EXPECT_EQ(config_to_json(*config_from_json("{}")).find("acme"), std::string::npos)
      << "older balancers refuse what they do not know";
}

TEST(AcmeChallenges, SayWhatIsWrongWithThem) {
  const auto one = [](const std::string& host, const std::string& token, const std::string& authorization) {
    return challenge_problem(R"({"host": ")" + host + R"(", "token": ")" + token +
                             R"(", "key_authorization": ")" + authorization + "\"}");
  };
  EXPECT_EQ(one("a.test", "t", "t.x"), "");
  EXPECT_EQ(one("A.test", "t", "t.x"),
            "acme_challenges[0].host: 'A.test' is no host name in lower case without a port");
  EXPECT_EQ(one("a.test:80", "t", "t.x"),
            "acme_challenges[0].host: 'a.test:80' is no host name in lower case without a port");
  EXPECT_EQ(one("a.test", "../t", "../t.x"),
            "acme_challenges[0].token: must be letters, digits, '_' and '-', at most 256");
  for (const char* answer : {"t", "t.", "u.x", "t.x y", "t.x\\r\\n"})
    EXPECT_EQ(one("a.test", "t", answer),
              "acme_challenges[0].key_authorization: must be the token, a dot and a thumbprint, at most 256 "
              "characters");
  EXPECT_EQ(challenge_problem(kOneChallenge + "," + kOneChallenge),
            "acme_challenges[1].token: is there twice for this host");
  EXPECT_EQ(challenge_problem(R"({"host": "a.test", "token": "t"})"),
            "acme_challenges[0].key_authorization: is required");
}

TEST(AcmeChallenges, GoInADeltaOnlyWhenTheyChange) {
  Config from;
  from.version = 1;
  Config to = *config_from_json(with(kOneChallenge));
  to.version = 2;
  const std::string text = feed_to_json(diff(from, to));
  const auto read = feed_from_json(text);
  ASSERT_TRUE(read);
  const auto applied = apply(from, std::get<Delta>(*read));
  ASSERT_TRUE(applied) << applied.error().text();
  EXPECT_EQ(*applied, to);
  Config gone = to;
  gone.version = 3;
  gone.acme_challenges.clear();
  EXPECT_EQ(*apply(to, std::get<Delta>(*feed_from_json(feed_to_json(diff(to, gone))))), gone);
  from.version = 0;
  Config same = from;
  same.version = 1;
  EXPECT_EQ(feed_to_json(diff(from, same)).find("acme"), std::string::npos);
}

}  // namespace
}  // namespace shared::lbconfig
