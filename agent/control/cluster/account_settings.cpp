#include "agent/control/cluster/account_settings.h"

#include <algorithm>

#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "shared/base/check.h"

namespace agent::control {

using shared::Result;

namespace {

using Values = std::vector<std::string_view>;

std::string setting_key(std::string_view principal, std::string_view name) {
  return std::string(principal) + "/" + std::string(name);
}

bool is_among(const Values& values, std::string_view value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// ECS lets nobody turn these off since 2021.
bool is_long_arn(const AccountSettingKind& kind) { return kind.name.ends_with("LongArnFormat"); }

}  // namespace

const std::vector<AccountSettingKind>& account_setting_kinds() {
  static const Values kSwitch{"enabled", "disabled", "on", "off"};
  static const Values kOn{"enabled", "on"};
  static const std::vector<AccountSettingKind> kKinds{
      {"awsvpcTrunking", "disabled", kSwitch, {}, ""},
      {"containerInsights", "disabled", {"enabled", "disabled", "enhanced", "on", "off"}, {}, ""},
      {"containerInstanceLongArnFormat", "enabled", kSwitch, {}, ""},
      {"defaultLogDriverMode",
       "blocking",
       {"blocking", "non-blocking"},
       {"non-blocking"},
       "a log driver is given the options of its container alone; set the option mode there"},
      {"dualStackIPv6", "disabled", kSwitch, kOn, "tasks have no network interface of their own"},
      {"fargateEventWindows", "disabled", kSwitch, kOn, "no task runs on Fargate"},
      {"fargateFIPSMode", "disabled", kSwitch, kOn, "no task runs on Fargate"},
      {"fargateTaskRetirementWaitPeriod", "7", {"0", "7", "14"}, {}, ""},
      {"guardDutyActivate", "off", {}, {}, ""},
      {"serviceLongArnFormat", "enabled", kSwitch, {}, ""},
      {"tagResourceAuthorization", "on", kSwitch, {}, ""},
      {"taskLongArnFormat", "enabled", kSwitch, {}, ""},
  };
  return kKinds;
}

Result<const AccountSettingKind*> account_setting_kind(std::string_view name) {
  const auto& kinds = account_setting_kinds();
  const auto it =
      std::find_if(kinds.begin(), kinds.end(), [&](const auto& each) { return each.name == name; });
  if (it != kinds.end()) return &*it;
  std::string names;
  for (const AccountSettingKind& each : kinds) names += (names.empty() ? "" : ", ") + std::string(each.name);
  return invalid_parameter("Unknown account setting name '" + std::string(name) + "'. It must be one of " +
                           names + ".");
}

std::string root_principal(const aws::Realm& realm) {
  return aws::to_string({realm.partition, "iam", "", realm.account, "root"});
}

Result<std::string> setting_principal(const aws::Realm& realm, std::string_view asked,
                                      std::string_view caller) {
  const std::string text(asked.empty() ? caller : asked);
  const auto arn = aws::parse_arn(text);
  constexpr std::string_view kSession = "assumed-role/";
  if (arn && arn->partition == realm.partition && arn->account == realm.account) {
    const std::string& resource = arn->resource;
    if (arn->service == "iam" && (resource == "root" || resource.starts_with("user/") ||
                                  resource.starts_with("role/") || resource.starts_with("federated-user/"))) {
      return text;
    }
    if (arn->service == "sts" && resource.starts_with(kSession)) {
      const std::string rest = resource.substr(kSession.size());
      return aws::to_string(
          {realm.partition, "iam", "", realm.account, "role/" + rest.substr(0, rest.find('/'))});
    }
  }
  return invalid_parameter("Invalid principalArn '" + text.substr(0, aws::kQuotedArnBytes) +
                           "'. It must be the ARN of a user, a role or the root of account " + realm.account +
                           ".");
}

const model::AccountSetting* own_setting(const State& state, std::string_view principal,
                                         std::string_view name) {
  return state.account_settings.find(setting_key(principal, name));
}

model::AccountSetting effective_setting(const State& state, const aws::Realm& realm,
                                        std::string_view principal, const AccountSettingKind& kind) {
  if (const auto* own = own_setting(state, principal, kind.name)) return *own;
  const std::string root = root_principal(realm);
  if (const auto* account = own_setting(state, root, kind.name)) return *account;
  return {std::string(kind.name), std::string(kind.unset), root};
}

std::string effective_value(const State& state, const aws::Realm& realm, std::string_view caller,
                            std::string_view name) {
  const auto kind = account_setting_kind(name);
  BERTH_CHECK(kind.has_value(), "the program asks for settings that there are");
  const auto principal = setting_principal(realm, caller, caller);
  return effective_setting(state, realm, principal ? *principal : root_principal(realm), **kind).value;
}

Result<void> put_account_setting(Step& step, const AccountSettingKind& kind, model::AccountSetting row) {
  if (kind.values.empty()) {
    return invalid_parameter("The account setting " + row.name + " cannot be changed: AWS manages it.");
  }
  if (!is_among(kind.values, row.value)) {
    std::string values;
    for (const std::string_view each : kind.values)
      values += (values.empty() ? "" : ", ") + std::string(each);
    return invalid_parameter("Invalid value '" + row.value + "' of account setting " + row.name +
                             ". It must be one of " + values + ".");
  }
  if (is_long_arn(kind) && (row.value == "disabled" || row.value == "off")) {
    return invalid_parameter("You can no longer disable Long Arn settings.");
  }
  if (is_among(kind.refused, row.value)) {
    return fault("UnsupportedFeatureException",
                 row.name + " " + row.value + " is not offered: " + std::string(kind.why_refused) + ".");
  }
  const std::string key = setting_key(row.principal, row.name);
  const model::AccountSetting* present = step.state.account_settings.find(key);
  if (present == nullptr || present->value != row.value) rows(step).account_settings.put(key, std::move(row));
  return {};
}

void delete_account_setting(Step& step, std::string_view principal, std::string_view name) {
  const std::string key = setting_key(principal, name);
  if (step.state.account_settings.find(key) != nullptr) rows(step).account_settings.erase(key);
}

}  // namespace agent::control
