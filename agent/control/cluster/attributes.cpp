#include "agent/control/cluster/attributes.h"

#include <algorithm>
#include <cctype>

#include "agent/control/elb/targets.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/placing.h"
#include "shared/net/endpoint.h"

namespace agent::control {

using model::ContainerInstance;
using model::NameValue;
using shared::Result;

namespace {

constexpr std::string_view kSystemPrefix = "ecs.";
constexpr std::string_view kVendorPrefix = "com.amazonaws.";
constexpr std::string_view kCapabilityPrefix = "ecs.capability.";
constexpr std::string_view kOurPrefix = "berth.";
constexpr const char* kOwnHost = "127.0.0.1";

bool is_capability(std::string_view name) {
  return name.starts_with(kCapabilityPrefix) || name.starts_with(kVendorPrefix);
}

const NameValue* find_attribute(const std::vector<NameValue>& all, std::string_view name) {
  const auto it =
      std::find_if(all.begin(), all.end(), [&](const NameValue& each) { return each.name == name; });
  return it == all.end() ? nullptr : &*it;
}

bool was_put(const ContainerInstance& instance, std::string_view name) {
  const auto& names = instance.put_attributes;
  return std::find(names.begin(), names.end(), name) != names.end();
}

void set_attribute(std::vector<NameValue>& all, const NameValue& attribute) {
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const NameValue& each) { return each.name == attribute.name; });
  if (it == all.end()) {
    all.push_back(attribute);
  } else {
    it->value = attribute.value;
  }
}

bool attribute_text_is_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || others.find(c) != std::string_view::npos;
  });
}

Result<void> check_attribute_name(const std::string& name) {
  if (name.empty()) return invalid_parameter("The name of an attribute cannot be empty.");
  if (name.size() > kMaxAttributeNameChars || !attribute_text_is_of(name, "-_./\\")) {
    return invalid_parameter("The attribute name '" + name + "' must have 1 to " +
                             std::to_string(kMaxAttributeNameChars) +
                             " letters, digits and characters of -_./\\.");
  }
  if (!is_custom_attribute(name)) {
    return invalid_parameter("The attribute " + name + " is set by the agent: names that begin with " +
                             std::string(kSystemPrefix) + " or " + std::string(kVendorPrefix) +
                             " are reserved.");
  }
  if (name == kInstanceIdAttribute) {
    return invalid_parameter("The attribute " + name + " is read when an instance registers first.");
  }
  return {};
}

Result<void> check_attribute_value(const NameValue& attribute) {
  const std::string& value = attribute.value;
  const bool outer_space = value.starts_with(' ') || value.ends_with(' ');
  if (value.size() > kMaxAttributeValueChars || !attribute_text_is_of(value, "-_.@/\\: ") || outer_space) {
    return invalid_parameter("The value of attribute " + attribute.name + " must have 1 to " +
                             std::to_string(kMaxAttributeValueChars) +
                             " letters, digits and characters of -_.@/\\: and spaces inside, got '" + value +
                             "'.");
  }
  return check_address(attribute);
}

}  // namespace

bool is_custom_attribute(std::string_view name) {
  return !name.starts_with(kSystemPrefix) && !name.starts_with(kVendorPrefix);
}

std::vector<NameValue> after_registration(const ContainerInstance& known,
                                          const std::vector<NameValue>& sent) {
  // The instance id comes from the identity document, which every registration carries.
  const bool complete = std::any_of(sent.begin(), sent.end(), [](const NameValue& each) {
    return is_custom_attribute(each.name) && each.name != kInstanceIdAttribute;
  });
  std::vector<NameValue> out;
  for (const NameValue& each : sent) set_attribute(out, each);
  for (const NameValue& each : known.attributes) {
    const bool stays = !complete && !is_capability(each.name) && find_attribute(out, each.name) == nullptr;
    if (stays || was_put(known, each.name)) set_attribute(out, each);
  }
  return out;
}

Result<void> check_address(const NameValue& attribute) {
  if (attribute.name != kAddressAttribute || shared::net::is_ip_address(attribute.value)) return {};
  return invalid_parameter("attribute berth.address: '" + attribute.value + "' is not an IP address");
}

Result<std::string> attribute_target(const Step& step, const std::string& cluster,
                                     const std::string& target) {
  auto key = instance_key(step.settings.realm(), cluster, target);
  if (!key || why_not_there(step.state.instances.find(*key)).empty()) return key;
  return fault("TargetNotFoundException",
               "The specified target '" + target + "' was not found in cluster " + cluster + ".");
}

void set_attributes(ContainerInstance& instance, std::vector<NameValue> attributes) {
  instance.attributes = std::move(attributes);
  const std::string address = attribute_of(instance, kAddressAttribute);
  instance.address = address.empty() ? kOwnHost : address;
}

Result<void> put_attribute(Step& step, const std::string& key, const NameValue& attribute) {
  if (auto ok = check_attribute_name(attribute.name); !ok) return ok;
  if (auto ok = check_attribute_value(attribute); !ok) return ok;
  const ContainerInstance& known = *step.state.instances.find(key);
  const NameValue* before = find_attribute(known.attributes, attribute.name);
  if (before != nullptr && before->value == attribute.value && was_put(known, attribute.name)) return {};
  const auto custom =
      std::count_if(known.attributes.begin(), known.attributes.end(), [](const NameValue& each) {
        return is_custom_attribute(each.name) && !each.name.starts_with(kOurPrefix);
      });
  if (before == nullptr && !attribute.name.starts_with(kOurPrefix) &&
      custom >= static_cast<std::ptrdiff_t>(kMaxCustomAttributes)) {
    return fault("AttributeLimitExceededException",
                 "The container instance " + known.arn + " can have at most " +
                     std::to_string(kMaxCustomAttributes) + " custom attributes.");
  }
  rows(step).instances.edit(key, [&](ContainerInstance& row) {
    std::vector<NameValue> attributes = row.attributes;
    set_attribute(attributes, attribute);
    if (!was_put(row, attribute.name)) row.put_attributes.push_back(attribute.name);
    set_attributes(row, std::move(attributes));
    ++row.version;
  });
  follow_host(step, known);
  return {};
}

Result<std::optional<NameValue>> delete_attribute(Step& step, const std::string& key,
                                                  const NameValue& attribute) {
  const std::string& name = attribute.name;
  const ContainerInstance& known = *step.state.instances.find(key);
  const NameValue* found = find_attribute(known.attributes, name);
  if (found != nullptr && !attribute.value.empty() && attribute.value != found->value) {
    return invalid_parameter("Attribute " + name + " of " + known.arn + " is '" + found->value + "', not '" +
                             attribute.value + "': leave the value out to delete it.");
  }
  if (auto ok = check_attribute_name(name); !ok) return ok.error();
  if (found == nullptr) return std::optional<NameValue>();
  const NameValue before = *found;
  rows(step).instances.edit(key, [&](ContainerInstance& row) {
    std::erase(row.put_attributes, name);
    std::vector<NameValue> attributes = row.attributes;
    std::erase_if(attributes, [&](const NameValue& each) { return each.name == name; });
    set_attributes(row, std::move(attributes));
    ++row.version;
  });
  follow_host(step, known);
  return std::optional(before);
}

}  // namespace agent::control
