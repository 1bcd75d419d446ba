// Trust stores (ELBv2): the CAs and revocation lists that clients of HTTPS listeners are verified against.
// They are judged here, once, so that balancers get only what they can use. Every name in a comment after
// "Errors:" is a wire code of ELBv2, ValidationError is possible everywhere.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr std::size_t kMaxTrustStores = 20;  // AWS's quota
// Bundles and revocation lists of all of them together: balancers get them in one message, with certificates.
inline constexpr std::size_t kMaxTrustStoreBytes = 4 * 1024 * 1024;

struct CreateTrustStore {
  std::string name;
  std::string bundle;  // PEM
  std::vector<model::Tag> tags;
};
// The ARN. Errors: DuplicateTrustStoreName, TooManyTrustStores, InvalidCaCertificatesBundle, TooManyTags,
// DuplicateTagKeys.
shared::Result<std::string> create_trust_store(Step& step, const CreateTrustStore& request);
// Another bundle; balancers use it for connections from then on. Errors: TrustStoreNotFound,
// InvalidCaCertificatesBundle.
shared::Result<void> modify_trust_store(Step& step, const std::string& arn, const std::string& bundle);
// Errors: TrustStoreNotFound, TrustStoreInUse.
shared::Result<void> delete_trust_store(Step& step, const std::string& arn);
// Errors: TrustStoreNotFound.
shared::Result<const model::TrustStore*> find_trust_store(const State& state, const std::string& arn);

// Files of revocation lists in PEM, all or none. Their ids. Errors: TrustStoreNotFound,
// InvalidRevocationContent, TooManyTrustStoreRevocationEntries.
shared::Result<std::vector<std::int64_t>> add_revocations(Step& step, const std::string& arn,
                                                          const std::vector<std::string>& files);
// All or none. Errors: TrustStoreNotFound, RevocationIdNotFound.
shared::Result<void> remove_revocations(Step& step, const std::string& arn,
                                        const std::vector<std::int64_t>& ids);

// ARNs of listeners that verify clients against it, in order.
std::vector<std::string> trust_store_users(const State& state, const std::string& arn);

}  // namespace agent::control
