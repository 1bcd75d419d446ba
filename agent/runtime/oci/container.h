// A container as its folder keeps it, in values. In containers/<id>/:
//
//   container.json   what was asked, and which image it is; durable, never changed
//   start.json       what the last start gave it: address, ports, cgroup
//   run, exit, ...   the monitor's (monitor/plan.h)
//   upper, work      what it wrote, for overlayfs
//   bundle/          the OCI runtime's configuration
//   hosts, hostname, resolv.conf, json.log
//
// Blocking. Thread: any, one at a time for one container.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agent/network/rules.h"
#include "agent/runtime/oci/bundle/settings.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/base/unique_fd.h"

namespace agent::runtime::oci {

inline constexpr const char* kRecordFile = "container.json";
inline constexpr const char* kStartFile = "start.json";

struct VolumeMount {
  std::string source;  // a folder or file of the host
  std::string volume;  // its name, where it is a volume
  std::string destination;
  bool read_only = false;
  bool anonymous = false;  // goes with the container
  std::string propagation = "rprivate";
};

struct Record {
  std::string id;
  std::string name;
  shared::WallTime created;
  std::string body;  // as created, JSON
  std::string manifest;
  std::string image_id;
  std::string image_digest;
  std::vector<VolumeMount> mounts;
  ContainerSettings settings;  // of the body
};
std::string record_text(const Record& record);
shared::Result<Record> parse_record(const std::string& text);

struct StartFacts {
  std::string address;
  std::vector<network::Published> ports;
  std::string cgroup;  // below each hierarchy
  bool shm = false;    // a tmpfs of its own on the host: it is shareable
};
std::string start_text(const StartFacts& facts);
StartFacts parse_start(const std::string& text);

struct RunFacts {
  int pid = 0;
  unsigned long long start_time = 0;  // field 22 of /proc/<pid>/stat
  std::string boot_id;
  shared::WallTime started;
};
std::optional<RunFacts> parse_run(const std::string& text);

struct ExitFacts {
  int code = 0;
  bool out_of_memory = false;
  shared::WallTime ended;
};
std::optional<ExitFacts> parse_exit(const std::string& text);
std::string exit_text(const ExitFacts& facts);

std::string boot_id();
// A descriptor of exactly that process (pidfd); none if it is gone, or its pid is another's now.
shared::UniqueFd open_process(const RunFacts& facts);
// True while a monitor has this container.
bool has_monitor(const std::filesystem::path& folder);
// Waits until it has none; false after `patience`.
bool wait_for_monitor(const std::filesystem::path& folder, shared::Millis patience);

}  // namespace agent::runtime::oci
