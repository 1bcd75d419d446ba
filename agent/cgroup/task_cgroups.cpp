#include "agent/cgroup/task_cgroups.h"

#include <libcgroup.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace agent::cgroup {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;

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
    const std::string name = group_of(task_id);
    auto settings = layout_.mode == Mode::kV2 ? v2_settings(limits, options_.period_micros)
                                              : v1_settings(limits, options_.period_micros);
    if (auto applied = apply(name, settings); !applied) return applied.error();
    return "/" + name;
  }

  // Not libcgroup's delete: the engine makes the same path in hierarchies that we do not use (devices,
  // freezer, the named one of systemd), and all of them must go.
  Result<void> remove(const std::string& task_id) override {
    std::error_code error;
    for (const fs::path& path : directories_of(layout_, group_of(task_id))) remove_tree(path, error);
    if (!error) return {};
    return Error(error.value() == EBUSY ? "busy" : "cgroup",
                 "remove cgroup " + group_of(task_id) + ": " + error.message(), shared::Blame::kSelf,
                 shared::Retry::kYes);
  }

  Result<Stats> read(const std::string& task_id) const override {
    return read_stats(layout_, group_of(task_id));
  }

 private:
  std::string group_of(const std::string& task_id) const { return options_.root + "/" + task_id; }

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
  auto layout = host_layout();
  if (!layout) return layout.error();
  if (const int code = cgroup_init(); code != 0) return Error("cgroup", "libcgroup: " + why(code));
  auto kernel = std::make_unique<Kernel>(std::move(*layout), options);
  if (auto made = kernel->make_root(); !made) return made.error();
  return std::unique_ptr<TaskCgroups>(std::move(kernel));
}

std::unique_ptr<TaskCgroups> disabled_task_cgroups() { return std::make_unique<Disabled>(); }

}  // namespace agent::cgroup
