// Events of callers, and patterns tried out.
#include <nlohmann/json.hpp>

#include "agent/api/events/request.h"
#include "agent/pattern/pattern.h"

namespace agent::api::events {

using nlohmann::json;

namespace {

constexpr std::size_t kMostEntries = 10;
constexpr std::size_t kMostEntryBytes = 262'144;

// Why it is refused; empty: it is not.
std::string problem_of(In entry) {
  for (const char* member : {"Source", "DetailType", "Detail"}) {
    if (entry.string_or(member, "").empty())
      return std::string("Parameter ") + member + " is not valid. Reason: " + member +
             " is a required argument.";
  }
  if (entry.string_or("Source", "").starts_with("aws."))
    return "NotAuthorizedForSourceException: a source that begins with aws. is AWS's.";
  const auto detail = shared::json::parse(entry.string_or("Detail", ""));
  if (!detail || !detail->is_object()) return "Detail is malformed.";
  return "";
}

Answer put_events(const Context& at, In in) {
  const auto entries = in.children("Entries");
  if (!in.ok()) return in.error();
  if (entries.empty() || entries.size() > kMostEntries)
    return constraint("entries", std::to_string(entries.size()) + " elements",
                      "Member must have from 1 to 10 elements");
  if (at.call.body.size() > kMostEntryBytes)
    return invalid("Total size of the entries in the request is over the limit.");
  json out{{"FailedEntryCount", 0}};
  out["Entries"] = json::array();
  int failed = 0;
  for (const auto& each : entries) {
    if (const auto ok = check_bus(at, each); !ok) return ok.error();
    const std::string problem = problem_of(each);
    if (!in.ok()) return in.error();
    if (!problem.empty()) {
      ++failed;
      const bool source = problem.starts_with("NotAuthorizedForSourceException");
      out["Entries"].push_back({{"ErrorCode", source ? "NotAuthorizedForSourceException"
                                              : problem == "Detail is malformed." ? "MalformedDetail"
                                                                                  : "InvalidArgument"},
                                {"ErrorMessage", problem}});
      continue;
    }
    control::events::Event event;
    event.source = each.string_or("Source", "");
    event.detail_type = each.string_or("DetailType", "");
    event.detail = each.string_or("Detail", "");
    event.resources = each.strings_or_empty("Resources");
    event.time = each.time("Time");
    if (!in.ok()) return in.error();
    out["Entries"].push_back({{"EventId", control::events::put_event(at.step, event)}});
  }
  out["FailedEntryCount"] = failed;
  return out;
}

Answer test_event_pattern(const Context& at, In in) {
  (void)at;
  const auto pattern = required(in, "EventPattern");
  if (!pattern) return pattern.error();
  const auto event = required(in, "Event");
  if (!event) return event.error();
  const auto parsed = agent::pattern::Pattern::parse(*pattern);
  if (!parsed) return parsed.error();
  const auto given = shared::json::parse(*event);
  if (!given || !given->is_object())
    return invalid("Parameter Event is not valid. Reason: it is no JSON object.");
  for (const char* member : {"id", "account", "source", "time", "region", "resources", "detail-type"}) {
    if (!given->contains(member))
      return invalid(std::string("Parameter Event is not valid. Reason: ") + member + " is missing.");
  }
  return json{{"Result", parsed->matches(*event)}};
}

constexpr auto kEventOperations = std::to_array<Operation>({
    {"PutEvents", put_events},
    {"TestEventPattern", test_event_pattern},
});

}  // namespace

std::span<const Operation> event_operations() { return kEventOperations; }

}  // namespace agent::api::events
