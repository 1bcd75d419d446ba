#include "balancer/targets/matcher.h"

#include <charconv>
#include <optional>
#include <string>

namespace balancer::targets {

using shared::Error;
using shared::Result;

namespace {

constexpr int kHighestGrpcCode = 99;
constexpr int kLowestCode = 200;
constexpr int kHighestCode = 599;

std::optional<int> parse_code(std::string_view text, int lowest, int highest) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  int code = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), code);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (code < lowest || code > highest) return std::nullopt;
  return code;
}

}  // namespace

Result<Matcher> Matcher::parse(std::string_view text, Of codes) {
  const int lowest = codes == Of::kGrpc ? 0 : kLowestCode;
  const int highest = codes == Of::kGrpc ? kHighestGrpcCode : kHighestCode;
  Matcher out;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const auto comma = rest.find(',');
    more = comma != std::string_view::npos;
    const std::string_view part = rest.substr(0, comma);
    rest = more ? rest.substr(comma + 1) : std::string_view();

    const auto dash = part.find('-');
    const auto low = parse_code(part.substr(0, dash), lowest, highest);
    const auto high =
        dash == std::string_view::npos ? low : parse_code(part.substr(dash + 1), lowest, highest);
    if (!low || !high || *low > *high) {
      return Error("matcher", "matcher '" + std::string(text) + "': '" + std::string(part) +
                                  "' is not a code or a rising range within " + std::to_string(lowest) + "-" +
                                  std::to_string(highest));
    }
    out.ranges_.emplace_back(*low, *high);
  }
  return out;
}

bool Matcher::matches(int status) const {
  for (const auto& [low, high] : ranges_) {
    if (status >= low && status <= high) return true;
  }
  return false;
}

}  // namespace balancer::targets
