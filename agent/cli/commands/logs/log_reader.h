// Reads the lines of many streams of CloudWatch Logs in the order of their times.
#pragma once
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/cli/commands/look.h"
#include "agent/cli/story/log_sources.h"

namespace agent::cli {

struct LogLine {
  shared::WallTime at{};
  std::string id;
  LogStream from;
  std::string text;
};

class LogReader {
 public:
  explicit LogReader(Context& context) : context_(context) {}
  void add(const LogStream& stream) { streams_[stream.group][stream.stream] = stream; }
  bool empty() const { return streams_.empty(); }
  // Lines that were not handed out before, not older than `from`. Streams and groups that are not there yet
  // have none.
  shared::Result<std::vector<LogLine>> read(shared::WallTime from);
  // The last `most` lines of all streams together.
  shared::Result<std::vector<LogLine>> last(std::size_t most);

 private:
  Context& context_;
  std::map<std::string, std::map<std::string, LogStream>> streams_;  // by group and name
  std::set<std::string> seen_;
};

// Which streams the tasks write; definitions are asked for once each.
shared::Result<LogSources> sources_of_tasks(Context& context, const nlohmann::json& tasks,
                                            const std::string& container);
// The last lines of a task that ended, each with its container's name before it; why there are none where
// there are none.
std::vector<std::string> last_lines_of(Context& context, const nlohmann::json& task, std::size_t most);

}  // namespace agent::cli
