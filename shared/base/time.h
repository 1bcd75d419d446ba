// The two clocks' types. Wall time is what APIs show; steady time is what timers run on. Nothing outside
// shared/env reads a clock.
#pragma once
#include <chrono>
#include <cstdint>

namespace shared {

using Millis = std::chrono::milliseconds;
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;  // UTC
// Not std::chrono::steady_clock's own time_point, so that a simulated clock has the same type.
struct SteadyClockTag {
  using rep = std::chrono::nanoseconds::rep;
  using period = std::chrono::nanoseconds::period;
  using duration = std::chrono::nanoseconds;
  using time_point = std::chrono::time_point<SteadyClockTag, duration>;
  static constexpr bool is_steady = true;
};
using SteadyTime = SteadyClockTag::time_point;

// Seconds since the epoch with a millisecond fraction: how the AWS JSON protocols write a timestamp.
inline double epoch_seconds(WallTime t) { return static_cast<double>(t.time_since_epoch().count()) / 1000.0; }
inline WallTime from_epoch_millis(long long ms) { return WallTime(Millis(ms)); }
inline long long epoch_millis(WallTime t) { return static_cast<long long>(t.time_since_epoch().count()); }
// As figures and schedules count.
inline WallTime from_whole_seconds(std::int64_t seconds) { return from_epoch_millis(seconds * 1'000); }
inline std::int64_t whole_seconds(WallTime t) { return epoch_millis(t) / 1'000; }

}  // namespace shared
