#include "agent/cgroup/task_cgroups.h"

#include <libcgroup.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace agent::cgroup {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;

constexpr std::uint64_t kMicro = 1000;  // ns

std::string slurp(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::uint64_t number_in(const fs::path& path) {
  std::uint64_t value = 0;
  std::ifstream(path) >> value;
  return value;
}

std::string why(int code) {
  return code == ECGOTHER ? std::strerror(cgroup_get_last_errno()) : cgroup_strerror(code);
}

struct FreeCgroup {
  void operator()(::cgroup* group) const { cgroup_free(&group); }
};
using Group = std::unique_ptr<::cgroup, FreeCgroup>;

// Deepest first; a cgroup directory with no processes and no children can be removed by rmdir alone.
void remove_tree(const fs::path& directory, std::error_code& error) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.is_directory(ignored)) remove_tree(entry.path(), error);
  }
  if (::rmdir(directory.c_str()) != 0 && errno != ENOENT) error.assign(errno, std::generic_category());
}

class Kernel final : public TaskCgroups {
 public:
  Kernel(Layout layout, Options options) : layout_(std::move(layout)), options_(std::move(options)) {}

  Mode mode() const override { return layout_.mode; }

  Result<void> make_root() {
    if (layout_.mode == Mode::kV2) {
      // Children may only use controllers that every ancestor passes on.
      for (const fs::path& level : {fs::path(layout_.v2_mount), fs::path(layout_.v2_mount) / options_.root}) {
        std::error_code error;
        fs::create_directories(level, error);
        std::ofstream out(level / "cgroup.subtree_control");
        out << "+cpu +memory" << std::flush;
        if (!out) {
          return Error("cgroup", "enable controllers cpu and memory in " + level.string() + ": " +
                                     std::strerror(errno));
        }
        std::ofstream(level / "cgroup.subtree_control") << "+pids" << std::flush;  // optional
      }
      return {};
    }
    return apply(options_.root, {{"memory", "memory.use_hierarchy", "1"}});
  }

  Result<std::string> create(const std::string& task_id, const Limits& limits) override {
    const std::string name = options_.root + "/" + task_id;
    auto settings = layout_.mode == Mode::kV2 ? v2_settings(limits, options_.period_micros)
                                              : v1_settings(limits, options_.period_micros);
    if (auto applied = apply(name, settings); !applied) return applied.error();
    return "/" + name;
  }

  // Not libcgroup's delete: the engine makes the same path in hierarchies that we do not use (devices,
  // freezer, the named one of systemd), and all of them must go.
  Result<void> remove(const std::string& task_id) override {
    std::set<std::string> mounts;
    for (const auto& [controller, mount] : layout_.v1_mounts) mounts.insert(mount);
    if (!layout_.v2_mount.empty()) mounts.insert(layout_.v2_mount);
    std::error_code error;
    for (const std::string& mount : mounts) {
      const fs::path path = fs::path(mount) / options_.root / task_id;
      std::error_code ignored;
      if (fs::exists(path, ignored)) remove_tree(path, error);
    }
    if (!error) return {};
    return Error(error.value() == EBUSY ? "busy" : "cgroup",
                 "remove cgroup " + options_.root + "/" + task_id + ": " + error.message(),
                 shared::Blame::kSelf, shared::Retry::kYes);
  }

  Result<Stats> read(const std::string& task_id) const override {
    const fs::path cpu = directory("cpu", task_id);
    const fs::path memory = directory("memory", task_id);
    std::error_code ignored;
    if (!fs::exists(cpu, ignored)) return Error("not_found", "no cgroup for task " + task_id);
    const std::string cpu_stat = slurp(cpu / "cpu.stat");
    Stats stats;
    stats.periods = keyed_value(cpu_stat, "nr_periods").value_or(0);
    stats.throttled = keyed_value(cpu_stat, "nr_throttled").value_or(0);
    if (layout_.mode == Mode::kV2) {
      stats.cpu_usage_ns = keyed_value(cpu_stat, "usage_usec").value_or(0) * kMicro;
      stats.throttled_ns = keyed_value(cpu_stat, "throttled_usec").value_or(0) * kMicro;
      stats.memory_bytes = number_in(memory / "memory.current");
      stats.oom_kills = keyed_value(slurp(memory / "memory.events"), "oom_kill").value_or(0);
      return stats;
    }
    stats.throttled_ns = keyed_value(cpu_stat, "throttled_time").value_or(0);
    stats.cpu_usage_ns = number_in(directory("cpuacct", task_id) / "cpuacct.usage");
    stats.memory_bytes = number_in(memory / "memory.usage_in_bytes");
    stats.oom_kills = v1_oom_kills(memory);
    return stats;
  }

