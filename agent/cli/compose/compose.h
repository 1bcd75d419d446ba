// One compose file as ECS task definitions, services and what a load balancer needs, and the way back. Pure;
// no I/O. Nothing is silent: each member of the file is carried, changed or not carried, and the report says
// which and why. Thread: any.
#pragma once
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::cli {

enum class Carried { kYes, kChanged, kNo };

struct ComposeNote {
  Carried carried = Carried::kYes;
  std::string service;  // of the compose file; empty: of the whole file
  std::string member;   // "ports[0]", "deploy.resources.limits"
  std::string what;     // what became of it, or why nothing did
};

// A port of a container that clients reach: a listener of its own, or a rule of one (x-berth: {host, path,
// priority}).
struct ComposePort {
  std::string service;  // ECS service
  std::string container;
  int container_port = 0;
  int listener_port = 0;
  std::string protocol = "HTTP";  // HTTP or TCP
  std::string host, path;         // conditions of a rule; both empty: the listener's default action
  std::string health_path = "/";
};

class ComposeResult {
 public:
  ComposeResult();
  ComposeResult(ComposeResult&&) noexcept;
  ComposeResult& operator=(ComposeResult&&) noexcept;
  ~ComposeResult();
  // {service, taskDefinition} documents as deploy takes them, in the order in which they are to start.
  // loadBalancers are put in by whoever has made the target groups.
  nlohmann::json& documents();
  const nlohmann::json& documents() const;
  std::vector<ComposePort> ports;
  std::vector<ComposeNote> notes;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// $NAME, ${NAME}, ${NAME:-other}, ${NAME:?text}, ${NAME:+other} and $$ as docker compose has them. Error
// "document".
shared::Result<std::string> compose_interpolated(std::string_view text,
                                                 const std::map<std::string, std::string>& variables,
                                                 std::vector<ComposeNote>& notes);

// `project` prefixes families. Error "document": what is no compose file, a service without an image, a cycle
// of depends_on.
shared::Result<ComposeResult> import_compose(const nlohmann::json& file, const std::string& project);

// A compose file (as JSON, which is YAML too) of services with their task definitions: [{service,
// taskDefinition}].
nlohmann::json export_compose(const nlohmann::json& documents, std::vector<ComposeNote>& notes);

// "64m", "1.5g", "1073741824", bytes; nothing when it is none. Compose's units are powers of two.
std::optional<long long> bytes_of(const std::string& text);
// "1m30s", "10s", "500ms", seconds; nothing when it is none.
std::optional<long long> seconds_of(const nlohmann::json& value);
// The words of a shell command, quotes removed, as compose splits one that is a text.
std::vector<std::string> shell_words(const std::string& text);

}  // namespace agent::cli
