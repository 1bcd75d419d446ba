#include "balancer/codec/desync.h"

#include "balancer/codec/head.h"

namespace balancer::codec {

namespace {

using shared::lbconfig::DesyncMode;

// What defensive mode does beyond its tier: nothing, or refuse although ALB would pass it on.
enum class Defensive : std::uint8_t { kByTier, kRefuse };

struct Row {
  Finding finding;
  Tier tier;
  std::string_view word;
  Defensive defensive;
};
constexpr std::array kRows = {
    Row{Finding::kNone, Tier::kCompliant, "", Defensive::kByTier},
    Row{Finding::kNonCompliantHeader, Tier::kAcceptable, "NonCompliantHeader", Defensive::kByTier},
    Row{Finding::kSpaceBeforeColon, Tier::kAcceptable, "NonCompliantHeader", Defensive::kRefuse},
    Row{Finding::kSpaceInUri, Tier::kAcceptable, "SpaceInUri", Defensive::kRefuse},
    Row{Finding::kNonCompliantVersion, Tier::kAcceptable, "NonCompliantVersion", Defensive::kByTier},
    Row{Finding::kExtraSpaceInRequestLine, Tier::kAcceptable, "NonCompliantVersion", Defensive::kRefuse},
    Row{Finding::kGetHeadZeroContentLength, Tier::kAcceptable, "GetHeadZeroContentLength",
        Defensive::kByTier},
    Row{Finding::kNonCrLfLineTermination, Tier::kAcceptable, "NonCrLfLineTermination", Defensive::kRefuse},
    Row{Finding::kEmptyHeader, Tier::kAmbiguous, "EmptyHeader", Defensive::kRefuse},
    Row{Finding::kAmbiguousUri, Tier::kAmbiguous, "AmbiguousUri", Defensive::kRefuse},
    Row{Finding::kUndefinedContentLengthSemantics, Tier::kAmbiguous, "UndefinedContentLengthSemantics",
        Defensive::kByTier},
    Row{Finding::kUndefinedTransferEncodingSemantics, Tier::kAmbiguous, "UndefinedTransferEncodingSemantics",
        Defensive::kByTier},
    Row{Finding::kDuplicateContentLength, Tier::kAmbiguous, "DuplicateContentLength", Defensive::kByTier},
    Row{Finding::kBothTeClPresent, Tier::kAmbiguous, "BothTeClPresent", Defensive::kByTier},
    Row{Finding::kSuspiciousHeader, Tier::kAmbiguous, "SuspiciousHeader", Defensive::kByTier},
    Row{Finding::kMultilineHeader, Tier::kAmbiguous, "MultilineHeader", Defensive::kRefuse},
    Row{Finding::kMissingHeaderColon, Tier::kAmbiguous, "MissingHeaderColon", Defensive::kRefuse},
    Row{Finding::kMissingUri, Tier::kAmbiguous, "MissingUri", Defensive::kRefuse},
    Row{Finding::kBadHeader, Tier::kSevere, "BadHeader", Defensive::kByTier},
    Row{Finding::kBadUri, Tier::kSevere, "BadUri", Defensive::kByTier},
    Row{Finding::kBadMethod, Tier::kSevere, "BadMethod", Defensive::kByTier},
    Row{Finding::kBadVersion, Tier::kSevere, "BadVersion", Defensive::kByTier},
    Row{Finding::kMultipleContentLength, Tier::kSevere, "MultipleContentLength", Defensive::kByTier},
    Row{Finding::kBadContentLength, Tier::kSevere, "BadContentLength", Defensive::kByTier},
    Row{Finding::kMultipleTransferEncodingChunked, Tier::kSevere, "MultipleTransferEncodingChunked",
        Defensive::kByTier},
    Row{Finding::kBadTransferEncoding, Tier::kSevere, "BadTransferEncoding", Defensive::kByTier},
    Row{Finding::kSuspiciousTeClPresent, Tier::kSevere, "SuspiciousTeClPresent", Defensive::kByTier},
};
constexpr bool rows_in_order() {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (static_cast<std::size_t>(kRows[i].finding) != i) return false;
  }
  return kRows.size() == static_cast<std::size_t>(Finding::kCount);
}
static_assert(rows_in_order(), "one row for each Finding, in its order");

constexpr std::uint32_t refused_in_defensive() {
  std::uint32_t mask = 0;
  for (const Row& row : kRows) {
    if (row.defensive == Defensive::kRefuse || row.tier == Tier::kSevere) mask |= Findings::bit(row.finding);
  }
  return mask;
}
constexpr std::uint32_t kRefusedInDefensive = refused_in_defensive();

// Findings whose other reading begins the next request at another byte. BareLf is one: `X:
// a<LF>Content-Length: 5`.
constexpr std::uint32_t closed_in_monitor() {
  std::uint32_t mask = Findings::bit(Finding::kNonCrLfLineTermination);
  for (const Row& row : kRows) {
    if (row.tier == Tier::kAmbiguous || row.tier == Tier::kSevere) mask |= Findings::bit(row.finding);
  }
  return mask;
}
constexpr std::uint32_t kClosedInMonitor = closed_in_monitor();

// A body where none is expected, but framed by one good field.
constexpr std::uint32_t kFramingIsClear = Findings::bit(Finding::kUndefinedContentLengthSemantics) |
                                          Findings::bit(Finding::kUndefinedTransferEncodingSemantics);

const Row& row(Finding finding) { return kRows[static_cast<std::size_t>(finding)]; }

Verdict verdict_by_mode(const Findings& findings, Tier tier, DesyncMode mode) {
  if (tier == Tier::kCompliant) return Verdict::kPass;
  switch (mode) {
    case DesyncMode::kStrictest:
      return Verdict::kRefuse;
    case DesyncMode::kDefensive:
      if ((findings.mask() & kRefusedInDefensive) != 0) return Verdict::kRefuse;
      return tier == Tier::kAmbiguous ? Verdict::kPassAndClose : Verdict::kPass;
    case DesyncMode::kMonitor:
      return (findings.mask() & kClosedInMonitor) != 0 ? Verdict::kPassAndClose : Verdict::kPass;
  }
  return Verdict::kRefuse;
}

}  // namespace

