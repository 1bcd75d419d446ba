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
#include "agent/control/state/capacity.h"
#include "agent/control/state/forward_index.h"
#include "agent/control/state/host_index.h"
#include "agent/control/state/table.h"
#include "agent/control/state/target_index.h"
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

// An agent's session on a container instance. Whoever changes `connected` raises the version in the
// instance's row too: by that the others learn of it.
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
  bool acknowledged = false;     // a configuration
  std::set<std::string> health;  // keys of target rows of which one says something else than before
  bool any() const { return acknowledged || !health.empty(); }
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
  State()
      : task_index_(tasks.follow()),
        target_index_(targets.follow()),
        forward_index_(listeners.follow(), rules.follow()),
        host_index_(instances.follow()),
        changes_for_publishing_(follow_for_publishing()),
        changes_for_capacity_(instances.follow()) {}

  Table<model::Cluster> clusters{"cluster/", encode_cluster, decode_cluster};
  Table<model::TaskDefinition> task_definitions{"taskdef/", encode_task_definition, decode_task_definition};
  Table<model::ContainerInstance> instances{"instance/", encode_instance, decode_instance};
  Table<model::Family> families{"family/", encode_family, decode_family};
  Table<model::Task> tasks{"task/", encode_task, decode_task};
  Table<model::Service> services{"service/", encode_service, decode_service};
  Table<model::ServiceEvent> service_events{"event/", encode_service_event, decode_service_event};
  Table<model::LoadBalancer> load_balancers{"lb/", encode_load_balancer, decode_load_balancer};
  Table<model::Listener> listeners{"listener/", encode_listener, decode_listener};
  Table<model::Rule> rules{"rule/", encode_rule, decode_rule};
  Table<model::TargetGroup> target_groups{"tg/", encode_target_group, decode_target_group};
  Table<model::RegisteredTarget> targets{"target/", encode_target, decode_target};
  Table<model::Balancer> balancers{"balancer/", encode_balancer, decode_balancer};
  Table<model::Meta> meta{"meta/", encode_meta, decode_meta};
  Table<model::Installation> installation{"installation/", encode_installation, decode_installation};

  Volatile live;
  // What balancers are to apply; version == meta.config_version. Rebuilt at start, replaced by publish().
  std::shared_ptr<const lb::Config> published = std::make_shared<lb::Config>();
  std::vector<TableBase*> tables();
  // Each is brought up to date with its rows before it is returned.
  const TaskIndex& task_index() const;
  const TargetIndex& target_index() const;
  const ForwardIndex& forward_index() const;
  const HostIndex& host_index() const;
  // All of them, whether anybody asks or not: what changed since is not kept for ever.
  void refresh_indexes() const;
  // What changed of the rows that the balancers' configuration is made of, since this was last asked.
  struct ConfigChanges {
    bool routes = false;           // listeners, their rules, their load balancers
    std::set<std::string> groups;  // ARNs of target groups: they themselves, or a target
    bool any() const { return routes || !groups.empty(); }
  };
  ConfigChanges take_changes_for_publishing();
  bool has_changes_for_publishing() const;
  // Asked for anew for each call.
  Capacity& capacity();

 private:
  struct Readers {
    Table<model::LoadBalancer>::Reader load_balancers;
    Table<model::Listener>::Reader listeners;
    Table<model::Rule>::Reader rules;
    Table<model::TargetGroup>::Reader target_groups;
    Table<model::RegisteredTarget>::Reader targets;
  };
  Readers follow_for_publishing();
  mutable TaskIndex task_index_;
  mutable TargetIndex target_index_;
  mutable ForwardIndex forward_index_;
  mutable HostIndex host_index_;
  Readers changes_for_publishing_;
  Table<model::ContainerInstance>::Reader changes_for_capacity_;
  mutable Capacity capacity_;
};

}  // namespace agent::control
