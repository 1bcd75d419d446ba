// Certificates as control keeps them: what Certificate Manager's imports may be, and who uses them. They are
// judged here, once, so that balancers get only what they can serve. Values arrive decoded; every name in a
// comment after "Errors:" is a wire code of Certificate Manager, ValidationException is possible everywhere.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// AWS's quota. The bytes of all of them together (PEM) leave room for the rest of the configuration in a
// message of the balancers' feed (shared/lbconfig/feed.h).
inline constexpr std::size_t kMaxCertificates = 2'500;
inline constexpr std::size_t kMaxCertificateBytes = 8 * 1024 * 1024;
inline constexpr std::size_t kMaxBodyBytes = 32 * 1024;  // of one, as in AWS
inline constexpr std::size_t kMaxPrivateKeyBytes = 5 * 1024;

struct ImportCertificate {
  std::string arn;    // of the certificate that it replaces; empty: a new one
  std::string body;   // PEM, exactly one certificate
  std::string key;    // PEM, not encrypted
  std::string chain;  // PEM, each one's issuer after it; may be empty
  std::vector<model::Tag> tags;
};
// The ARN. What listeners show changes with the configuration that follows. Errors:
// ResourceNotFoundException, InvalidParameterException (tags with an ARN), LimitExceededException,
// InvalidTagException, TooManyTagsException.
shared::Result<std::string> import_certificate(Step& step, const ImportCertificate& request);
// In place of what the certificate of that ARN was: what an ACME server issued for it, which is judged as an
// import is. `chain` begins with the certificate itself. Its status and its tags stay. Error
// "InvalidCertificate": what is wrong with it.
shared::Result<void> install_certificate(Step& step, const std::string& arn, const std::string& chain,
                                         const std::string& key);
shared::Result<void> check_certificate_tags(const std::vector<model::Tag>& tags);
// One more, of which nothing is known yet, has room. Error: LimitExceededException.
shared::Result<void> check_room_for_one_more(const State& state);
// Errors: InvalidArnException, ResourceNotFoundException.
shared::Result<const model::Certificate*> find_certificate(const Step& step, const std::string& arn);
// Errors: those, ResourceInUseException.
shared::Result<void> delete_certificate(Step& step, const std::string& arn);

// Errors: InvalidArnException, ResourceNotFoundException, InvalidTagException, TooManyTagsException.
shared::Result<void> add_certificate_tags(Step& step, const std::string& arn,
                                          const std::vector<model::Tag>& tags);
// A tag goes when its key is named, and its value if that is given.
struct TagToRemove {
  std::string key;
  std::optional<std::string> value;
};
shared::Result<void> remove_certificate_tags(Step& step, const std::string& arn,
                                             const std::vector<TagToRemove>& tags);

// Load balancers whose listeners name a certificate, by its ARN.
std::map<std::string, std::set<std::string>> certificate_users(const State& state);

}  // namespace agent::control
