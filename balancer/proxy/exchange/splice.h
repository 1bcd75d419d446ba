// A pipe through which a large body goes from one socket to another inside the kernel (splice(2)): no byte of
// it is copied to us and back. Thread: its worker's.
#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "shared/base/unique_fd.h"

namespace balancer::proxy {

// Bodies of which less is left are read and written: two more system calls and a pipe do not pay then.
inline constexpr std::size_t kSpliceFrom = 256 * 1024;
inline constexpr int kPipeBytes = 256 * 1024;      // as much of a body is in the pipe at most
inline constexpr std::size_t kMaxSparePipes = 32;  // per worker

struct SplicePipe {
  shared::UniqueFd read_end;
  shared::UniqueFd write_end;
  std::size_t held = 0;  // bytes in it
};

class PipePool {
 public:
  // Null: out of descriptors; the body goes the usual way.
  std::unique_ptr<SplicePipe> take();
  void give(std::unique_ptr<SplicePipe> pipe);  // closed when something is in it

 private:
  std::vector<std::unique_ptr<SplicePipe>> spare_;
};

}  // namespace balancer::proxy
