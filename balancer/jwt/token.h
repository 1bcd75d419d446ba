// A JSON Web Token of a request (RFC 7519 in the compact form of RFC 7515), and whether it is good. RS256
// only. Pure: keys and time come in. Nothing of it is passed on but the header as it came.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "balancer/jwt/key_set.h"
#include "balancer/jwt/reason.h"
#include "shared/lbconfig/config.h"

namespace balancer::jwt {

inline constexpr std::size_t kMaxToken = 16 * 1024;  // bytes; a header line is not longer
inline constexpr std::size_t kMaxListValues = 10;    // ALB: of an array or space-separated claim
// Clocks of issuers may be ahead of ours by this much (nbf, iat). exp is exact.
inline constexpr std::int64_t kClockSkewSeconds = 5;

// The token of "Bearer TOKEN" (RFC 6750 section 2.1), the scheme in any case. `values` are those of all
// Authorization fields; more than one are kRequestFormatInvalid.
struct Bearer {
  Reason reason = Reason::kHeaderNotPresent;
  std::string_view token{};  // with kValid
};
Bearer bearer_of(std::span<const std::string_view> values);

struct Verdict {
  Reason reason = Reason::kInternal;  // kValid: let it through
  bool unknown_key = false;           // kSignature because the token's key is not among the keys (KeySource)
};

// Strict: three parts of unpadded base64url, JSON objects without a member twice, alg RS256, no crit. Then
// the signature, then the claims: iss and exp must be there, nbf and iat hold if they are, then the
// configured ones in their order. The first thing wrong is the reason.
Verdict validate(std::string_view token, const shared::lbconfig::JwtValidation& wanted, const KeySet& keys,
                 std::int64_t epoch_seconds);

}  // namespace balancer::jwt
