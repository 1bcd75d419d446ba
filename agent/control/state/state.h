// All cluster truth: durable tables and what is only true while connections last. Owned by one thread.
#pragma once
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/control/records/ecs.h"
#include "agent/control/records/elb.h"
#include "agent/control/state/agenda.h"
#include "agent/control/state/table.h"
#include "agent/control/state/task_index.h"
#include "shared/lbconfig/feed.h"

namespace agent::control {

namespace lb = shared::lbconfig;

// A balancer as control sees it now. Rebuilt from its messages after every connect.
struct BalancerView {
  bool connected = false;
  // Not connected: since when, as far as this run of control knows. It is not forgotten earlier on.
  shared::WallTime absent_since{};
  std::uint64_t acked_version = 0;
  std::uint64_t report_version = 0;
  std::map<std::string, lb::TargetReport>
      targets;          // by registration; kept after a disconnect as the last known
  std::string refusal;  // why it does not apply the newest version, empty if it does
};

// An agent's session on a container instance.
struct AgentView {
  bool connected = false;
  std::uint64_t session = 0;  // tells a late close of an old session from the current one
  shared::WallTime last_heard{};
};

// A service of which a task could not be placed, and what that was found from: until it changes nobody tries
// again.
struct Unplaceable {
  std::uint64_t room = 0;       // TaskIndex::room()
  std::uint64_t instances = 0;  // generation of the rows
  std::string deployment;
  std::string instance_arn;  // the closest, may be empty
  std::string reason;
  std::string detail;
};

// What balancers said since the marks were last refreshed.
struct Signals {
  bool acknowledged = false;  // a configuration
  bool health = false;        // something else than before of some target
  bool any() const { return acknowledged || health; }
};

struct Volatile {
  Agenda agenda;
  Signals signals;
  // Keys of services of which a task could not be placed: looked at again whenever a task or an instance of
  // their cluster changes.
  std::set<std::string> starved;
  // Row keys of tasks that this run of control has placed and not yet handed to their agent: nobody else
  // knows them. Tasks of an earlier run are never here, as they may have been handed over.
  std::set<std::string> unsent_tasks;
  std::map<std::string, BalancerView> balancers;   // by balancer id
  std::map<std::string, AgentView> agents;         // by container instance ARN
  std::map<std::string, Unplaceable> unplaceable;  // by service key
};

struct State {
  State() : task_index_(tasks.follow()), changes_for_publishing_(follow_for_publishing()) {}

  Table<model::Cluster> clusters{"cluster/", encode_cluster, decode_cluster};
  Table<model::TaskDefinition> task_definitions{"taskdef/", encode_task_definition, decode_task_definition};
  Table<model::ContainerInstance> instances{"instance/", encode_instance, decode_instance};
  Table<model::Task> tasks{"task/", encode_task, decode_task};
  Table<model::Service> services{"service/", encode_service, decode_service};
  Table<model::LoadBalancer> load_balancers{"lb/", encode_load_balancer, decode_load_balancer};
  Table<model::Listener> listeners{"listener/", encode_listener, decode_listener};
  Table<model::Rule> rules{"rule/", encode_rule, decode_rule};
  Table<model::TargetGroup> target_groups{"tg/", encode_target_group, decode_target_group};
  Table<model::Balancer> balancers{"balancer/", encode_balancer, decode_balancer};
  Table<model::Meta> meta{"meta/", encode_meta, decode_meta};
  Table<model::Installation> installation{"installation/", encode_installation, decode_installation};

  Volatile live;
  // What balancers are to apply; version == meta.config_version. Rebuilt at start, replaced by publish().
  std::shared_ptr<const lb::Config> published = std::make_shared<lb::Config>();
  std::vector<TableBase*> tables();
  // Brought up to date with the tasks before it is returned.
  const TaskIndex& task_index() const;
  // Whether a row changed that the balancers' configuration is made of, since this was last asked.
  bool take_changes_for_publishing();
  bool has_changes_for_publishing() const;

 private:
  struct Readers {
    Table<model::LoadBalancer>::Reader load_balancers;
    Table<model::Listener>::Reader listeners;
    Table<model::Rule>::Reader rules;
    Table<model::TargetGroup>::Reader target_groups;
  };
  Readers follow_for_publishing();
  mutable TaskIndex task_index_;
  Readers changes_for_publishing_;
};

}  // namespace agent::control
