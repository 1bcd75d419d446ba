// From what was asked and what the image says to the OCI runtime's config.json (runtime specification 1.0).
// Pure: what the host has (devices, capabilities, paths) comes in as values.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/runtime/oci/bundle/settings.h"
#include "agent/runtime/oci/bundle/users.h"
#include "agent/runtime/oci/images/manifest.h"
#include "shared/base/result.h"

namespace agent::runtime::oci {

// The container's settings and its image's, merged as Docker does. Error code CannotCreateContainerError: no
// command in either.
struct Process {
  std::vector<std::string> arguments;
  std::vector<std::string> environment;
  std::string working_directory;
  std::string user;
  std::string stop_signal;
};
shared::Result<Process> merge(const ContainerSettings& settings, const ImageConfig& image,
                              const std::string& hostname);
// nullopt where there is none, or it is disabled.
std::optional<HealthCheck> merge_health(const ContainerSettings& settings, const ImageConfig& image);
std::vector<std::string> health_arguments(const HealthCheck& check, const ImageConfig& image);

struct DeviceNode {
  std::string path;  // in the container
  char type = 'c';
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::uint32_t mode = 0666;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string permissions = "rwm";
};

struct BundleMount {
  std::string source;
  std::string destination;
  bool read_only = false;
  std::string propagation = "rprivate";
};

struct BundleInputs {
  std::string id;
  std::string hostname;
  Process process;
  User user;
  std::string rootfs;
  std::string hosts_path;  // files on the host that are bound to /etc/...
  std::string hostname_path;
  std::string resolver_path;
  std::optional<std::string> network;  // path of a namespace; empty: a new one; none: the host's
  std::optional<std::string> pid;
  std::optional<std::string> ipc;
  bool own_uts = true;
  bool own_cgroup_namespace = false;  // on cgroup v2
  std::string shm_source;             // a mounted folder for /dev/shm; empty: a new tmpfs
  std::string cgroup_path;
  std::vector<BundleMount> mounts;
  std::vector<DeviceNode> devices;
  std::string init_program;  // bound to /sbin/docker-init where one is asked for
  bool swap_accounted = false;
  std::uint64_t capability_mask = (std::uint64_t{1} << 41) - 1;  // what the agent may hand on
  std::vector<Ulimit> default_ulimits;
};
shared::Result<std::string> bundle_config(const ContainerSettings& settings, const BundleInputs& inputs);
// The `process` part of it with other arguments: what a health check runs.
std::string process_with(const std::string& bundle_config, const std::vector<std::string>& arguments);

}  // namespace agent::runtime::oci
