// Runtime: the contract with a container engine. Drivers: docker (Engine API over its socket). Tests use a
// scripted twin; both pass tests/contract. All calls are asynchronous; callbacks run on the executor's
// thread, never inside the call, and exactly once. Every call is safe to repeat: an agent may crash at any
// point and try again.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/time.h"

namespace agent::runtime {

struct PortBinding {
  int container_port = 0;
  int host_port = 0;  // 0 in a spec: the engine chooses, within the range below where there is one
  std::string protocol = "tcp";
  std::string bind_ip = "0.0.0.0";
  int choose_first = 0;  // both included; 0: any port the engine likes
  int choose_last = 0;
};

struct ContainerSpec {
  std::string name;  // unique on the host; how a crashed create is found again
  std::string image;
  std::vector<std::string> command;      // empty: the image's
  std::vector<std::string> entry_point;  // empty: the image's
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> labels;
  std::vector<PortBinding> ports;
  std::vector<std::string> links;
  std::string network_mode = "bridge";  // bridge, host, none
  // Namespaces; "container:NAME" is that container's, which must be running when this one is started.
  std::string pid_mode;         // empty: its own; "host", "container:NAME"
  std::string ipc_mode;         // empty: the engine's default; "host", "none", "shareable", "container:NAME"
  std::string cgroup_parent;    // empty: the engine's default
  std::int64_t cpu_shares = 0;  // 0 = the engine's minimum (2)
  std::int64_t memory_bytes = 0;  // hard limit, 0 = none
  // Further settings in Docker Engine naming (config and hostConfig of the payload), laid over the above
  // without case.
  std::string engine_config = "{}";
  std::string engine_host_config = "{}";
};

// What is needed to find a container again after a crash. Serialisable. With an empty id the name is used:
// all that is known when the crash came between create and its answer.
struct ContainerHandle {
  std::string id;  // the engine's
  std::string name;
};

enum class ContainerPhase { kCreated, kRunning, kExited };

struct ContainerInfo {
  ContainerHandle handle;
  ContainerPhase phase = ContainerPhase::kCreated;
  std::optional<int> exit_code;  // kExited
  bool oom_killed = false;
  std::string error;  // the engine's own words (State.Error), empty if none
  std::string image_digest;
  std::vector<PortBinding> ports;  // actual, while running
  std::map<std::string, std::string> labels;
  std::string health;         // "", "starting", "healthy", "unhealthy"
  std::string health_output;  // what the last health check said
  int pid = 0;
  std::optional<shared::WallTime> started_at;
  std::optional<shared::WallTime> finished_at;
  std::string image_id;  // of the image's own configuration, "sha256:..."
  std::optional<shared::WallTime> created_at;
  std::map<std::string, std::string> networks;  // name to IPv4 address, which is empty while it has none
};

struct ImageInfo {
  std::string id;
  std::string digest;  // "sha256:..." of the repository manifest, empty for a local-only image
};

struct VolumeSpec {
  std::string name;  // unique on the host
  std::string driver = "local";
  std::map<std::string, std::string> options;  // the driver's own
  std::map<std::string, std::string> labels;
};

struct VolumeInfo {
  std::string name;
  std::string driver;
  std::map<std::string, std::string> labels;
};

enum class EventType { kCreated, kStarted, kExited, kOom, kRemoved, kHealth };

struct Event {
  EventType type = EventType::kStarted;
  ContainerHandle handle;
  std::optional<int> exit_code;
};

// Error codes are the ECS agent's: CannotPullContainerError, CannotImportImageError (ours),
// CannotCreateContainerError, CannotStartContainerError, CannotStopContainerError,
// CannotInspectContainerError, CannotRemoveContainerError, CannotCreateVolumeError, CannotInspectVolumeError,
// CannotListVolumesError, CannotRemoveVolumeError, DockerTimeoutError, "not_found" (no such container, image
// or volume), "engine_down" (the socket cannot be reached, or a question gets no answer; retry yes).
class Runtime {
 public:
  virtual ~Runtime() = default;
  template <class T>
  using Done = std::function<void(shared::Result<T>)>;

  // All containers that carry `label`, running or not: what an agent that lost its memory must adopt or stop.
  virtual void recover(const std::string& label, Done<std::vector<ContainerInfo>> done) = 0;
  // Events from now on, until the runtime dies; reconnects by itself. `gap` tells that the stream of events
  // was lost, and again once there is a new one: events may have been missed, inspect everything.
  virtual void watch(std::function<void(Event)> on_event, std::function<void()> gap) = 0;
  virtual void ping(Done<std::string> done) = 0;  // engine version; cheap, may be asked often

  virtual void pull(const std::string& image, Done<ImageInfo> done) = 0;
  virtual void find_image(const std::string& image, Done<ImageInfo> done) = 0;
  // Makes a local image of that name ("repository:tag") out of a tar of its root file system. Error code
  // CannotImportImageError.
  virtual void import_image(const std::string& image, std::string tree, Done<ImageInfo> done) = 0;
  virtual void create(const ContainerSpec& spec,
                      Done<ContainerHandle> done) = 0;  // an existing one of that name: its handle
  virtual void start(const ContainerHandle& handle, Done<ContainerInfo> done) = 0;
  // Stop signal, then SIGKILL after `grace`. Succeeds for a container that is not running.
  virtual void stop(const ContainerHandle& handle, shared::Millis grace, Done<ContainerInfo> done) = 0;
  virtual void inspect(const ContainerHandle& handle, Done<ContainerInfo> done) = 0;
  // What it uses just now, in the form of Docker's API (JSON). The engine may take two seconds to measure it.
  virtual void stats(const ContainerHandle& handle, Done<std::string> done) = 0;
  // The same counters at one moment, without what the engine would measure for it.
  virtual void sample(const ContainerHandle& handle, Done<std::string> done) {
    stats(handle, std::move(done));
  }
  // True also when it was gone already. CannotRemoveContainerError for one that runs.
  virtual void remove(const ContainerHandle& handle, Done<bool> done) = 0;
  // Named volumes. An existing one of that name and driver is taken as it is, also with other options and
  // labels; with another driver it is an error.
  virtual void create_volume(const VolumeSpec& spec, Done<VolumeInfo> done) = 0;
  virtual void find_volume(const std::string& name, Done<VolumeInfo> done) = 0;
  // All whose label has exactly this value.
  virtual void labelled_volumes(const std::string& label, const std::string& value,
                                Done<std::vector<VolumeInfo>> done) = 0;
  // True also when it was gone already. An error while a container, running or not, mounts it.
  virtual void remove_volume(const std::string& name, Done<bool> done) = 0;
};

}  // namespace agent::runtime
