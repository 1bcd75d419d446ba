#include "shared/crypto/aead.h"

#include <gtest/gtest.h>

#include <string>

#include "shared/crypto/hash.h"

namespace shared::crypto {
namespace {

std::string sealed(Aead& aead, std::string_view nonce, std::string_view context, std::string_view plain) {
  std::string out(plain.size() + kAeadTagBytes, '\0');
  aead.seal(nonce, context, plain, out);
  return out;
}

// Test case 13 and 14 of "The Galois/Counter Mode of Operation" (McGrew, Viega): a key and a nonce of zeros.
TEST(Aead, IsAes256Gcm) {
  Aead aead(std::string(kAeadKeyBytes, '\0'));
  const std::string nonce(kAeadNonceBytes, '\0');
  EXPECT_EQ(to_hex(sealed(aead, nonce, "", "")), "530f8afbc74536b9a963b4f1c4cb738b");
  EXPECT_EQ(to_hex(sealed(aead, nonce, "", std::string(16, '\0'))),
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
}

TEST(Aead, OpensOnlyWhatWasSealedJustSo) {
  Aead aead(std::string(kAeadKeyBytes, 'k'));
  const std::string nonce(kAeadNonceBytes, 'n');
  const std::string text = sealed(aead, nonce, "context", "plain");
  std::string out(5, '\0');
  ASSERT_TRUE(aead.open(nonce, "context", text, out));
  EXPECT_EQ(out, "plain");
  EXPECT_FALSE(aead.open(nonce, "other", text, out));
  EXPECT_FALSE(aead.open(std::string(kAeadNonceBytes, 'm'), "context", text, out));
  EXPECT_FALSE(Aead(std::string(kAeadKeyBytes, 'l')).open(nonce, "context", text, out));
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string forged = text;
    forged[i] = static_cast<char>(forged[i] ^ 1);
    EXPECT_FALSE(aead.open(nonce, "context", forged, out)) << i;
  }
  EXPECT_FALSE(aead.open(nonce, "context", "short", out));
  EXPECT_TRUE(aead.open(nonce, "context", text, out)) << "a failure leaves nothing behind";
}

}  // namespace
}  // namespace shared::crypto
