#include "agent/aws/auth_error.h"

#include <array>

namespace agent::aws {
namespace {

struct FailureRow {
  AuthFailure failure;
  std::string_view word;
  std::string_view json_code;
  std::string_view query_code;
  int query_status;  // JSON services answer 400 to all of them
  std::string_view text;
};

constexpr std::string_view kMismatchText =
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
    "Access Key "
    "and signing method. Consult the service documentation for details.";
constexpr std::string_view kInvalidTokenText = "The security token included in the request is invalid.";

constexpr std::array kFailureRows = {
    FailureRow{AuthFailure::kMissing, "auth_missing", "MissingAuthenticationTokenException",
               "MissingAuthenticationToken", 403, "Missing Authentication Token"},
    FailureRow{AuthFailure::kIncomplete, "auth_incomplete", "IncompleteSignatureException",
               "IncompleteSignature", 400, "The request signature is incomplete."},
    FailureRow{AuthFailure::kUnknownKey, "auth_unknown_key", "UnrecognizedClientException",
               "InvalidClientTokenId", 403, kInvalidTokenText},
    FailureRow{AuthFailure::kBadSignature, "auth_bad_signature", "InvalidSignatureException",
               "SignatureDoesNotMatch", 403, kMismatchText},
    FailureRow{AuthFailure::kWrongScope, "auth_wrong_scope", "InvalidSignatureException",
               "SignatureDoesNotMatch", 403, "Credential should be scoped to a valid region and service."},
    FailureRow{AuthFailure::kExpired, "auth_expired", "InvalidSignatureException", "RequestExpired", 400,
               "Signature expired."},
    FailureRow{AuthFailure::kNotYetCurrent, "auth_not_yet_current", "InvalidSignatureException",
               "RequestExpired", 400, "Signature not yet current."},
    FailureRow{AuthFailure::kTokenExpired, "auth_token_expired", "ExpiredTokenException",
               "ExpiredTokenException", 403, "The security token included in the request is expired"},
};

// Not of authentication, but named by each service family in its own way too.
struct WordRow {
  std::string_view word;
  std::string_view json_code;
  std::string_view query_code;
};
constexpr std::array kWordRows = {
    WordRow{"throttled", "ThrottlingException", "Throttling"},  // what clients of each family try again
};

struct StatusRow {
  std::string_view code;
  int json;
  int query;
};

// Everything else is 400.
constexpr std::array kStatuses = {
    StatusRow{"ServerException", 500, 500},
    StatusRow{"InternalFailure", 500, 500},
    StatusRow{"HealthUnavailable", 500, 500},
    StatusRow{"InsufficientCapacity", 500, 500},
    StatusRow{"ServiceUnavailable", 503, 503},
    StatusRow{"PriorRequestNotComplete", 400, 429},
    StatusRow{"UnknownOperationException", 404, 404},
    StatusRow{"MalformedQueryString", 404, 404},
    StatusRow{"RequestEntityTooLarge", 413, 413},
    StatusRow{"RequestEntityTooLargeException", 413, 413},
    StatusRow{"AccessDenied", 400, 403},
    StatusRow{"UnauthorizedOperation", 400, 403},
    StatusRow{"NoSuchEntity", 400, 404},
    StatusRow{"EntityAlreadyExists", 400, 409},
    StatusRow{"DeleteConflict", 400, 409},
    StatusRow{"LimitExceeded", 400, 409},
    StatusRow{"AccessDeniedException", 400, 403},
    StatusRow{"MissingAuthenticationToken", 400, 403},
    StatusRow{"InvalidClientTokenId", 400, 403},
    StatusRow{"SignatureDoesNotMatch", 400, 403},
    StatusRow{"ExpiredTokenException", 400, 403},
};

constexpr std::string_view kInternalText = "The request failed because of an internal error.";

}  // namespace

shared::Error auth_error(AuthFailure failure, std::string text) {
  const FailureRow& row = kFailureRows[static_cast<std::size_t>(failure)];
  if (text.empty()) text = row.text;
  return shared::Error(std::string(row.word), std::move(text), shared::Blame::kClient);
}

// REST services have their own for the same codes.
constexpr std::pair<std::string_view, int> kRestStatuses[] = {
    {"ConflictException", 409},   {"ResourceNotFoundException", 404}, {"ServiceQuotaExceededException", 402},
    {"ThrottlingException", 429}, {"AccessDeniedException", 403},
};

int status_of(std::string_view code, Protocol protocol) {
  if (protocol == Protocol::kRest) {
    for (const auto& [known, status] : kRestStatuses) {
      if (known == code) return status;
    }
    protocol = Protocol::kJson;
  }
  for (const StatusRow& row : kStatuses) {
    if (row.code == code) return protocol == Protocol::kJson ? row.json : row.query;
  }
  return 400;
}

WireError wire_error(const shared::Error& error, Protocol protocol) {
  for (const FailureRow& row : kFailureRows) {
    if (row.word != error.code()) continue;
    if (protocol == Protocol::kJson) return {400, std::string(row.json_code), error.text()};
    if (protocol == Protocol::kRest) return {403, std::string(row.json_code), error.text()};
    // EC2 has a word of its own for a key that it does not know.
    if (protocol == Protocol::kEc2 && row.failure == AuthFailure::kUnknownKey)
      return {401, "AuthFailure", error.text()};
    return {row.query_status, std::string(row.query_code), error.text()};
  }
  std::string code = error.code();
  for (const WordRow& row : kWordRows) {
    const bool json = protocol == Protocol::kJson || protocol == Protocol::kRest;
    if (row.word == code) code = json ? row.json_code : row.query_code;
  }
  if (!code.empty() && code[0] >= 'A' && code[0] <= 'Z')
    return {status_of(code, protocol), code, error.text()};
  return {500, protocol == Protocol::kJson ? "ServerException" : "InternalFailure",
          std::string(kInternalText)};
}

}  // namespace agent::aws
