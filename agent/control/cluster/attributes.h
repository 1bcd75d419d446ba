// Attributes of container instances: whose they are, what a registration does to them, and PutAttributes and
// DeleteAttributes. Placement and the address of a host read the row, so that a change counts at once.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr const char* kAddressAttribute = "berth.address";
inline constexpr const char* kInstanceIdAttribute = "berth.instance-id";

// Custom attributes of one instance, those named berth.* left out.
inline constexpr std::size_t kMaxCustomAttributes = 10;
inline constexpr std::size_t kMaxAttributeNameChars = 128;
inline constexpr std::size_t kMaxAttributeValueChars = 128;

// "ecs." and "com.amazonaws." begin the names that only the agent sets.
bool is_custom_attribute(std::string_view name);

// What an instance has after its agent registered with `sent`; each name once.
//   - capabilities are what the agent sent, no more;
//   - what PutAttributes set stays, with its value;
//   - the rest of what the agent sent earlier stays when this call has no custom attribute (an ECS agent
//   sends
//     them with its first registration only), and goes when it has: an agent that sends any sends all.
std::vector<model::NameValue> after_registration(const model::ContainerInstance& known,
                                                 const std::vector<model::NameValue>& sent);

// InvalidParameterException if this is the address of a host, and none.
shared::Result<void> check_address(const model::NameValue& attribute);

// The attributes and the address that is one of them; the caller lets the instance's targets follow.
void set_attributes(model::ContainerInstance& instance, std::vector<model::NameValue> attributes);

// Key of the instance that a caller named `target`: TargetNotFoundException if it is not there (any more).
shared::Result<std::string> attribute_target(const Step& step, const std::string& cluster,
                                             const std::string& target);
// `key` is of attribute_target(). Error codes: InvalidParameterException for a name or value
// that cannot be, or that is not the caller's to set; AttributeLimitExceededException.
shared::Result<void> put_attribute(Step& step, const std::string& key, const model::NameValue& attribute);
// Returns what there was; what is not there is gone already. Error code: InvalidParameterException, as above,
// and when `attribute` has a value, which is another one.
shared::Result<std::optional<model::NameValue>> delete_attribute(Step& step, const std::string& key,
                                                                 const model::NameValue& attribute);

}  // namespace agent::control
