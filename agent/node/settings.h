// What an operator can tell the node; names as in the ECS agent's environment. Values only: the program maps
// its settings to these and validates them.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "shared/base/time.h"

namespace agent::node {

// ECS_IMAGE_PULL_BEHAVIOR.
// kDefault pulls, and uses the local image when that fails. An image that is present, was never pulled or
// pushed (it has no repository digest) and whose name has no registry host can only have been made on this
// host: it is used without a pull. For other present images the docker driver gives a registry that does not
// answer at all DockerSettings::registry_patience, so that an unreachable one never stalls a start for
// longer.
enum class PullBehavior { kDefault, kAlways, kOnce, kPreferCached };

// Of port numbers, both included.
struct PortRange {
  int first = 0;
  int last = 0;
  bool operator==(const PortRange&) const = default;
};
// The ECS agent's own: introspection, task metadata, metrics. Never given to a task.
inline constexpr PortRange kAgentPorts{51678, 51680};

struct NodeSettings {
  std::string cluster = "default";    // ECS_CLUSTER: name or ARN, passed on as it is
  std::string region;                 // set for containers as AWS_REGION where nobody else did
  std::string address = "127.0.0.1";  // where balancers reach this host's ports: attribute berth.address

  std::int64_t cpus = 1;                 // logical CPUs
  std::int64_t memory_mib = 0;           // of the whole host
  std::int64_t reserved_memory_mib = 0;  // ECS_RESERVED_MEMORY
  // ECS_RESERVED_PORTS, the ECS agent's own ports and those of this agent
  std::set<int> reserved_ports = {22, 2375, 2376, 51678, 51679, 51680};
  std::set<int> reserved_ports_udp;                                  // ECS_RESERVED_PORTS_UDP
  PortRange dynamic_ports{32768, 60999};                             // ECS_DYNAMIC_HOST_PORT_RANGE
  std::string cpu_architecture = "x86_64";                           // or arm64
  std::map<std::string, std::string> attributes;                     // ECS_INSTANCE_ATTRIBUTES
  std::map<std::string, std::string> tags;                           // ECS_CONTAINER_INSTANCE_TAGS
  std::vector<std::string> logging_drivers = {"json-file", "none"};  // ECS_AVAILABLE_LOGGING_DRIVERS
  std::vector<std::string> extra_capabilities;  // full attribute names other parts of this agent make true
  bool disable_privileged = false;              // ECS_DISABLE_PRIVILEGED: only what is advertised
  // Where containers are told of themselves (agent/metadata), "http://169.254.170.2"; empty: nowhere.
  std::string metadata_url;
  // Where the services of AWS are for containers (AWS_ENDPOINT_URL, where nobody else set it); empty: it is
  // not said.
  std::string endpoint_url;
  std::string agent_version = "0.1.0";
  std::string agent_hash = "berth";

  bool metrics = false;  // tells control what containers use; ECS_DISABLE_METRICS: not

  PullBehavior pull_behavior = PullBehavior::kDefault;
  shared::Millis container_stop_timeout{30'000};   // ECS_CONTAINER_STOP_TIMEOUT
  shared::Millis task_cleanup_wait{3 * 3600'000};  // ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION
  shared::Millis task_cleanup_wait_jitter{0};      // ..._JITTER
  std::optional<std::int64_t> task_pids_limit;     // ECS_TASK_PIDS_LIMIT

  // Not in ECS's environment.
  std::size_t concurrent_starts = 4;    // pulls at once, and creates and starts at once
  shared::Millis report_gather{1'000};  // container changes wait this long for company (plus up to as much)
  shared::Millis engine_retry{1'000};   // between attempts while the engine cannot be reached
  shared::Millis engine_patience{300'000};  // after that a start gives up
  shared::Millis steady_check{300'000};  // inspect running containers although no event came; plus up to 30 s
  shared::Millis session_silence{60'000};   // plus up to as much: then the ACS session is dropped
  shared::Millis session_age{30 * 60'000};  // plus up to 5 min: then it is renewed
};

// Limits that are not for operators.
inline constexpr std::size_t kMaxReportsInFlight = 10;
inline constexpr std::size_t kMaxReasonLength = 1024;
inline constexpr std::size_t kMaxIdLength = 255;
inline constexpr int kMaxStopAttempts = 5;
// Calls of the engine at once besides starts and pulls (NodeSettings::concurrent_starts), each kind for
// itself, so that none waits behind another. A stop mostly waits for the process to end.
inline constexpr std::size_t kMaxConcurrentStops = 256;
inline constexpr std::size_t kMaxConcurrentInspections = 16;
inline constexpr std::size_t kMaxConcurrentRemovals = 4;
inline constexpr shared::Millis kCleanupRetry{30'000};
// A volume that the engine will not remove (somebody else's container mounts it) is tried this often.
inline constexpr int kMaxVolumeRemovals = 20;
inline constexpr shared::Millis kMaxCleanupDelay{72 *
                                                 3600'000};  // for a control that never acknowledges STOPPED

}  // namespace agent::node
