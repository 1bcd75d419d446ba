// How long something took, again and again: counts below fixed bounds, as a histogram of Prometheus has them.
// Thread: the owner's.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>

namespace shared {

struct Durations {
  // Seconds; what took longer is in the last count.
  static constexpr std::array<double, 14> kBounds{0.0001, 0.001, 0.005, 0.01, 0.05, 0.1,   0.5,
                                                  1,      2.5,   5,     10,   30,   120.0, 600};
  std::array<std::uint64_t, kBounds.size() + 1> counts{};
  double sum = 0;  // seconds

  template <class Duration>
  void add(Duration took) {
    const double seconds = std::chrono::duration<double>(took).count();
    std::size_t at = 0;
    while (at < kBounds.size() && seconds > kBounds[at]) ++at;
    ++counts[at];
    sum += seconds;
  }
};

}  // namespace shared
