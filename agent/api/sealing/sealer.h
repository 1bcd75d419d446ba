// Values of SecureStrings and secrets on the disk: sealed by AES-256-GCM with a key of the installation,
// which is a file of its own beside the database, so that neither a copy of the database nor a row shows one.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "shared/crypto/aead.h"
#include "shared/env/random.h"

namespace agent::api {

class Sealer {
 public:
  explicit Sealer(std::string_view key);  // 32 bytes
  // Base64. `context` is the parameter's name, the secret's ARN: sealed for one, it does not open as
  // another's.
  std::string seal(shared::env::Random& random, std::string_view context, std::string_view plain);
  // nullopt: the key is another one.
  std::optional<std::string> open(std::string_view context, std::string_view sealed);

 private:
  shared::crypto::Aead aead_;
};

}  // namespace agent::api
