// Carries out a security policy (shared/lbconfig/tls_policy.h) on an OpenSSL context: protocol versions,
// cipher suites in the server's order, groups, and OpenSSL's security level, whatever the host's openssl.cnf
// says. A policy of TLS 1.2 and later gets level 2 (RSA from 2048 bits, no SHA1 signatures); one that names
// TLS 1.0 or 1.1 gets level 0, without which OpenSSL 3 has neither of the two. Thread: any.
#pragma once
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/lbconfig/tls_policy.h"

struct ssl_ctx_st;

namespace balancer::tls {

// Whether the OpenSSL in use has the hybrid groups of post-quantum policies (3.5 and later).
bool has_post_quantum_groups();
// Error: this OpenSSL has none of the policy's ciphers.
shared::Result<void> carry_out(const shared::lbconfig::TlsPolicy& policy, ssl_ctx_st& context);

}  // namespace balancer::tls
