// X.509 certificates and private keys in PEM, read strictly and judged before anybody uses them: ACM's
// ImportCertificate, a balancer's listeners and trust stores. Errors (code "InvalidCertificate", blame
// client) say what is wrong with which block, never what is in it. Values are immutable and cheap to copy.
// Thread: any.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/crypto/limits.h"

// OpenSSL's own names, so that its headers stay in the folders that use it.
struct x509_st;
struct X509_crl_st;
struct evp_pkey_st;

namespace shared::crypto {

inline constexpr std::size_t kMaxChainCertificates = 10;      // of a server or a client
inline constexpr std::size_t kMaxBundleCertificates = 1'000;  // of a trust store
inline constexpr int kMinCertificateRsaBits = 2'048;  // the shortest that ALB takes, and OpenSSL's level 2

enum class KeyType { kRsa, kEcdsa };

struct KeyFacts {
  KeyType type = KeyType::kRsa;
  int bits = 0;
  std::string algorithm;  // as ACM writes it: "RSA-2048", "EC-prime256v1", "EC-secp384r1", "EC-secp521r1"
};

struct CertificateFacts {
  std::string subject, issuer;  // RFC 2253: "CN=www.example.com,O=Example"
  std::string serial;           // upper-case hexadecimal, two digits for each byte
  WallTime not_before{}, not_after{};
  // DNS names of subjectAltName, in lower case; where there are none, the common name.
  std::vector<std::string> names;
  KeyFacts key;
  std::string signature_algorithm;  // "sha256WithRSAEncryption"
  int signature_bits = 0;           // security of its digest and key as OpenSSL counts it; 0: unknown
  std::string fingerprint;          // SHA-256 of the DER form, lower-case hexadecimal
  bool ca = false;                  // may issue others

  bool valid_at(WallTime now) const { return not_before <= now && now <= not_after; }
};

// Facts of one that somebody else has parsed (a peer's). Error: its key is of a kind that is not offered.
Result<CertificateFacts> facts_of(const x509_st& certificate);
std::string to_pem(const x509_st& certificate);

class Certificates {
 public:
  // What a server shows: its certificate, then each one's issuer. Errors: no certificate, another kind of
  // block (a key), broken PEM or DER, more than kMaxChainCertificates, an order that does not lead up, a kind
  // of key that ALB does not take (RSA 2048 to 8192, P-256, P-384, P-521).
  static Result<Certificates> parse_chain(std::string_view pem);
  // CAs in any order, of any key.
  static Result<Certificates> parse_bundle(std::string_view pem);

  std::size_t size() const { return held_->size(); }
  const CertificateFacts& leaf() const { return *leaf_; }  // of a chain
  x509_st* native(std::size_t index) const { return (*held_)[index].get(); }

 private:
  Certificates() = default;
  std::shared_ptr<const std::vector<std::shared_ptr<x509_st>>> held_;
  std::shared_ptr<const CertificateFacts> leaf_;
};

class PrivateKey {
 public:
  // PKCS #8, PKCS #1 or SEC 1, not encrypted.
  static Result<PrivateKey> parse(std::string_view pem);
  const KeyFacts& facts() const { return facts_; }
  evp_pkey_st* native() const { return held_.get(); }

 private:
  PrivateKey() = default;
  std::shared_ptr<evp_pkey_st> held_;
  KeyFacts facts_;
};

// The key is that of the chain's first certificate, and signs.
Result<void> check_pair(const Certificates& chain, const PrivateKey& key);

class RevocationList {
 public:
  // One or several in one text.
  static Result<std::vector<RevocationList>> parse(std::string_view pem);
  std::size_t entries() const;  // revoked certificates
  X509_crl_st* native() const { return held_.get(); }

 private:
  RevocationList() = default;
  std::shared_ptr<X509_crl_st> held_;
};

}  // namespace shared::crypto
