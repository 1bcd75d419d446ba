#include "agent/control/state/neighbours.h"

#include "agent/control/records/fields.h"

namespace agent::control {

Neighbours::Neighbours()
    : roles("iamrole/", to_row, from_row),
      users("iamuser/", to_row, from_row),
      groups("iamgroup/", to_row, from_row),
      access_keys("iamkey/", to_row, from_row),
      sessions("iamsession/", to_row, from_row),
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
      parameters("parameter/", to_row, from_row) {}

std::vector<TableBase*> Neighbours::tables() {
  return {&roles,
          &users,
          &groups,
          &access_keys,
          &sessions,
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
          &parameters};
}

}  // namespace agent::control
