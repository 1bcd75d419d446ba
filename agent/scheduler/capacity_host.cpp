#include "agent/scheduler/capacity_host.h"

#include <algorithm>

namespace agent::scheduler {
namespace {

template <class AnyCounts>
auto place_of(AnyCounts& counts, std::uint32_t name) {
  return std::lower_bound(counts.begin(), counts.end(), name,
                          [](const Count& each, std::uint32_t wanted) { return each.name < wanted; });
}

bool set_ports(std::vector<int>& ports, const std::set<int>& wanted) {
  if (std::equal(ports.begin(), ports.end(), wanted.begin(), wanted.end())) return false;
  ports.assign(wanted.begin(), wanted.end());
  return true;
}

void add_ports(std::vector<int>& ports, const std::set<int>& more) {
  for (const int port : more) {
    const auto it = std::lower_bound(ports.begin(), ports.end(), port);
    if (it == ports.end() || *it != port) ports.insert(it, port);
  }
}

}  // namespace

std::uint32_t Names::acquire(const std::string& text) {
  const auto [it, added] = ids_.try_emplace(text, 0);
  if (added) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(entries_.size()));
      entries_.emplace_back();
    }
    it->second = free_.back();
    free_.pop_back();
    entries_[it->second].text = &it->first;
  }
  ++entries_[it->second].uses;
  return it->second;
}

void Names::release(std::uint32_t id) {
  Entry& entry = entries_[id];
  if (--entry.uses > 0) return;
  ids_.erase(ids_.find(*entry.text));
  entry.text = nullptr;
  free_.push_back(id);
}

int count_in(const Counts& counts, std::uint32_t name) {
  const auto it = place_of(counts, name);
  return it == counts.end() || it->name != name ? 0 : it->count;
}

std::uint32_t Hosts::find(const std::string& arn) const {
  const auto it = by_arn_.find(arn);
  return it == by_arn_.end() ? kNone : it->second;
}

std::uint32_t Hosts::create(const std::string& arn) {
  if (free_.empty()) {
    free_.push_back(slots());
    hosts_.emplace_back();
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  hosts_[slot].present = true;
  hosts_[slot].arn = arn;
  by_arn_[arn] = slot;
  return slot;
}

void Hosts::erase(std::uint32_t slot) {
  HostFacts& host = hosts_[slot];
  by_arn_.erase(host.arn);
  for (const Counts* counts : {&host.groups, &host.deployments}) {
    for (const Count& each : *counts) names_.release(each.name);
  }
  unlink(slot);
  host = HostFacts{};
  touch(slot);
  free_.push_back(slot);
}

void Hosts::unlink(std::uint32_t slot) {
  HostFacts& host = hosts_[slot];
  if (host.newer != kNone) hosts_[host.newer].older = host.older;
  if (host.older != kNone) hosts_[host.older].newer = host.newer;
  if (newest_ == slot) newest_ = host.older;
  host.newer = kNone;
  host.older = kNone;
}

void Hosts::touch(std::uint32_t slot) {
  HostFacts& host = hosts_[slot];
  host.changed = ++clock_;
  if (newest_ == slot) return;
  unlink(slot);
  host.older = newest_;
  if (newest_ != kNone) hosts_[newest_].newer = slot;
  newest_ = slot;
}

bool Hosts::set_counts(Counts& counts, const std::map<std::string, int>& wanted) {
  Counts next;
  next.reserve(wanted.size());
  for (const auto& [text, count] : wanted) {
    if (count > 0) next.push_back({names_.acquire(text), count});
  }
  std::sort(next.begin(), next.end(), [](const Count& a, const Count& b) { return a.name < b.name; });
  const bool different = next != counts;
  counts.swap(next);
  for (const Count& each : next) names_.release(each.name);
  return different;
}

bool Hosts::set_usage(HostFacts& host, const Candidate& candidate) {
  bool different = set_to(host.cpu, candidate.cpu);
  different |= set_to(host.memory, candidate.memory);
  different |= set_to(host.running_tasks, candidate.running_tasks);
  different |= set_to(host.tasks, candidate.tasks);
  different |= set_ports(host.tcp_ports, candidate.tcp_ports);
  different |= set_ports(host.udp_ports, candidate.udp_ports);
  different |= set_counts(host.groups, candidate.groups);
  different |= set_counts(host.deployments, candidate.deployments);
  return different;
}

void Hosts::add_one(Counts& counts, std::uint32_t name) {
  const auto it = place_of(counts, name);
  if (it != counts.end() && it->name == name) {
    ++it->count;
    return;
  }
  names_.acquire(names_.text(name));
  counts.insert(it, {name, 1});
}

void Hosts::add_task(HostFacts& host, const Demand& demand, std::uint32_t group, std::uint32_t deployment) {
  host.cpu -= demand.each.cpu;
  host.memory -= demand.each.memory;
  add_ports(host.tcp_ports, demand.each.tcp_ports);
  add_ports(host.udp_ports, demand.each.udp_ports);
  ++host.tasks;
  add_one(host.groups, group);
  if (deployment != kNone) add_one(host.deployments, deployment);
}

std::map<std::string, int> Hosts::texts(const Counts& counts) const {
  std::map<std::string, int> all;
  for (const Count& each : counts) all.emplace(names_.text(each.name), each.count);
  return all;
}

Candidate Hosts::candidate(std::uint32_t slot) const {
  const HostFacts& host = hosts_[slot];
  Candidate candidate;
  candidate.arn = host.arn;
  candidate.ec2_instance_id = host.ec2_instance_id;
  candidate.agent_version = host.agent_version;
  candidate.registered_at = host.registered_at;
  candidate.availability = host.availability;
  candidate.cpu = host.cpu;
  candidate.memory = host.memory;
  candidate.tcp_ports = {host.tcp_ports.begin(), host.tcp_ports.end()};
  candidate.udp_ports = {host.udp_ports.begin(), host.udp_ports.end()};
  candidate.attributes = host.attributes;
  candidate.groups = texts(host.groups);
  candidate.deployments = texts(host.deployments);
  candidate.running_tasks = host.running_tasks;
  candidate.tasks = host.tasks;
  return candidate;
}

std::vector<std::uint32_t> Hosts::by_arn() const {
  std::vector<std::uint32_t> all;
  all.reserve(by_arn_.size());
  for (const auto& [arn, slot] : by_arn_) all.push_back(slot);
  std::sort(all.begin(), all.end(),
            [&](std::uint32_t a, std::uint32_t b) { return hosts_[a].arn < hosts_[b].arn; });
  return all;
}

}  // namespace agent::scheduler
