// Desync mitigation: how ambiguous a request head is, and what a mode of ELB makes of that.
// The tiers and reason words are those of AWS's HTTP Desync Guardian, as ALB writes them to its access log
// (classification, classification_reason). Where ALB passes a head on whose two readings differ in more than
// framing (bare LF, folded lines, lines without a colon, spaces in the target), Berth refuses it in defensive
// mode as RFC 9112 sections 2.2, 3.2, 5.1 and 5.2 ask; monitor passes it on in one normalised reading. Where
// the two readings may differ in where the request ends, monitor ends both connections too: whoever reads the
// head in the other way sees nothing behind it.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

#include "balancer/codec/refusal.h"
#include "shared/lbconfig/config.h"

namespace balancer::codec {

struct RequestHead;

enum class Tier : std::uint8_t { kCompliant, kAcceptable, kAmbiguous, kSevere };

enum class Finding : std::uint8_t {
  kNone,
  // Acceptable
  kNonCompliantHeader,
  kSpaceBeforeColon,  // reported as NonCompliantHeader
  kSpaceInUri,
  kNonCompliantVersion,
  kExtraSpaceInRequestLine,  // reported as NonCompliantVersion
  kGetHeadZeroContentLength,
  kNonCrLfLineTermination,
  // Ambiguous
  kEmptyHeader,
  kAmbiguousUri,
  kUndefinedContentLengthSemantics,
  kUndefinedTransferEncodingSemantics,
  kDuplicateContentLength,
  kBothTeClPresent,
  kSuspiciousHeader,
  kMultilineHeader,
  kMissingHeaderColon,
  kMissingUri,
  // Severe
  kBadHeader,
  kBadUri,
  kBadMethod,
  kBadVersion,
  kMultipleContentLength,
  kBadContentLength,
  kMultipleTransferEncodingChunked,
  kBadTransferEncoding,
  kSuspiciousTeClPresent,
  kCount
};

Tier tier_of(Finding finding);
std::string_view to_string(Finding finding);  // ELB's word, "BothTeClPresent"; empty for kNone
std::string_view to_string(Tier tier);        // "Compliant", "Acceptable", "Ambiguous", "Severe"

// The set of findings of one head, with the first of each tier in the order of the bytes.
class Findings {
 public:
  void add(Finding finding);
  void clear() { *this = Findings(); }
  bool has(Finding finding) const { return (seen_ & bit(finding)) != 0; }
  std::uint32_t mask() const { return seen_; }
  static constexpr std::uint32_t bit(Finding finding) { return 1U << static_cast<unsigned>(finding); }
  Tier tier() const;
  Finding reason() const;  // the first finding of the highest tier

 private:
  std::uint32_t seen_ = 0;
  std::array<Finding, 4> first_{};
};
static_assert(static_cast<unsigned>(Finding::kCount) <= 32, "Findings keeps one bit for each");

enum class Verdict : std::uint8_t {
  kPass,
  kPassAndClose,  // forward, then close both the client's and the target's connection
  kRefuse,        // answer with `status` and close; no byte reaches a target
};

struct Judgement {
  Verdict verdict = Verdict::kPass;
  Refusal refusal = Refusal::kNone;
  int status = 0;  // kRefuse only
  // kPassAndClose: only the meaning of a body was in doubt (one with GET), not where it ends. The next
  // request of the client may be read; the target, which may take the body for a request, still loses its
  // connection.
  bool client_may_stay = false;
  Tier tier = Tier::kCompliant;
  Finding reason = Finding::kNone;
};

// After the parser said kComplete or kError.
Judgement judge(const RequestHead& head, shared::lbconfig::DesyncMode mode);

}  // namespace balancer::codec
