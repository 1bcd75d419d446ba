#include "agent/scheduler/placement.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace agent::scheduler {
namespace {

using shared::Result;

constexpr std::string_view kLoggingDriver = "com.amazonaws.ecs.capability.logging-driver.";
constexpr const char* kAttribute = "ATTRIBUTE";
constexpr const char* kNotConnected = "AGENT";
constexpr const char* kDraining = "INACTIVE";
constexpr const char* kNoGpus = "RESOURCE:GPU";
constexpr const char* kNotDistinct = "DistinctInstance placement constraint unsatisfied.";
constexpr const char* kNotMember = "MemberOf placement constraint unsatisfied.";

bool has_other_value(const Candidate& candidate, const model::NameValue& wanted) {
  const auto it = candidate.attributes.find(wanted.name);
  return it != candidate.attributes.end() && it->second != wanted.value;
}

// What an owner can do about a missing capability that depends on settings.
std::string hint_for(std::string_view name) {
  if (!name.starts_with(kLoggingDriver)) return {};
  const std::string driver(name.substr(kLoggingDriver.size()));
  return " No agent passes log driver " + driver +
         " on until its ECS_AVAILABLE_LOGGING_DRIVERS lists it, which needs an engine that has the driver" +
         (driver == "awslogs" ? " and credentials of AWS for it" : "") +
         "; or register a revision with logDriver json-file.";
}

bool shares(const std::set<int>& taken, const std::set<int>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](int port) { return taken.contains(port); });
}

QueryFacts facts_of(const Candidate& candidate) {
  QueryFacts facts;
  facts.attributes = &candidate.attributes;
  facts.groups = &candidate.groups;
  facts.ec2_instance_id = candidate.ec2_instance_id;
  facts.agent_version = candidate.agent_version;
  facts.registered_at = candidate.registered_at;
  facts.running_tasks = candidate.running_tasks;
  facts.agent_connected = candidate.availability != Availability::kDisconnected;
  return facts;
}

int count_of(const std::map<std::string, int>& counts, const std::string& name) {
  const auto it = counts.find(name);
  return it == counts.end() ? 0 : it->second;
}

}  // namespace

std::string misfit(const Candidate& candidate, const Demand& demand) {
  if (candidate.availability == Availability::kDraining) return kDraining;
  if (candidate.availability == Availability::kDisconnected) return kNotConnected;
  for (const std::string& name : demand.required_attributes) {
    if (!candidate.attributes.contains(name)) return kAttribute;
  }
  for (const model::NameValue& each : demand.platform) {
    if (has_other_value(candidate, each)) return kAttribute;
  }
  if (demand.gpus > 0) return kNoGpus;
  if (!demand.member_of.empty()) {
    const QueryFacts facts = facts_of(candidate);
    for (const Query& query : demand.member_of) {
      if (!query.matches(facts)) return kNotMember;
    }
  }
  if (demand.max_tasks > 0 && candidate.tasks >= demand.max_tasks) return kTooManyTasks;
  if (candidate.cpu < demand.each.cpu) return "RESOURCE:CPU";
  if (candidate.memory < demand.each.memory) return "RESOURCE:MEMORY";
  if (shares(candidate.tcp_ports, demand.each.tcp_ports)) return "RESOURCE:PORTS";
  if (shares(candidate.udp_ports, demand.each.udp_ports)) return "RESOURCE:PORTS_UDP";
  if (demand.distinct_instance && count_of(candidate.groups, demand.group) > 0) {
    return kNotDistinct;
  }
  return {};
}

std::string detail_of(const std::string& reason, const Candidate& candidate, const Demand& demand) {
  if (reason == kTooManyTasks) {
    return "The container instance has " + std::to_string(demand.max_tasks) +
           " tasks, as many as max_tasks_per_instance allows.";
  }
  if (reason != kAttribute) return {};
  std::string missing;
  std::string hints;
  for (const std::string& name : demand.required_attributes) {
    if (candidate.attributes.contains(name)) continue;
    missing += (missing.empty() ? "Missing: " : ", ") + name;
    hints += hint_for(name);
  }
  std::string detail = missing.empty() ? missing : missing + ".";
  for (const model::NameValue& each : demand.platform) {
    if (!has_other_value(candidate, each)) continue;
    detail += (detail.empty() ? "" : " ") + each.name + " must be " + each.value + ", is " +
              candidate.attributes.at(each.name) + ".";
  }
  return detail + hints;
}

Obstacle obstacle_of(const std::string& reason) {
  if ((reason.starts_with("RESOURCE:") && reason != kNoGpus) || reason == kNotDistinct)
    return Obstacle::kRoom;
  if (reason == kNotMember) return Obstacle::kConstraint;
  return reason == kNotConnected || reason == kDraining ? Obstacle::kAgent : Obstacle::kAttribute;
}

bool room_would_help(const std::string& reason) { return obstacle_of(reason) == Obstacle::kRoom; }

Result<std::vector<Query>> parse_constraints(const std::vector<std::string>& expressions) {
  std::vector<Query> queries;
  for (const std::string& each : expressions) {
    auto query = Query::parse(each);
    if (!query) return query.error();
    queries.push_back(std::move(*query));
  }
  return queries;
}

}  // namespace agent::scheduler
