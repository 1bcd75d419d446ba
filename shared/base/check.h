// BERTH_CHECK: invariants and programmer errors, always on. Never on input: input gets an Error.
#pragma once
#include <cstdio>
#include <cstdlib>

namespace shared {
[[noreturn]] inline void check_failed(const char* expression, const char* why, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s (%s)\n", file, line, expression, why);
  std::abort();
}
}  // namespace shared

#define BERTH_CHECK(condition, why)                                                \
  do {                                                                             \
    if (!(condition)) ::shared::check_failed(#condition, why, __FILE__, __LINE__); \
  } while (false)
