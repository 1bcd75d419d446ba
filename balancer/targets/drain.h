// When a deregistered target is done: no worker may choose it any more, and nothing is open towards it, or
// its limit has passed. Control sends SIGTERM on the strength of this answer, so it is never given early.
// Pure: facts in, answer out; used unchanged by the cluster simulation. Thread: the owner's.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "shared/base/time.h"
#include "shared/lbconfig/config.h"

namespace balancer::targets {

// One registration in one target group.
struct TargetKey {
  std::string target_group;
  std::string registration;
  auto operator<=>(const TargetKey&) const = default;
};

class DrainTracker {
 public:
  // A configuration is about to be applied: its draining targets are learned of now (those known before keep
  // their start), others are forgotten. Groups that it shares with the one before cost nothing.
  void on_config(const shared::lbconfig::Config& config, shared::SteadyTime now);
  // Every worker routes by this version.
  void on_acknowledged(std::uint64_t version);

  // When requests still open towards the target are cut. Nothing: not draining.
  std::optional<shared::SteadyTime> cut_at(const TargetKey& key) const;
  // Once true it stays true for this registration.
  bool drained(const TargetKey& key, std::uint64_t in_flight, shared::SteadyTime now);
  // Draining targets whose limit is the next to pass, for timers. Nothing: none is open.
  std::optional<shared::SteadyTime> next_cut(shared::SteadyTime now) const;

 private:
  struct Entry {
    std::uint64_t version = 0;  // the first one that has it draining
    shared::SteadyTime learned{};
    shared::Millis limit{0};
    bool acknowledged = false;
    bool drained = false;
  };
  struct Group {
    shared::lbconfig::Part<shared::lbconfig::TargetGroup> seen;
    std::map<std::string, Entry, std::less<>> entries;  // by registration
  };
  Group learned_of(const shared::lbconfig::Part<shared::lbconfig::TargetGroup>& group, std::uint64_t version,
                   shared::SteadyTime now) const;
  const Entry* find(const TargetKey& key) const;
  std::map<std::string, Group, std::less<>> groups_;  // by id
};

}  // namespace balancer::targets
