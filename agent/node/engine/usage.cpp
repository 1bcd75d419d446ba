#include "agent/node/engine/usage.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "shared/json/reader.h"

namespace agent::node {

namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr double kPercent = 100;

bool runs(const Container& container) {
  return container.known == Status::kRunning && !container.runtime_id.empty();
}

}  // namespace

bool is_measured(const Task& task) {
  return std::any_of(task.containers.begin(), task.containers.end(), runs);
}

std::optional<UsageSample> usage_in(std::string_view stats) {
  const auto document = shared::json::Document::parse(stats, "stats");
  if (!document) return std::nullopt;
  const auto in = document->root();
  const auto cpu = in.child("cpu_stats");
  const auto usage = cpu ? cpu->child("cpu_usage") : std::nullopt;
  const auto memory = in.child("memory_stats");
  if (!usage || !memory) return std::nullopt;
  const auto nanos = usage->number("total_usage");
  const auto bytes = memory->number("usage");
  if (!nanos || !bytes) return std::nullopt;
  // As `docker stats` does: cgroup v2 and v1 name it in their own ways.
  double cache = 0;
  if (const auto parts = memory->child("stats")) {
    cache = parts->number("inactive_file").value_or(0);
    if (const auto total = parts->number("total_inactive_file")) cache = *total;
  }
  if (!in.ok()) return std::nullopt;
  return UsageSample{*nanos, std::max(0.0, *bytes - cache) / kMiB};
}

UsageSampler::UsageSampler(shared::env::Executor& executor, runtime::Runtime& runtime, TaskEngine& engine,
                           std::int64_t cpus, std::function<void(std::vector<link::TaskUsage>)> tell)
    : executor_(executor),
      runtime_(runtime),
      engine_(engine),
      cpus_(static_cast<double>(std::max<std::int64_t>(cpus, 1))),
      tell_(std::move(tell)) {}

void UsageSampler::start() { tick(); }

void UsageSampler::stop() {
  timer_.cancel();
  known_.clear();
}

// Tells what the answers since the tick before made known, and asks again.
void UsageSampler::tick() {
  std::vector<link::TaskUsage> tasks;
  std::set<std::string> there;
  for (const auto& [arn, task] : engine_.tasks()) {
    link::TaskUsage told{arn, task.payload.task_cluster_arn, task.payload.family, task.payload.version, {}};
    for (const Container& container : task.containers) {
      if (!runs(container)) continue;
      there.insert(container.runtime_id);
      Known& known = known_[container.runtime_id];
      if (known.usage) told.containers.push_back(*std::exchange(known.usage, std::nullopt));
      ask(container.runtime_id, container);
    }
    if (!told.containers.empty()) tasks.push_back(std::move(told));
  }
  std::erase_if(known_, [&](const auto& each) { return !there.contains(each.first); });
  timer_ = executor_.after(kUsageInterval, [this] { tick(); });
  if (!tasks.empty()) tell_(std::move(tasks));
}

void UsageSampler::ask(const std::string& id, const Container& container) {
  Known& known = known_[id];
  if (std::exchange(known.asked, true)) return;
  runtime_.sample({id, container.engine_name},
                  [this, alive = std::weak_ptr<char>(alive_), id,
                   name = container.spec.name](const shared::Result<std::string>& stats) {
                    if (!alive.expired()) answered(id, name, stats);
                  });
}

void UsageSampler::answered(const std::string& id, const std::string& name,
                            const shared::Result<std::string>& stats) {
  const auto found = known_.find(id);
  if (found == known_.end()) return;
  Known& known = found->second;
  known.asked = false;
  const auto sample = stats ? usage_in(*stats) : std::nullopt;
  if (!sample) return;
  const auto now = executor_.now();
  if (known.last && now > known.at && sample->cpu_nanos >= known.last->cpu_nanos) {
    const double passed = static_cast<double>(std::chrono::nanoseconds(now - known.at).count());
    known.usage = link::ContainerUsage{
        name, (sample->cpu_nanos - known.last->cpu_nanos) / passed / cpus_ * kPercent, sample->memory};
  }
  known.last = sample;
  known.at = now;
}

}  // namespace agent::node
