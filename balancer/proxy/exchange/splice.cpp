#include "balancer/proxy/exchange/splice.h"

#include <fcntl.h>
#include <unistd.h>

namespace balancer::proxy {

std::unique_ptr<SplicePipe> PipePool::take() {
  if (!spare_.empty()) {
    auto pipe = std::move(spare_.back());
    spare_.pop_back();
    return pipe;
  }
  int ends[2];
  if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  auto pipe = std::make_unique<SplicePipe>();
  pipe->read_end.reset(ends[0]);
  pipe->write_end.reset(ends[1]);
  // A smaller one, where the user has reached pipe-user-pages-soft, does as well.
  (void)::fcntl(ends[1], F_SETPIPE_SZ, kPipeBytes);
  return pipe;
}

void PipePool::give(std::unique_ptr<SplicePipe> pipe) {
  if (pipe != nullptr && pipe->held == 0 && spare_.size() < kMaxSparePipes) spare_.push_back(std::move(pipe));
}

}  // namespace balancer::proxy
