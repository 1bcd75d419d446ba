// Secrets of Secrets Manager, as control keeps them. Values arrive decoded and sealed. Names of errors are
// Secrets Manager's. A secret whose time to be restored is over is no more, whether its row is still there or
// not.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control::secrets {

inline constexpr std::size_t kMaxSecrets = 10'000;
inline constexpr std::size_t kMaxVersions = 100;  // the oldest without a stage goes
inline constexpr std::size_t kMaxStages = 20;     // of a secret
inline constexpr std::int64_t kLeastRecoveryDays = 7;
inline constexpr std::int64_t kMostRecoveryDays = 30;

inline constexpr const char* kCurrent = "AWSCURRENT";
inline constexpr const char* kPrevious = "AWSPREVIOUS";

// By name, ARN, or ARN without its six characters; also one that is to be deleted. nullptr: there is none.
const model::Secret* look_up_secret(const Step& step, const std::string& id);
// Errors: ResourceNotFoundException; InvalidRequestException for one that is to be deleted.
shared::Result<const model::Secret*> find_secret(const Step& step, const std::string& id);
// With the stage and of that id, each if it is not empty; without both the current one. Errors:
// ResourceNotFoundException, InvalidRequestException (they are of two versions).
shared::Result<const model::SecretVersion*> find_version(const model::Secret& row, const std::string& id,
                                                         const std::string& stage);

struct NewSecret {
  std::string name;
  std::string description;
  std::string key_id;
  std::vector<model::Tag> tags;
};
// Without a version. Errors: ResourceExistsException, InvalidRequestException (the name is of one that is to
// be deleted), LimitExceededException, InvalidParameterException (tags).
shared::Result<const model::Secret*> create_secret(Step& step, const NewSecret& request);
// With its stages; of none AWSCURRENT, which the first version has in any case. Errors:
// LimitExceededException.
shared::Result<void> add_version(Step& step, const std::string& name, model::SecretVersion version);
struct SecretUpdate {
  std::optional<std::string> description;
  std::optional<std::string> key_id;
};
void update_secret(Step& step, const std::string& name, const SecretUpdate& update);
// Empty ids: from none, to none. Errors: InvalidParameterException, ResourceNotFoundException.
shared::Result<void> move_stage(Step& step, const std::string& name, const std::string& stage,
                                const std::string& from, const std::string& to);
// nullopt: at once.
void delete_secret(Step& step, const std::string& name, std::optional<std::int64_t> recovery_days);
void restore_secret(Step& step, const std::string& name);
shared::Result<void> tag_secret(Step& step, const std::string& name, const std::vector<model::Tag>& tags);
void untag_secret(Step& step, const std::string& name, const std::vector<std::string>& keys);
void set_secret_policy(Step& step, const std::string& name, const std::string& document);
// The day of the last reading is kept, no more.
void note_access(Step& step, const std::string& name);

}  // namespace agent::control::secrets
