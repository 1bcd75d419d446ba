// All cluster truth: durable tables and what is only true while connections last. Owned by one thread.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/control/records/account.h"
#include "agent/control/records/acm.h"
#include "agent/control/records/ecs.h"
#include "agent/control/records/elb.h"
#include "agent/control/state/index/capacity.h"
#include "agent/control/state/index/forward_index.h"
#include "agent/control/state/index/host_index.h"
#include "agent/control/state/index/target_index.h"
#include "agent/control/state/index/task_index.h"
#include "agent/control/state/table/agenda.h"
#include "agent/control/state/table/table.h"
#include "agent/metrics/store.h"
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

// What balancers said since the marks were last refreshed, and what they are to be told.
struct Signals {
  bool acknowledged = false;     // a configuration
  bool published = false;        // another one
  std::set<std::string> health;  // keys of target rows of which one says something else than before
  bool any() const { return acknowledged || published || !health.empty(); }
};

struct Volatile {
  Agenda agenda;
  Signals signals;
  // Keys of services of which a task could not be placed: looked at again whenever a task or an instance of
  // their cluster changes.
  std::set<std::string> starved;
  // Row keys of DAEMON services that are not INACTIVE.
  std::set<std::string> daemons;
  // What DAEMON services will need on instances where they have no task yet, by instance ARN and service row
  // key: nobody else gets it. Whoever changes it tells the capacity (note_usage).
  std::map<std::string, std::map<std::string, model::Resources>> daemon_room;
  // Row keys of tasks that this run of control has placed and not yet handed to their agent: nobody else
  // knows them. Tasks of an earlier run are never here, as they may have been handed over.
  std::set<std::string> unsent_tasks;
  std::map<std::string, BalancerView> balancers;   // by balancer id
  std::map<std::string, AgentView> agents;         // by container instance ARN
  std::map<std::string, Unplaceable> unplaceable;  // by service key
  // Figures of tasks, balancers and callers; the engine gives it its beginning. Not rows: see there.
  std::shared_ptr<metrics::Store> metrics = std::make_shared<metrics::Store>(0);
  std::map<std::string, std::deque<std::pair<std::int64_t, int>>>
      tasks_lately;  // running ones of services that scale, by service key: since when, in seconds
  std::map<std::string, std::int64_t> alarms_looked_at;  // by name: the end of the period, in seconds
  // Row keys of services whose deployments wait until balancers route by weights that were set.
  std::set<std::string> shifting;
  // Row keys of services with a lifecycle hook that is, or will be, called.
  std::set<std::string> hooked;
};

struct Neighbours;  // neighbours.h

struct State {
  // The tables begin in the source, not here: to make one instantiates all of it, for each file that includes
  // this.
  State();
  ~State();

  Table<model::Cluster> clusters;
  Table<model::TaskDefinition> task_definitions;
  Table<model::ContainerInstance> instances;
  Table<model::Family> families;
  Table<model::Task> tasks;
  Table<model::Service> services;
  Table<model::ServiceEvent> service_events;
  Table<model::LoadBalancer> load_balancers;
  Table<model::Listener> listeners;
  Table<model::Rule> rules;
  Table<model::TargetGroup> target_groups;
  Table<model::RegisteredTarget> targets;
  Table<model::Balancer> balancers;
  Table<model::Meta> meta;
  Table<model::CookieKeys> cookie_keys;
  Table<model::Certificate> certificates;
  Table<model::TrustStore> trust_stores;
  Table<model::AcmeAccount> acme_accounts;
  Table<model::AcmeOrder> acme_orders;
  Table<model::Installation> installation;
  Table<model::AccountSetting> account_settings;
  Table<model::CapacityProvider> capacity_providers;
  Table<model::ServiceRevision> service_revisions;
  Table<model::ServiceDeployment> service_deployments;

  Volatile live;
  // What balancers are to apply; version == meta.config_version. Rebuilt at start, replaced by publish().
  std::shared_ptr<const lb::Config> published = std::make_shared<lb::Config>();
  // Of the services around ECS and ELBv2.
  const Neighbours& neighbours() const { return *neighbours_; }
  Neighbours& neighbours() { return *neighbours_; }
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
    bool routes = false;  // listeners, their rules, load balancers, certificates, trust stores; cookie keys
    bool challenges = false;       // of ACME orders
    std::set<std::string> groups;  // ARNs of target groups: they themselves, or a target
    bool any() const { return routes || challenges || !groups.empty(); }
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
    Table<model::CookieKeys>::Reader cookie_keys;
    Table<model::Certificate>::Reader certificates;
    Table<model::TrustStore>::Reader trust_stores;
    Table<model::AcmeOrder>::Reader acme_orders;
  };
  Readers follow_for_publishing();
  mutable TaskIndex task_index_;
  mutable TargetIndex target_index_;
  mutable ForwardIndex forward_index_;
  mutable HostIndex host_index_;
  Readers changes_for_publishing_;
  Table<model::ContainerInstance>::Reader changes_for_capacity_;
  mutable Capacity capacity_;
  std::unique_ptr<Neighbours> neighbours_;
};

}  // namespace agent::control
