// An ACME order from step to step (RFC 8555 section 7.4): what is asked next, and what a reply makes of the
// order. Values only; what it needs to go on is in the row, so that a restart changes nothing but that a
// request may be made twice.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "agent/acme/messages.h"
#include "agent/model/acme.h"
#include "agent/model/certificate.h"
#include "shared/base/time.h"

namespace agent::control {

// How long until what failed is tried again: doubled or trebled with each failure in a row.
inline constexpr shared::Millis kFirstUnreachableWait{5'000};  // the server itself cannot be had
inline constexpr shared::Millis kMaxUnreachableWait{600'000};
// It said no. Public servers allow five failed validations of a host in an hour.
inline constexpr shared::Millis kFirstRefusedWait{60'000};
inline constexpr shared::Millis kMaxRefusedWait{3'600'000};
// Between two looks at what the server works on, unless it says how long.
inline constexpr shared::Millis kFirstPollWait{1'000};
inline constexpr shared::Millis kMaxPollWait{15'000};
inline constexpr int kMaxPolls = 120;  // of one order, which is then given up and begun anew

// Nothing while the order waits for balancers.
std::optional<acme::Ask> next_ask(const model::AcmeOrder& order, const model::AcmeAccount& account,
                                  const model::CertificateRequest& request);

struct Outcome {
  enum class Kind { kGoesOn, kIssued, kFailed, kAccountLost };
  Kind kind = Kind::kGoesOn;
  std::string chain{};           // kIssued: PEM, the certificate first
  std::string failure_reason{};  // kFailed: ACM's word
};
// `reply` is to what next_ask() said of this order. The order is begun anew where that may help.
Outcome hear(model::AcmeOrder& order, const acme::Reply& reply, shared::WallTime now);
// It did not lead to a certificate, and is begun anew later.
void begin_anew(model::AcmeOrder& order, const std::string& problem, shared::WallTime now);

// ACM's FailureReason of a problem that trying again does not solve; empty for the others.
std::string_view failure_reason(const acme::Problem& problem);
// The server itself cannot be had, or asks to be left alone: what was asked is asked again.
bool is_passing(const acme::Problem& problem);
shared::Millis wait_after(const acme::Problem& problem, int failures,
                          std::optional<shared::Millis> retry_after);

// When a certificate is renewed: 30 days before its end, or when a third of its life is left.
shared::WallTime renewal_time(shared::WallTime not_before, shared::WallTime not_after);

}  // namespace agent::control
