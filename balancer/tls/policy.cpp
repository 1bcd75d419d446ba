#include "balancer/tls/policy.h"

#include "balancer/tls/openssl.h"

namespace balancer::tls {

using shared::Error;
using shared::Result;
using shared::lbconfig::TlsPolicy;
using shared::lbconfig::TlsVersion;

namespace {

constexpr int kModernLevel = 2;
constexpr int kLegacyLevel = 0;
constexpr const char* kGroups = "X25519:P-256:P-384:P-521";
constexpr const char* kFipsGroups = "P-256:P-384:P-521";
constexpr const char* kHybridGroups = "X25519MLKEM768:SecP256r1MLKEM768:SecP384r1MLKEM1024";

int number_of(TlsVersion version) {
  switch (version) {
    case TlsVersion::k10:
      return TLS1_VERSION;
    case TlsVersion::k11:
      return TLS1_1_VERSION;
    case TlsVersion::k12:
      return TLS1_2_VERSION;
    case TlsVersion::k13:
      return TLS1_3_VERSION;
  }
  return TLS1_3_VERSION;
}

}  // namespace

bool has_post_quantum_groups() {
  static const bool has = [] {
    const ContextPtr context(SSL_CTX_new(TLS_server_method()));
    const bool taken = context && SSL_CTX_set1_groups_list(context.get(), kHybridGroups) == 1;
    ERR_clear_error();
    return taken;
  }();
  return has;
}

Result<void> carry_out(const TlsPolicy& policy, SSL_CTX& context) {
  std::string suites, ciphers;
  for (const std::string_view cipher : shared::lbconfig::ciphers_of(policy)) {
    std::string& list = cipher.starts_with("TLS_") ? suites : ciphers;
    list += (list.empty() ? "" : ":") + std::string(cipher);
  }
  std::string groups = policy.fips ? kFipsGroups : kGroups;
  if (policy.post_quantum && has_post_quantum_groups()) groups = kHybridGroups + (":" + groups);
  const bool legacy = policy.least < TlsVersion::k12;
  SSL_CTX_set_security_level(&context, legacy ? kLegacyLevel : kModernLevel);
  SSL_CTX_clear_options(&context, SSL_OP_NO_SSL_MASK);
  const bool done = SSL_CTX_set_min_proto_version(&context, number_of(policy.least)) == 1 &&
                    SSL_CTX_set_max_proto_version(&context, number_of(policy.most)) == 1 &&
                    SSL_CTX_set_ciphersuites(&context, suites.c_str()) == 1 &&
                    (ciphers.empty() || SSL_CTX_set_cipher_list(&context, ciphers.c_str()) == 1) &&
                    SSL_CTX_set1_groups_list(&context, groups.c_str()) == 1;
  if (done) return {};
  return Error("tls", "policy " + std::string(policy.name) + " cannot be served: " + last_reason());
}

}  // namespace balancer::tls
