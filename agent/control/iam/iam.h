// Roles, users, groups, managed policies and instance profiles, as control keeps them. Documents are judged
// here, once, and kept byte for byte. Values arrive decoded; names of errors are IAM's wire codes. Names are
// told apart without case, and found so.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "agent/iam/policy/managed.h"
#include "shared/base/result.h"

namespace agent::control::iam {

enum class Kind { kRole, kUser, kGroup };

// AWS's quotas.
inline constexpr std::size_t kMaxRoles = 1'000;
inline constexpr std::size_t kMaxUsers = 5'000;
inline constexpr std::size_t kMaxGroups = 300;
inline constexpr std::size_t kMaxPolicies = 1'500;
inline constexpr std::size_t kMaxProfiles = 1'000;
inline constexpr std::size_t kMaxAttached = 10;        // managed policies of one identity
inline constexpr std::size_t kMaxVersions = 5;         // of a managed policy
inline constexpr std::size_t kMaxPolicyChars = 6'144;  // of a managed policy, without white space
inline constexpr std::size_t kMaxTrustChars = 2'048;   // likewise
inline constexpr std::size_t kMaxGroupsOfUser = 10;

// Roles below this path belong to AWS's services.
inline constexpr std::string_view kServicePath = "/aws-service-role/";

const Table<model::IamIdentity>& table_of(const State& state, Kind kind);
std::string key_of_name(std::string_view name);  // lower case

// ---- Identities ----

struct NewIdentity {
  Kind kind = Kind::kRole;
  std::string name;
  std::string path = "/";
  std::string trust;  // roles
  std::string description;
  std::int64_t max_session_seconds = 3600;
  std::string boundary;
  std::vector<model::Tag> tags;
};
// Errors: EntityAlreadyExists, MalformedPolicyDocument, LimitExceeded, NoSuchEntity (the boundary),
// InvalidInput (tags).
shared::Result<const model::IamIdentity*> create_identity(Step& step, const NewIdentity& request);
// Error: NoSuchEntity.
shared::Result<const model::IamIdentity*> find_identity(const State& state, Kind kind, std::string_view name);
// Errors: NoSuchEntity, DeleteConflict, UnmodifiableEntity.
shared::Result<void> delete_identity(Step& step, Kind kind, std::string_view name);

struct RoleUpdate {
  std::optional<std::string> description;
  std::optional<std::int64_t> max_session_seconds;
  std::optional<std::string> trust;
};
shared::Result<void> update_role(Step& step, std::string_view name, const RoleUpdate& update);
// Errors: NoSuchEntity, EntityAlreadyExists.
shared::Result<void> rename_identity(Step& step, Kind kind, std::string_view name,
                                     const std::optional<std::string>& new_name,
                                     const std::optional<std::string>& new_path);
// An empty ARN takes the boundary away. Error: NoSuchEntity.
shared::Result<void> set_boundary(Step& step, Kind kind, std::string_view name,
                                  const std::string& policy_arn);
// Error: InvalidInput.
shared::Result<void> tag_identity(Step& step, Kind kind, std::string_view name,
                                  const std::vector<model::Tag>& tags);
shared::Result<void> untag_identity(Step& step, Kind kind, std::string_view name,
                                    const std::vector<std::string>& keys);

shared::Result<void> put_inline_policy(Step& step, Kind kind, std::string_view name,
                                       const std::string& policy, const std::string& document);
shared::Result<void> delete_inline_policy(Step& step, Kind kind, std::string_view name,
                                          const std::string& policy);
// The document. Error: NoSuchEntity.
shared::Result<std::string> inline_policy(const State& state, Kind kind, std::string_view name,
                                          const std::string& policy);
// Attaching what is attached, as AWS has it, changes nothing. Errors: NoSuchEntity, LimitExceeded,
// PolicyNotAttachable.
shared::Result<void> attach_policy(Step& step, Kind kind, std::string_view name,
                                   const std::string& policy_arn);
shared::Result<void> detach_policy(Step& step, Kind kind, std::string_view name,
                                   const std::string& policy_arn);

shared::Result<void> add_to_group(Step& step, std::string_view user, std::string_view group);
shared::Result<void> remove_from_group(Step& step, std::string_view user, std::string_view group);
std::vector<const model::IamIdentity*> users_of(const State& state, const model::IamIdentity& group);

// A role that a service needs; its name and trust follow from the service. Errors: InvalidInput (taken, or
// unknown service).
shared::Result<const model::IamIdentity*> create_service_linked_role(Step& step, const std::string& service,
                                                                     const std::string& description,
                                                                     const std::string& suffix);
shared::Result<void> delete_service_linked_role(Step& step, std::string_view name);

// ---- Managed policies ----

// A policy of the account, or one of AWS's own.
struct FoundPolicy {
  const model::IamPolicy* own = nullptr;
  const agent::iam::policy::ManagedPolicy* managed = nullptr;
};
std::optional<FoundPolicy> look_up_policy(const State& state, std::string_view arn);
// Error NoSuchEntity "Policy arn:... was not found."
shared::Result<FoundPolicy> find_policy(const State& state, std::string_view arn);
// "v1" of the default version; empty: of that version. Error: NoSuchEntity.
struct PolicyVersion {
  std::string id;
  std::string document;
  bool is_default = false;
  shared::WallTime created_at{};
};
shared::Result<PolicyVersion> policy_version(const FoundPolicy& policy, std::string_view arn,
                                             const std::string& id);
std::vector<PolicyVersion> policy_versions(const FoundPolicy& policy);  // newest first
std::size_t attachment_count(const State& state, std::string_view arn);
std::size_t boundary_count(const State& state, std::string_view arn);

struct NewPolicy {
  std::string name;
  std::string path = "/";
  std::string description;
  std::string document;
  std::vector<model::Tag> tags;
};
shared::Result<const model::IamPolicy*> create_policy(Step& step, const NewPolicy& request);
// Errors: NoSuchEntity, DeleteConflict.
shared::Result<void> delete_policy(Step& step, const std::string& arn);
// Errors: NoSuchEntity, LimitExceeded, MalformedPolicyDocument.
shared::Result<PolicyVersion> create_policy_version(Step& step, const std::string& arn,
                                                    const std::string& document, bool set_as_default);
shared::Result<void> set_default_version(Step& step, const std::string& arn, const std::string& version);
shared::Result<void> delete_policy_version(Step& step, const std::string& arn, const std::string& version);
shared::Result<void> tag_policy(Step& step, const std::string& arn, const std::vector<model::Tag>& tags);
shared::Result<void> untag_policy(Step& step, const std::string& arn, const std::vector<std::string>& keys);

// ---- Instance profiles ----

shared::Result<const model::IamInstanceProfile*> create_profile(Step& step, const std::string& name,
                                                                const std::string& path,
                                                                const std::vector<model::Tag>& tags);
shared::Result<const model::IamInstanceProfile*> find_profile(const State& state, std::string_view name);
// Error: DeleteConflict while it has a role.
shared::Result<void> delete_profile(Step& step, std::string_view name);
shared::Result<void> add_role_to_profile(Step& step, std::string_view profile, std::string_view role);
shared::Result<void> remove_role_from_profile(Step& step, std::string_view profile, std::string_view role);
shared::Result<void> tag_profile(Step& step, std::string_view name, const std::vector<model::Tag>& tags);
shared::Result<void> untag_profile(Step& step, std::string_view name, const std::vector<std::string>& keys);
std::vector<const model::IamInstanceProfile*> profiles_of(const State& state, const model::IamIdentity& role);

// ---- For the folder itself ----

// Four letters of the kind and seventeen more.
std::string fresh_id(Step& step, std::string_view prefix);
std::string iam_arn(const Step& step, std::string_view kind, std::string_view path, std::string_view name);
// InvalidInput with the reason; `had`: the tags that these come to.
shared::Result<std::vector<model::Tag>> tags_with(const std::vector<model::Tag>& had,
                                                  const std::vector<model::Tag>& more);

}  // namespace agent::control::iam
