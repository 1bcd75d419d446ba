// Why a request was not authenticated, and how each service family says so on the wire. One table for both
// families.
#pragma once
#include <string>
#include <string_view>

#include "agent/aws/service.h"
#include "shared/base/error.h"

namespace agent::aws {

enum class AuthFailure {
  kMissing,        // no signature at all
  kIncomplete,     // a part of it is missing or malformed
  kUnknownKey,     // access key unknown, or a session token that does not belong to it
  kBadSignature,   // does not match, or covers too little
  kWrongScope,     // signed for another region or service
  kExpired,        // signed too long ago
  kNotYetCurrent,  // signed in the future
  kTokenExpired,   // valid temporary credentials past their end
};

// An Error whose code is a neutral word ("auth_expired"), to be turned into a wire code by wire_error. An
// empty text gets AWS's usual sentence for that failure.
shared::Error auth_error(AuthFailure failure, std::string text = {});

struct WireError {
  int status;
  std::string code;
  std::string message;
};

// How any Error of a call is answered. Authentication failures and "throttled" go through tables; codes that
// begin with a capital letter are wire codes already; everything else is internal and becomes ServerException
// (JSON) or InternalFailure (Query) without its text, which the caller should log.
WireError wire_error(const shared::Error& error, Protocol protocol);

// The HTTP status that belongs to a wire code.
int status_of(std::string_view code, Protocol protocol);

}  // namespace agent::aws
