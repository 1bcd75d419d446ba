// Calls of services whose operation is told by method and path (REST JSON): EventBridge Scheduler's. What the
// path and the query say becomes members of the JSON input, under the names of the service's model. No I/O.
#pragma once
#include "agent/aws/service.h"

namespace agent::aws {

// Signed for such a service.
bool is_rest(const shared::http::Request& request);
// Error codes: UnknownOperationException, ValidationException.
shared::Result<Call> identify_rest(const shared::http::Request& request);

// Answers: JSON, and of errors {"Message": ...} with X-Amzn-ErrorType.
shared::http::Response rest_success(std::string body, std::string_view request_id);
shared::http::Response rest_error(int status, std::string_view code, std::string_view message,
                                  std::string_view request_id);

}  // namespace agent::aws
