// The bytes choose the rules of a listener and a few requests: the compiled rules find what reading them one
// by one finds, and what the rule's transforms make is a host and a target, or a failure with a word.
#include <cstddef>
#include <cstdint>
#include <string>

#include "balancer/codec/rewrite.h"
#include "balancer/routing/transform.h"
#include "shared/base/check.h"
#include "tests/support/naive_rules.h"

namespace {

namespace routing = balancer::routing;
constexpr int kRequests = 8;

void check_transform(const routing::Transformed& out) {
  if (out.result == routing::TransformResult::kFailed) {
    BERTH_CHECK(!out.reason.empty(), "a failure without a word");
    return;
  }
  BERTH_CHECK(!out.host_changed || balancer::codec::valid_authority(out.host), "no host");
  if (!out.target_changed) return;
  BERTH_CHECK(out.target.starts_with('/') && out.target.size() <= routing::kMaxRewrittenTarget, "no target");
  for (const char c : out.target) BERTH_CHECK(c > 0x20 && c < 0x7f && c != '#', "a byte that ends a target");
  BERTH_CHECK(std::string(out.path) + (out.has_query ? "?" : "") + std::string(out.query) == out.target,
              "path and query are another target");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::size_t at = 0;
  tests::AnyRules any([&](std::size_t below) { return at < size ? data[at++] % below : std::size_t{0}; });
  const shared::lbconfig::Listener listener = any.listener();
  const tests::NaiveRules naive(listener);
  const auto table = routing::RouteTable::compile(listener);
  BERTH_CHECK(table.has_value(), "rules that cannot be compiled");
  routing::Scratch scratch;
  routing::TransformSpace space;
  for (int i = 0; i < kRequests && at < size; ++i) {
    const tests::NaiveRequest request = any.request();
    const std::string text = tests::AnyRules::head_text(request);
    balancer::codec::RequestParser parser;
    balancer::codec::RequestHead head;
    BERTH_CHECK(parser.parse(text, head) == balancer::codec::ParseState::kComplete, "no head");
    const routing::RequestFacts facts = tests::facts_of(request, head);
    const routing::Match match = table->match(facts, scratch);
    BERTH_CHECK(match.index == naive.match(request), "another rule");
    check_transform(routing::transform(*table, match, facts, !request.query.empty(), space));
  }
  return 0;
}
