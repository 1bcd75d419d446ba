// Log streams.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/api/logs/operations.h"

namespace agent::api::logs {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxStreamsPage = 50;

struct NamedStream {
  Group group;
  std::string stream;  // its name; it need not be there
};

Result<NamedStream> named_stream(const Context& at, In in) {
  const auto name = group_name(in);
  if (!name) return name.error();
  auto stream = stream_name(in);
  if (!stream) return stream.error();
  auto group = at.store.group(*name);
  if (!group) return group.error();
  return NamedStream{*std::move(group), *std::move(stream)};
}

Answer create_log_stream(const Context& at, In in) {
  const auto named = named_stream(at, in);
  if (!named) return named.error();
  if (auto ok = at.store.create_stream(named->group, named->stream, at.now); !ok) return ok.error();
  return json::object();
}

Answer delete_log_stream(const Context& at, In in) {
  const auto named = named_stream(at, in);
  if (!named) return named.error();
  if (auto ok = at.store.delete_stream(named->group, named->stream); !ok) return ok.error();
  return json::object();
}

json described(const aws::Realm& realm, const Group& group, const Stream& stream) {
  json out{{"logStreamName", stream.name},
           {"creationTime", stream.created_at},
           {"arn", stream_arn(realm, group.name, stream.name)},
           {"uploadSequenceToken", std::to_string(stream.id)},
           {"storedBytes", 0}};
  if (stream.first_event) out["firstEventTimestamp"] = *stream.first_event;
  if (stream.last_event) out["lastEventTimestamp"] = *stream.last_event;
  if (stream.last_ingestion) out["lastIngestionTime"] = *stream.last_ingestion;
  return out;
}

Answer describe_log_streams(const Context& at, In in) {
  const std::string order = in.string_or("orderBy", "LogStreamName");
  const bool descending = in.boolean_or("descending", false);
  const auto prefix = in.string("logStreamNamePrefix");
  const auto token = in.string("nextToken");
  const auto group = identified_group(at, in);
  if (!in.ok()) return in.error();
  if (order != "LogStreamName" && order != "LastEventTime")
    return constraint("orderBy", order, "Member must satisfy enum value set: [LogStreamName, LastEventTime]");
  const bool by_time = order == "LastEventTime";
  if (prefix && by_time) return invalid("Cannot order by LastEventTime with a logStreamNamePrefix.");
  const auto size = limit_of(in, kMaxStreamsPage, kMaxStreamsPage);
  if (!size) return size.error();
  if (prefix) {
    if (auto ok = check_stream_name("logStreamNamePrefix", *prefix); !ok) return ok.error();
  }
  if (!group) return group.error();
  auto streams = at.store.streams(*group, prefix.value_or(""));
  if (!streams) return streams.error();
  using Key = std::pair<std::int64_t, std::string>;
  const auto key_of = [&](const Stream& stream) {
    return Key(by_time ? stream.last_event.value_or(0) : 0, stream.name);
  };
  std::sort(streams->begin(), streams->end(), [&](const Stream& a, const Stream& b) {
    return descending ? key_of(b) < key_of(a) : key_of(a) < key_of(b);
  });
  // The token has the key of the last one that was given.
  auto next = streams->begin();
  if (token) {
    const auto place = place_in(*token);
    if (!place) return place.error();
    const std::size_t space = place->find(' ');
    const auto time = shared::json::parse(place->substr(0, space));
    if (space == std::string::npos || !time || !time->is_number_integer()) return bad_token();
    const Key last(time->get<std::int64_t>(), place->substr(space + 1));
    next = std::find_if(streams->begin(), streams->end(), [&](const Stream& each) {
      return descending ? key_of(each) < last : last < key_of(each);
    });
  }
  json out{{"logStreams", json::array()}};
  for (; next != streams->end() && out["logStreams"].size() < *size; ++next)
    out["logStreams"].push_back(described(at.realm, *group, *next));
  if (next != streams->end()) {
    const Key last = key_of(*(next - 1));
    out["nextToken"] = token_of(std::to_string(last.first) + " " + last.second);
  }
  return out;
}

constexpr auto kStreamTable = std::to_array<Operation>({
    {"CreateLogStream", create_log_stream},
    {"DeleteLogStream", delete_log_stream},
    {"DescribeLogStreams", describe_log_streams},
});

}  // namespace

std::span<const Operation> stream_operations() { return kStreamTable; }

}  // namespace agent::api::logs
