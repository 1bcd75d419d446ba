#include "balancer/jwt/key_set.h"

#include <gtest/gtest.h>

#include "tests/unit/balancer/jwt/signer.h"

namespace balancer::jwt {
namespace {

// The word of the reason, or how many keys there are.
std::string parsed(const std::string& document) {
  const auto result = KeySet::parse(document);
  if (const auto* reason = std::get_if<Reason>(&result)) return std::string(row_of(*reason).word);
  return std::to_string(std::get<KeySet>(result).keys().size());
}
std::string set_of(const std::string& keys) { return R"({"keys":[)" + keys + "]}"; }

TEST(Reasons, AreOneRowEach) {
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    EXPECT_EQ(static_cast<std::size_t>(kReasons[i].reason), i);
    EXPECT_EQ(row_of(kReasons[i].reason).word, kReasons[i].word);
  }
}

TEST(KeySet, HoldsTheKeysThatVerifyTokens) {
  const auto result = KeySet::parse(set_of(signer().jwk("a", R"(,"use":"sig","alg":"RS256","x5c":["x"])")));
  ASSERT_TRUE(std::holds_alternative<KeySet>(result));
  const auto& keys = std::get<KeySet>(result).keys();
  ASSERT_EQ(keys.size(), 1U);
  EXPECT_EQ(keys[0].id, "a");
  EXPECT_TRUE(keys[0].key.verifies_sha256("x", signer().sign_sha256("x")));
}

TEST(KeySet, LeavesOutKeysOfOtherUse) {
  static const tests::RsaSigner kShort(1024);
  const std::string good = signer().jwk("a");
  EXPECT_EQ(parsed(set_of(good + R"(,{"kty":"EC","kid":"b","crv":"P-256"})")), "1");
  EXPECT_EQ(parsed(set_of(good + "," + signer().jwk("b", R"(,"use":"enc")"))), "1");
  EXPECT_EQ(parsed(set_of(good + "," + signer().jwk("b", R"(,"alg":"RS512")"))), "1");
  EXPECT_EQ(parsed(set_of(good + "," + signer().jwk("b", R"(,"key_ops":["sign"])"))), "1");
  EXPECT_EQ(parsed(set_of(good + "," + signer().jwk("b", R"(,"key_ops":["verify"])"))), "2");
  EXPECT_EQ(parsed(set_of(good + "," + kShort.jwk("b"))), "1") << "1,024 bits";
  EXPECT_EQ(parsed(set_of(kShort.jwk("b"))), "JWKSResponseInvalid") << "none is left";
}

TEST(KeySet, RefusesWhatIsNone) {
  const std::string n = tests::base64url(signer().modulus());
  for (const std::string& document :
       {std::string(), std::string("<html>"), std::string("[]"), std::string("{}"), set_of(""),
        std::string(R"({"keys":{}})"), set_of("1"), set_of(R"({"kty":"RSA","n":")" + n + R"("})"),
        set_of(R"({"kty":"RSA","e":"AQAB","n":")" + n + R"(="})"),
        set_of(R"({"kty":"RSA","e":"AQ","n":")" + n + R"("})"),
        set_of(R"({"kty":"RSA","kid":7,"e":"AQAB","n":")" + n + R"("})"), set_of(R"({"kty":7})"),
        set_of(signer().jwk("a") + "," + signer().jwk("a"))}) {
    EXPECT_EQ(parsed(document), "JWKSResponseInvalid") << document;
  }
}

TEST(KeySet, HasAtMostTenKeysAnd150Kilobytes) {
  std::string keys = signer().jwk("0");
  for (int i = 1; i < 10; ++i) keys += "," + signer().jwk(std::to_string(i));
  EXPECT_EQ(parsed(set_of(keys)), "10");
  EXPECT_EQ(parsed(set_of(keys + R"(,{"kty":"EC"})")), "JWKSResponseSizeExceeded") << "of all kinds";
  const std::string good = set_of(signer().jwk("a"));
  EXPECT_EQ(parsed(good + std::string(kMaxKeySetBytes - good.size(), ' ')), "1");
  EXPECT_EQ(parsed(good + std::string(kMaxKeySetBytes - good.size() + 1, ' ')), "JWKSResponseSizeExceeded");
}

}  // namespace
}  // namespace balancer::jwt
