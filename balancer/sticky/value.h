// The value of a stickiness cookie: which target, or which target group, and until when. Encrypted and
// authenticated, so that a client can neither read nor make one, of the same size whatever it says, and
// usable by every balancer that has the keys. Layout before base64url (RFC 4648 section 5, no padding):
// version, id of the key, nonce, sealed mark and expiry, tag.
#pragma once
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "shared/base/time.h"
#include "shared/crypto/aead.h"
#include "shared/lbconfig/traffic.h"

namespace balancer::sticky {

// 128 bits that stand for a target or a target group: SHA-256 of its names, cut off. Made once for each,
// compared for each request.
struct Mark {
  std::array<char, 16> bytes{};
  auto operator<=>(const Mark&) const = default;
};
// A registration, not an address: the same address registered again is another target (lbconfig::Target).
Mark target_mark(std::string_view group_id, std::string_view registration);
Mark group_mark(std::string_view group_id);

// What a cookie is for. The value of one kind does not open as another.
enum class Kind : std::uint8_t { kTarget = 1, kGroup = 2, kApplication = 3 };

inline constexpr std::size_t kValueChars = 76;
inline constexpr std::size_t kMaxKeys = 2;  // the current one, and the one before it

struct Value {
  std::array<char, kValueChars> chars{};
  std::string_view view() const { return {chars.data(), chars.size()}; }
};

// Seals with the first key and opens with any. Without keys it seals nothing and opens nothing. Thread: its
// owner's; each worker has its own.
class Sealer {
 public:
  Sealer() = default;
  // Further keys than kMaxKeys, and keys of another size (validate() refuses both), are left out.
  explicit Sealer(const std::vector<shared::lbconfig::CookieKey>& keys);

  bool can_seal() const { return !keys_.empty(); }
  std::uint32_t key_id() const { return keys_.empty() ? 0 : keys_.front().id; }  // of the one that seals
  // Precondition: can_seal(). `expires` counts in whole seconds.
  Value seal(Kind kind, const Mark& mark, shared::WallTime expires);
  // Nothing for what no balancer with these keys has made, was made for another kind, or has expired.
  std::optional<Mark> open(Kind kind, std::string_view value, shared::WallTime now);

 private:
  struct Keyed {
    std::uint32_t id;
    shared::crypto::Aead aead;
  };
  std::vector<Keyed> keys_;
};

}  // namespace balancer::sticky
