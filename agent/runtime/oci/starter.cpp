#include "agent/runtime/oci/starter.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>

#include "agent/cgroup/host.h"
#include "agent/runtime/oci/bundle/bundle.h"
#include "agent/runtime/oci/bundle/etc_files.h"
#include "agent/runtime/oci/devices.h"
#include "agent/runtime/oci/files/files.h"
#include "agent/runtime/oci/monitor/plan.h"
#include "agent/runtime/oci/process/run.h"
#include "agent/runtime/oci/rootfs.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Millis;
using shared::Result;
using shared::UniqueFd;

constexpr const char* kRefused = "CannotStartContainerError";
constexpr std::size_t kMaxEtc = 1024 * 1024;
constexpr Millis kStartLimit{3 * 60'000};
constexpr Millis kEndLimit{30'000};
constexpr std::size_t kShortId = 12;

Error refused(const std::string& why) { return Error(kRefused, why); }

std::string host_name() {
  utsname name{};
  ::uname(&name);
  return name.nodename;
}

}  // namespace

// What the steps of a start find out for each other.
struct Starter::Plan {
  fs::path folder;
  Image image;
  Process process;
  BundleInputs bundle;
  StartFacts facts;
  Overlay overlay;
  UniqueFd network_space;
  std::vector<UniqueFd> held;  // ports
};

std::string hostname_of(const Record& record) {
  if (!record.settings.hostname.empty()) return record.settings.hostname;
  if (record.settings.network_mode == "host" || record.settings.uts_mode == "host") return host_name();
  return record.id.substr(0, kShortId);
}

Starter::Starter(Parts parts) : parts_(std::move(parts)) {
  const std::string status = files::read_or("/proc/self/status");
  const auto at = status.find("CapBnd:	");
  if (at != std::string::npos)
    std::from_chars(status.data() + at + 8, status.data() + status.size(), capability_mask_, 16);
}

Result<Started> Starter::start(const Record& record, const Peers& peers) {
  const fs::path own = folder(record.id);
  if (has_monitor(own)) {  // of an agent before this one, or it runs already; or it is just ending
    for (int looks = 0; has_monitor(own) && looks < 3000; ++looks) {
      const bool ended = fs::exists(own / monitor::kExitFile);
      const auto run = parse_run(files::read_or(own / monitor::kRunFile));
      if (!ended && run) return Started{*run, parse_start(files::read_or(own / kStartFile, "{}"))};
      ::poll(nullptr, 0, 10);
    }
    if (has_monitor(own)) return refused("its monitor neither starts nor ends it");
  }
  for (const char* each :
       {monitor::kExitFile, monitor::kRunFile, monitor::kFailureFile, kStartFile, "pid", "runtime.log"}) {
    std::error_code ignored;
    fs::remove(own / each, ignored);
  }
  if (std::error_code ignored; fs::exists(parts_.ended.parent_path() / "runc" / record.id, ignored))
    (void)run(parts_.launcher.remove(record.id));  // of a monitor that was killed
  Plan plan;
  plan.folder = own;
  auto prepared = prepare(record, peers, plan);
  if (!prepared) {
    clean_up(record.id);
    return refused(prepared.error().text());
  }
  auto started = spawn(record, plan);
  if (!started) clean_up(record.id);
  return started;
}

Result<void> Starter::prepare(const Record& record, const Peers& peers, Plan& plan) {
  const ContainerSettings& settings = record.settings;
  auto image = parts_.images.of_manifest(record.manifest);
  if (!image) return image.error();
  plan.image = *std::move(image);
  BundleInputs& in = plan.bundle;
  in.id = record.id;
  in.hostname = hostname_of(record);
  auto process = merge(settings, plan.image.config, in.hostname);
  if (!process) return process.error();
  in.process = *std::move(process);
  in.rootfs = (plan.folder / "bundle/rootfs").string();
  plan.overlay = {parts_.images.layers_folder(), plan.image.layers, plan.folder / "upper",
                  plan.folder / "work"};
  for (const fs::path& each :
       {plan.folder / "bundle", fs::path(in.rootfs), plan.overlay.upper, plan.overlay.work})
    if (auto made = files::make_directory(each, 0755); !made) return made;
  // Whose, where: before anything that has to be undone.
  auto looked = with_rootfs(plan.overlay, in.rootfs, [&](int root) -> Result<void> {
    const auto text = [&](const char* path) {
      auto read = files::read_in_root(root, path, kMaxEtc);
      return read ? *read : std::string();
    };
    auto user = find_user(in.process.user, text("/etc/passwd"), text("/etc/group"), settings.group_add);
    if (!user) return user.error();
    in.user = *std::move(user);
    for (const VolumeMount& each : record.mounts)
      if (!each.volume.empty())
        if (auto filled = copy_up(root, each.destination, each.source); !filled) return filled;
    return {};
  });
  if (!looked) return looked;
  for (const VolumeMount& each : record.mounts) {
    std::error_code error;
    if (!fs::exists(each.source, error)) {
      // As Docker does with a path that is not there.
      if (auto made = files::make_directory(each.source, 0755); !made) return made;
    }
    in.mounts.push_back({each.source, each.destination, each.read_only, each.propagation});
  }
  auto devices = find_devices(settings);
  if (!devices) return devices.error();
  in.devices = *std::move(devices);
  const std::string parent = settings.cgroup_parent.empty() ? "/berth" : settings.cgroup_parent;
  if (!parent.starts_with('/')) return Error(kRefused, "the cgroup parent '" + parent + "' is no path");
  plan.facts.cgroup = parent + "/" + record.id;
  in.cgroup_path = plan.facts.cgroup;
  in.own_cgroup_namespace = parts_.cgroups.mode == cgroup::Mode::kV2;
  std::error_code ignored;
  in.swap_accounted =
      parts_.cgroups.mode == cgroup::Mode::kV2 ||
      fs::exists(cgroup::directory_of(parts_.cgroups, "memory", "") / "memory.memsw.limit_in_bytes", ignored);
  in.capability_mask = capability_mask_;
  in.init_program = parts_.monitor;
  if (auto shared_memory = share_memory(record, peers, plan); !shared_memory) return shared_memory;
  if (auto networked = prepare_network(record, peers, plan); !networked) return networked;
  if (auto wrote = write_etc(record, peers, plan); !wrote) return wrote;
  auto config = bundle_config(settings, in);
  if (!config) return config.error();
  if (auto wrote = files::write(plan.folder / "bundle/config.json", *config, 0600); !wrote) return wrote;
  if (auto wrote = files::write(plan.folder / kStartFile, start_text(plan.facts)); !wrote) return wrote;
  return write_plan(record, plan);
}

// Process and IPC namespaces, and the /dev/shm that goes with the latter.
Result<void> Starter::share_memory(const Record& record, const Peers& peers, Plan& plan) {
  const ContainerSettings& settings = record.settings;
  const auto peer = [&](const std::string& mode) -> Result<const Peer*> {
    const auto found = peers.find(mode.substr(kOfContainer.size()));
    if (found == peers.end())
      return Error(kRefused, "No such container: " + mode.substr(kOfContainer.size()));
    if (!found->second.running)
      return Error(kRefused,
                   "cannot join the namespaces of a container that does not run: " + found->second.name);
    return &found->second;
  };
  BundleInputs& in = plan.bundle;
  in.own_uts = settings.uts_mode != "host" && settings.network_mode != "host";
  if (settings.pid_mode.starts_with(kOfContainer)) {
    auto other = peer(settings.pid_mode);
    if (!other) return other.error();
    in.pid = "/proc/" + std::to_string((*other)->pid) + "/ns/pid";
  } else if (settings.pid_mode != "host") {
    in.pid = "";
  }
  if (settings.ipc_mode.starts_with(kOfContainer)) {
    auto other = peer(settings.ipc_mode);
    if (!other) return other.error();
    if (!(*other)->shm)
      return Error(kRefused, "cannot join the IPC of container " + (*other)->name + ": non-shareable IPC");
    in.ipc = "/proc/" + std::to_string((*other)->pid) + "/ns/ipc";
    in.shm_source = ((*other)->folder / "shm").string();
  } else if (settings.ipc_mode == "host") {
    in.shm_source = "/dev/shm";
  } else {
    in.ipc = "";
  }
  if (settings.ipc_mode != "shareable") return {};
  const fs::path shm = plan.folder / "shm";
  if (auto made = files::make_directory(shm, 0755); !made) return made;
  const auto size = settings.shm_size > 0 ? settings.shm_size : 64LL * 1024 * 1024;
  if (::mount("shm", shm.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
              ("mode=1777,size=" + std::to_string(size)).c_str()) != 0)
    return Error(kRefused, std::string("mount shared memory: ") + std::strerror(errno));
  plan.facts.shm = true;
  in.shm_source = shm.string();
  return {};
}

Result<void> Starter::prepare_network(const Record& record, const Peers& peers, Plan& plan) {
  const std::string& mode = record.settings.network_mode;
  if (mode == "host") return {};
  if (mode.starts_with(kOfContainer)) {
    const auto found = peers.find(mode.substr(kOfContainer.size()));
    if (found == peers.end() || !found->second.running)
      return Error(kRefused, "cannot join the network of a container that does not run: " +
                                 mode.substr(kOfContainer.size()));
    plan.bundle.network = "/proc/" + std::to_string(found->second.pid) + "/ns/net";
    return {};
  }
  auto attached = mode == "none" ? parts_.network.isolated() : parts_.network.attach(record.id);
  if (!attached) return attached.error();
  plan.network_space = std::move(attached->space);
  plan.bundle.network =
      "/proc/" + std::to_string(::getpid()) + "/fd/" + std::to_string(plan.network_space.get());
  plan.facts.address = attached->address;
  if (mode == "none" || record.settings.ports.empty()) return {};
  std::vector<network::PortWish> wishes;
  for (const PortBinding& each : record.settings.ports)
    wishes.push_back({each.container_port, each.host_port, each.protocol, each.bind_ip, each.choose_first,
                      each.choose_last});
  auto holding = parts_.network.publish(record.id, attached->address, wishes);
  if (!holding) return holding.error();
  plan.facts.ports = holding->ports;
  plan.held = std::move(holding->held);
  return {};
}

Result<void> Starter::write_etc(const Record& record, const Peers& peers, Plan& plan) {
  const ContainerSettings& settings = record.settings;
  BundleInputs& in = plan.bundle;
  const bool host = settings.network_mode == "host";
  std::vector<std::pair<std::string, std::string>> links;
  for (const std::string& each : settings.links) {
    const auto colon = each.find(':');
    const std::string name = each.substr(0, colon);
    const auto found = peers.find(name);
    if (found == peers.end() || !found->second.running)
      return Error(kRefused, "Cannot link to a non running container: " + name);
    std::string names = colon == std::string::npos ? name : each.substr(colon + 1);
    if (names != name) names += " " + found->second.hostname + " " + name;
    links.emplace_back(found->second.address, names);
  }
  const std::string hosts = host ? files::read_or("/etc/hosts") : "";
  std::string own =
      host ? hosts : hosts_file(settings, in.hostname, plan.facts.address, parts_.network.gateway(), links);
  if (host)
    for (const std::string& each : settings.extra_hosts) {
      const auto colon = each.find(':');
      const std::string address = each.substr(colon + 1);
      own += (address == "host-gateway" ? parts_.network.gateway() : address) + "\t" + each.substr(0, colon) +
             "\n";
    }
  std::string resolver = files::read_or("/etc/resolv.conf");
  if (!host && only_loopback_servers(resolver))
    resolver = files::read_or("/run/systemd/resolve/resolv.conf", resolver);
  in.hosts_path = (plan.folder / "hosts").string();
  in.hostname_path = (plan.folder / "hostname").string();
  in.resolver_path = (plan.folder / "resolv.conf").string();
  if (auto wrote = files::write(in.hosts_path, own); !wrote) return wrote;
  if (auto wrote = files::write(in.hostname_path, in.hostname + "\n"); !wrote) return wrote;
  return files::write(in.resolver_path, resolver_file(settings, resolver, host));
}

std::vector<std::string> Starter::late_settings(const Record& record, const std::string& group) const {
  const ContainerSettings& s = record.settings;
  const std::string below = group.substr(1);
  std::vector<std::string> out;
  const auto add = [&](const char* file, const std::string& value) {
    out.push_back((cgroup::directory_of(parts_.cgroups, "cpu", below) / file).string() + "\t" + value);
  };
  const std::int64_t period = s.cpu_period > 0 ? s.cpu_period : cgroup::kCpuPeriodMicros;
  const std::int64_t quota = s.nano_cpus > 0 ? s.nano_cpus * period / 1'000'000'000 : s.cpu_quota;
  const std::int64_t shares =
      s.cpu_shares > 0 ? std::clamp(s.cpu_shares, cgroup::kMinShares, cgroup::kMaxShares) : 1024;
  if (parts_.cgroups.mode == cgroup::Mode::kV2) {
    add("cpu.weight", std::to_string(cgroup::weight_of_shares(shares)));
    if (quota > 0) add("cpu.max", std::to_string(quota) + " " + std::to_string(period));
    return out;
  }
  add("cpu.shares", std::to_string(shares));
  if (quota > 0) {
    add("cpu.cfs_period_us", std::to_string(period));
    add("cpu.cfs_quota_us", std::to_string(quota));
  }
  return out;
}

Result<void> Starter::write_plan(const Record& record, const Plan& plan) {
  std::string out;
  const auto add = [&](const std::string& key, const std::string& value) {
    out += key + "=" + value;
    out.push_back('\0');
  };
  const auto words = [&](const char* key, const Launcher::Words& all) {
    for (const std::string& each : all) add(key, each);
  };
  const fs::path& own = plan.folder;
  const ContainerSettings& settings = record.settings;
  add("lowers", plan.overlay.layers_folder.string());
  add("overlay", overlay_options(plan.overlay));
  add("rootfs", plan.bundle.rootfs);
  if (settings.log) {
    add("log", (own / "json.log").string());
    add("log_size", std::to_string(settings.log_size));
    add("log_files", std::to_string(settings.log_files));
  }
  if (settings.open_stdin) add("stdin", "1");
  const bool v2 = parts_.cgroups.mode == cgroup::Mode::kV2;
  add("memory", (cgroup::directory_of(parts_.cgroups, "memory", plan.facts.cgroup.substr(1)) /
                 (v2 ? "memory.events" : "memory.oom_control"))
                    .string());
  add("runtime_log", (own / "runtime.log").string());
  add("pid_file", (own / "pid").string());
  add("ended", (parts_.ended / record.id).string());
  add("held", std::to_string(plan.held.size()));
  for (const std::string& each : late_settings(record, plan.facts.cgroup)) add("late", each);
  words("create", parts_.launcher.create(record.id, (own / "bundle").string(), (own / "pid").string(),
                                         (own / "runtime.log").string()));
  words("start", parts_.launcher.start(record.id));
  words("remove", parts_.launcher.remove(record.id));
  return files::write(own / monitor::kPlanFile, out, 0600);
}

Result<Started> Starter::spawn(const Record& record, const Plan& plan) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return refused(std::string("pipe: ") + std::strerror(errno));
  const UniqueFd answer(ends[0]);
  UniqueFd told(ends[1]);
  RunOptions options;
  options.passed.emplace_back(told.get(), monitor::kAnswer);
  for (std::size_t i = 0; i < plan.held.size(); ++i)
    options.passed.emplace_back(plan.held[i].get(), monitor::kFirstHeld + static_cast<int>(i));
  auto ran = run({parts_.monitor, plan.folder.string()}, options);
  told.reset();
  if (!ran || ran->status != 0) return refused(ran ? parts_.monitor + ": " + ran->err : ran.error().text());
  std::string said;
  for (auto left = kStartLimit.count(); left > 0;) {
    pollfd ready{answer.get(), POLLIN, 0};
    constexpr int kSlice = 1000;
    const int got = ::poll(&ready, 1, kSlice);
    if (got == 0) left -= kSlice;
    if (got <= 0) continue;
    char piece[4096];
    const ssize_t size = ::read(answer.get(), piece, sizeof piece);
    if (size <= 0) break;
    said.append(piece, static_cast<std::size_t>(size));
  }
  if (said.starts_with("fail ")) return refused(said.substr(5));
  const auto facts = parse_run(files::read_or(plan.folder / monitor::kRunFile));
  if (!said.starts_with("ok ") || !facts)
    return refused("its monitor ended without a word" + (ran->err.empty() ? std::string() : ": " + ran->err));
  (void)record;
  return Started{*facts, plan.facts};
}

