// Which log streams a task writes, and how lines of several are put together. Pure.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace agent::cli {

struct LogStream {
  std::string group, stream;
  std::string task;       // id
  std::string container;  // name
};
struct LogSources {
  std::vector<LogStream> streams;
  std::vector<std::string>
      without;  // "container web of web:3 logs with json-file": nothing is in CloudWatch Logs
};
// A task writes by awslogs to STREAM-PREFIX/CONTAINER/TASK-ID, or, where no prefix is set, to the container's
// id in its engine. `only`: a container's name; empty: all.
LogSources log_sources(const nlohmann::json& task, const nlohmann::json& definition, const std::string& only);

}  // namespace agent::cli
