// Certificates, keys and revocation lists for tests, made by OpenSSL in the test. Keys of a kind are made
// once for each number, because RSA takes its time.
#pragma once
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

namespace tests::support {

enum class KeyKind { kRsa, kP256, kP384, kP521, kEd25519, kSecp256k1 };

struct Issued {
  std::string certificate;  // PEM
  std::string key;          // PEM
};

struct Wish {
  std::string common_name = "test";
  std::vector<std::string> names{};  // subjectAltName, DNS
  KeyKind kind = KeyKind::kP256;
  int key_number = 0;  // another number, another key
  int rsa_bits = 2048;
  long from_seconds = -3600;  // from now
  long to_seconds = 30 * 24 * 3600;
  bool ca = false;
  std::string extended_usage{};  // "clientAuth"
  const Issued* issuer = nullptr;
  long serial = 4660;
  std::string extension{};  // another one, "NAME=VALUE"
};

namespace certificates_detail {

inline std::string text_of(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

inline EVP_PKEY* key_of(const Wish& wish) {
  // Never destroyed: OpenSSL ends before statics do.
  static auto& made = *new std::map<std::tuple<KeyKind, int, int>, EVP_PKEY*>;
  EVP_PKEY*& key = made[{wish.kind, wish.key_number, wish.rsa_bits}];
  if (key != nullptr) return key;
  switch (wish.kind) {
    case KeyKind::kRsa:
      return key = EVP_RSA_gen(static_cast<unsigned>(wish.rsa_bits));
    case KeyKind::kP256:
      return key = EVP_EC_gen("P-256");
    case KeyKind::kP384:
      return key = EVP_EC_gen("P-384");
    case KeyKind::kP521:
      return key = EVP_EC_gen("P-521");
    case KeyKind::kEd25519:
      return key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
    case KeyKind::kSecp256k1:
      return key = EVP_EC_gen("secp256k1");
  }
  return key;
}

inline X509* certificate_of(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* out = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return out;
}

inline EVP_PKEY* private_key_of(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* out = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return out;
}

inline void add_extension(X509* certificate, X509* issuer, const char* name, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf(nullptr, &context, name, value.c_str());
  if (extension == nullptr) std::abort();
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace certificates_detail

// Signed by itself without an issuer.
inline Issued make_certificate(const Wish& wish) {
  namespace d = certificates_detail;
  EVP_PKEY* key = d::key_of(wish);
  X509* issuer = wish.issuer != nullptr ? d::certificate_of(wish.issuer->certificate) : nullptr;
  EVP_PKEY* signer = wish.issuer != nullptr ? d::private_key_of(wish.issuer->key) : nullptr;
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), wish.serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), wish.from_seconds);
  X509_gmtime_adj(X509_getm_notAfter(certificate), wish.to_seconds);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.common_name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, issuer != nullptr ? X509_get_subject_name(issuer) : subject);
  X509_set_pubkey(certificate, key);
  X509* const by = issuer != nullptr ? issuer : certificate;
  if (wish.ca) {
    d::add_extension(certificate, by, "basicConstraints", "critical,CA:TRUE");
    d::add_extension(certificate, by, "keyUsage", "critical,keyCertSign,cRLSign");
  }
  if (!wish.extended_usage.empty())
    d::add_extension(certificate, by, "extendedKeyUsage", wish.extended_usage);
  std::string names;
  for (const std::string& name : wish.names) names += (names.empty() ? "DNS:" : ",DNS:") + name;
  if (!names.empty()) d::add_extension(certificate, by, "subjectAltName", names);
  if (const auto equals = wish.extension.find('='); equals != std::string::npos)
    d::add_extension(certificate, by, wish.extension.substr(0, equals).c_str(),
                     wish.extension.substr(equals + 1));
  EVP_PKEY* const sign_with = signer != nullptr ? signer : key;
  X509_sign(certificate, sign_with, EVP_PKEY_is_a(sign_with, "ED25519") == 1 ? nullptr : EVP_sha256());
  Issued out;
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(bio, certificate);
  out.certificate = d::text_of(bio);
  bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  out.key = d::text_of(bio);
  X509_free(certificate);
  X509_free(issuer);
  EVP_PKEY_free(signer);
  return out;
}

// A list of `issuer`'s that revokes these serial numbers.
inline std::string make_crl(const Issued& issuer, const std::vector<long>& serials,
                            long next_update_seconds = 3600) {
  namespace d = certificates_detail;
  X509* by = d::certificate_of(issuer.certificate);
  EVP_PKEY* key = d::private_key_of(issuer.key);
  X509_CRL* list = X509_CRL_new();
  X509_CRL_set_version(list, X509_CRL_VERSION_2);
  X509_CRL_set_issuer_name(list, X509_get_subject_name(by));
  ASN1_TIME* time = ASN1_TIME_new();
  X509_gmtime_adj(time, -7200);
  X509_CRL_set1_lastUpdate(list, time);
  X509_gmtime_adj(time, next_update_seconds);
  X509_CRL_set1_nextUpdate(list, time);
  X509_gmtime_adj(time, -60);
  for (const long serial : serials) {
    X509_REVOKED* revoked = X509_REVOKED_new();
    ASN1_INTEGER* number = ASN1_INTEGER_new();
    ASN1_INTEGER_set(number, serial);
    X509_REVOKED_set_serialNumber(revoked, number);
    X509_REVOKED_set_revocationDate(revoked, time);
    X509_CRL_add0_revoked(list, revoked);
    ASN1_INTEGER_free(number);
  }
  ASN1_TIME_free(time);
  X509_CRL_sort(list);
  X509_CRL_sign(list, key, EVP_sha256());
  BIO* bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509_CRL(bio, list);
  X509_CRL_free(list);
  X509_free(by);
  EVP_PKEY_free(key);
  return d::text_of(bio);
}

}  // namespace tests::support
