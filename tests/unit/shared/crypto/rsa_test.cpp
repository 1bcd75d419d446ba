#include "shared/crypto/rsa.h"

#include <gtest/gtest.h>

#include "tests/support/rsa_signer.h"

namespace shared::crypto {
namespace {

TEST(RsaPublicKey, VerifiesWhatItsPrivateKeySigned) {
  const tests::RsaSigner signer, other;
  const auto key = RsaPublicKey::make(signer.modulus(), signer.exponent());
  ASSERT_TRUE(key);
  EXPECT_EQ(key->bits(), 2048U);
  const std::string signature = signer.sign_sha256("data");
  EXPECT_TRUE(key->verifies_sha256("data", signature));
  EXPECT_TRUE(RsaPublicKey::make(std::string(1, '\0') + signer.modulus(), signer.exponent())
                  ->verifies_sha256("data", signature))
      << "zeros before a number are no part of it";
  EXPECT_FALSE(key->verifies_sha256("Data", signature));
  EXPECT_FALSE(key->verifies_sha256("data", other.sign_sha256("data")));
  EXPECT_FALSE(key->verifies_sha256("data", signature + "x"));
  EXPECT_FALSE(key->verifies_sha256("data", ""));
  EXPECT_FALSE(key->verifies_sha256("", std::string(256, '\0')));
}

TEST(RsaPublicKey, RefusesNumbersThatAreNoKey) {
  const tests::RsaSigner signer;
  const std::string n = signer.modulus(), e = signer.exponent();
  EXPECT_FALSE(RsaPublicKey::make("", e));
  EXPECT_FALSE(RsaPublicKey::make(n, ""));
  EXPECT_FALSE(RsaPublicKey::make(n, std::string("\1", 1))) << "1 signs everything";
  EXPECT_FALSE(RsaPublicKey::make(n, std::string("\2", 1)));
  EXPECT_FALSE(RsaPublicKey::make(n, std::string(9, '\3')));
  EXPECT_FALSE(RsaPublicKey::make(n + std::string(1, '\0'), e)) << "an even modulus";
  EXPECT_FALSE(RsaPublicKey::make(std::string(1025, '\xff'), e)) << "more than 8,192 bits";
}

TEST(Base64Url, TakesOneFormOnly) {
  EXPECT_EQ(base64url_decode(""), "");
  EXPECT_EQ(base64url_decode("_-8"), "\xff\xef");
  EXPECT_EQ(base64url_decode("YQ"), "a");
  EXPECT_EQ(base64url_decode("YWI"), "ab");
  EXPECT_EQ(base64url_decode("YWJj"), "abc");
  for (const char* bad : {"Y", "YQ==", "YR", "YWJ", "a+b/", "YQ\n", "YWJjZ", "Y Q", "YWJ\xc3"}) {
    EXPECT_FALSE(base64url_decode(bad)) << bad;
  }
  for (int i = 0; i < 256; ++i) {
    const std::string bytes(3, static_cast<char>(i));
    EXPECT_EQ(base64url_decode(tests::base64url(bytes)), bytes);
  }
}

}  // namespace
}  // namespace shared::crypto
