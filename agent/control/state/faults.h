// Errors of callers that several operations share, by the API's own error names.
#pragma once
#include <string>

#include "shared/base/error.h"

namespace agent::control {

// `code` is the wire code: "TargetGroupNotFound".
inline shared::Error fault(std::string code, std::string text) {
  return shared::Error(std::move(code), std::move(text), shared::Blame::kClient);
}
inline shared::Error client_exception(std::string text) { return fault("ClientException", std::move(text)); }
inline shared::Error invalid_parameter(std::string text) {
  return fault("InvalidParameterException", std::move(text));
}
// Elastic Load Balancing's.
inline shared::Error validation_error(std::string text) { return fault("ValidationError", std::move(text)); }

}  // namespace agent::control
