// The ECS API on a state of its own, without engine, store or network. A call that fails leaves nothing
// behind, as with the engine.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

#include "agent/api/ecs/ecs.h"
#include "agent/control/state/step.h"

namespace agent::api::ecs::testing {

using nlohmann::json;

class Api {
 public:
  shared::Result<json> call(const std::string& operation, const json& request);
  shared::Result<json> call_text(const std::string& operation, const std::string& body);
  // The answer of a call that must succeed.
  json ok(const std::string& operation, const json& request);
  // "Code: text" of a call that must fail.
  std::string refused(const std::string& operation, const json& request);

  // A registered and connected instance; gives its ARN.
  std::string join(int cpu = 2048, int memory = 4096, const std::string& cluster = "default");
  void connect(const std::string& instance_arn, bool connected);
  // Registers a definition with one container "web"; gives its ARN.
  std::string define(const std::string& family, const json& container = json::object());
  // The agent's report of a task and its container "web".
  void report(const std::string& task_arn, const std::string& status, const json& container = json::object());

  std::vector<std::string> resource_ids;  // of the last call's error
  control::State state;
  shared::env::SeededRandom random{7};
  control::Settings settings;
  shared::WallTime now = shared::from_epoch_millis(1'700'000'000'123);
};

// The smallest definition that ECS takes, with `more` laid over its container.
json definition(const std::string& family, const json& more = json::object());

}  // namespace agent::api::ecs::testing
