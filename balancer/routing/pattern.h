// One wildcard pattern: '*' stands for any bytes, '?' for exactly one. Linear time for every input (no
// backtracking).
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace balancer::routing {

inline constexpr std::size_t kMaxPattern = 128;  // bytes (ALB: 128 characters)

enum class Case : std::uint8_t { kSensitive, kInsensitive };
enum class Escapes : std::uint8_t { kNone, kBackslash };  // \* \? \\ in query-string conditions

class Pattern {
 public:
  static shared::Result<Pattern> compile(std::string_view text, Case letters, Escapes escapes);
  bool matches(std::string_view text) const;

 private:
  // A run between two stars. `any` marks its '?'.
  struct Run {
    std::string bytes;
    std::vector<bool> any;
    bool has_any = false;
    // Shift-and tables for runs that must be searched: bit i of rows[c] = byte i of the run accepts c.
    std::vector<std::array<std::uint64_t, 2>> rows;
  };
  bool equal(std::string_view text, const Run& run) const;
  static std::size_t search(std::string_view text, const Run& run);
  void prepare_searches();

  bool fold_ = false;                           // ignore case
  bool open_start_ = false, open_end_ = false;  // begins, ends with a star
  std::vector<Run> runs_;
};

}  // namespace balancer::routing
