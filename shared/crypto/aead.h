// Authenticated encryption of small values: AES-256-GCM (NIST SP 800-38D) with OpenSSL behind it. A nonce
// must never be used for two different values under one key; random ones are good for 2^32 values. One object
// keeps its key schedule. Thread: its owner's.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace shared::crypto {

inline constexpr std::size_t kAeadKeyBytes = 32;
inline constexpr std::size_t kAeadNonceBytes = 12;
inline constexpr std::size_t kAeadTagBytes = 16;

class Aead {
 public:
  explicit Aead(std::string_view key);  // kAeadKeyBytes
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;
  ~Aead();

  // `out` takes plain.size() + kAeadTagBytes bytes. `context` is not in the output, but open() must be given
  // the same.
  void seal(std::string_view nonce, std::string_view context, std::string_view plain, std::span<char> out);
  // False when the key, the nonce, the context or any bit is another; `out` (sealed.size() - kAeadTagBytes
  // bytes) then holds nothing of use.
  bool open(std::string_view nonce, std::string_view context, std::string_view sealed, std::span<char> out);

 private:
  struct Contexts;
  std::unique_ptr<Contexts> contexts_;
};

// Fills `out` from OpenSSL's generator, which is good enough for nonces and keys.
void fill_random(std::span<char> out);

}  // namespace shared::crypto
