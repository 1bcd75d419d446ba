// What the kernel offers and what a task's limits mean in its words: pure text in, values out. No files.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::cgroup {

enum class Mode { kV1, kV2, kDisabled };  // kV1 also for hybrid hosts, whose controllers live in v1

// Limits of a whole task; containers keep limits of their own inside.
struct Limits {
  std::optional<double> cpu;      // vCPU, a hard limit (CFS quota)
  std::int64_t cpu_shares = 0;    // relative weight where there is no `cpu`; 0 = the kernel's minimum
  std::optional<int> memory_mib;  // hard limit; swap is left alone, as the ECS agent does
  std::optional<std::int64_t> pids;
};

inline constexpr std::int64_t kMinShares = 2;
inline constexpr std::int64_t kMaxShares = 262'144;
inline constexpr std::int64_t kCpuPeriodMicros = 100'000;  // ECS_CGROUP_CPU_PERIOD's default
// The kernel refuses a quota below 1 ms.
inline constexpr std::int64_t kMinQuotaMicros = 1'000;

// CFS quota per period of `cpu` vCPU, and the usual map of [2, 262144] shares onto [1, 10000] weight.
std::int64_t quota_micros(double cpu, std::int64_t period_micros);
std::int64_t weight_of_shares(std::int64_t shares);

struct Setting {
  std::string controller;
  std::string file;
  std::string value;
  bool operator==(const Setting&) const = default;
};
// In the order in which they must be written.
std::vector<Setting> v1_settings(const Limits& limits, std::int64_t period_micros);
std::vector<Setting> v2_settings(const Limits& limits, std::int64_t period_micros);

struct Layout {
  Mode mode = Mode::kV1;
  std::map<std::string, std::string> v1_mounts;  // controller or "name=..." -> mount point
  std::string v2_mount;                          // also set on hybrid hosts
};
// `mounts` is /proc/mounts; `v2_controllers` the cgroup.controllers file of the v2 mount's root. cpu and
// memory must both be there, in v1 or in v2; the error (code "no_controller") names the one that is missing.
shared::Result<Layout> detect_layout(std::string_view mounts, std::string_view v2_controllers);

// "name value" lines of a flat keyed file (cpu.stat, memory.events, memory.oom_control).
std::optional<std::uint64_t> keyed_value(std::string_view text, std::string_view key);

}  // namespace agent::cgroup
