// Units that APIs and kernels count in.
#pragma once
#include <cstdint>

namespace shared {

inline constexpr std::int64_t kMiB = 1024 * 1024;

}  // namespace shared
