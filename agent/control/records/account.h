// Rows of what belongs to the account rather than to a cluster. As records/ecs.h.
#pragma once
#include <string>
#include <string_view>

#include "agent/model/account_setting.h"
#include "agent/model/capacity_provider.h"

namespace agent::control {

std::string encode_account_setting(const model::AccountSetting&);
bool decode_account_setting(std::string_view, model::AccountSetting&);
std::string encode_capacity_provider(const model::CapacityProvider&);
bool decode_capacity_provider(std::string_view, model::CapacityProvider&);

}  // namespace agent::control
