// What differs between two JSON documents, member by member, for people. Pure; no I/O. Thread: any.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/cli/output/text.h"

namespace agent::cli {

struct Difference {
  enum class Kind { kAdded, kRemoved, kChanged };
  Kind kind = Kind::kChanged;
  std::string path;    // "containerDefinitions[web].environment[VERSION]"
  std::string before;  // JSON text; empty when added
  std::string after;   // JSON text; empty when removed
};

// Lists whose elements all have a `name` (or `containerName`, `sourceVolume`, `containerPort`,
// `targetGroupArn`, `key`) are compared by it whatever their order; an element {name, value} is shown as its
// value. Other lists are compared by their place.
std::vector<Difference> differences(const nlohmann::json& before, const nlohmann::json& after);

// A line each: "  ~ desiredCount: 2 -> 3", "  + cpu: 256", "  - memory: 64".
std::string render(const std::vector<Difference>& found, Colour colour);

}  // namespace agent::cli
