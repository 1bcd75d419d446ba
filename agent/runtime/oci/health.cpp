// OciRuntime: health checks, as Docker makes them: one at a time, each an interval after the one before
// ended.
#include "agent/runtime/oci/oci_runtime.h"

namespace agent::runtime::oci {
namespace {

constexpr std::int64_t kNanosPerMilli = 1'000'000;
shared::Millis millis(std::int64_t nanos) {
  return shared::Millis(std::max<std::int64_t>(1, nanos / kNanosPerMilli));
}

}  // namespace

void OciRuntime::begin_health(Box& box) {
  Health& health = box.health;
  health.status.clear();
  if (!health.check) return;
  health.status = "starting";
  health.output.clear();
  health.failures = 0;
  health.started = loop_.now();
  health.timer = loop_.after(millis(health.check->interval_ns),
                             [this, id = box.record->id, start = box.starts] { check_health(id, start); });
}

void OciRuntime::check_health(const std::string& id, std::uint64_t start) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end() || found->second->starts != start ||
      found->second->phase != ContainerPhase::kRunning)
    return;
  const Health& health = found->second->health;
  off(
      *workers_, "health " + id,
      [this, id, arguments = health.arguments, timeout = millis(health.check->timeout_ns)] {
        return starter_->execute(id, arguments, timeout);
      },
      [this, id, start](const std::pair<int, std::string>& said) {
        health_answered(id, start, said.first, said.second);
      });
}

void OciRuntime::health_answered(const std::string& id, std::uint64_t start, int code,
                                 const std::string& output) {
  const auto found = boxes_.find(id);
  if (found == boxes_.end() || found->second->starts != start ||
      found->second->phase != ContainerPhase::kRunning)
    return;
  Box& box = *found->second;
  Health& health = box.health;
  health.output = output;
  const std::string before = health.status;
  if (code == 0) {
    health.failures = 0;
    health.status = "healthy";
  } else {
    const bool counts =
        before != "starting" || loop_.now() - health.started >= millis(health.check->start_period_ns);
    if (counts && ++health.failures >= health.check->retries) health.status = "unhealthy";
  }
  if (health.status != before) tell(EventType::kHealth, box);
  health.timer =
      loop_.after(millis(health.check->interval_ns), [this, id, start] { check_health(id, start); });
}

}  // namespace agent::runtime::oci
