// PutAccountSetting, PutAccountSettingDefault, ListAccountSettings, DeleteAccountSetting.
#include "agent/control/cluster/account_settings.h"

#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/wire/pages.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr int kSettingsPage = 10;  // ListAccountSettings: the default, and the most

json encode_setting(const model::AccountSetting& setting) {
  const auto kind = control::account_setting_kind(setting.name);
  const bool managed = kind && (*kind)->values.empty();
  return {{"name", setting.name},
          {"value", setting.value},
          {"principalArn", setting.principal},
          {"type", managed ? "aws_managed" : "user"}};
}

Result<const control::AccountSettingKind*> kind_in(const Context& context) {
  const std::string name = text_in(context.in, "name");
  if (name.empty()) return invalid_parameter("The name of the account setting cannot be empty.");
  return control::account_setting_kind(name);
}

Result<std::string> principal_in(const Context& context) {
  return control::setting_principal(context.step.settings.realm(), text_in(context.in, "principalArn"),
                                    context.call.caller_arn);
}

Answer put_for(const Context& context, const std::string& principal) {
  const auto kind = kind_in(context);
  if (!kind) return kind.error();
  const model::AccountSetting setting{text_in(context.in, "name"), text_in(context.in, "value"), principal};
  if (auto put = control::put_account_setting(context.step, **kind, setting); !put) return put.error();
  return json{{"setting", encode_setting(setting)}};
}

}  // namespace

Answer put_account_setting(const Context& context) {
  const auto principal = principal_in(context);
  if (!principal) return principal.error();
  return put_for(context, *principal);
}

Answer put_account_setting_default(const Context& context) {
  return put_for(context, control::root_principal(context.step.settings.realm()));
}

Answer delete_account_setting(const Context& context) {
  const auto principal = principal_in(context);
  if (!principal) return principal.error();
  const auto kind = kind_in(context);
  if (!kind) return kind.error();
  control::delete_account_setting(context.step, *principal, (*kind)->name);
  auto left = control::effective_setting(context.state(), context.step.settings.realm(), *principal, **kind);
  left.principal = *principal;
  return json{{"setting", encode_setting(left)}};
}

Answer list_account_settings(const Context& context) {
  const json& in = context.in;
  const auto principal = principal_in(context);
  if (!principal) return principal.error();
  const std::string name = text_in(in, "name");
  if (!name.empty()) {
    if (const auto kind = control::account_setting_kind(name); !kind) return kind.error();
  }
  const std::string value = text_in(in, "value");
  if (!value.empty() && name.empty()) return invalid_parameter("value can only be given with a name.");
  const bool effective = boolean_in(in, "effectiveSettings").value_or(false);
  std::vector<Item> items;
  json shown = json::object();
  for (const control::AccountSettingKind& kind : control::account_setting_kinds()) {
    if (!name.empty() && kind.name != name) continue;
    const model::AccountSetting* own = control::own_setting(context.state(), *principal, kind.name);
    if (own == nullptr && !effective) continue;
    const auto setting =
        control::effective_setting(context.state(), context.step.settings.realm(), *principal, kind);
    if (!value.empty() && setting.value != value) continue;
    items.push_back({setting.name, setting.name});
    shown[setting.name] = encode_setting(setting);
  }
  auto answer =
      page_of(context, "settings", std::move(items), kSettingsPage, Sort::kAscending, kSettingsPage);
  if (!answer) return answer;
  for (json& each : (*answer)["settings"]) each = shown[each.get<std::string>()];
  return answer;
}

}  // namespace agent::api::ecs
