// Values shared by several resources of the model. The model holds what decisions need; what an API only
// echoes is kept beside it as the JSON text it came as (members named `document`).
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "shared/base/time.h"

namespace agent::model {

using shared::WallTime;

struct Tag {
  std::string key;
  std::string value;
  bool operator==(const Tag&) const = default;
};

struct NameValue {
  std::string name;
  std::string value;
  bool operator==(const NameValue&) const = default;
};

// What a task takes from its container instance, and what an instance has. CPU in ECS units (1024 per core),
// memory in MiB, ports as host port numbers.
struct Resources {
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  std::set<int> tcp_ports;
  std::set<int> udp_ports;
  bool operator==(const Resources&) const = default;
};

// Both EC2 and EXTERNAL tasks run on any container instance of ours; FARGATE is refused where it would be
// placed.
enum class LaunchType { kEc2, kExternal, kFargate };

}  // namespace agent::model
