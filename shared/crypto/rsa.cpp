#include "shared/crypto/rsa.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <array>

namespace shared::crypto {
namespace {

template <class T, void (*Free)(T*)>
struct RsaFreed {
  void operator()(T* value) const { Free(value); }
};
template <class T, void (*Free)(T*)>
using RsaHeld = std::unique_ptr<T, RsaFreed<T, Free>>;

const unsigned char* unsigned_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

RsaHeld<BIGNUM, BN_free> number_of(std::string_view bytes) {
  return RsaHeld<BIGNUM, BN_free>(BN_bin2bn(unsigned_bytes(bytes), static_cast<int>(bytes.size()), nullptr));
}

constexpr int kNotInAlphabet = -1;
constexpr std::array<signed char, 256> url_alphabet() {
  std::array<signed char, 256> table{};
  table.fill(kNotInAlphabet);
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    table[static_cast<unsigned char>(kLetters[i])] = static_cast<signed char>(i);
  }
  return table;
}

}  // namespace

std::optional<RsaPublicKey> RsaPublicKey::make(std::string_view modulus, std::string_view exponent) {
  if (modulus.empty() || modulus.size() > std::size_t{kMaxRsaBits} / 8 + 1 || exponent.empty() ||
      exponent.size() > kMaxRsaExponentBytes) {
    return std::nullopt;
  }
  const auto n = number_of(modulus);
  const auto e = number_of(exponent);
  if (!n || !e || BN_is_odd(n.get()) == 0 || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) == 1) {
    return std::nullopt;
  }
  const int bits = BN_num_bits(n.get());
  if (bits > kMaxRsaBits) return std::nullopt;
  const RsaHeld<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> builder(OSSL_PARAM_BLD_new());
  if (!builder || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    return std::nullopt;
  }
  const RsaHeld<OSSL_PARAM, OSSL_PARAM_free> params(OSSL_PARAM_BLD_to_param(builder.get()));
  const RsaHeld<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  EVP_PKEY* key = nullptr;
  const bool made = params && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) == 1;
  ERR_clear_error();
  if (!made) return std::nullopt;
  return RsaPublicKey(
      std::shared_ptr<void>(key, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); }), bits);
}

bool RsaPublicKey::verifies_sha256(std::string_view data, std::string_view signature) const {
  const RsaHeld<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  // PKCS #1 v1.5 is the padding of an RSA key unless another one is set.
  const bool good = context &&
                    EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr,
                                         static_cast<EVP_PKEY*>(key_.get())) == 1 &&
                    EVP_DigestVerify(context.get(), unsigned_bytes(signature), signature.size(),
                                     unsigned_bytes(data), data.size()) == 1;
  ERR_clear_error();
  return good;
}

std::optional<std::string> base64url_decode(std::string_view text) {
  static constexpr auto kAlphabet = url_alphabet();
  if (text.size() % 4 == 1) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3 + 2);
  unsigned bits = 0;
  unsigned held = 0;
  for (const char c : text) {
    const int value = kAlphabet[static_cast<unsigned char>(c)];
    if (value == kNotInAlphabet) return std::nullopt;
    bits = bits << 6 | static_cast<unsigned>(value);
    held += 6;
    if (held < 8) continue;
    held -= 8;
    out.push_back(static_cast<char>(bits >> held & 0xffU));
    bits &= (1U << held) - 1;
  }
  if (bits != 0) return std::nullopt;
  return out;
}

}  // namespace shared::crypto
