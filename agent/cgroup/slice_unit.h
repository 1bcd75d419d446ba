// What a task's limits mean as a slice unit of systemd: its name, its path below the cgroup mounts, its
// properties. Pure: no files, no bus.
#pragma once
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/cgroup/layout.h"
#include "shared/base/result.h"

namespace agent::cgroup {

// "berth-<task id>.slice", which systemd puts inside berth.slice; with an empty id the parent itself. Within
// a name '-' is systemd's separator of levels: one in the id, like any character that units may not have, is
// written as systemd-escape does ("\x2d").
std::string slice_name(std::string_view parent, std::string_view task_id);
// "berth.slice/berth-<task id>.slice": where the slice's cgroup is below each mount.
std::string slice_path(std::string_view parent, std::string_view task_id);

inline constexpr std::int64_t kMicrosPerSecond = 1'000'000;
inline constexpr std::uint64_t kInfinity = std::numeric_limits<std::uint64_t>::max();  // systemd's "infinity"

struct UnitProperty {
  std::string name;
  std::variant<std::string, bool, std::uint64_t> value;
  bool operator==(const UnitProperty&) const = default;
};
std::string to_text(const UnitProperty& property);  // "MemoryMax=67108864"

// Every limit is named, an absent one as systemd's default, so that a slice that exists is brought to exactly
// these. systemd translates them where the controllers are in v1. Error "cgroup" names property and value.
shared::Result<std::vector<UnitProperty>> slice_properties(const Limits& limits, std::int64_t period_micros);

}  // namespace agent::cgroup
