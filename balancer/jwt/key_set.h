// The public keys of an issuer, out of a JSON Web Key Set (RFC 7517), and where they come from.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "balancer/jwt/reason.h"
#include "shared/base/time.h"
#include "shared/crypto/rsa.h"

namespace balancer::jwt {

inline constexpr std::size_t kMaxKeySetBytes = 150 * 1024;  // ALB: 150 KB
inline constexpr std::size_t kMaxKeys = 10;                 // ALB; of all kinds
inline constexpr std::size_t kLeastKeyBits = 2048;
inline constexpr shared::Millis kKeyFetchLimit{5'000};  // ALB: for a whole request of a key set

struct Key {
  std::string id;  // "kid"; empty: none
  shared::crypto::RsaPublicKey key;
};

// Immutable; any thread.
class KeySet {
 public:
  // Keys of other kinds, uses, algorithms and of less than 2048 bits are left out. Reasons: kKeysTooLarge
  // (bytes, keys), kKeysInvalid (no key set, a broken RSA key, the same id twice, none left).
  static std::variant<KeySet, Reason> parse(std::string_view document);
  const std::vector<Key>& keys() const { return keys_; }

 private:
  std::vector<Key> keys_;
};

// Either keys, or kKeysTimeout, kKeysTooLarge, kKeysFailed or kKeysInvalid.
struct KeyAnswer {
  std::shared_ptr<const KeySet> keys;
  Reason reason = Reason::kInternal;  // kValid with keys
};

// Gets and keeps key sets, one for all workers. Not in this folder: it needs an HTTPS client, which lives off
// the workers' loops. Thread: any; nothing blocks.
class KeySource {
 public:
  using Done = std::function<void(const KeyAnswer&)>;
  virtual ~KeySource() = default;
  // What is known now. Nothing: it is being fetched, and await() tells.
  virtual std::optional<KeyAnswer> look_up(const std::string& endpoint) = 0;
  // For a token that names a key which is not in `seen`. The answer may be `seen` again.
  virtual std::optional<KeyAnswer> look_up_newer(const std::string& endpoint, const KeySet& seen) = 0;
  // Calls `done` once, on any thread, when the fetch that is under way has ended, at the latest after
  // kKeyFetchLimit; at once when none is.
  virtual void await(const std::string& endpoint, Done done) = 0;
};

}  // namespace balancer::jwt
