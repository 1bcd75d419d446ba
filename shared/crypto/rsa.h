// Public RSA keys and the signatures that they verify, with OpenSSL behind them. Strings hold bytes.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "shared/crypto/limits.h"

namespace shared::crypto {

inline constexpr std::size_t kMaxRsaExponentBytes = 8;

// Immutable; any number of threads at a time.
class RsaPublicKey {
 public:
  // Big-endian, as JSON Web Keys have them (RFC 7518 section 6.3.1). nullopt: an even or tiny exponent, an
  // even modulus, one longer than kMaxRsaBits, or what OpenSSL refuses.
  static std::optional<RsaPublicKey> make(std::string_view modulus, std::string_view exponent);

  std::size_t bits() const { return bits_; }
  // RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 section 8.2), "RS256".
  bool verifies_sha256(std::string_view data, std::string_view signature) const;

 private:
  RsaPublicKey(std::shared_ptr<void> key, std::size_t bits) : key_(std::move(key)), bits_(bits) {}
  std::shared_ptr<void> key_;  // EVP_PKEY
  std::size_t bits_;
};

// RFC 4648 section 5 without padding, as JOSE has it (RFC 7515 section 2). Strict: nullopt for padding, other
// characters, and left-over bits that are not zero.
std::optional<std::string> base64url_decode(std::string_view text);

}  // namespace shared::crypto
