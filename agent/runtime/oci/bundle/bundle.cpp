#include "agent/runtime/oci/bundle/bundle.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/runtime/oci/bundle/defaults.h"
#include "agent/runtime/oci/bundle/seccomp.h"
#include "shared/json/reader.h"

namespace agent::runtime::oci {
namespace {

using nlohmann::json;
using shared::Error;
using shared::Result;

constexpr const char* kRefused = "CannotCreateContainerError";
constexpr const char* kInit = "/sbin/docker-init";

json mount(const std::string& destination, const char* type, const std::string& source,
           std::vector<std::string> options) {
  return {{"destination", destination}, {"type", type}, {"source", source}, {"options", std::move(options)}};
}

json rlimits(const ContainerSettings& settings, const BundleInputs& inputs) {
  std::map<std::string, Ulimit> all;
  for (const Ulimit& each : inputs.default_ulimits) all[each.name] = each;
  for (const Ulimit& each : settings.ulimits) all[each.name] = each;
  json out = json::array();
  for (const auto& [name, limit] : all) {
    std::string type = "RLIMIT_" + name;
    std::transform(type.begin(), type.end(), type.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
    out.push_back({{"type", type},
                   {"soft", static_cast<std::uint64_t>(limit.soft)},  // -1 is no limit
                   {"hard", static_cast<std::uint64_t>(limit.hard)}});
  }
  return out;
}

json process_of(const ContainerSettings& settings, const BundleInputs& in,
                const std::set<std::string>& capabilities) {
  json user = {{"uid", in.user.uid}, {"gid", in.user.gid}, {"additionalGids", in.user.groups}};
  std::vector<std::string> arguments = in.process.arguments;
  if (settings.init) arguments.insert(arguments.begin(), {kInit, "--"});
  std::vector<std::string> environment = in.process.environment;
  const auto home = [](const std::string& each) { return each.starts_with("HOME="); };
  if (std::none_of(environment.begin(), environment.end(), home))
    environment.push_back("HOME=" + in.user.home);
  const json list(capabilities);
  // Not inheritable and not ambient, as Docker since 2022. For another user than root the kernel clears what
  // is permitted when the program begins.
  return {{"user", user},
          {"args", arguments},
          {"env", environment},
          {"cwd", in.process.working_directory},
          {"capabilities", {{"bounding", list}, {"effective", list}, {"permitted", list}}},
          {"rlimits", rlimits(settings, in)},
          {"noNewPrivileges", settings.no_new_privileges},
          {"oomScoreAdj", settings.oom_score}};
}

std::vector<std::string> tmpfs_options(const std::string& text) {
  std::vector<std::string> out{"noexec", "nosuid", "nodev"};
  std::size_t from = 0;
  while (from < text.size()) {
    const auto comma = std::min(text.find(',', from), text.size());
    const std::string option = text.substr(from, comma - from);
    from = comma + 1;
    // The opposite of a default takes its place.
    std::erase_if(out, [&](const std::string& each) { return each == "no" + option || each == option; });
    if (!option.empty()) out.push_back(option);
  }
  return out;
}

json mounts_of(const ContainerSettings& settings, const BundleInputs& in) {
  const bool open = settings.privileged;
  std::vector<std::string> quiet{"nosuid", "noexec", "nodev"};
  std::vector<std::string> sealed = quiet;
  if (!open) sealed.emplace_back("ro");
  json out = json::array();
  out.push_back(mount("/proc", "proc", "proc", quiet));
  out.push_back(mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}));
  out.push_back(mount("/dev/pts", "devpts", "devpts",
                      {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}));
  out.push_back(mount("/sys", "sysfs", "sysfs", sealed));
  out.push_back(mount("/sys/fs/cgroup", "cgroup", "cgroup", sealed));
  out.push_back(mount("/dev/mqueue", "mqueue", "mqueue", quiet));
  if (settings.ipc_mode != "none" || !in.shm_source.empty()) {
    const auto size = settings.shm_size > 0 ? settings.shm_size : kDefaultShm;
    out.push_back(in.shm_source.empty()
                      ? mount("/dev/shm", "tmpfs", "shm",
                              {"nosuid", "noexec", "nodev", "mode=1777", "size=" + std::to_string(size)})
                      : mount("/dev/shm", "bind", in.shm_source, {"rbind", "rprivate"}));
  }
  const auto bind = [&](const std::string& destination, const std::string& source) {
    const bool covered = std::any_of(in.mounts.begin(), in.mounts.end(),
                                     [&](const BundleMount& m) { return m.destination == destination; });
    if (!source.empty() && !covered) out.push_back(mount(destination, "bind", source, {"rbind", "rprivate"}));
  };
  bind("/etc/resolv.conf", in.resolver_path);
  bind("/etc/hostname", in.hostname_path);
  bind("/etc/hosts", in.hosts_path);
  if (settings.init) out.push_back(mount(kInit, "bind", in.init_program, {"bind", "ro"}));
  json users = json::array();
  for (const BundleMount& each : in.mounts)
    users.push_back(mount(each.destination, "bind", each.source,
                          {"rbind", each.propagation, each.read_only ? "ro" : "rw"}));
  for (const auto& [path, options] : settings.tmpfs)
    users.push_back(mount(path, "tmpfs", "tmpfs", tmpfs_options(options)));
  // What lies inside another comes after it.
  const auto depth = [](const json& each) {
    const std::string& path = each.at("destination").get_ref<const std::string&>();
    return std::count(path.begin(), path.end(), '/');
  };
  std::stable_sort(users.begin(), users.end(),
                   [&](const json& a, const json& b) { return depth(a) < depth(b); });
  for (json& each : users) out.push_back(std::move(each));
  return out;
}

json device_rules(const ContainerSettings& settings, const BundleInputs& in) {
  json out = json::array({{{"allow", settings.privileged}, {"access", "rwm"}}});
  if (settings.privileged) return out;
  for (const auto& [major, minor] : {std::pair{1, 5}, {1, 3}, {1, 9}, {1, 8}, {5, 0}, {5, 1}})
    out.push_back({{"allow", true}, {"type", "c"}, {"major", major}, {"minor", minor}, {"access", "rwm"}});
  out.push_back({{"allow", false}, {"type", "c"}, {"major", 10}, {"minor", 229}, {"access", "rwm"}});
  for (const DeviceNode& each : in.devices)
    out.push_back({{"allow", true},
                   {"type", std::string(1, each.type)},
                   {"major", each.major},
                   {"minor", each.minor},
                   {"access", each.permissions}});
  return out;
}

// Weights and quotas are not here: they are set once the container is built, so that it is not built at its
// own small share of the processor.
json resources_of(const ContainerSettings& settings, const BundleInputs& in) {
  json out = {{"devices", device_rules(settings, in)}};
  json memory = json::object();
  if (settings.memory > 0) memory["limit"] = settings.memory;
  if (settings.memory_reservation > 0) memory["reservation"] = settings.memory_reservation;
  if (settings.memory > 0 && in.swap_accounted)
    memory["swap"] = settings.memory_swap != 0 ? settings.memory_swap : 2 * settings.memory;
  if (settings.swappiness && *settings.swappiness >= 0) memory["swappiness"] = *settings.swappiness;
  if (!memory.empty()) out["memory"] = std::move(memory);
  if (settings.pids > 0) out["pids"] = {{"limit", settings.pids}};
  if (!settings.cpuset.empty()) out["cpu"] = {{"cpus", settings.cpuset}};
  return out;
}

json namespaces_of(const BundleInputs& in) {
  json out = json::array({{{"type", "mount"}}});
  const auto add = [&](const char* type, const std::optional<std::string>& path) {
    if (!path) return;
    json each = {{"type", type}};
    if (!path->empty()) each["path"] = *path;
    out.push_back(std::move(each));
  };
  add("network", in.network);
  add("pid", in.pid);
  add("ipc", in.ipc);
  if (in.own_uts) add("uts", "");
  if (in.own_cgroup_namespace) add("cgroup", "");
  return out;
}

}  // namespace

