// The tables of the services that a stack touches around ECS and ELBv2. Apart from state.h, so that only
// their rooms and their APIs read this. Owned by the State, see there.
#pragma once
#include <vector>

#include "agent/control/state/table/table.h"
#include "agent/model/discovery.h"
#include "agent/model/event.h"
#include "agent/model/iam.h"
#include "agent/model/network.h"
#include "agent/model/parameter.h"
#include "agent/model/repository.h"
#include "agent/model/scaling.h"
#include "agent/model/secret.h"

namespace agent::control {

struct Neighbours {
  Neighbours();

  Table<model::IamIdentity> roles;
  Table<model::IamIdentity> users;
  Table<model::IamIdentity> groups;
  Table<model::IamAccessKey> access_keys;
  Table<model::IamSession> sessions;
  Table<model::IamSession> task_sessions;  // of tasks' roles
  Table<model::TaskRoles> task_roles;
  Table<model::IamPolicy> policies;
  Table<model::IamInstanceProfile> instance_profiles;

  Table<model::Vpc> vpcs;
  Table<model::Subnet> subnets;
  Table<model::InternetGateway> internet_gateways;
  Table<model::RouteTable> route_tables;
  Table<model::SecurityGroup> security_groups;
  Table<model::NetworkAcl> network_acls;
  Table<model::Address> addresses;
  Table<model::NatGateway> nat_gateways;
  Table<model::LaunchTemplate> launch_templates;

  Table<model::Parameter> parameters;
  Table<model::Secret> secrets;

  Table<model::Alarm> alarms;
  Table<model::AlarmEvent> alarm_events;
  Table<model::ScalableTarget> scalable_targets;
  Table<model::ScalingPolicy> scaling_policies;
  Table<model::ScheduledAction> scheduled_actions;
  Table<model::ScalingActivity> scaling_activities;

  Table<model::Namespace> namespaces;
  Table<model::DiscoveryService> discovery_services;
  Table<model::DiscoveryInstance> discovery_instances;
  Table<model::DiscoveryOperation> discovery_operations;

  Table<model::EventRule> event_rules;
  Table<model::ScheduleGroup> schedule_groups;
  Table<model::Schedule> schedules;
  Table<model::Invocation> invocations;

  Table<model::Repository> repositories;

  std::vector<TableBase*> tables();
};

}  // namespace agent::control
