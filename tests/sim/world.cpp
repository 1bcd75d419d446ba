#include "tests/sim/world.h"

#include <ctime>

namespace sim {
namespace {

// 2026-01-01T00:00:00Z: any fixed instant serves.
constexpr long long kEpochMs = 1'767'225'600'000;

struct TimerState final : shared::env::Timer::State {
  explicit TimerState(World::Cancelled flag) : cancelled(std::move(flag)) {}
  ~TimerState() override { *cancelled = true; }
  World::Cancelled cancelled;
};

double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

}  // namespace

WallTime World::wall_now() const {
  return shared::from_epoch_millis(kEpochMs +
                                   std::chrono::duration_cast<Millis>(now_.time_since_epoch()).count());
}

void World::at(SteadyTime when, Cancelled cancelled, std::function<void()> work) {
  events_.emplace(std::pair{std::max(when, now_), order_++}, Event{std::move(cancelled), std::move(work)});
}

bool World::run_one() {
  if (events_.empty()) return false;
  const auto first = events_.begin();
  now_ = first->first.first;
  Event event = std::move(first->second);
  events_.erase(first);
  if (event.cancelled && *event.cancelled) return true;
  ++events_run_;
  event.work();
  return true;
}

void World::run_for(Millis span, const std::function<void()>& after_each) {
  const SteadyTime end = now_ + span;
  while (!events_.empty() && events_.begin()->first.first <= end) {
    run_one();
    if (after_each) after_each();
  }
  now_ = end;
}

Millis World::between(Millis low, Millis high) {
  return low + Millis(random_.below(static_cast<std::uint64_t>((high - low).count()) + 1));
}

std::function<void()> Process::guarded(std::function<void()> work) const {
  return [over = life_, meter = meter_, run = std::move(work)] {
    if (*over) return;
    if (!meter) return run();
    const double from = processor_seconds();
    run();
    *meter += processor_seconds() - from;
  };
}

void Process::post(std::function<void()> work) { world_.at(world_.now(), nullptr, guarded(std::move(work))); }

shared::env::Timer Process::after(Millis delay, std::function<void()> work) {
  auto cancelled = std::make_shared<bool>(false);
  world_.at(world_.now() + delay, cancelled, guarded([cancelled, run = std::move(work)] {
              if (*cancelled) return;
              *cancelled = true;
              run();
            }));
  return shared::env::Timer(std::make_unique<TimerState>(cancelled));
}

void Process::crash() {
  *life_ = true;
  life_ = std::make_shared<bool>(false);
  ++number_;
}

void Process::deliver(Millis delay, std::function<void()> work) {
  world_.at(world_.now() + delay, nullptr, guarded(std::move(work)));
}

}  // namespace sim
