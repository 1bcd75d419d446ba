// How near this process is to the end of the memory that it may have: the least limit of its control groups
// (v1 and v2) and of its address space (RLIMIT_AS). Beyond it the kernel kills a process, or an allocation
// fails in the middle of something; so work is turned away before that. Thread: main.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace balancer::app {

// Short from kShortAbove of the limit on, until it is below kEnoughBelow again; in hundredths.
inline constexpr std::uint64_t kShortAbove = 85;
inline constexpr std::uint64_t kEnoughBelow = 75;
inline constexpr std::uint64_t kStep = 2;

// The files of memory limits that count for the process whose /proc/self/cgroup says `groups`: of its groups
// and of those around them. `root`: where control groups are mounted ("/sys/fs/cgroup").
std::vector<std::string> memory_limit_files(std::string_view groups, const std::string& root);
// What such a file says; nothing: no limit ("max", or a number that no memory has).
std::optional<std::uint64_t> parse_memory_limit(std::string_view text);

// The limits of this process.
struct MemoryLimits {
  std::optional<std::uint64_t> group;
  std::string group_file;  // that says so
  std::optional<std::uint64_t> address_space;
};

// Bytes.
struct MemoryUse {
  std::uint64_t address_space = 0;
  std::uint64_t group = 0;  // with what the kernel holds for it, without files that it can drop
};
// The address space that /proc/self/statm tells of.
std::uint64_t parse_statm(std::string_view text, std::uint64_t page_bytes);
// A line of memory.stat; 0: there is none.
std::uint64_t memory_stat(std::string_view text, std::string_view name);

// Decides what is to be done about it; pure.
class MemoryGauge {
 public:
  explicit MemoryGauge(MemoryLimits limits) : limits_(std::move(limits)) {}
  const MemoryLimits& limits() const { return limits_; }
  bool limited() const { return limits_.group || limits_.address_space; }
  enum class Advice { kNone, kLess, kMore };
  // kLess: it is short, or has grown by kStep since that was said last. kMore: there is room again.
  Advice look(const MemoryUse& use);
  bool is_short() const { return told_ != 0; }
  std::string text() const;  // "61 of 64 MiB of its control group"

 private:
  MemoryLimits limits_;
  MemoryUse use_;
  std::uint64_t told_ = 0;  // the part in use when kLess was said last; 0: it is not short
};

// Of this process, now.
MemoryLimits memory_limits_of_this_process();
MemoryUse memory_use_of_this_process(const MemoryLimits& limits);

}  // namespace balancer::app
