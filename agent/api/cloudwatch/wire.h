// The three protocols of cloudwatch.h against one JSON form, in which times are seconds since the epoch.
// Internal to agent/api/cloudwatch.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "agent/aws/service.h"
#include "shared/base/result.h"

namespace agent::api::cloudwatch {

// A request as JSON text. Error code InvalidParameterValue or MalformedQueryString.
shared::Result<std::string> json_text(aws::Protocol protocol, const std::string& body);
// Members that are times, in answers and requests.
bool is_time(std::string_view member);

shared::Result<nlohmann::json> json_of_form(const std::string& form);
shared::Result<nlohmann::json> json_of_cbor(const std::string& bytes);
std::string cbor_of(const nlohmann::json& value);

}  // namespace agent::api::cloudwatch
