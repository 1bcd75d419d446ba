// A private RSA key made for a test, and what it signs. Link OpenSSL::Crypto.
#pragma once
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>
#include <string>
#include <string_view>

#include "shared/base/check.h"

namespace tests {

inline std::string base64url(std::string_view bytes) {
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned bits = 0, held = 0;
  for (const char c : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(c);
    for (held += 8; held >= 6; held -= 6) out.push_back(kLetters[bits >> (held - 6) & 63U]);
    bits &= 63U;
  }
  if (held > 0) out.push_back(kLetters[bits << (6 - held) & 63U]);
  return out;
}

class RsaSigner {
 public:
  explicit RsaSigner(unsigned bits = 2048) : key_(EVP_RSA_gen(bits), EVP_PKEY_free) {
    BERTH_CHECK(key_ != nullptr, "no RSA key");
  }

  std::string modulus() const { return part(OSSL_PKEY_PARAM_RSA_N); }
  std::string exponent() const { return part(OSSL_PKEY_PARAM_RSA_E); }
  std::string sign_sha256(std::string_view data) const {
    const std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string out(1024, '\0');
    std::size_t size = out.size();
    const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
    const bool done = EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                      EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                                     bytes, data.size()) == 1;
    BERTH_CHECK(done, "no signature");
    out.resize(size);
    return out;
  }

  // As a member of a key set.
  std::string jwk(const std::string& id, const std::string& more = "") const {
    return R"({"kty":"RSA","kid":")" + id + R"(","n":")" + base64url(modulus()) + R"(","e":")" +
           base64url(exponent()) + "\"" + more + "}";
  }
  // A token of these JSON texts.
  std::string token(const std::string& header, const std::string& claims) const {
    const std::string data = base64url(header) + "." + base64url(claims);
    return data + "." + base64url(sign_sha256(data));
  }

 private:
  std::string part(const char* name) const {
    BIGNUM* number = nullptr;
    BERTH_CHECK(EVP_PKEY_get_bn_param(key_.get(), name, &number) == 1, "no such part");
    std::string out(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    BN_bn2bin(number, reinterpret_cast<unsigned char*>(out.data()));
    BN_free(number);
    return out;
  }
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key_;
};

}  // namespace tests
