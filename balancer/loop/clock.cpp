#include "balancer/loop/clock.h"

#include <ctime>

namespace balancer::loop {

namespace {
timespec read(clockid_t id) {
  timespec ts{};
  ::clock_gettime(id, &ts);
  return ts;
}
}  // namespace

shared::SteadyTime steady_now() {
  const timespec ts = read(CLOCK_MONOTONIC);
  return shared::SteadyTime(std::chrono::seconds(ts.tv_sec) + std::chrono::nanoseconds(ts.tv_nsec));
}

shared::WallTime wall_now() {
  const timespec ts = read(CLOCK_REALTIME);
  return shared::from_epoch_millis(static_cast<long long>(ts.tv_sec) * 1000 + ts.tv_nsec / 1'000'000);
}

}  // namespace balancer::loop
