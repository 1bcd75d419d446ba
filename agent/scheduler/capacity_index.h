// Placement of tasks on the container instances of one cluster, as ECS does it: filter by what the task needs
// and by constraints, order by strategies, place one, repeat. The facts of the hosts stay here and are told
// when they change, and a decision does not visit them all: for each demand (all of it but the count) that
// was asked for lately there is a view of the hosts, ranked as its strategies do, which takes over only what
// changed since it was asked last. A demand's first decision visits all hosts. One that spreads over an
// attribute looks at each combination of values that hosts have for such attributes: a few zones or racks
// cost nothing, an attribute that differs on every host costs a look at all. Pure: the same calls and the
// same random sequence give the same choices. Never overcommits a host. Thread: one.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/scheduler/placement.h"
#include "shared/env/random.h"

namespace agent::scheduler {

// A view takes about 50 bytes for each host (100 with two strategies that look at hosts of their own). All
// together have no more hosts than this, so 5,000 hosts have 209 views and 50 MB of them; of more the one
// that was not used for longest goes, and is made anew when it is asked for again.
inline constexpr std::size_t kMaxViewedHosts = std::size_t{1} << 20;
inline constexpr std::size_t kMaxViews = 1024;  // in a cluster with few hosts

struct Placed {
  std::vector<std::string> arns;  // one for each task placed
  int unplaced = 0;
  // With unplaced tasks: why one more does not fit the host where the least is in the way. Nothing when there
  // are no hosts.
  std::optional<Failure> closest;
};

class CapacityIndex {
 public:
  CapacityIndex();
  ~CapacityIndex();
  CapacityIndex(const CapacityIndex&) = delete;
  CapacityIndex& operator=(const CapacityIndex&) = delete;

  // What is true of the host with this ARN, new or not. The same again costs little.
  void put(const Candidate& candidate);
  // Only what depends on its tasks: cpu, memory, ports, groups, deployments, the numbers of tasks. Nothing
  // happens for a host that is not there.
  void put_usage(const Candidate& candidate);
  void erase(const std::string& arn);
  bool contains(const std::string& arn) const;
  std::size_t size() const;

  // Tasks that are placed count from then on; a later put() of what became of them replaces that.
  Placed place(const Demand& demand, shared::env::Random& random);
  // Why one more task does not fit each of the hosts, by rising ARN; an empty reason where it does. Visits
  // all.
  std::vector<Failure> failures(const Demand& demand) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agent::scheduler
