// The canonical request of Signature Version 4, shared by signing and verifying. Internal to agent/aws.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/http/message.h"

namespace agent::aws {

inline constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kScopeEnd = "aws4_request";

using FormFields = std::vector<std::pair<std::string, std::string>>;

// RFC 3986 dot segments and repeated slashes removed, then every byte but unreserved ones and '/' encoded
// once more: what all services but S3 do with the path of the wire.
std::string canonical_path(std::string_view path);
// Decoded parameters, encoded strictly, sorted by name and value; X-Amz-Signature left out.
std::string canonical_query(const FormFields& parameters);
// A header's value as signed: all of that name joined by commas, trimmed, runs of blanks folded. nullopt if
// absent.
std::optional<std::string> canonical_value(const shared::http::Headers& headers, std::string_view name);

struct SignatureInput {
  const shared::http::Request& request;
  const FormFields& query;  // of request.target, decoded
  const std::vector<std::string>& signed_headers;
  std::string_view payload_hash;
  std::string_view amz_date;  // "20141106T010406Z"
  std::string_view date;      // "20141106"
  std::string_view region;
  std::string_view service;
};

// "20141106/us-east-1/ecs/aws4_request"
std::string scope_of(std::string_view date, std::string_view region, std::string_view service);
// 64 hexadecimal digits. Error "absent_header" names a signed header that the request lacks.
shared::Result<std::string> signature_of(const SignatureInput& input, std::string_view secret);

}  // namespace agent::aws
