// What placement of tasks on container instances knows and asks: the facts of an instance, what a task needs,
// and why it does not fit. Where tasks go is capacity_index.h. Pure.
#pragma once
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/model/common.h"
#include "agent/model/service.h"
#include "agent/scheduler/query.h"
#include "shared/base/result.h"

namespace agent::scheduler {

enum class Availability { kUsable, kDisconnected, kDraining };

struct Candidate {
  std::string arn;
  std::string ec2_instance_id;
  std::string agent_version;
  shared::WallTime registered_at{};
  Availability availability = Availability::kUsable;
  std::int64_t cpu = 0;     // remaining
  std::int64_t memory = 0;  // remaining
  std::set<int> tcp_ports;  // taken or reserved
  std::set<int> udp_ports;
  std::map<std::string, std::string> attributes;  // name-only ones with an empty value
  std::map<std::string, int> groups;              // task group -> live tasks
  std::map<std::string, int> deployments;         // deployment id -> live tasks that are to stay
  int running_tasks = 0;
  int tasks = 0;  // live, in whatever state
};

struct Demand {
  int count = 1;
  model::Resources each;
  std::vector<std::string> required_attributes;
  std::vector<model::NameValue> platform;  // attributes with the value an instance that says them must say
  int gpus = 0;                            // no instance has any
  int max_tasks = 0;                       // an instance with as many gets no further one; 0: no limit
  std::vector<Query> member_of;
  bool distinct_instance = false;
  std::vector<model::PlacementStrategy> strategies;  // empty: spread over zones, then instances
  std::string group;                                 // whose tasks count for spreading and distinctness
  // Of a service's task: its tasks count for spreading before those of the group. The others of the group are
  // on their way out, and a rolling update that avoided them would move the whole service to where they are
  // not.
  std::string deployment;
};

struct Failure {
  std::string arn;
  std::string reason;
  std::string detail;  // what the reason alone does not tell, may be empty
};

// Why one task of the demand does not fit this candidate: "RESOURCE:CPU", "AGENT", ..., empty if it does.
std::string misfit(const Candidate& candidate, const Demand& demand);

// What ATTRIBUTE leaves out: the names of all that is missing, and what its owner can do. Empty for the rest.
std::string detail_of(const std::string& reason, const Candidate& candidate, const Demand& demand);

// What is in the way, the least first.
enum class Obstacle {
  kRoom,  // a task that ends on the instance can be what the demand lacks there
  kConstraint,
  kAttribute,  // or a GPU: what no task gives back
  kAgent
};
Obstacle obstacle_of(const std::string& reason);
bool room_would_help(const std::string& reason);

// The queries of memberOf constraints. Error: InvalidParameterException.
shared::Result<std::vector<Query>> parse_constraints(const std::vector<std::string>& expressions);

// Not a reason of ECS, which has no such limit for tasks without an interface of their own.
inline constexpr const char* kTooManyTasks = "RESOURCE:TASKS";
// Of a binpack strategy: by remaining CPU, else by memory.
inline bool packs_cpu(const model::PlacementStrategy& strategy) {
  return strategy.field == "cpu" || strategy.field == "CPU";
}
// Begins the field of a strategy that spreads over an attribute; its name follows.
inline constexpr std::string_view kAttributePrefix = "attribute:";
inline constexpr const char* kZoneAttribute = "ecs.availability-zone";

}  // namespace agent::scheduler
