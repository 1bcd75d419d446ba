// The issuer's key of these tests.
#pragma once
#include "tests/support/rsa_signer.h"

namespace balancer::jwt {

inline const tests::RsaSigner& signer() {
  static const tests::RsaSigner made;
  return made;
}

}  // namespace balancer::jwt
