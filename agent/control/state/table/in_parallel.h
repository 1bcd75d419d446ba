// Work on many rows that do not know of each other, as when they are decoded at a start. Blocks until it is
// done; few rows are done by the caller's thread alone.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

namespace agent::control {

inline constexpr std::size_t kRowsForAThread = 1'024;  // fewer are done before a thread has begun
inline constexpr std::size_t kMostThreads = 8;

// `each(i)` for all i below `count`, on several threads; false says that it failed. Returns the first of
// those that did.
template <class Each>
std::optional<std::size_t> first_failure(std::size_t count, const Each& each) {
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> failed{count};
  const auto work = [&] {
    while (true) {
      const std::size_t from = next.fetch_add(kRowsForAThread);
      if (from >= count) return;
      for (std::size_t i = from; i < std::min(from + kRowsForAThread, count); ++i) {
        if (each(i)) continue;
        std::size_t known = failed;
        while (i < known && !failed.compare_exchange_weak(known, i)) {
        }
      }
    }
  };
  const std::size_t useful = std::min(
      {count / kRowsForAThread, kMostThreads, std::max<std::size_t>(std::thread::hardware_concurrency(), 1)});
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < useful; ++i) others.emplace_back(work);
  work();
  for (std::thread& each_thread : others) each_thread.join();
  return failed == count ? std::nullopt : std::optional<std::size_t>(failed);
}

}  // namespace agent::control
