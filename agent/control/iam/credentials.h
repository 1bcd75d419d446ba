// Keys of users, temporary keys of roles and users, and what whoever holds one may do.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/iam/iam.h"
#include "agent/iam/policy/evaluate.h"

namespace agent::control::iam {

inline constexpr std::size_t kMaxKeysOfUser = 2;
inline constexpr std::size_t kMaxSessions = 50'000;  // that have not expired
inline constexpr std::int64_t kLeastSessionSeconds = 900;
inline constexpr std::int64_t kMostRoleSeconds = 43'200;
inline constexpr std::int64_t kMostChainedSeconds = 3'600;
inline constexpr std::int64_t kMostTokenSeconds = 129'600;

// Who holds the key of that id, of which agent/iam verifies the signature. nullopt: there is none, it is
// inactive, or the role or user that it belongs to is gone.
struct Holder {
  std::string secret;
  std::string token;  // empty: a key for long
  std::optional<shared::WallTime> expires_at;
  std::string arn;
  std::string user_id;
  bool is_administrator = false;  // GetSessionToken of the installation's own administrator
};
std::optional<Holder> find_holder(const State& state, const Settings& settings, std::string_view key_id);

// What happens around a call, for conditions.
struct Circumstances {
  shared::WallTime now{};
  std::string source_ip;   // may be empty
  std::string user_agent;  // may be empty
};
// Of the key's holder: what its policies say of `action` ("ecs:RunTask") on `resource`, an ARN or "*" for
// none in particular, with the condition keys of the service's own. An empty resource is one that is not
// known yet: then only what holds for all resources allows. Error AccessDenied in AWS's words.
shared::Result<void> check_permission(const State& state, const Settings& settings, std::string_view key_id,
                                      const std::string& action, const std::string& resource,
                                      const Circumstances& around,
                                      const agent::iam::policy::Context& keys = {});

// The same of a role that a service of AWS's has taken for a call of its own; `session` is its session's
// name.
shared::Result<void> check_role_permission(const State& state, const Settings& settings,
                                           const model::IamIdentity& role, const std::string& session,
                                           const std::string& action, const std::string& resource,
                                           const Circumstances& around,
                                           const agent::iam::policy::Context& keys = {});

// ---- Keys of users ----

// Errors: NoSuchEntity, LimitExceeded.
shared::Result<const model::IamAccessKey*> create_access_key(Step& step, std::string_view user);
shared::Result<void> update_access_key(Step& step, std::string_view user, const std::string& id, bool active);
shared::Result<void> delete_access_key(Step& step, std::string_view user, const std::string& id);

// ---- Temporary keys ----

struct Caller {
  std::string arn;
  std::string key_id;
  bool is_administrator = false;
};
struct AssumeRole {
  std::string role_arn;
  std::string session_name;
  std::int64_t seconds = 3600;
  std::string policy;  // document, may be empty
  std::vector<std::string> policy_arns;
  std::vector<model::Tag> tags;
  std::string external_id;
  std::string source_identity;
};
// Errors: AccessDenied, the same whatever the reason; ValidationError, MalformedPolicyDocument, NoSuchEntity
// (a policy's ARN).
shared::Result<const model::IamSession*> assume_role(Step& step, const Caller& caller,
                                                     const AssumeRole& request);
// Its id, secret, token and times.
void fill_temporary_keys(Step& step, model::IamSession& session, shared::Millis life);
// Of a user, with a key for long. Error: AccessDenied.
shared::Result<const model::IamSession*> create_session_token(Step& step, const Caller& caller,
                                                              std::int64_t seconds);
// "arn:aws:sts::123456789012:assumed-role/<role>/<session>"
std::string session_arn(const Settings& settings, const model::IamIdentity& role,
                        const model::IamSession& session);

}  // namespace agent::control::iam
