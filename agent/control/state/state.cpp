#include "agent/control/state/state.h"

#include "agent/control/state/lookup.h"
#include "agent/control/state/neighbours.h"

namespace agent::control {

State::State()
    : clusters("cluster/", encode_cluster, decode_cluster),
      task_definitions("taskdef/", encode_task_definition, decode_task_definition),
      instances("instance/", encode_instance, decode_instance),
      families("family/", encode_family, decode_family),
      tasks("task/", encode_task, decode_task),
      services("service/", encode_service, decode_service),
      service_events("event/", encode_service_event, decode_service_event),
      load_balancers("lb/", encode_load_balancer, decode_load_balancer),
      listeners("listener/", encode_listener, decode_listener),
      rules("rule/", encode_rule, decode_rule),
      target_groups("tg/", encode_target_group, decode_target_group),
      targets("target/", encode_target, decode_target),
      balancers("balancer/", encode_balancer, decode_balancer),
      meta("meta/", encode_meta, decode_meta),
      cookie_keys("cookiekeys/", encode_cookie_keys, decode_cookie_keys),
      certificates("certificate/", encode_certificate, decode_certificate),
      trust_stores("truststore/", encode_trust_store, decode_trust_store),
      acme_accounts("acmeaccount/", encode_acme_account, decode_acme_account),
      acme_orders("acmeorder/", encode_acme_order, decode_acme_order),
      installation("installation/", encode_installation, decode_installation),
      account_settings("setting/", encode_account_setting, decode_account_setting),
      capacity_providers("provider/", encode_capacity_provider, decode_capacity_provider),
      service_revisions("revision/", encode_service_revision, decode_service_revision),
      service_deployments("deployment/", encode_service_deployment, decode_service_deployment),
      task_index_(tasks.follow()),
      target_index_(targets.follow()),
      forward_index_(listeners.follow(), rules.follow()),
      host_index_(instances.follow()),
      changes_for_publishing_(follow_for_publishing()),
      changes_for_capacity_(instances.follow()),
      neighbours_(std::make_unique<Neighbours>()) {}
State::~State() = default;

std::vector<TableBase*> State::tables() {
  std::vector<TableBase*> all{&clusters,
                              &task_definitions,
                              &families,
                              &instances,
                              &tasks,
                              &services,
                              &service_events,
                              &load_balancers,
                              &listeners,
                              &rules,
                              &target_groups,
                              &targets,
                              &balancers,
                              &meta,
                              &installation,
                              &cookie_keys,
                              &certificates,
                              &trust_stores,
                              &acme_accounts,
                              &acme_orders,
                              &account_settings,
                              &capacity_providers,
                              &service_revisions,
                              &service_deployments};
  for (TableBase* table : neighbours_->tables()) all.push_back(table);
  return all;
}

const TaskIndex& State::task_index() const {
  task_index_.refresh(tasks);
  for (const std::string& arn : task_index_.take_changed_usage()) capacity_.note_usage(arn);
  for (const std::string& key : instances.take_changes(changes_for_capacity_)) capacity_.note_row(key);
  return task_index_;
}

Capacity& State::capacity() {
  task_index();
  return capacity_;
}

State::Readers State::follow_for_publishing() {
  return {load_balancers.follow(), listeners.follow(),    rules.follow(),
          target_groups.follow(),  targets.follow(),      cookie_keys.follow(),
          certificates.follow(),   trust_stores.follow(), acme_orders.follow()};
}

bool State::has_changes_for_publishing() const {
  const Readers& at = changes_for_publishing_;
  return load_balancers.has_changes(at.load_balancers) || listeners.has_changes(at.listeners) ||
         rules.has_changes(at.rules) || target_groups.has_changes(at.target_groups) ||
         targets.has_changes(at.targets) || cookie_keys.has_changes(at.cookie_keys) ||
         certificates.has_changes(at.certificates) || trust_stores.has_changes(at.trust_stores) ||
         acme_orders.has_changes(at.acme_orders);
}

State::ConfigChanges State::take_changes_for_publishing() {
  const Readers& at = changes_for_publishing_;
  ConfigChanges changes;
  changes.routes = !load_balancers.take_changes(at.load_balancers).empty();
  changes.routes = !listeners.take_changes(at.listeners).empty() || changes.routes;
  changes.routes = !rules.take_changes(at.rules).empty() || changes.routes;
  changes.routes = !cookie_keys.take_changes(at.cookie_keys).empty() || changes.routes;
  changes.routes = !certificates.take_changes(at.certificates).empty() || changes.routes;
  changes.routes = !trust_stores.take_changes(at.trust_stores).empty() || changes.routes;
  changes.challenges = !acme_orders.take_changes(at.acme_orders).empty();
  for (const std::string& arn : target_groups.take_changes(at.target_groups)) changes.groups.insert(arn);
  for (const std::string& key : targets.take_changes(at.targets)) changes.groups.insert(owner_key(key));
  return changes;
}

const TargetIndex& State::target_index() const {
  target_index_.refresh(targets);
  return target_index_;
}

const ForwardIndex& State::forward_index() const {
  forward_index_.refresh(listeners, rules);
  return forward_index_;
}

const HostIndex& State::host_index() const {
  host_index_.refresh(instances);
  return host_index_;
}

void State::refresh_indexes() const {
  (void)task_index();
  (void)target_index();
  (void)forward_index();
  (void)host_index();
}

}  // namespace agent::control
