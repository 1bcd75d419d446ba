// The security policies of an Application Load Balancer by their names: which protocols and cipher suites a
// listener offers, in the server's order of preference (ALB's documentation, "Security policies"). A table
// without behaviour, for whoever validates or describes a policy; balancer/tls carries it out. Ciphers have
// OpenSSL's names.
//
// Left out: the RFC9151 families. DES-CBC3-SHA of TLS-1-0-2015-04 is not offered: OpenSSL 3 has none.
// Post-quantum names (-PQ-) offer the hybrid groups where the OpenSSL in use has them (3.5 and later) and
// only the classical ones otherwise. FIPS names restrict what is offered; they do not make the library a
// validated module.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace shared::lbconfig {

enum class TlsVersion : std::uint8_t { k10, k11, k12, k13 };

std::string_view to_string(TlsVersion version);  // "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"

// Cipher suites come in sets; a policy offers the union of some.
enum TlsSuites : unsigned {
  kTls13Suites = 1U << 0,
  kChacha13 = 1U << 1,   // with kTls13Suites
  kEcdheGcm = 1U << 2,   // ECDHE, AES-GCM
  kEcdheSha2 = 1U << 3,  // ECDHE, AES-CBC, SHA256 and SHA384
  kEcdheSha1 = 1U << 4,  // ECDHE, AES-CBC, SHA1
  kRsaSha2 = 1U << 5,    // RSA key exchange: no forward secrecy
  kRsaSha1 = 1U << 6,
};

struct TlsPolicy {
  std::string_view name;
  TlsVersion least;
  TlsVersion most;
  unsigned suites;  // of TlsSuites
  bool fips = false;
  bool post_quantum = false;
};

std::span<const TlsPolicy> tls_policies();
const TlsPolicy* find_tls_policy(std::string_view name);  // nullptr: there is none of this name
// In order of preference, those of TLS 1.3 first.
std::vector<std::string_view> ciphers_of(const TlsPolicy& policy);

// Of a listener that names none (CreateListener).
inline constexpr std::string_view kDefaultTlsPolicy = "ELBSecurityPolicy-2016-08";
// What the balancer offers to targets with HTTPS. ALB chooses by the listener's policy; a target group can
// serve several listeners, so the widest of them is taken: targets decide.
inline constexpr std::string_view kTargetTlsPolicy = "ELBSecurityPolicy-TLS13-1-0-2021-06";

}  // namespace shared::lbconfig
