// Config as JSON: the file of `berth-balancer --config`, the snapshot on disk and the feed all use this one
// form.
#pragma once
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/lbconfig/config.h"

namespace shared::lbconfig {

// Strict: unknown members, wrong types and broken references are errors that name the path
// ("listeners[0].rules[2].action.forward.target_groups[0].target_group: no target group 'x'").
Result<Config> config_from_json(std::string_view text);
std::string config_to_json(const Config& config);  // with the keys of certificates
// For people: the same without the keys.
std::string config_to_page(const Config& config);
// What config_from_json checks after decoding: ranges, uniqueness (listener address+port, rule priorities,
// target registration), references to target groups.
Result<void> validate(const Config& config);
// The same, for one that was made of a valid one: parts that they share are not looked at again.
Result<void> validate_change(const Config& config, const Config& from);

}  // namespace shared::lbconfig
