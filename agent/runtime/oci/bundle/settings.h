// What a container was asked to be: the body of Docker's create call, read once. A member that this runtime
// does not know, or cannot do, is an error that names it: nothing is taken and left undone. Pure.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/oci/images/manifest.h"
#include "agent/runtime/runtime.h"
#include "shared/base/result.h"

namespace agent::runtime::oci {

// Network, PID and IPC modes that join another container's namespace begin with it; a name or an id follows.
inline constexpr std::string_view kOfContainer = "container:";

struct Ulimit {
  std::string name;  // "nofile"
  std::int64_t soft = 0;
  std::int64_t hard = 0;
};
struct DeviceMapping {
  std::string host;
  std::string container;
  std::string permissions;
};
struct BindMount {
  std::string source;  // a path, or the name of a volume
  std::string destination;
  bool read_only = false;
  std::string propagation;  // empty: rprivate
  bool is_volume() const { return !source.starts_with('/'); }
};
struct VolumesFrom {
  std::string container;
  bool read_only = false;
};

struct ContainerSettings {
  std::string image;
  std::vector<std::string> command;
  std::optional<std::vector<std::string>> entry_point;
  std::vector<std::string> environment;  // NAME=VALUE
  std::map<std::string, std::string> labels;
  std::string user;
  std::string working_directory;
  std::string hostname;
  std::string domain_name;
  std::string stop_signal;
  bool open_stdin = false;
  std::optional<HealthCheck> health_check;

  std::string network_mode = "bridge";
  std::vector<PortBinding> ports;
  std::vector<std::string> links;
  std::vector<BindMount> binds;
  std::vector<VolumesFrom> volumes_from;
  std::map<std::string, std::string> tmpfs;  // path -> options
  std::string pid_mode;
  std::string ipc_mode;
  std::string uts_mode;
  std::string cgroup_parent;
  std::int64_t cpu_shares = 0;
  std::int64_t nano_cpus = 0;
  std::int64_t cpu_period = 0;
  std::int64_t cpu_quota = 0;
  std::string cpuset;
  std::int64_t memory = 0;
  std::int64_t memory_reservation = 0;
  std::int64_t memory_swap = 0;  // 0: twice the memory; -1: no limit
  std::optional<std::int64_t> swappiness;
  std::int64_t pids = 0;
  std::int64_t shm_size = 0;
  int oom_score = 0;
  bool privileged = false;
  bool read_only = false;
  bool init = false;
  bool no_new_privileges = false;
  bool seccomp = true;
  std::vector<std::string> dns;
  std::vector<std::string> dns_search;
  std::vector<std::string> dns_options;
  std::vector<std::string> extra_hosts;  // name:address
  std::vector<std::string> group_add;
  std::vector<Ulimit> ulimits;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::map<std::string, std::string> sysctls;
  std::vector<DeviceMapping> devices;
  bool log = true;  // json-file; false: none
  std::int64_t log_size = 0;
  int log_files = 1;
};

// Error code CannotCreateContainerError, with the member's name.
shared::Result<ContainerSettings> parse_settings(std::string_view create_body);
// "name:alias" and so on. "10m" -> bytes; nullopt for what is no size.
std::optional<std::int64_t> parse_size(std::string_view text);
// "SIGTERM", "TERM", "15", "SIGRTMIN+3"; nullopt for none.
std::optional<int> parse_signal(std::string_view text);

}  // namespace agent::runtime::oci
