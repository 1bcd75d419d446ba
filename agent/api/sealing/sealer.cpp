#include "agent/api/sealing/sealer.h"

#include "shared/crypto/hash.h"

namespace agent::api {

using shared::crypto::kAeadNonceBytes;
using shared::crypto::kAeadTagBytes;

Sealer::Sealer(std::string_view key) : aead_(key) {}

std::string Sealer::seal(shared::env::Random& random, std::string_view context, std::string_view plain) {
  constexpr unsigned kByte = 256;
  std::string nonce;
  while (nonce.size() < kAeadNonceBytes) nonce += static_cast<char>(random.below(kByte));
  std::string sealed(plain.size() + kAeadTagBytes, '\0');
  aead_.seal(nonce, context, plain, sealed);
  return shared::crypto::base64_encode(nonce + sealed);
}

std::optional<std::string> Sealer::open(std::string_view context, std::string_view sealed) {
  const auto bytes = shared::crypto::base64_decode(sealed);
  if (!bytes || bytes->size() < kAeadNonceBytes + kAeadTagBytes) return std::nullopt;
  const std::string_view all(*bytes);
  std::string plain(all.size() - kAeadNonceBytes - kAeadTagBytes, '\0');
  if (!aead_.open(all.substr(0, kAeadNonceBytes), context, all.substr(kAeadNonceBytes), plain))
    return std::nullopt;
  return plain;
}

}  // namespace agent::api
