// Lines: an expression, a replacement, a host, a target. Any text is an expression or an error with a text;
// what a transform makes of them is a host and a target, or a failure with a word.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "balancer/codec/rewrite.h"
#include "balancer/routing/transform.h"
#include "shared/base/check.h"
#include "shared/lbconfig/json.h"

namespace {

namespace lb = shared::lbconfig;
namespace routing = balancer::routing;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::array<std::string_view, 4> lines{};
  for (std::string_view& line : lines) {
    line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
  }
  const auto [expression, replacement, host, target] = lines;
  lb::Config config;
  lb::Listener listener;
  listener.id = "l";
  listener.default_action.type = lb::ActionType::kFixedResponse;
  lb::Rule rule;
  rule.priority = 1;
  rule.action = listener.default_action;
  lb::Condition condition;
  condition.regex_values = {std::string(expression)};
  rule.conditions.push_back(condition);
  rule.rewrites.host = rule.rewrites.url = lb::Rewrite{std::string(expression), std::string(replacement)};
  listener.rules.push_back(rule);
  config.listeners.push_back(listener);
  const auto valid = lb::validate(config);
  const auto table = routing::RouteTable::compile(listener);
  BERTH_CHECK(valid.has_value() == table.has_value(), "valid is one thing and can be compiled another");
  if (!table) {
    BERTH_CHECK(!table.error().text().empty() && !valid.error().text().empty(), "an error without a text");
    return 0;
  }
  routing::RequestFacts facts;
  facts.host = host;
  facts.path = target.substr(0, target.find('?'));
  const bool has_query = facts.path.size() != target.size();
  if (has_query) facts.query = target.substr(facts.path.size() + 1);
  routing::Scratch scratch;
  routing::Match match = table->match(facts, scratch);
  match.index = 0;  // the transforms, whether it matched or not
  routing::TransformSpace space;
  const routing::Transformed out = routing::transform(*table, match, facts, has_query, space);
  if (out.result == routing::TransformResult::kFailed) {
    BERTH_CHECK(!out.reason.empty(), "a failure without a word");
    return 0;
  }
  BERTH_CHECK(!out.host_changed || balancer::codec::valid_authority(out.host), "no host");
  if (!out.target_changed) return 0;
  BERTH_CHECK(out.target.starts_with('/') && out.target.size() <= routing::kMaxRewrittenTarget, "no target");
  for (const char c : out.target) BERTH_CHECK(c > 0x20 && c < 0x7f && c != '#', "a byte that ends a target");
  return 0;
}
