#include "agent/control/state/neighbours.h"

#include "agent/control/records/fields.h"

namespace agent::control {

Neighbours::Neighbours()
    : roles("iamrole/", to_row, from_row),
      users("iamuser/", to_row, from_row),
      groups("iamgroup/", to_row, from_row),
      access_keys("iamkey/", to_row, from_row),
      sessions("iamsession/", to_row, from_row),
      task_sessions("tasksession/", to_row, from_row),
      task_roles("taskrole/", to_row, from_row),
      policies("iampolicy/", to_row, from_row),
      instance_profiles("iamprofile/", to_row, from_row),
      vpcs("vpc/", to_row, from_row),
      subnets("subnet/", to_row, from_row),
      internet_gateways("igw/", to_row, from_row),
      route_tables("rtb/", to_row, from_row),
      security_groups("sg/", to_row, from_row),
      network_acls("acl/", to_row, from_row),
      addresses("eip/", to_row, from_row),
      nat_gateways("nat/", to_row, from_row),
      launch_templates("lt/", to_row, from_row),
      parameters("parameter/", to_row, from_row),
      secrets("secret/", to_row, from_row),
      alarms("alarm/", to_row, from_row),
      alarm_events("alarmevent/", to_row, from_row),
      scalable_targets("scalable/", to_row, from_row),
      scaling_policies("scalingpolicy/", to_row, from_row),
      scheduled_actions("scheduledaction/", to_row, from_row),
      scaling_activities("scalingactivity/", to_row, from_row),
      namespaces("namespace/", to_row, from_row),
      discovery_services("discovery/", to_row, from_row),
      discovery_instances("discovered/", to_row, from_row),
      discovery_operations("discoveryop/", to_row, from_row) {}

std::vector<TableBase*> Neighbours::tables() {
  return {&roles,
          &users,
          &groups,
          &access_keys,
          &sessions,
          &task_sessions,
          &task_roles,
          &policies,
          &instance_profiles,
          &vpcs,
          &subnets,
          &internet_gateways,
          &route_tables,
          &security_groups,
          &network_acls,
          &addresses,
          &nat_gateways,
          &launch_templates,
          &parameters,
          &secrets,
          &alarms,
          &alarm_events,
          &scalable_targets,
          &scaling_policies,
          &scheduled_actions,
          &scaling_activities,
          &namespaces,
          &discovery_services,
          &discovery_instances,
          &discovery_operations};
}

}  // namespace agent::control
