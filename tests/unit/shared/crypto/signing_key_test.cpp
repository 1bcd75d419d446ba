#include "shared/crypto/signing_key.h"

#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "shared/crypto/certificate.h"
#include "shared/crypto/rsa.h"

namespace shared::crypto {
namespace {

const unsigned char* raw(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

TEST(Base64Url, IsWhatJoseWrites) {
  EXPECT_EQ(base64url_encode("\xfb\xff"), "-_8");
  EXPECT_EQ(base64url_encode(""), "");
  EXPECT_EQ(base64url_decode(base64url_encode("any text")), "any text");
}

TEST(SigningKey, IsTheSameAfterItWasKept) {
  const auto key = SigningKey::make("EC-prime256v1");
  ASSERT_TRUE(key);
  const auto again = SigningKey::parse(key->pem());
  ASSERT_TRUE(again);
  EXPECT_EQ(again->jwk(), key->jwk());
  EXPECT_EQ(again->jwk_thumbprint(), base64url_encode(sha256(key->jwk())));
  EXPECT_TRUE(PrivateKey::parse(key->pem())) << "as certificates' keys are read";
}

// RFC 7638's order of members: without it the thumbprint is another one.
TEST(SigningKey, ShowsItsPublicHalfInTheFormThatIsHashed) {
  const std::string jwk = SigningKey::make("EC-prime256v1")->jwk();
  EXPECT_TRUE(jwk.starts_with(R"({"crv":"P-256","kty":"EC","x":")")) << jwk;
  EXPECT_EQ(jwk.size(), std::string(R"({"crv":"P-256","kty":"EC","x":"","y":""})").size() + 2 * 43);
}

TEST(SigningKey, SignsWhatItsPublicHalfVerifies) {
  const auto key = SigningKey::make("EC-prime256v1");
  const std::string signature = key->sign_es256("words");
  ASSERT_EQ(signature.size(), 64U);
  ECDSA_SIG* const numbers = ECDSA_SIG_new();
  ECDSA_SIG_set0(numbers, BN_bin2bn(raw(signature), 32, nullptr),
                 BN_bin2bn(raw(signature) + 32, 32, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(numbers, &der);
  const auto parsed = PrivateKey::parse(key->pem());
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  EVP_DigestVerifyInit(context, nullptr, EVP_sha256(), nullptr, parsed->native());
  EXPECT_EQ(EVP_DigestVerify(context, der, static_cast<std::size_t>(size), raw("words"), 5), 1);
  EVP_MD_CTX_free(context);
  OPENSSL_free(der);
  ECDSA_SIG_free(numbers);
}

TEST(SigningKey, AsksForACertificateOfAllNames) {
  const std::string longest = std::string(60, 'a') + "." + std::string(60, 'b') + ".example";
  for (const char* algorithm : {"EC-prime256v1", "EC-secp384r1", "RSA-2048"}) {
    const auto key = SigningKey::make(algorithm);
    ASSERT_TRUE(key) << algorithm;
    for (const std::string& first : {std::string("www.example.test"), longest}) {
      const auto der = key->certificate_request({first, "example.test"});
      ASSERT_TRUE(der);
      const unsigned char* at = raw(*der);
      X509_REQ* const request = d2i_X509_REQ(nullptr, &at, static_cast<long>(der->size()));
      ASSERT_NE(request, nullptr);
      EXPECT_EQ(X509_REQ_verify(request, X509_REQ_get0_pubkey(request)), 1);
      EXPECT_EQ(X509_NAME_entry_count(X509_REQ_get_subject_name(request)), first == longest ? 0 : 1)
          << "a common name has 64 characters at most";
      auto* const extensions = X509_REQ_get_extensions(request);
      auto* const names =
          static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions, NID_subject_alt_name, nullptr, nullptr));
      EXPECT_EQ(sk_GENERAL_NAME_num(names), 2);
      GENERAL_NAMES_free(names);
      sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
      X509_REQ_free(request);
    }
  }
}

TEST(SigningKey, SaysWhatItCannotBe) {
  EXPECT_EQ(SigningKey::make("DSA").error().text(), "no key of the kind 'DSA' is made here");
  EXPECT_FALSE(SigningKey::parse("text"));
  EXPECT_EQ(SigningKey::make("EC-secp384r1")->jwk(), "") << "accounts sign with ES256";
}

}  // namespace
}  // namespace shared::crypto
