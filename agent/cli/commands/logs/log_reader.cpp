#include "agent/cli/commands/logs/log_reader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr std::size_t kStreamsAtOnce = 100;  // of FilterLogEvents

bool is_missing(const Error& error) { return error.code() == "ResourceNotFoundException"; }

LogLine line_of(const json& event, const LogStream& from) {
  return {shared::from_epoch_millis(number_in(event, "timestamp")), text_in(event, "eventId"), from,
          text_in(event, "message")};
}

void sort_lines(std::vector<LogLine>& lines) {
  std::stable_sort(lines.begin(), lines.end(),
                   [](const LogLine& a, const LogLine& b) { return a.at < b.at; });
}

}  // namespace

Result<std::vector<LogLine>> LogReader::read(shared::WallTime from) {
  std::vector<LogLine> lines;
  for (const auto& [group, streams] : streams_) {
    std::vector<std::string> names;
    for (const auto& [name, stream] : streams) names.push_back(name);
    for (std::size_t at = 0; at < names.size(); at += kStreamsAtOnce) {
      json input = {{"logGroupName", group}, {"startTime", std::max(0LL, shared::epoch_millis(from))}};
      const auto end =
          names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), at + kStreamsAtOnce));
      input["logStreamNames"] =
          std::vector<std::string>(names.begin() + static_cast<std::ptrdiff_t>(at), end);
      for (;;) {
        auto answer = context_.api().logs("FilterLogEvents", input);
        if (!answer && is_missing(answer.error())) break;
        if (!answer) return answer.error();
        for (const json& each : list_in(*answer, "events")) {
          const auto stream = streams.find(text_in(each, "logStreamName"));
          if (stream == streams.end()) continue;
          LogLine line = line_of(each, stream->second);
          if (line.id.empty())
            line.id = stream->first + std::to_string(shared::epoch_millis(line.at)) + line.text;
          if (seen_.insert(line.id).second) lines.push_back(std::move(line));
        }
        const std::string next = text_in(*answer, "nextToken");
        if (next.empty()) break;
        input["nextToken"] = next;
      }
    }
  }
  sort_lines(lines);
  return lines;
}

Result<std::vector<LogLine>> LogReader::last(std::size_t most) {
  std::vector<LogLine> lines;
  if (most == 0) return lines;
  for (const auto& [group, streams] : streams_) {
    for (const auto& [name, stream] : streams) {
      auto answer = context_.api().logs("GetLogEvents", {{"logGroupName", group},
                                                         {"logStreamName", name},
                                                         {"limit", std::min<std::size_t>(most, 10'000)},
                                                         {"startFromHead", false}});
      if (!answer && is_missing(answer.error())) continue;
      if (!answer) return answer.error();
      for (const json& each : list_in(*answer, "events")) lines.push_back(line_of(each, stream));
    }
  }
  sort_lines(lines);
  if (lines.size() > most) lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(most));
  return lines;
}

Result<LogSources> sources_of_tasks(Context& context, const json& tasks, const std::string& container) {
  std::map<std::string, json> definitions;
  LogSources all;
  std::set<std::string> without;
  for (const json& task : tasks) {
    const std::string arn = text_in(task, "taskDefinitionArn");
    if (!definitions.contains(arn)) {
      auto definition = task_definition(context, arn);
      if (!definition) return definition.error();
      definitions.emplace(arn, *std::move(definition));
    }
    LogSources some = log_sources(task, definitions.at(arn), container);
    all.streams.insert(all.streams.end(), some.streams.begin(), some.streams.end());
    without.insert(some.without.begin(), some.without.end());
  }
  all.without.assign(without.begin(), without.end());
  return all;
}

std::vector<std::string> last_lines_of(Context& context, const json& task, std::size_t most) {
  auto sources = sources_of_tasks(context, json::array({task}), "");
  if (!sources) return {"its logs cannot be read: " + sources.error().text()};
  LogReader reader(context);
  for (const LogStream& each : sources->streams) reader.add(each);
  std::vector<std::string> out;
  if (auto lines = reader.last(most)) {
    for (const LogLine& each : *lines) out.push_back(each.from.container + "  " + harmless(each.text));
  } else {
    out.push_back("its logs cannot be read: " + lines.error().text());
  }
  if (out.empty()) {
    for (const std::string& each : sources->without)
      out.push_back(each + ": its lines are on its host (docker logs), not in CloudWatch Logs");
  }
  return out;
}

}  // namespace agent::cli
