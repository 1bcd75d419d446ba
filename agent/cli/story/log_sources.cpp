#include <nlohmann/json.hpp>

#include "agent/cli/story/log_sources.h"
#include "agent/cli/story/members.h"
#include "agent/cli/story/words.h"

namespace agent::cli {

using nlohmann::json;

LogSources log_sources(const json& task, const json& definition, const std::string& only) {
  LogSources sources;
  const std::string id(name_in(text_in(task, "taskArn")));
  for (const json& container : list_in(definition, "containerDefinitions")) {
    const std::string name = text_in(container, "name");
    if (!only.empty() && only != name) continue;
    const json& configuration = object_in(container, "logConfiguration");
    const std::string driver = text_in(configuration, "logDriver");
    const json& options = object_in(configuration, "options");
    const std::string group = text_in(options, "awslogs-group");
    if (driver != "awslogs" || group.empty()) {
      sources.without.push_back("container " + name + " of " +
                                std::string(revision_in(text_in(definition, "taskDefinitionArn"))) +
                                " logs with " + (driver.empty() ? "the engine's own driver" : driver));
      continue;
    }
    const std::string prefix = text_in(options, "awslogs-stream-prefix");
    std::string stream = prefix.empty() ? "" : prefix + "/" + name + "/" + id;
    if (prefix.empty()) {
      for (const json& each : list_in(task, "containers")) {
        if (text_in(each, "name") == name) stream = text_in(each, "runtimeId");
      }
    }
    if (!stream.empty()) sources.streams.push_back({group, stream, id, name});
  }
  return sources;
}

}  // namespace agent::cli
