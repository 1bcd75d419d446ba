// Attributes of load balancers, target groups and listeners: which keys there are, their defaults and ranges.
// Values are checked when they are set, never when they are used, so that the getters below cannot fail. A
// key whose effect the balancers do not offer yet can be read, but not set to anything else than its default.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/control/state/table/table.h"
#include "agent/model/load_balancing.h"
#include "shared/base/result.h"

namespace agent::control {

// Every key that applies, in a fixed order, defaults filled in: what Describe...Attributes answers.
using AttributeList = std::vector<std::pair<std::string, std::string>>;
AttributeList attributes_of(const model::LoadBalancer& balancer);
AttributeList attributes_of(const model::TargetGroup& group);
AttributeList attributes_of(const model::Listener& listener);

// "a,b" as "a" and "b".
std::vector<std::string_view> attribute_list(std::string_view value);

// All or nothing. Errors: InvalidConfigurationRequest naming the key and what it may be. An unknown key, or
// one of the other load balancer types, is worded "attribute key 'k' is not recognized" / "is not supported":
// Terraform reads that text, leaves the key out and tries again.
shared::Result<void> set_attributes(model::LoadBalancer& balancer,
                                    const std::vector<model::NameValue>& changes);
shared::Result<void> set_attributes(model::TargetGroup& group, const std::vector<model::NameValue>& changes);
shared::Result<void> set_attributes(model::Listener& listener, const std::vector<model::NameValue>& changes);

// The same in the table.
template <class Row>
shared::Result<void> modify_attributes(Table<Row>& table, const shared::Result<const Row*>& found,
                                       const std::vector<model::NameValue>& changes) {
  if (!found) return found.error();
  Row changed = **found;
  if (auto ok = set_attributes(changed, changes); !ok) return ok;
  const std::string arn = changed.arn;
  table.put(arn, std::move(changed));
  return {};
}

// The listener attributes that set a field of every response, and the field of each.
inline constexpr std::pair<std::string_view, std::string_view> kResponseHeaderAttributes[] = {
    {"routing.http.response.access_control_allow_credentials.header_value",
     "Access-Control-Allow-Credentials"},
    {"routing.http.response.access_control_allow_headers.header_value", "Access-Control-Allow-Headers"},
    {"routing.http.response.access_control_allow_methods.header_value", "Access-Control-Allow-Methods"},
    {"routing.http.response.access_control_allow_origin.header_value", "Access-Control-Allow-Origin"},
    {"routing.http.response.access_control_expose_headers.header_value", "Access-Control-Expose-Headers"},
    {"routing.http.response.access_control_max_age.header_value", "Access-Control-Max-Age"},
    {"routing.http.response.content_security_policy.header_value", "Content-Security-Policy"},
    {"routing.http.response.strict_transport_security.header_value", "Strict-Transport-Security"},
    {"routing.http.response.x_content_type_options.header_value", "X-Content-Type-Options"},
    {"routing.http.response.x_frame_options.header_value", "X-Frame-Options"},
};

// Value of a known key, or its default.
std::string target_group_attribute(const model::TargetGroup& group, const std::string& key);
std::string load_balancer_attribute(const model::LoadBalancer& balancer, const std::string& key);
std::string listener_attribute(const model::Listener& listener, const std::string& key);
std::int64_t target_group_number(const model::TargetGroup& group, const std::string& key);
std::int64_t listener_number(const model::Listener& listener, const std::string& key);
// Whose connections to the listener begin with a header of the PROXY protocol.
std::vector<std::string> proxy_protocol_sources(const model::Listener& listener);
std::int64_t load_balancer_number(const model::LoadBalancer& balancer, const std::string& key);

}  // namespace agent::control