std::pair<int, std::string> Starter::execute(const std::string& id, const std::vector<std::string>& arguments,
                                             Millis timeout) {
  const fs::path own = folder(id);
  const std::string process = process_with(files::read_or(own / "bundle/config.json"), arguments);
  if (auto wrote = files::write(own / "health.json", process, 0600); !wrote)
    return {-1, wrote.error().text()};
  RunOptions options;
  options.timeout = timeout;
  options.most_output = 4096;
  auto ran = run(parts_.launcher.execute(id, (own / "health.json").string()), options);
  if (!ran) return {-1, ran.error().text()};
  if (ran->timed_out)
    return {-1, "Health check exceeded timeout (" + std::to_string(timeout.count() / 1000) + "s)"};
  return {ran->status, ran->out + ran->err};
}

// Whatever is left in its groups; with a process namespace of its own nothing is.
void Starter::end_processes(const std::string& group) const {
  for (const fs::path& each : cgroup::directories_of(parts_.cgroups, group.substr(1))) {
    const std::string text = files::read_or(each / "cgroup.procs");
    for (const char* at = text.data(); at < text.data() + text.size();) {
      int pid = 0;
      const auto got = std::from_chars(at, text.data() + text.size(), pid);
      if (got.ec != std::errc()) break;
      if (pid > 1) ::kill(pid, SIGKILL);
      at = got.ptr + 1;
    }
  }
}

void Starter::clean_up(const std::string& id) {
  const fs::path own = folder(id);
  const StartFacts facts = parse_start(files::read_or(own / kStartFile, "{}"));
  if (!facts.cgroup.empty()) end_processes(facts.cgroup);
  wait_for_monitor(own, kEndLimit);
  if (facts.shm || fs::exists(own / "shm")) ::umount2((own / "shm").c_str(), MNT_DETACH);
  parts_.network.release(id);
  if (facts.cgroup.empty()) return;
  for (const fs::path& each : cgroup::directories_of(parts_.cgroups, facts.cgroup.substr(1)))
    ::rmdir(each.c_str());
}

}  // namespace agent::runtime::oci
