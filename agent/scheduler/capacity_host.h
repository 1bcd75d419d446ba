// The hosts of a capacity index, with numbers for the names that are compared often, in the order in which
// they changed. Not for others; see capacity_index.h.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "agent/scheduler/placement.h"

namespace agent::scheduler {

inline constexpr std::uint32_t kNone = UINT32_MAX;

// Numbers for texts, each as long as somebody uses it; then for another text.
class Names {
 public:
  std::uint32_t acquire(const std::string& text);
  void release(std::uint32_t id);
  std::uint32_t uses(std::uint32_t id) const { return entries_[id].uses; }
  const std::string& text(std::uint32_t id) const { return *entries_[id].text; }

 private:
  struct Entry {
    const std::string* text = nullptr;  // a key of ids_
    std::uint32_t uses = 0;
  };
  std::unordered_map<std::string, std::uint32_t> ids_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
};

// True if it was another one.
template <class T>
bool set_to(T& value, const T& wanted) {
  if (value == wanted) return false;
  value = wanted;
  return true;
}

struct Count {
  std::uint32_t name = 0;
  int count = 0;
  bool operator==(const Count&) const = default;
};
using Counts = std::vector<Count>;  // by rising name
int count_in(const Counts& counts, std::uint32_t name);

struct HostFacts {
  // First what is looked at for each decision that visits the host.
  std::uint64_t changed = 0;    // Hosts::now() of then
  std::uint32_t newer = kNone;  // the list of slots from the one that changed last
  std::uint32_t older = kNone;
  bool present = false;  // false: the slot is free
  Availability availability = Availability::kUsable;
  std::int64_t cpu = 0;
  std::int64_t memory = 0;
  int tasks = 0;
  int running_tasks = 0;
  Counts groups;
  Counts deployments;
  std::vector<int> tcp_ports;  // rising
  std::vector<int> udp_ports;
  std::string arn;
  std::string ec2_instance_id;
  std::string agent_version;
  shared::WallTime registered_at{};
  std::map<std::string, std::string> attributes;
};

class Hosts {
 public:
  std::size_t size() const { return by_arn_.size(); }
  std::uint32_t slots() const { return static_cast<std::uint32_t>(hosts_.size()); }
  std::uint32_t find(const std::string& arn) const;  // kNone: there is none
  std::uint32_t create(const std::string& arn);
  void erase(std::uint32_t slot);
  const HostFacts& at(std::uint32_t slot) const { return hosts_[slot]; }
  HostFacts& edit(std::uint32_t slot) { return hosts_[slot]; }  // touch() it when something is different
  void touch(std::uint32_t slot);

  // All that changed after `then` come first in the list that begins here.
  std::uint32_t newest() const { return newest_; }
  std::uint64_t now() const { return clock_; }

  // All that depends on the tasks there. True if something was different.
  bool set_usage(HostFacts& host, const Candidate& candidate);
  void add_task(HostFacts& host, const Demand& demand, std::uint32_t group, std::uint32_t deployment);
  Candidate candidate(std::uint32_t slot) const;
  std::map<std::string, int> texts(const Counts& counts) const;
  std::vector<std::uint32_t> by_arn() const;

  Names& names() { return names_; }

 private:
  bool set_counts(Counts& counts, const std::map<std::string, int>& wanted);
  void add_one(Counts& counts, std::uint32_t name);
  void unlink(std::uint32_t slot);

  Names names_;
  std::vector<HostFacts> hosts_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<std::string, std::uint32_t> by_arn_;
  std::uint32_t newest_ = kNone;
  std::uint64_t clock_ = 0;
};

}  // namespace agent::scheduler
