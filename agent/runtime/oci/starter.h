// One start of a container, from its record to a running program; and what is left of it afterwards.
// Blocking: for worker threads, one at a time for one container.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "agent/cgroup/layout.h"
#include "agent/network/network.h"
#include "agent/runtime/oci/container.h"
#include "agent/runtime/oci/launch/launcher.h"
#include "agent/runtime/oci/store/image_store.h"
#include "agent/runtime/oci/volumes.h"

namespace agent::runtime::oci {

// Another container that a start refers to, as it is just now.
struct Peer {
  std::string name;
  bool running = false;
  int pid = 0;
  std::string hostname;
  std::string address;
  std::filesystem::path folder;
  bool shm = false;
};
using Peers = std::map<std::string, Peer>;  // by the name that the container refers to it by

struct Started {
  RunFacts run;
  StartFacts facts;
};

class Starter {
 public:
  struct Parts {
    std::filesystem::path containers;  // folder
    std::filesystem::path ended;       // where monitors tell of an end
    std::string monitor;               // berth-monitor
    ImageStore& images;
    Volumes& volumes;
    network::Network& network;
    const Launcher& launcher;
    cgroup::Layout cgroups;
  };
  explicit Starter(Parts parts);

  std::filesystem::path folder(const std::string& id) const { return parts_.containers / id; }
  // Error code CannotStartContainerError. A container that runs already is found.
  shared::Result<Started> start(const Record& record, const Peers& peers);
  // Runs a program inside, for a health check: its exit code and what it said; -1 and the reason when it took
  // too long or could not be run.
  std::pair<int, std::string> execute(const std::string& id, const std::vector<std::string>& arguments,
                                      shared::Millis timeout);
  // Once it ended, or a start failed: its network, its processes, its mounts, its cgroup.
  void clean_up(const std::string& id);
  // Docker's form of what it uses (JSON); "not_found" when nothing of it runs.
  shared::Result<std::string> stats(const std::string& id, const RunFacts& run) const;

 private:
  struct Plan;
  shared::Result<void> prepare(const Record& record, const Peers& peers, Plan& plan);
  shared::Result<void> prepare_network(const Record& record, const Peers& peers, Plan& plan);
  shared::Result<void> write_etc(const Record& record, const Peers& peers, Plan& plan);
  shared::Result<void> write_plan(const Record& record, const Plan& plan);
  shared::Result<Started> spawn(const Record& record, const Plan& plan);
  shared::Result<void> share_memory(const Record& record, const Peers& peers, Plan& plan);
  std::vector<std::string> late_settings(const Record& record, const std::string& cgroup) const;
  void end_processes(const std::string& cgroup) const;

  Parts parts_;
  std::uint64_t capability_mask_ = 0;
};

std::string hostname_of(const Record& record);

}  // namespace agent::runtime::oci
