// Hashes and small codecs for signatures, secrets and identifiers, with OpenSSL behind them. Strings hold
// bytes. Any thread. Nothing here fails on input except base64_decode; a broken crypto library or kernel
// stops the program.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace shared::crypto {

// 64 lower-case hexadecimal digits (FIPS 180-4).
std::string sha256_hex(std::string_view data);
// The same of data that comes in pieces.
class Sha256 {
 public:
  Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();
  void update(std::string_view data);
  std::string hex() const;  // of what came so far; more may follow

 private:
  struct State;
  std::unique_ptr<State> state_;
};
// 32 raw bytes (RFC 2104); an empty key is allowed.
std::string hmac_sha256(std::string_view key, std::string_view data);
// Lower-case, two digits for each byte.
std::string to_hex(std::string_view bytes);
// Time depends on the lengths only; for secrets and signatures.
bool equal_constant_time(std::string_view a, std::string_view b);
// RFC 4648 section 4, with padding and without line breaks.
std::string base64_encode(std::string_view bytes);
// Strict: nullopt for anything that base64_encode would not have written.
std::optional<std::string> base64_decode(std::string_view text);
// Good enough for keys and tokens.
std::string random_bytes(std::size_t size);

}  // namespace shared::crypto
