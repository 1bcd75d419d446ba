// How many descriptors this process may have open. Thread: any, before others open many.
#pragma once
#include <sys/resource.h>

#include <algorithm>

namespace shared {

// More is not asked for, even where the hard limit is "infinity".
inline constexpr rlim_t kWantedDescriptors = 1'048'576;

// Raises the soft limit to the hard one; gives the limit that is in force afterwards.
inline rlim_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return kWantedDescriptors;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = std::max(limit.rlim_cur, std::min(limit.rlim_max, kWantedDescriptors));
  return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

}  // namespace shared
