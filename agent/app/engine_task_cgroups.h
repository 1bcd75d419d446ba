// The TaskCgroups that fits the container engine. Who may make cgroups is decided by the engine's cgroup
// driver, which is known once the engine has answered: so the choice is made at the first use after that, and
// again should another engine with another driver take its place.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "agent/cgroup/task_cgroups.h"

namespace agent::app {

// kYes: the operator asked for task limits by name (ECS_ENABLE_TASK_CPU_MEM_LIMIT=true). Without what they
// need the host is not usable(), and a task fails with the reason. kNo: tasks run without a cgroup of their
// own, and a warning says why.
enum class Insist { kNo, kYes };

class EngineTaskCgroups final : public cgroup::TaskCgroups {
 public:
  using Open = std::function<shared::Result<std::unique_ptr<cgroup::TaskCgroups>>()>;
  struct Parts {
    std::function<std::string()> driver;  // the engine's, empty until it is known
    Open cgroupfs;
    Open systemd;
  };
  EngineTaskCgroups(Parts parts, Insist insist) : parts_(std::move(parts)), insist_(insist) {}

  cgroup::Mode mode() const override;
  shared::Result<void> usable() const override;
  shared::Result<std::string> create(const std::string& task_id, const cgroup::Limits& limits) override;
  shared::Result<void> remove(const std::string& task_id) override;
  shared::Result<cgroup::Stats> read(const std::string& task_id) const override;

 private:
  shared::Result<cgroup::TaskCgroups*> chosen() const;
  shared::Result<std::unique_ptr<cgroup::TaskCgroups>> open(const std::string& driver) const;

  Parts parts_;
  Insist insist_;
  mutable std::unique_ptr<cgroup::TaskCgroups> chosen_;
  mutable std::string chosen_for_;
};

}  // namespace agent::app
