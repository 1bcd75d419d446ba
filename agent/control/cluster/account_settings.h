// Account settings (PutAccountSetting and its siblings): which there are, what they may be, and what holds
// for whom. A setting of a user or role lies over the account's, which is the root's, and that over the
// default.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

struct AccountSettingKind {
  std::string_view name;
  std::string_view unset;                // what holds when nobody has set it
  std::vector<std::string_view> values;  // that can be asked for; empty: AWS alone sets it
  // Of `values`, those that ask for what is not done here, and why they are refused.
  std::vector<std::string_view> refused;
  std::string_view why_refused;
};
// By rising name.
const std::vector<AccountSettingKind>& account_setting_kinds();
// InvalidParameterException with all names for one that is none of them.
shared::Result<const AccountSettingKind*> account_setting_kind(std::string_view name);

// "arn:aws:iam::<account>:root"
std::string root_principal(const aws::Realm& realm);
// Whose settings a caller means: an IAM user's, role's or the root's ARN as it is, the session of a role as
// its role, "" as the caller. InvalidParameterException for anything else.
shared::Result<std::string> setting_principal(const aws::Realm& realm, std::string_view asked,
                                              std::string_view caller);

// nullptr: the principal has none of its own.
const model::AccountSetting* own_setting(const State& state, std::string_view principal,
                                         std::string_view name);
// With the principal whose it is, the root's for a default.
model::AccountSetting effective_setting(const State& state, const aws::Realm& realm,
                                        std::string_view principal, const AccountSettingKind& kind);
std::string effective_value(const State& state, const aws::Realm& realm, std::string_view caller,
                            std::string_view name);

// Error codes: InvalidParameterException for a value that the setting cannot have, or that is fixed;
// UnsupportedFeatureException for one that asks for what is not done.
shared::Result<void> put_account_setting(Step& step, const AccountSettingKind& kind,
                                         model::AccountSetting row);
// What the principal has not set is gone already.
void delete_account_setting(Step& step, std::string_view principal, std::string_view name);

}  // namespace agent::control
