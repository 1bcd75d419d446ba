// Finding rows by what callers send (names, ids or ARNs, as each ECS operation accepts them) and by what rows
// hold of each other.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "agent/aws/arn.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// What a request names is read by agent/aws/arn.h: an ARN of another partition, service, region, account or
// kind is an InvalidParameterException in each of these, also where the thing need not exist.

// The name alone, of a cluster that need not exist: "" = "default", an ARN's last part, else the text itself.
shared::Result<std::string> cluster_name_in(const aws::Realm& realm, std::string_view cluster);
// Name of an ACTIVE cluster from a name, an ARN or "" (= "default"). Errors: ClusterNotFoundException with
// ECS's texts ("Cluster not found.", "The referenced cluster was inactive.").
shared::Result<std::string> cluster_name(const Step& step, std::string_view cluster);
// Row key "<cluster>/<id>" from an id or ARN; an ARN of another cluster is an InvalidParameterException. The
// row may not exist: callers decide what that means.
shared::Result<std::string> task_key(const aws::Realm& realm, const std::string& cluster,
                                     std::string_view task);
shared::Result<std::string> instance_key(const aws::Realm& realm, const std::string& cluster,
                                         std::string_view instance);
shared::Result<std::string> service_key(const aws::Realm& realm, const std::string& cluster,
                                        std::string_view service);
// "family", "family:revision", an ARN with or without revision. Bare family: newest ACTIVE. nullptr: there is
// none.
shared::Result<const model::TaskDefinition*> task_definition_in(const Step& step, std::string_view reference);

// By what our own rows hold, or by name. nullptr: there is none with just this ARN.
const model::TaskDefinition* find_task_definition(const State& state, std::string_view reference);
const model::ContainerInstance* find_instance_by_arn(const State& state, std::string_view arn);
const model::Task* find_task_by_arn(const State& state, std::string_view arn);
std::string key_of(const model::Task& task);
std::string key_of(const model::Service& service);
std::string key_of(const model::ContainerInstance& instance);
std::string key_of(const model::TaskDefinition& definition);

std::string key_of(const model::RegisteredTarget& target);
// The row key in a task's ARN, empty if it is none.
std::string task_key_in(std::string_view task_arn);
std::string target_key(std::string_view target_group_arn, std::string_view registration);
// nullptr: no such row.
const model::RegisteredTarget* find_target(const State& state, const model::TaskTarget& target);
// Of a row that is part of another one ("<owner's key>/<own part>"): a target of its group, an event of its
// service.
std::string owner_key(std::string_view key);
// The last part of a key.
std::string id_in(std::string_view key);
std::string instance_id_in(std::string_view container_instance_arn);
std::string definition_key(const std::string& family, int revision);
// In the order of their registration. Good until targets change.
std::vector<const model::RegisteredTarget*> targets_of(const State& state,
                                                       const std::string& target_group_arn);

// Why nobody can use that instance any more, as ECS says it of one: MISSING, INACTIVE (deregistered). Empty
// if it can be used.
std::string why_not_there(const model::ContainerInstance* instance);
bool is_connected(const State& state, const model::ContainerInstance& instance);

// Visits the rows of one cluster, in key order; for tables whose keys are "<cluster>/<id>".
template <class T, class Visit>
void each_of_cluster(const Table<T>& table, std::string_view cluster, Visit visit) {
  const std::string prefix = std::string(cluster) + "/";
  for (auto it = table.rows().lower_bound(prefix); it != table.rows().end(); ++it) {
    if (!it->first.starts_with(prefix)) return;
    visit(it->second);
  }
}

}  // namespace agent::control