Tier tier_of(Finding finding) { return row(finding).tier; }
std::string_view to_string(Finding finding) { return row(finding).word; }

std::string_view to_string(Tier tier) {
  constexpr std::array<std::string_view, 4> kWords = {"Compliant", "Acceptable", "Ambiguous", "Severe"};
  return kWords[static_cast<std::size_t>(tier)];
}

void Findings::add(Finding finding) {
  seen_ |= bit(finding);
  Finding& first = first_[static_cast<std::size_t>(tier_of(finding))];
  if (first == Finding::kNone) first = finding;
}

Tier Findings::tier() const { return tier_of(reason()); }

Finding Findings::reason() const {
  for (std::size_t tier = first_.size(); tier-- > 0;) {
    if (first_[tier] != Finding::kNone) return first_[tier];
  }
  return Finding::kNone;
}

Judgement judge(const RequestHead& head, DesyncMode mode) {
  Judgement judgement;
  judgement.reason = head.findings.reason();
  judgement.tier = tier_of(judgement.reason);
  if (head.refusal != Refusal::kNone) {
    judgement.verdict = Verdict::kRefuse;
    judgement.refusal = head.refusal;
  } else {
    judgement.verdict = verdict_by_mode(head.findings, judgement.tier, mode);
    if (judgement.verdict == Verdict::kRefuse) judgement.refusal = Refusal::kDesync;
  }
  judgement.client_may_stay = judgement.verdict == Verdict::kPassAndClose &&
                              (head.findings.mask() & kClosedInMonitor & ~kFramingIsClear) == 0;
  judgement.status = status_of(judgement.refusal);
  return judgement;
}

}  // namespace balancer::codec
