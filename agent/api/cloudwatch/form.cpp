// Requests of the Query protocol as JSON: dotted names become objects and lists, and texts what their members
// are.
#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

#include "agent/api/cloudwatch/operations.h"
#include "agent/api/cloudwatch/wire.h"
#include "agent/aws/query.h"
#include "agent/control/state/faults.h"
#include "shared/base/text.h"
#include "shared/http/message.h"

namespace agent::api::cloudwatch {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::array<std::string_view, 13> kNumbers{
    "Threshold",         "Period",        "EvaluationPeriods", "DatapointsToAlarm", "MaxRecords",
    "StorageResolution", "MaxDatapoints", "MaxResults",        "SampleCount",       "Sum",
    "Minimum",           "Maximum",       "EvaluationInterval"};
constexpr std::array<std::string_view, 5> kBooleans{"ActionsEnabled", "ReturnData", "IncludeLinkedAccounts",
                                                    "StrictEntityValidation", "Enabled"};
constexpr std::array<std::string_view, 7> kTimes{"Timestamp", "Timestamps", "StartTime", "EndTime",
                                                 "StartDate", "EndDate",    ""};

template <std::size_t N>
bool among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<double> number_in(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "2026-01-01T00:00:00Z", with a fraction or an offset "+01:00" too.
std::optional<double> seconds_in(std::string_view text) {
  constexpr std::size_t kPlain = 19;
  if (text.size() < kPlain) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t size) {
    return number_in(text.substr(at, size)).value_or(-1);
  };
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(part(0, 4))),
                                         std::chrono::month(static_cast<unsigned>(std::max(part(5, 2), 0.0))),
                                         std::chrono::day(static_cast<unsigned>(std::max(part(8, 2), 0.0)))};
  if (!date.ok() || part(11, 2) < 0 || part(14, 2) < 0 || part(17, 2) < 0) return std::nullopt;
  double seconds = static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count()) * 86'400 +
                   part(11, 2) * 3'600 + part(14, 2) * 60 + part(17, 2);
  std::string_view rest = text.substr(kPlain);
  if (rest.starts_with('.')) {
    const auto end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
    seconds += number_in("0" + std::string(rest.substr(0, end))).value_or(0);
    rest.remove_prefix(end);
  }
  if (rest.empty() || rest == "Z") return seconds;
  constexpr std::size_t kOffset = 6;
  if (rest.size() != kOffset || (rest[0] != '+' && rest[0] != '-')) return std::nullopt;
  const auto hours = number_in(rest.substr(1, 2));
  const auto minutes = number_in(rest.substr(4, 2));
  if (!hours || !minutes) return std::nullopt;
  const double offset = *hours * 3'600 + *minutes * 60;
  return rest[0] == '+' ? seconds - offset : seconds + offset;
}

// The member that a text belongs to: of "Dimensions.member.1.Name" Name, of "Values.member.2" Values.
std::string_view member_of(const std::vector<std::string_view>& path) {
  std::size_t at = path.size() - 1;
  if (at >= 2 && path[at - 1] == "member") at -= 2;
  return path[at];
}

Result<json> typed(const std::vector<std::string_view>& path, const std::string& text) {
  const std::string_view member = member_of(path);
  const bool of_datum = path.size() >= 4 && path[0] == "MetricData" &&
                        (member == "Value" || member == "Values" || member == "Counts") && path[3] == member;
  const auto wrong = [&](const char* what) {
    return invalid("The value '" + shared::shortened(text, kShownBytes) + "' of the parameter " +
                   std::string(member) + " is no " + what + ".");
  };
  if (among(kNumbers, member) || of_datum) {
    const auto value = number_in(text);
    if (!value) return wrong("number");
    return json(*value);
  }
  if (among(kTimes, member)) {
    const auto value = seconds_in(text);
    if (!value) return wrong("time");
    return json(*value);
  }
  if (!among(kBooleans, member)) return json(text);
  if (shared::http::equals_ignoring_case(text, "true")) return json(true);
  if (shared::http::equals_ignoring_case(text, "false")) return json(false);
  return wrong("boolean");
}

// {"member": {"1": a, "2": b}} is a list, in the order of its numbers.
json with_lists(json value) {
  if (!value.is_object()) return value;
  const auto member = value.find("member");
  if (value.size() == 1 && member != value.end() && member->is_object()) {
    std::vector<std::pair<double, json>> found;
    for (auto& [number, each] : member->items())
      found.emplace_back(number_in(number).value_or(0), with_lists(std::move(each)));
    std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    json out = json::array();
    for (auto& [number, each] : found) out.push_back(std::move(each));
    return out;
  }
  for (auto& each : value) each = with_lists(std::move(each));
  return value;
}

}  // namespace

Result<json> json_of_form(const std::string& form) {
  const auto fields = shared::http::parse_form(form);
  if (!fields) return control::fault("MalformedQueryString", fields.error().text());
  json out = json::object();
  for (const auto& [name, text] : *fields) {
    if (name == "Action" || name == "Version" || text.empty()) continue;
    std::vector<std::string_view> path;
    for (std::string_view rest = name;;) {
      const auto dot = rest.find('.');
      path.push_back(rest.substr(0, dot));
      if (dot == std::string_view::npos) break;
      rest.remove_prefix(dot + 1);
    }
    if (path.size() > aws::kMaxQueryDepth)
      return invalid("The parameter " + shared::shortened(name, kShownBytes) + " is nested too deep.");
    json* at = &out;
    for (const std::string_view part : path) {
      if (!at->is_object() && !at->is_null())
        return invalid("The parameter " + shared::shortened(name, kShownBytes) + " is given in two ways.");
      at = &(*at)[std::string(part)];
    }
    auto value = typed(path, text);
    if (!value) return value;
    *at = *std::move(value);
  }
  return with_lists(std::move(out));
}

}  // namespace agent::api::cloudwatch
