// Writes the answers of AWS JSON 1.1. No I/O.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/auth_error.h"
#include "shared/http/message.h"

namespace agent::aws {

inline constexpr std::string_view kJson11ContentType = "application/x-amz-json-1.1";

// `body` is the JSON text of the output ("{}" for operations without one).
shared::http::Response json_success(std::string body, std::string_view request_id);

// {"__type":"ClusterNotFoundException","message":"..."}; ConflictException also has resourceIds. The status
// is status_of(code).
shared::http::Response json_error(std::string_view code, std::string_view message,
                                  std::string_view request_id,
                                  const std::vector<std::string>& resource_ids = {});

// Any error of a call as the answer its protocol asks for: wire_error, then json_error, query_error or
// ec2_error; only the first has a place for `resource_ids`.
shared::http::Response error_response(const shared::Error& error, Protocol protocol,
                                      std::string_view xml_namespace, std::string_view request_id,
                                      const std::vector<std::string>& resource_ids = {});

}  // namespace agent::aws
