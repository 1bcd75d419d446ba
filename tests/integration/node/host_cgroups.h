// This host's task cgroups, whoever makes them: slices where systemd is process 1 (or the engine's driver is
// the systemd one), else libcgroup. So one suite holds for v1, v2, and v2 with systemd.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "agent/cgroup/slice_unit.h"
#include "agent/cgroup/systemd_slices.h"
#include "agent/cgroup/task_cgroups.h"

namespace tests {

enum class GroupMaker { kUs, kSystemd };

inline GroupMaker group_maker_of_host() {
  return std::filesystem::exists("/run/systemd/system") ? GroupMaker::kSystemd : GroupMaker::kUs;
}

// The limits in force, as the kernel shows them; "max" for none.
struct LimitsInForce {
  std::string cpu_quota;  // microseconds per period
  std::string cpu_period;
  std::string memory;  // bytes
  std::string pids;
};

class HostCgroups {
 public:
  HostCgroups(GroupMaker maker, std::string name)
      : maker_(maker), name_(std::move(name) + std::to_string(::getpid())) {}

  agent::cgroup::TaskCgroups* operator->() const { return opened_.get(); }
  agent::cgroup::TaskCgroups& operator*() const { return *opened_; }

  // Why there can be none; empty = they are open.
  std::string open() {
    auto layout = agent::cgroup::host_layout();
    if (!layout) return layout.error().text();
    layout_ = *layout;
    auto opened = maker_ == GroupMaker::kSystemd ? agent::cgroup::open_systemd_task_cgroups({.parent = name_})
                                                 : agent::cgroup::open_task_cgroups({.root = name_});
    if (!opened) return opened.error().text();
    opened_ = std::move(*opened);
    return "";
  }
  void close() {
    if (opened_) (void)opened_->remove("");  // the group around all tasks of this program
  }

  std::string parent_for_engine(const std::string& task) const {
    return maker_ == GroupMaker::kSystemd ? agent::cgroup::slice_name(name_, task) : "/" + group(task);
  }
  std::string group(const std::string& task) const {
    return maker_ == GroupMaker::kSystemd ? agent::cgroup::slice_path(name_, task) : name_ + "/" + task;
  }
  bool exists(const std::string& task) const {
    return !agent::cgroup::directories_of(layout_, group(task)).empty();
  }
  void put_in(const std::string& task, pid_t process) const {
    for (const auto& directory : agent::cgroup::directories_of(layout_, group(task)))
      std::ofstream(directory / "cgroup.procs") << process << std::flush;
  }
  LimitsInForce limits(const std::string& task) const {
    const auto words = [&](const char* controller, const char* file) {
      std::ifstream in(agent::cgroup::directory_of(layout_, controller, group(task)) / file);
      std::string first, second;
      in >> first >> second;
      return std::pair(first, second);
    };
    LimitsInForce out;
    out.pids = words("pids", "pids.max").first;
    if (layout_.mode == agent::cgroup::Mode::kV2) {
      std::tie(out.cpu_quota, out.cpu_period) = words("cpu", "cpu.max");
      out.memory = words("memory", "memory.max").first;
      return out;
    }
    out.cpu_quota = words("cpu", "cpu.cfs_quota_us").first;
    out.cpu_period = words("cpu", "cpu.cfs_period_us").first;
    out.memory = words("memory", "memory.limit_in_bytes").first;
    return out;
  }

 private:
  GroupMaker maker_;
  std::string name_;
  agent::cgroup::Layout layout_;
  std::unique_ptr<agent::cgroup::TaskCgroups> opened_;
};

}  // namespace tests