Result<std::string> bundle_config(const ContainerSettings& settings, const BundleInputs& in) {
  auto granted = capabilities(settings.cap_add, settings.cap_drop, settings.privileged, in.capability_mask);
  if (!granted) return Error(kRefused, granted.error().text());
  json out = {{"ociVersion", "1.0.2"},
              {"process", process_of(settings, in, *granted)},
              {"root", {{"path", in.rootfs}, {"readonly", settings.read_only}}},
              {"mounts", mounts_of(settings, in)}};
  if (in.own_uts) out["hostname"] = in.hostname;
  json linux_part = {{"namespaces", namespaces_of(in)},
                     {"resources", resources_of(settings, in)},
                     {"cgroupsPath", in.cgroup_path},
                     {"devices", json::array()}};
  for (const DeviceNode& each : in.devices)
    linux_part["devices"].push_back({{"path", each.path},
                                     {"type", std::string(1, each.type)},
                                     {"major", each.major},
                                     {"minor", each.minor},
                                     {"fileMode", each.mode},
                                     {"uid", each.uid},
                                     {"gid", each.gid}});
  json sysctls = json::object();
  if (in.network)
    sysctls = {{"net.ipv4.ip_unprivileged_port_start", "0"}, {"net.ipv4.ping_group_range", "0 2147483647"}};
  for (const auto& [name, value] : settings.sysctls) sysctls[name] = value;
  if (!sysctls.empty()) linux_part["sysctl"] = std::move(sysctls);
  if (!settings.privileged) {
    linux_part["maskedPaths"] = kMaskedPaths;
    linux_part["readonlyPaths"] = kReadOnlyPaths;
    if (settings.seccomp) linux_part["seccomp"] = seccomp_profile(*granted);
  }
  out["linux"] = std::move(linux_part);
  return shared::json::to_text(out);
}

std::string process_with(const std::string& bundle, const std::vector<std::string>& arguments) {
  auto parsed = shared::json::parse(bundle);
  if (!parsed) return "{}";
  json process = parsed->at("process");
  process["args"] = arguments;
  return shared::json::to_text(process);
}

}  // namespace agent::runtime::oci
