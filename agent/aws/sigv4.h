// AWS Signature Version 4: reading and verifying the signature of a request we received, signing one we send.
// Follows the public description of SigV4 for services other than S3. Not here: which keys exist (agent/iam).
// No I/O, any thread.
#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/auth_error.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/http/message.h"

namespace agent::aws {

// How far a client's clock may be off, and how old a signature may be.
inline constexpr shared::Millis kDefaultSkew = std::chrono::minutes(5);
// Presigned requests are good for at most a week.
inline constexpr std::chrono::seconds kMaxPresignedLifetime = std::chrono::hours(24 * 7);
// More header names than any client signs.
inline constexpr std::size_t kMaxSignedHeaders = 100;

enum class SignatureForm { kHeader, kPresignedQuery };

// What a request claims about itself. Nothing of it is verified.
struct Authorization {
  SignatureForm form = SignatureForm::kHeader;
  std::string access_key_id;
  std::string date;    // "20141106", of the credential scope
  std::string region;  // of the credential scope
  std::string service;
  std::vector<std::string> signed_headers;  // lower case, in the order given
  std::string signature;
  std::string amz_date;             // "20141106T010406Z"
  shared::WallTime time;            // the same
  std::chrono::seconds expires{0};  // presigned only
  std::optional<std::string> session_token;
};

// The Authorization header, or presigned query parameters when there is no such header. Errors are
// AuthFailure kMissing, kIncomplete (the text names the part) or, for another algorithm, kBadSignature.
shared::Result<Authorization> parse_authorization(const shared::http::Request& request);

// Whether "x-amz-content-sha256: UNSIGNED-PAYLOAD" is accepted: only where the transport protects the body.
enum class UnsignedPayload { kRefuse, kAccept };

struct ExpectedScope {
  std::string_view region;
  std::string_view service;  // signing_name(...)
  shared::Millis skew = kDefaultSkew;
  UnsignedPayload unsigned_payload = UnsignedPayload::kRefuse;
};

// Checks scope, time, that everything that must be signed is, and the signature itself over the request as
// received (Host exactly as sent, the body's own hash). Errors are AuthFailure kWrongScope, kExpired,
// kNotYetCurrent or kBadSignature. The session token is compared by whoever knows the key.
shared::Result<void> verify(const shared::http::Request& request, const Authorization& authorization,
                            std::string_view secret, shared::WallTime now, const ExpectedScope& expected);

struct Credentials {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty for long-lived keys
};

// Sets X-Amz-Date, X-Amz-Security-Token (if any) and Authorization, replacing older ones, and signs Host,
// Content-Type and every X-Amz-* header. The request must have its final target, body and Host header. Also
// fits the GET of a websocket upgrade: its Upgrade, Connection and Sec-WebSocket-* headers stay unsigned.
void sign(shared::http::Request& request, const Credentials& credentials, std::string_view region,
          std::string_view service, shared::WallTime now);

}  // namespace agent::aws
