#include "shared/crypto/signing_key.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "shared/base/check.h"
#include "shared/crypto/hash.h"

namespace shared::crypto {
namespace {

constexpr std::string_view kAccountCurve = "prime256v1";
constexpr int kP256Bytes = 32;
constexpr std::size_t kMaxCommonName = 64;  // RFC 5280, ub-common-name

template <auto Free>
struct MadeFreed {
  template <class T>
  void operator()(T* held) const {
    Free(held);
  }
};
template <class T, auto Free>
using Made = std::unique_ptr<T, MadeFreed<Free>>;
void free_extensions(STACK_OF(X509_EXTENSION) * held) {
  sk_X509_EXTENSION_pop_free(held, X509_EXTENSION_free);
}

Error bad_key(std::string text) {
  const unsigned long code = ERR_peek_last_error();
  const char* why = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  if (why != nullptr) text += std::string(" (") + why + ")";
  return Error("InvalidKey", std::move(text));
}

const unsigned char* made_bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string text_of(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

bool is_on_p256(const EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) return false;
  std::array<char, 64> name{};
  std::size_t size = 0;
  const bool named = EVP_PKEY_get_group_name(key, name.data(), name.size(), &size) == 1;
  ERR_clear_error();
  return named && std::string_view(name.data(), size) == kAccountCurve;
}

std::string coordinate(const EVP_PKEY* key, const char* which) {
  BIGNUM* number = nullptr;
  const int got = EVP_PKEY_get_bn_param(key, which, &number);
  const Made<BIGNUM, BN_free> held(number);
  BERTH_CHECK(got == 1, "a key on P-256 has coordinates");
  std::string bytes(kP256Bytes, '\0');
  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), kP256Bytes);
  return base64url_encode(bytes);
}

bool add_names(X509_REQ* request, const std::vector<std::string>& names) {
  const Made<GENERAL_NAMES, GENERAL_NAMES_free> list(GENERAL_NAMES_new());
  if (!list) return false;
  for (const std::string& name : names) {
    Made<GENERAL_NAME, GENERAL_NAME_free> each(GENERAL_NAME_new());
    Made<ASN1_IA5STRING, ASN1_IA5STRING_free> text(ASN1_IA5STRING_new());
    if (!each || !text || ASN1_STRING_set(text.get(), name.data(), static_cast<int>(name.size())) != 1)
      return false;
    GENERAL_NAME_set0_value(each.get(), GEN_DNS, text.release());
    if (sk_GENERAL_NAME_push(list.get(), each.get()) <= 0) return false;
    (void)each.release();
  }
  X509_EXTENSION* extension = X509V3_EXT_i2d(NID_subject_alt_name, 0, list.get());
  if (extension == nullptr) return false;
  const Made<STACK_OF(X509_EXTENSION), free_extensions> extensions(sk_X509_EXTENSION_new_null());
  if (!extensions || sk_X509_EXTENSION_push(extensions.get(), extension) <= 0) {
    X509_EXTENSION_free(extension);
    return false;
  }
  return X509_REQ_add_extensions(request, extensions.get()) == 1;
}

bool set_common_name(X509_REQ* request, const std::string& name) {
  if (name.size() > kMaxCommonName) return true;
  return X509_NAME_add_entry_by_NID(X509_REQ_get_subject_name(request), NID_commonName, MBSTRING_UTF8,
                                    made_bytes(name), static_cast<int>(name.size()), -1, 0) == 1;
}

}  // namespace

std::string base64url_encode(std::string_view bytes) {
  std::string out = base64_encode(bytes);
  while (!out.empty() && out.back() == '=') out.pop_back();
  std::replace(out.begin(), out.end(), '+', '-');
  std::replace(out.begin(), out.end(), '/', '_');
  return out;
}

std::string sha256(std::string_view data) {
  std::string out(32, '\0');
  const int ok = EVP_Digest(data.data(), data.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
                            EVP_sha256(), nullptr);
  BERTH_CHECK(ok == 1, "SHA-256 failed");
  return out;
}

Result<SigningKey> SigningKey::make(std::string_view algorithm) {
  ERR_clear_error();
  EVP_PKEY* key = nullptr;
  if (algorithm == "EC-prime256v1" || algorithm == "EC-secp384r1") {
    key = EVP_EC_gen(algorithm == "EC-prime256v1" ? "P-256" : "P-384");
  } else if (algorithm == "RSA-2048" || algorithm == "RSA-3072" || algorithm == "RSA-4096") {
    std::size_t bits = 0;
    std::from_chars(algorithm.data() + 4, algorithm.data() + algorithm.size(), bits);
    key = EVP_RSA_gen(bits);
  } else {
    return bad_key("no key of the kind '" + std::string(algorithm) + "' is made here");
  }
  if (key == nullptr) return bad_key("no key could be made");
  return SigningKey(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

Result<SigningKey> SigningKey::parse(std::string_view pem) {
  ERR_clear_error();
  const Made<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  EVP_PKEY* key = bio ? PEM_read_bio_PrivateKey(
                            bio.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr)
                      : nullptr;
  if (key == nullptr) return bad_key("is no private key in PEM");
  return SigningKey(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

std::string SigningKey::pem() const {
  const Made<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  BERTH_CHECK(
      bio && PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
      "a key is written");
  return text_of(bio.get());
}

std::string SigningKey::jwk() const {
  if (!is_on_p256(key_.get())) return "";
  return R"({"crv":"P-256","kty":"EC","x":")" + coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X) +
         R"(","y":")" + coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y) + "\"}";
}

std::string SigningKey::jwk_thumbprint() const {
  const std::string key = jwk();
  return key.empty() ? key : base64url_encode(sha256(key));
}

std::string SigningKey::sign_es256(std::string_view data) const {
  if (!is_on_p256(key_.get())) return "";
  const Made<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  std::array<unsigned char, 256> der{};
  std::size_t size = der.size();
  const bool made = context &&
                    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
                    EVP_DigestSign(context.get(), der.data(), &size, made_bytes(data), data.size()) == 1;
  BERTH_CHECK(made, "a key on P-256 signs");
  const unsigned char* at = der.data();
  const Made<ECDSA_SIG, ECDSA_SIG_free> signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  BERTH_CHECK(signature != nullptr, "a signature has two numbers");
  std::string out(std::size_t{2} * kP256Bytes, '\0');
  auto* bytes = reinterpret_cast<unsigned char*>(out.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytes, kP256Bytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytes + kP256Bytes, kP256Bytes);
  return out;
}

Result<std::string> SigningKey::certificate_request(const std::vector<std::string>& names) const {
  ERR_clear_error();
  const Made<X509_REQ, X509_REQ_free> request(X509_REQ_new());
  const bool made = request && !names.empty() && X509_REQ_set_version(request.get(), 0) == 1 &&
                    set_common_name(request.get(), names.front()) && add_names(request.get(), names) &&
                    X509_REQ_set_pubkey(request.get(), key_.get()) == 1 &&
                    X509_REQ_sign(request.get(), key_.get(), EVP_sha256()) > 0;
  if (!made) return bad_key("no certificate request could be made");
  unsigned char* data = nullptr;
  const int size = i2d_X509_REQ(request.get(), &data);
  if (size <= 0) return bad_key("no certificate request could be written");
  std::string out(reinterpret_cast<char*>(data), static_cast<std::size_t>(size));
  OPENSSL_free(data);
  return out;
}

}  // namespace shared::crypto
