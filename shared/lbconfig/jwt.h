// What a jwt-validation action asks of a request's token (ELBv2 JwtValidationActionConfig).
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "shared/base/result.h"

namespace shared::lbconfig {

inline constexpr std::size_t kMaxJwtText = 256;  // bytes of an endpoint, an issuer, a claim's name or value
inline constexpr std::size_t kMaxJwtClaims = 10;
inline constexpr std::size_t kMaxJwtValues = 10;  // of a claim

enum class JwtClaimFormat { kSingleString, kStringArray, kSpaceSeparated };

struct JwtClaim {
  std::string name;
  JwtClaimFormat format = JwtClaimFormat::kSingleString;
  // Single string: any of them. Lists: all of them are in the claim.
  std::vector<std::string> values;
  bool operator==(const JwtClaim&) const = default;
};

struct JwtValidation {
  int order = 1;  // below that of the action that it precedes
  std::string jwks_endpoint;
  std::string issuer;
  std::vector<JwtClaim> claims;
  bool operator==(const JwtValidation&) const = default;
};

// Error "InvalidJwtValidation": "<member>: <reason>", members named as in JSON ("claims[0].values").
Result<void> check(const JwtValidation& validation);

}  // namespace shared::lbconfig
