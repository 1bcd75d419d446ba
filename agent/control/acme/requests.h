// Certificates that are asked for (Certificate Manager's RequestCertificate): their requests, the orders that
// bring and renew them, and our account with the ACME server. Names in comments after "Errors:" are wire
// codes.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/acme/messages.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

inline constexpr std::size_t kMaxCertificateNames = 100;  // of one, as in AWS and at public servers
inline constexpr shared::Millis kIdempotencyLife{3'600'000};
// A first certificate that is not there by then is given up, as in AWS; a renewal is not.
inline constexpr shared::Millis kValidationLimit{72 * 3'600'000LL};
// Asks that are under way at once.
inline constexpr std::size_t kMaxAcmeAsks = 4;

struct RequestCertificate {
  std::vector<std::string> names;  // DomainName first; each once, in lower case
  std::string key_algorithm;       // "RSA-2048"
  std::string validation_method;   // "DNS", "HTTP"
  std::string idempotency_token;
  std::vector<model::Tag> tags;
};
// The ARN, that of a request before if it had the same token and names within an hour. Errors:
// InvalidParameterException (no server is set), LimitExceededException, InvalidTagException,
// TooManyTagsException.
shared::Result<std::string> request_certificate(Step& step, const RequestCertificate& request);
// Begins a renewal now. Errors: InvalidArnException, ResourceNotFoundException, ValidationException (it was
// imported), RequestInProgressException.
shared::Result<void> renew_certificate(Step& step, const std::string& arn);

// A reconciler: orders go on once every balancer answers, renewals begin, requests are given up.
void reconcile_certificates(Step& step);

// What the ACME server is to be asked now, computed from the rows: the same until the reply was taken.
struct AcmeAsk {
  std::string subject;       // an order's certificate ARN, or the directory of the account
  std::uint64_t serial = 0;  // of the row
  acme::Ask ask;
};
struct AcmeAsks {
  std::vector<AcmeAsk> asks;
  std::optional<shared::WallTime> next;  // nothing else before
};
AcmeAsks acme_asks(const State& state, const Settings& settings, shared::WallTime now);
// One that speaks of an older serial changes nothing.
void take_acme_reply(Step& step, const std::string& subject, std::uint64_t serial, const acme::Reply& reply);

}  // namespace agent::control
