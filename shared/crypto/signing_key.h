// Private keys that we make ourselves: accounts of ACME servers, whose requests they sign (RFC 7515, ES256),
// and certificates, which are asked for with them (RFC 2986). OpenSSL behind them; strings hold bytes.
// Thread: any.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

struct evp_pkey_st;

namespace shared::crypto {

// RFC 4648 section 5 without padding, as JOSE has it (RFC 7515 section 2).
std::string base64url_encode(std::string_view bytes);
// 32 bytes.
std::string sha256(std::string_view data);

class SigningKey {
 public:
  // "EC-prime256v1", "EC-secp384r1", "RSA-2048", "RSA-3072", "RSA-4096", as ACM spells them. A long RSA key
  // takes seconds. Error "InvalidKey": another name.
  static Result<SigningKey> make(std::string_view algorithm);
  // PEM as pem() gives it. Error "InvalidKey".
  static Result<SigningKey> parse(std::string_view pem);

  std::string pem() const;  // PKCS #8, not encrypted. A secret

  // Of a key on P-256 only, as are the next two; for others it is empty. The public half as a JSON Web Key,
  // in the form whose hash is the thumbprint (RFC 7638 section 3).
  std::string jwk() const;
  std::string jwk_thumbprint() const;  // base64url
  // ES256: r and s, 32 bytes each.
  std::string sign_es256(std::string_view data) const;

  // A signed request for a certificate of these DNS names, in DER. The first one is the common name too if
  // it is short enough. Error "InvalidKey": OpenSSL refuses.
  Result<std::string> certificate_request(const std::vector<std::string>& names) const;

 private:
  explicit SigningKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace shared::crypto
