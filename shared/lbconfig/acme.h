// HTTP challenges of ACME (RFC 8555 section 8.3): what a balancer answers on its HTTP listeners, so that a
// certificate authority sees that a host is served by whoever asked for its certificate.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace shared::lbconfig {

inline constexpr std::string_view kAcmeChallengePath = "/.well-known/acme-challenge/";  // the token follows
inline constexpr std::size_t kMaxAcmeChallenges = 1'000;
inline constexpr std::size_t kMaxAcmeText = 256;  // bytes of a host, a token, a key authorization

struct AcmeChallenge {
  std::string host;               // in lower case, without a port
  std::string token;              // A-Z a-z 0-9 _ -
  std::string key_authorization;  // the body of the answer: the token, a dot, the account key's thumbprint
  bool operator==(const AcmeChallenge&) const = default;
};
using AcmeChallenges = std::vector<AcmeChallenge>;

}  // namespace shared::lbconfig
