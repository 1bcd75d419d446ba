#include "shared/crypto/hash.h"

#include <gtest/gtest.h>

namespace shared::crypto {
namespace {

TEST(Hash, PiecesGiveTheDigestOfTheWholeAndMoreMayFollow) {
  Sha256 hash;
  EXPECT_EQ(hash.hex(), sha256_hex(""));
  hash.update("one ");
  EXPECT_EQ(hash.hex(), sha256_hex("one "));
  hash.update("two");
  EXPECT_EQ(hash.hex(), sha256_hex("one two"));
}

TEST(Hash, MatchesThePublishedVectors) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  // RFC 4231, test cases 1, 2 and 6.
  EXPECT_EQ(to_hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(
      to_hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hash, TakesAnEmptyKeyAndEmptyData) {
  EXPECT_EQ(to_hex(hmac_sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hash, ComparesWholeValues) {
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_TRUE(equal_constant_time("secret", "secret"));
  EXPECT_FALSE(equal_constant_time("secret", "secreT"));
  EXPECT_FALSE(equal_constant_time("secret", "secret1"));
  EXPECT_FALSE(equal_constant_time("", "s"));
}

TEST(Base64, RoundTripsEveryLengthAndByte) {
  EXPECT_EQ(base64_encode("f"), "Zg==");
  EXPECT_EQ(base64_encode("fo"), "Zm8=");
  EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    ASSERT_EQ(base64_decode(base64_encode(bytes)), bytes) << i;
    bytes.push_back(static_cast<char>(i * 7));
  }
  const std::string large(200'001, '\xfb');
  EXPECT_EQ(base64_decode(base64_encode(large)), large);
}

TEST(Base64, RefusesOtherSpellings) {
  for (const std::string_view text : {"Zg", "Zg=", "Zg===", "Zh==", "Zg==\n", " Zg==", "Zm9v YmF", "Zm9-",
                                      "====", "Z===", "Zg==Zg==", "\xc3\xa4\xc3\xa4"}) {
    EXPECT_EQ(base64_decode(text), std::nullopt) << text;
  }
}

TEST(Random, GivesTheAskedNumberOfFreshBytes) {
  EXPECT_EQ(random_bytes(0), "");
  EXPECT_EQ(random_bytes(32).size(), 32U);
  EXPECT_NE(random_bytes(32), random_bytes(32));
}

}  // namespace
}  // namespace shared::crypto