 private:
  fs::path directory(const std::string& controller, const std::string& task_id) const {
    const auto mount = layout_.v1_mounts.find(controller);
    const std::string& base =
        layout_.mode == Mode::kV2 || mount == layout_.v1_mounts.end() ? layout_.v2_mount : mount->second;
    return fs::path(base) / options_.root / task_id;
  }

  // In v1 a kill is counted only where the victim lived, so that the containers' groups count too. A
  // container's group is gone when its last process is, and its count with it.
  static std::uint64_t v1_oom_kills(const fs::path& memory) {
    std::uint64_t kills = keyed_value(slurp(memory / "memory.oom_control"), "oom_kill").value_or(0);
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(memory, ignored)) {
      if (!entry.is_directory(ignored)) continue;
      kills += keyed_value(slurp(entry.path() / "memory.oom_control"), "oom_kill").value_or(0);
    }
    return kills;
  }

  bool offers(const Setting& setting) const {
    if (layout_.mode == Mode::kV2) return true;
    const auto mount = layout_.v1_mounts.find(setting.controller);
    if (mount == layout_.v1_mounts.end()) return false;
    // Recent kernels have only one memory hierarchy mode and may drop the file.
    std::error_code ignored;
    return setting.file != "memory.use_hierarchy" ||
           fs::exists(fs::path(mount->second) / setting.file, ignored);
  }

  Result<void> apply(const std::string& name, const std::vector<Setting>& settings) {
    Group group(cgroup_new_cgroup(name.c_str()));
    if (!group) return Error("cgroup", "create cgroup " + name + ": out of memory");
    std::string wanted;
    for (const char* controller : {"cpu", "cpuacct", "memory", "pids"}) {
      const bool usable = layout_.mode == Mode::kV2 ? std::strcmp(controller, "cpuacct") != 0
                                                    : layout_.v1_mounts.contains(controller);
      if (usable) cgroup_add_controller(group.get(), controller);
    }
    for (const Setting& s : settings) {
      if (!offers(s)) {
        if (s.file == "memory.use_hierarchy") continue;
        return Error("cgroup", "set " + s.file + " of cgroup " + name + ": controller '" + s.controller +
                                   "' is not available");
      }
      ::cgroup_controller* controller = cgroup_get_controller(group.get(), s.controller.c_str());
      if (!controller || cgroup_add_value_string(controller, s.file.c_str(), s.value.c_str()) != 0) {
        return Error("cgroup", "set " + s.file + " of cgroup " + name + ": controller '" + s.controller +
                                   "' is not available");
      }
      wanted += (wanted.empty() ? "" : ", ") + s.file + "=" + s.value;
    }
    if (const int code = cgroup_create_cgroup(group.get(), 1); code != 0) {
      return Error("cgroup", "create cgroup " + name + " with " + wanted + ": " + why(code));
    }
    return {};
  }

  Layout layout_;
  Options options_;
};

class Disabled final : public TaskCgroups {
 public:
  Mode mode() const override { return Mode::kDisabled; }
  Result<std::string> create(const std::string&, const Limits&) override { return std::string(); }
  Result<void> remove(const std::string&) override { return {}; }
  Result<Stats> read(const std::string& task_id) const override {
    return Error("not_found", "task limits are disabled, no cgroup for task " + task_id);
  }
};

}  // namespace

Result<std::unique_ptr<TaskCgroups>> open_task_cgroups(const Options& options) {
  const std::string mounts = slurp("/proc/mounts");
  auto first = detect_layout(mounts, "cpu memory");  // only to learn where v2 is
  const std::string v2 = first && !first->v2_mount.empty() ? first->v2_mount : "/sys/fs/cgroup";
  auto layout = detect_layout(mounts, slurp(fs::path(v2) / "cgroup.controllers"));
  if (!layout) return layout.error();
  if (const int code = cgroup_init(); code != 0) return Error("cgroup", "libcgroup: " + why(code));
  auto kernel = std::make_unique<Kernel>(std::move(*layout), options);
  if (auto made = kernel->make_root(); !made) return made.error();
  return std::unique_ptr<TaskCgroups>(std::move(kernel));
}

std::unique_ptr<TaskCgroups> disabled_task_cgroups() { return std::make_unique<Disabled>(); }

}  // namespace agent::cgroup
