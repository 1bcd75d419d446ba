#include "agent/app/engine_task_cgroups.h"

#include "shared/log/log.h"

namespace agent::app {

using shared::Error;
using shared::Result;

Result<std::unique_ptr<cgroup::TaskCgroups>> EngineTaskCgroups::open(const std::string& driver) const {
  if (driver == "systemd") return parts_.systemd();
  if (driver == "cgroupfs" || driver.empty()) return parts_.cgroupfs();
  return Error("cgroup", "the engine's cgroup driver is '" + driver +
                             "'; task limits need 'cgroupfs' or 'systemd' (docker info shows it)");
}

Result<cgroup::TaskCgroups*> EngineTaskCgroups::chosen() const {
  const std::string driver = parts_.driver();
  if (chosen_ && driver == chosen_for_) return chosen_.get();
  auto opened = open(driver);
  if (!opened) {
    if (insist_ == Insist::kYes) return opened.error().within("ECS_ENABLE_TASK_CPU_MEM_LIMIT");
    shared::log::warn("task_limits_off", opened.error(), {{"engine_cgroup_driver", driver}});
    opened = cgroup::disabled_task_cgroups();
  }
  chosen_ = *std::move(opened);
  chosen_for_ = driver;
  return chosen_.get();
}

cgroup::Mode EngineTaskCgroups::mode() const {
  const auto cgroups = chosen();
  return cgroups ? (*cgroups)->mode() : cgroup::Mode::kDisabled;
}

Result<void> EngineTaskCgroups::usable() const {
  const auto cgroups = chosen();
  if (!cgroups) return cgroups.error();
  return {};
}

Result<std::string> EngineTaskCgroups::create(const std::string& task_id, const cgroup::Limits& limits) {
  const auto cgroups = chosen();
  if (!cgroups) return cgroups.error();
  return (*cgroups)->create(task_id, limits);
}

Result<void> EngineTaskCgroups::remove(const std::string& task_id) {
  const auto cgroups = chosen();
  if (!cgroups) return cgroups.error();
  return (*cgroups)->remove(task_id);
}

Result<cgroup::Stats> EngineTaskCgroups::read(const std::string& task_id) const {
  const auto cgroups = chosen();
  if (!cgroups) return cgroups.error();
  return (*cgroups)->read(task_id);
}

}  // namespace agent::app
