// Answers to requests that reach no service of ours: those for services of AWS that are not here, and those
// that fail as HTTP. Each in the shape that the clients of that service read, always 4xx, so that an SDK
// shows the text instead of taking the endpoint for broken. No I/O.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "shared/http/message.h"

namespace agent::aws {

inline constexpr std::size_t kQuotedServiceChars = 64;  // longer names are cut in errors

// The name in the credential scope, when it is none of signing_name(). nullopt: unsigned, or one of ours.
// Nothing of the signature is verified: keys are ours, their services are not.
std::optional<std::string> foreign_service(const shared::http::Request& request);

// "The service 'lambda' is not offered here ...". JSON families get UnknownOperationException, XML ones
// InvalidAction.
shared::http::Response not_offered(const shared::http::Request& request, std::string_view service,
                                   std::string_view request_id);

// A request that the HTTP server refused with `status` (4xx), as an error of the service it looks like.
// `head` is what was read of it, which may be nothing.
shared::http::Response http_refusal(int status, std::string_view text, const shared::http::Request& head,
                                    std::string_view request_id);

}  // namespace agent::aws
