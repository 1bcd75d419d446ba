// Events: putting them, reading a stream, filtering a group.
#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/logs/operations.h"
#include "agent/logs/pattern.h"

namespace agent::api::logs {
namespace {

using agent::logs::Event;
using agent::logs::Position;
using nlohmann::json;
using shared::Result;

constexpr std::size_t kMaxBatchEvents = 10'000;
constexpr std::size_t kMaxBatchBytes = 1'048'576;
constexpr std::size_t kBytesPerEvent = 26;  // that AWS adds to each
constexpr std::int64_t kDay = 86'400'000;
constexpr std::int64_t kTooOldDays = 14;
constexpr std::int64_t kTooNew = 7'200'000;
constexpr std::size_t kMaxNamedStreams = 100;
constexpr int kTimeDigits = 20;
constexpr int kIdDigits = 36;  // 56 in all, as AWS's have

// "00000001796000000500" and "000...17": in the order of the events.
std::string digits(std::int64_t number, int width) {
  const std::string text = std::to_string(number);
  return std::string(static_cast<std::size_t>(std::max(0, width - static_cast<int>(text.size()))), '0') +
         text;
}
std::string digits_of(const Position& at) {
  return digits(at.timestamp, kTimeDigits) + digits(at.id, kIdDigits);
}

std::optional<Position> position_in(std::string_view text) {
  const auto number = [](std::string_view part) {
    std::int64_t value = -1;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    return error == std::errc() && end == part.data() + part.size() ? value : -1;
  };
  if (text.size() != kTimeDigits + kIdDigits) return std::nullopt;
  const Position out{number(text.substr(0, kTimeDigits)), number(text.substr(kTimeDigits))};
  if (out.timestamp < 0 || out.id < 0) return std::nullopt;
  return out;
}

// ---- PutLogEvents ----

Result<std::vector<agent::logs::NewEvent>> read_events(In in) {
  std::vector<agent::logs::NewEvent> events;
  std::size_t bytes = 0;
  const auto list = in.children("logEvents");
  if (!in.ok()) return in.error();
  if (list.empty())
    return constraint("logEvents", "[]", "Member must have length greater than or equal to 1");
  if (list.size() > kMaxBatchEvents)
    return constraint("logEvents", "[...]",
                      "Member must have length less than or equal to " + std::to_string(kMaxBatchEvents));
  for (const auto& each : list) {
    agent::logs::NewEvent event;
    event.timestamp = each.required_integer<std::int64_t>("timestamp");
    event.message = each.required_string("message");
    if (!in.ok()) return in.error();
    if (event.timestamp < 0)
      return constraint(each.path_of("timestamp"), std::to_string(event.timestamp),
                        "Member must have value greater than or equal to 0");
    if (event.message.empty())
      return constraint(each.path_of("message"), "", "Member must have length greater than or equal to 1");
    bytes += event.message.size() + kBytesPerEvent;
    if (!events.empty() && event.timestamp < events.back().timestamp)
      return invalid("Log events in a single PutLogEvents request must be in chronological order.");
    events.push_back(std::move(event));
  }
  if (bytes > kMaxBatchBytes) {
    return invalid("Upload too large: " + std::to_string(bytes) + " bytes exceeds limit of " +
                   std::to_string(kMaxBatchBytes) + " (26 are counted for each event)");
  }
  if (events.back().timestamp - events.front().timestamp > kDay)
    return invalid(
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.");
  return events;
}

Answer put_log_events(const Context& at, In in) {
  const auto name = group_name(in);
  if (!name) return name.error();
  const auto named = stream_name(in);
  if (!named) return named.error();
  auto events = read_events(in);
  if (!events) return events.error();
  const auto group = at.store.group(*name);
  if (!group) return group.error();
  const auto stream = at.store.stream(*group, *named);
  if (!stream) return stream.error();
  // They are in the order of their times: what is refused is at the ends.
  const auto first_from = [&](std::int64_t time) {
    return static_cast<std::size_t>(
        std::lower_bound(events->begin(), events->end(), time,
                         [](const auto& e, std::int64_t t) { return e.timestamp < t; }) -
        events->begin());
  };
  const std::size_t too_old = first_from(at.now - kTooOldDays * kDay);
  const std::size_t expired = group->retention_days ? first_from(at.now - *group->retention_days * kDay) : 0;
  const std::size_t too_new = first_from(at.now + kTooNew + 1);
  json rejected = json::object();
  if (expired > too_old) rejected["expiredLogEventEndIndex"] = expired;
  if (too_old > 0) rejected["tooOldLogEventEndIndex"] = too_old;
  if (too_new < events->size()) rejected["tooNewLogEventStartIndex"] = too_new;
  events->resize(too_new);
  events->erase(events->begin(), events->begin() + static_cast<std::ptrdiff_t>(
                                                       std::min(std::max(too_old, expired), events->size())));
  if (auto ok = at.store.put(*group, *stream, *events, at.now); !ok) return ok.error();
  json out{{"nextSequenceToken", digits(at.now, kTimeDigits + kIdDigits)}};
  if (!rejected.empty()) out["rejectedLogEventsInfo"] = std::move(rejected);
  return out;
}

// ---- GetLogEvents ----

// "f/<digits>/s": what comes after that position; "b/...": what comes before it.
std::string forward_token(const Position& at) { return "f/" + digits_of(at) + "/s"; }
std::string backward_token(const Position& at) { return "b/" + digits_of(at) + "/s"; }

Result<void> read_token(const std::string& token, agent::logs::StreamQuery& query) {
  const bool forward = token.starts_with("f/");
  if ((!forward && !token.starts_with("b/")) || !token.ends_with("/s") || token.size() < 4)
    return bad_token();
  const auto place = position_in(std::string_view(token).substr(2, token.size() - 4));
  if (!place) return bad_token();
  (forward ? query.after : query.ahead_of) = *place;
  query.newest = !forward;
  return {};
}

Answer get_log_events(const Context& at, In in) {
  const auto named = stream_name(in);
  if (!named) return named.error();
  agent::logs::StreamQuery query;
  query.from = in.integer<std::int64_t>("startTime");
  query.before = in.integer<std::int64_t>("endTime");
  query.newest = !in.boolean_or("startFromHead", false);
  const auto token = in.string("nextToken");
  const auto group = identified_group(at, in);
  if (!in.ok()) return in.error();
  const auto limit = limit_of(in, agent::logs::kMaxPageEvents, agent::logs::kMaxPageEvents);
  if (!limit) return limit.error();
  query.limit = *limit;
  if (token) {
    if (auto ok = read_token(*token, query); !ok) return ok.error();
  }
  if (!group) return group.error();
  const auto stream = at.store.stream(*group, *named);
  if (!stream) return stream.error();
  query.group = group->id;
  query.stream = stream->id;
  const auto events = at.store.read(*group, query, at.now);
  if (!events) return events.error();
  json out{{"events", json::array()}};
  for (const Event& event : *events)
    out["events"].push_back(
        {{"timestamp", event.at.timestamp}, {"message", event.message}, {"ingestionTime", event.ingested}});
  // Of an empty page both tokens are of one place, and the one that was given comes back: that is how clients
  // see the end.
  Position first = query.after.value_or(query.ahead_of.value_or(Position{query.from.value_or(0), 0}));
  Position last = first;
  if (!events->empty()) {
    first = events->front().at;
    last = events->back().at;
  } else if (query.after) {
    ++first.id;  // what is before it has the event at that place
  } else if (query.ahead_of && last.id > 0) {
    --last.id;
  }
  out["nextForwardToken"] = forward_token(last);
  out["nextBackwardToken"] = backward_token(first);
  return out;
}

// ---- FilterLogEvents ----

Answer filter_log_events(const Context& at, In in) {
  agent::logs::FilterQuery query;
  query.from = in.integer<std::int64_t>("startTime");
  query.through = in.integer<std::int64_t>("endTime");
  query.stream_prefix = in.string("logStreamNamePrefix");
  const auto names = in.strings("logStreamNames");
  const std::string text = in.string_or("filterPattern", "");
  const auto token = in.string("nextToken");
  const auto group = identified_group(at, in);
  if (!in.ok()) return in.error();
  const auto limit = limit_of(in, agent::logs::kMaxPageEvents, agent::logs::kMaxPageEvents);
  if (!limit) return limit.error();
  query.limit = *limit;
  if (names && query.stream_prefix)
    return invalid("logStreamNames and logStreamNamePrefix exclude each other: give one of them");
  if (names && (names->empty() || names->size() > kMaxNamedStreams))
    return constraint("logStreamNames", "[" + std::to_string(names->size()) + "]",
                      "Member must have from 1 to 100 elements");
  if (query.stream_prefix) {
    if (auto ok = check_stream_name("logStreamNamePrefix", *query.stream_prefix); !ok) return ok.error();
  }
  const auto pattern = agent::logs::Pattern::parse(text);
  if (!pattern) return pattern.error();
  if (token) {
    const auto place = place_in(*token);
    const auto after = place ? position_in(*place) : std::nullopt;
    if (!after) return bad_token();
    query.after = *after;
  }
  if (!group) return group.error();
  query.group = group->id;
  for (const std::string& name : names.value_or(std::vector<std::string>())) {
    const auto stream = at.store.stream(*group, name);
    if (!stream) return stream.error();
    query.streams.push_back(stream->id);
  }
  const auto found = at.store.filter(*group, query, *pattern, at.now);
  if (!found) return found.error();
  json out{{"events", json::array()}, {"searchedLogStreams", json::array()}};
  for (const Event& event : found->events) {
    out["events"].push_back({{"logStreamName", event.stream},
                             {"timestamp", event.at.timestamp},
                             {"message", event.message},
                             {"ingestionTime", event.ingested},
                             {"eventId", digits_of(event.at)}});
  }
  if (found->next) out["nextToken"] = token_of(digits_of(*found->next));
  return out;
}

constexpr auto kEventTable = std::to_array<Operation>({
    {"FilterLogEvents", filter_log_events},
    {"GetLogEvents", get_log_events},
    {"PutLogEvents", put_log_events},
});

}  // namespace

std::span<const Operation> event_operations() { return kEventTable; }

}  // namespace agent::api::logs
