#include "shared/lbconfig/tls_policy.h"

#include <algorithm>
#include <array>

namespace shared::lbconfig {

namespace {

using enum TlsVersion;

constexpr unsigned kT3 = kTls13Suites | kChacha13;
constexpr unsigned kF3 = kTls13Suites;  // FIPS: without CHACHA20
constexpr unsigned kG = kEcdheGcm;
constexpr unsigned kForward2 = kEcdheGcm | kEcdheSha2;
constexpr unsigned kForward1 = kForward2 | kEcdheSha1;
constexpr unsigned kExt1 = kForward2 | kRsaSha2;
constexpr unsigned kAll = kForward1 | kRsaSha2 | kRsaSha1;

constexpr std::array kPolicies{
    TlsPolicy{"ELBSecurityPolicy-2016-08", k10, k12, kAll},
    TlsPolicy{"ELBSecurityPolicy-2015-05", k10, k12, kAll},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-3-2021-06", k13, k13, kT3},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-2021-06", k12, k13, kT3 | kForward2},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Res-2021-06", k12, k13, kT3 | kG},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06", k12, k13, kT3 | kExt1},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", k12, k13, kT3 | kAll},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-1-2021-06", k11, k13, kT3 | kAll},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-0-2021-06", k10, k13, kT3 | kAll},
    TlsPolicy{"ELBSecurityPolicy-TLS-1-2-Ext-2018-06", k12, k12, kAll},
    TlsPolicy{"ELBSecurityPolicy-TLS-1-2-2017-01", k12, k12, kExt1},
    TlsPolicy{"ELBSecurityPolicy-TLS-1-1-2017-01", k11, k12, kAll},
    TlsPolicy{"ELBSecurityPolicy-TLS-1-0-2015-04", k10, k12, kAll},
    TlsPolicy{"ELBSecurityPolicy-FS-1-2-Res-2020-10", k12, k12, kG},
    TlsPolicy{"ELBSecurityPolicy-FS-1-2-Res-2019-08", k12, k12, kForward2},
    TlsPolicy{"ELBSecurityPolicy-FS-1-2-2019-08", k12, k12, kForward1},
    TlsPolicy{"ELBSecurityPolicy-FS-1-1-2019-08", k11, k12, kForward1},
    TlsPolicy{"ELBSecurityPolicy-FS-2018-06", k10, k12, kForward1},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04", k13, k13, kF3, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-FIPS-2023-04", k12, k13, kF3 | kForward2, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04", k12, k13, kF3 | kG, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-2023-04", k12, k13, kF3 | kForward1, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-2023-04", k12, k13, kF3 | kExt1, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-2023-04", k12, k13, kF3 | kAll, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-1-FIPS-2023-04", k11, k13, kF3 | kAll, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04", k10, k13, kF3 | kAll, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-3-PQ-2025-09", k13, k13, kT3, false, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-PQ-2025-09", k12, k13, kT3 | kForward2, false, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", k12, k13, kT3 | kG, false, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09", k12, k13, kT3 | kExt1, false, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09", k12, k13, kT3 | kAll, false, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-0-PQ-2025-09", k10, k13, kT3 | kAll, false, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09", k13, k13, kF3, true, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-FIPS-PQ-2025-09", k12, k13, kF3 | kForward2, true, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09", k12, k13, kF3 | kG, true, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext0-FIPS-PQ-2025-09", k12, k13, kF3 | kForward1, true, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext1-FIPS-PQ-2025-09", k12, k13, kF3 | kExt1, true, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-2-Ext2-FIPS-PQ-2025-09", k12, k13, kF3 | kAll, true, true},
    TlsPolicy{"ELBSecurityPolicy-TLS13-1-0-FIPS-PQ-2025-09", k10, k13, kF3 | kAll, true, true},
};

struct Suite {
  std::string_view name;
  unsigned set;
};

constexpr std::array kSuites{
    Suite{"TLS_AES_128_GCM_SHA256", kTls13Suites},
    Suite{"TLS_AES_256_GCM_SHA384", kTls13Suites},
    Suite{"TLS_CHACHA20_POLY1305_SHA256", kChacha13},
    Suite{"ECDHE-ECDSA-AES128-GCM-SHA256", kEcdheGcm},
    Suite{"ECDHE-RSA-AES128-GCM-SHA256", kEcdheGcm},
    Suite{"ECDHE-ECDSA-AES128-SHA256", kEcdheSha2},
    Suite{"ECDHE-RSA-AES128-SHA256", kEcdheSha2},
    Suite{"ECDHE-ECDSA-AES128-SHA", kEcdheSha1},
    Suite{"ECDHE-RSA-AES128-SHA", kEcdheSha1},
    Suite{"ECDHE-ECDSA-AES256-GCM-SHA384", kEcdheGcm},
    Suite{"ECDHE-RSA-AES256-GCM-SHA384", kEcdheGcm},
    Suite{"ECDHE-ECDSA-AES256-SHA384", kEcdheSha2},
    Suite{"ECDHE-RSA-AES256-SHA384", kEcdheSha2},
    Suite{"ECDHE-ECDSA-AES256-SHA", kEcdheSha1},
    Suite{"ECDHE-RSA-AES256-SHA", kEcdheSha1},
    Suite{"AES128-GCM-SHA256", kRsaSha2},
    Suite{"AES128-SHA256", kRsaSha2},
    Suite{"AES128-SHA", kRsaSha1},
    Suite{"AES256-GCM-SHA384", kRsaSha2},
    Suite{"AES256-SHA256", kRsaSha2},
    Suite{"AES256-SHA", kRsaSha1},
};

}  // namespace

std::string_view to_string(TlsVersion version) {
  constexpr std::array<std::string_view, 4> kNames{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"};
  return kNames[static_cast<std::size_t>(version)];
}

std::span<const TlsPolicy> tls_policies() { return kPolicies; }

const TlsPolicy* find_tls_policy(std::string_view name) {
  const auto* at = std::find_if(kPolicies.begin(), kPolicies.end(),
                                [name](const TlsPolicy& policy) { return policy.name == name; });
  return at == kPolicies.end() ? nullptr : at;
}

std::vector<std::string_view> ciphers_of(const TlsPolicy& policy) {
  std::vector<std::string_view> out;
  for (const Suite& suite : kSuites) {
    if ((policy.suites & suite.set) != 0) out.push_back(suite.name);
  }
  return out;
}

}  // namespace shared::lbconfig
