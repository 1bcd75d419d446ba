#include <algorithm>

#include "agent/control/network/cidr.h"
#include "agent/control/network/network.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"

namespace agent::control::network {

using shared::Result;

namespace {

constexpr int kLargest = 16;
constexpr int kSmallest = 28;
constexpr std::uint64_t kReserved = 5;  // addresses of each subnet

shared::Error has_dependencies(std::string_view kind, const std::string& id) {
  return fault("DependencyViolation",
               "The " + std::string(kind) + " '" + id + "' has dependencies and cannot be deleted.");
}

bool in_range(const Cidr& cidr) { return cidr.bits >= kLargest && cidr.bits <= kSmallest; }

template <class Row>
std::vector<std::string> keys_in(const Table<Row>& table, const std::string& vpc) {
  std::vector<std::string> out;
  for (const auto& [id, row] : table.rows()) {
    if (row.vpc == vpc) out.push_back(id);
  }
  return out;
}

void make_default_acl(Step& step, const std::string& vpc) {
  constexpr std::int64_t kAllowAll = 100;
  constexpr std::int64_t kLast = 32'767;
  model::NetworkAcl acl;
  acl.id = fresh_id(step, "acl");
  acl.vpc = vpc;
  acl.is_default = true;
  for (const bool egress : {false, true}) {
    for (const auto& [number, action] : {std::pair{kAllowAll, "allow"}, std::pair{kLast, "deny"}}) {
      model::NetworkAclEntry entry;
      entry.number = number;
      entry.egress = egress;
      entry.action = action;
      entry.cidr = "0.0.0.0/0";
      acl.entries.push_back(std::move(entry));
    }
  }
  std::string id = acl.id;
  rows(step).neighbours().network_acls.put(id, std::move(acl));
}

}  // namespace

Result<std::string> create_vpc(Step& step, const std::string& cidr, const std::string& tenancy,
                               const Tags& tags) {
  const auto range = parse_cidr(cidr);
  if (!range)
    return fault("InvalidParameterValue",
                 "Value (" + cidr + ") for parameter cidrBlock is invalid. This is not a valid CIDR block.");
  if (!in_range(*range))
    return fault("InvalidVpc.Range", "The CIDR '" + cidr + "' is invalid: VPCs have from /16 to /28.");
  auto kept = tags_with({}, tags);
  if (!kept) return kept.error();
  Neighbours& all = rows(step).neighbours();
  if (all.vpcs.size() >= kMaxVpcs)
    return fault("VpcLimitExceeded", "The maximum number of VPCs has been reached.");
  model::Vpc vpc;
  vpc.id = fresh_id(step, "vpc");
  vpc.cidr = to_string(*range);
  vpc.cidr_association = fresh_id(step, "vpc-cidr-assoc");
  vpc.tenancy = tenancy;
  vpc.tags = *std::move(kept);
  std::string id = vpc.id;
  model::RouteTable table;
  table.id = fresh_id(step, "rtb");
  table.vpc = id;
  table.main = true;
  table.routes.push_back({vpc.cidr, "gatewayId", "local", "CreateRouteTable"});
  table.associations.push_back({fresh_id(step, "rtbassoc"), "", ""});
  all.vpcs.put(id, std::move(vpc));
  const std::string table_id = table.id;
  all.route_tables.put(table_id, std::move(table));
  make_default_acl(step, id);
  model::SecurityGroup group;
  group.id = fresh_id(step, "sg");
  group.vpc = id;
  group.name = "default";
  group.description = "default VPC security group";
  model::SecurityGroupRule inside;
  inside.id = fresh_id(step, "sgr");
  inside.protocol = "-1";
  inside.group = group.id;
  model::SecurityGroupRule out;
  out.id = fresh_id(step, "sgr");
  out.egress = true;
  out.protocol = "-1";
  out.cidr = "0.0.0.0/0";
  group.rules = {std::move(inside), std::move(out)};
  const std::string group_id = group.id;
  all.security_groups.put(group_id, std::move(group));
  return id;
}

Result<void> delete_vpc(Step& step, const std::string& id) {
  Neighbours& all = rows(step).neighbours();
  const auto vpc = find_row(all.vpcs, "vpc", id);
  if (!vpc) return vpc.error();
  if ((*vpc)->is_default) {
    return fault("OperationNotPermitted",
                 "The default VPC '" + id + "' stays: it stands for the network that the hosts have.");
  }
  const auto tables = keys_in(all.route_tables, id);
  const auto groups = keys_in(all.security_groups, id);
  const auto acls = keys_in(all.network_acls, id);
  // Each VPC has one of these by itself.
  const bool used = !keys_in(all.subnets, id).empty() || !keys_in(all.internet_gateways, id).empty() ||
                    tables.size() > 1 || groups.size() > 1 || acls.size() > 1;
  if (used) return has_dependencies("vpc", id);
  for (const auto& each : tables) all.route_tables.erase(each);
  for (const auto& each : groups) all.security_groups.erase(each);
  for (const auto& each : acls) all.network_acls.erase(each);
  all.vpcs.erase(id);
  return {};
}

Result<void> modify_vpc(Step& step, const std::string& id, const VpcChange& change) {
  Neighbours& all = rows(step).neighbours();
  const auto vpc = find_row(all.vpcs, "vpc", id);
  if (!vpc) return vpc.error();
  all.vpcs.edit(id, [&](model::Vpc& row) {
    row.dns_support = change.dns_support.value_or(row.dns_support);
    row.dns_hostnames = change.dns_hostnames.value_or(row.dns_hostnames);
    row.usage_metrics = change.usage_metrics.value_or(row.usage_metrics);
  });
  return {};
}

Result<std::string> create_subnet(Step& step, const std::string& vpc, const std::string& cidr,
                                  const std::string& zone, const Tags& tags) {
  Neighbours& all = rows(step).neighbours();
  const auto owner = find_row(all.vpcs, "vpc", vpc);
  if (!owner) return owner.error();
  const auto zones = zones_of(step.settings.region);
  if (!zone.empty() && std::find(zones.begin(), zones.end(), zone) == zones.end()) {
    return fault("InvalidParameterValue",
                 "Value (" + zone +
                     ") for parameter availabilityZone is invalid. Subnets can currently only be "
                     "created in the following availability zones: " +
                     zones[0] + ", " + zones[1] + ", " + zones[2] + ".");
  }
  const auto range = parse_cidr(cidr);
  if (!range)
    return fault("InvalidParameterValue",
                 "Value (" + cidr + ") for parameter cidrBlock is invalid. This is not a valid CIDR block.");
  if (!in_range(*range) || !parse_cidr((*owner)->cidr)->contains(*range))
    return fault("InvalidSubnet.Range", "The CIDR '" + cidr + "' is invalid: it must be a part of '" +
                                            (*owner)->cidr + "', from /16 to /28.");
  const auto siblings = keys_in(all.subnets, vpc);
  for (const auto& each : siblings) {
    if (parse_cidr(all.subnets.find(each)->cidr)->overlaps(*range))
      return fault("InvalidSubnet.Conflict", "The CIDR '" + cidr + "' conflicts with another subnet");
  }
  if (siblings.size() >= kMaxSubnetsOfVpc)
    return fault("SubnetLimitExceeded", "The maximum number of subnets of '" + vpc + "' has been reached.");
  auto kept = tags_with({}, tags);
  if (!kept) return kept.error();
  model::Subnet subnet;
  subnet.id = fresh_id(step, "subnet");
  subnet.vpc = vpc;
  subnet.cidr = to_string(*range);
  subnet.zone = zone.empty() ? zones[0] : zone;
  subnet.tags = *std::move(kept);
  std::string id = subnet.id;
  all.subnets.put(id, std::move(subnet));
  for (const auto& acl : keys_in(all.network_acls, vpc)) {
    if (!all.network_acls.find(acl)->is_default) continue;
    model::NetworkAclAssociation association{fresh_id(step, "aclassoc"), id};
    all.network_acls.edit(
        acl, [&](model::NetworkAcl& row) { row.associations.push_back(std::move(association)); });
  }
  return id;
}

Result<void> delete_subnet(Step& step, const std::string& id) {
  Neighbours& all = rows(step).neighbours();
  const auto subnet = find_row(all.subnets, "subnet", id);
  if (!subnet) return subnet.error();
  const auto& nats = all.nat_gateways.rows();
  const bool has_nat = std::any_of(nats.begin(), nats.end(), [&](const auto& each) {
    return each.second.subnet == id && !is_deleted(each.second);
  });
  const auto& balancers = step.state.load_balancers.rows();
  const bool has_balancer = std::any_of(balancers.begin(), balancers.end(), [&](const auto& each) {
    const auto& names = each.second.subnets;
    return std::find(names.begin(), names.end(), id) != names.end();
  });
  if (has_nat || has_balancer) return has_dependencies("subnet", id);
  const std::string vpc = (*subnet)->vpc;
  for (const auto& each : keys_in(all.route_tables, vpc)) {
    all.route_tables.edit(each, [&](model::RouteTable& row) {
      std::erase_if(row.associations, [&](const auto& one) { return one.subnet == id; });
    });
  }
  for (const auto& each : keys_in(all.network_acls, vpc)) {
    all.network_acls.edit(each, [&](model::NetworkAcl& row) {
      std::erase_if(row.associations, [&](const auto& one) { return one.subnet == id; });
    });
  }
  all.subnets.erase(id);
  return {};
}

Result<void> modify_subnet(Step& step, const std::string& id, const SubnetChange& change) {
  Neighbours& all = rows(step).neighbours();
  const auto subnet = find_row(all.subnets, "subnet", id);
  if (!subnet) return subnet.error();
  all.subnets.edit(id, [&](model::Subnet& row) {
    row.map_public_ip = change.map_public_ip.value_or(row.map_public_ip);
    row.assign_ipv6 = change.assign_ipv6.value_or(row.assign_ipv6);
    row.dns64 = change.dns64.value_or(row.dns64);
    row.hostname_type = change.hostname_type.value_or(row.hostname_type);
    row.name_record = change.name_record.value_or(row.name_record);
    row.name_record_ipv6 = change.name_record_ipv6.value_or(row.name_record_ipv6);
  });
  return {};
}

std::uint64_t free_addresses(const model::Subnet& subnet) {
  const auto range = parse_cidr(subnet.cidr);
  return range ? range->size() - kReserved : 0;
}

Result<std::string> create_gateway(Step& step, const Tags& tags) {
  auto kept = tags_with({}, tags);
  if (!kept) return kept.error();
  Neighbours& all = rows(step).neighbours();
  if (all.internet_gateways.size() >= kMaxVpcs)
    return fault("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.");
  model::InternetGateway row;
  row.id = fresh_id(step, "igw");
  row.tags = *std::move(kept);
  std::string id = row.id;
  all.internet_gateways.put(id, std::move(row));
  return id;
}

Result<void> attach_gateway(Step& step, const std::string& id, const std::string& vpc) {
  Neighbours& all = rows(step).neighbours();
  const auto gateway = find_row(all.internet_gateways, "internet-gateway", id);
  if (!gateway) return gateway.error();
  if (const auto found = find_row(all.vpcs, "vpc", vpc); !found) return found.error();
  if (!(*gateway)->vpc.empty())
    return fault("Resource.AlreadyAssociated",
                 "resource " + id + " is already attached to network " + (*gateway)->vpc);
  if (!keys_in(all.internet_gateways, vpc).empty())
    return fault("InvalidParameterValue", "Network " + vpc + " already has an internet gateway attached");
  all.internet_gateways.edit(id, [&](model::InternetGateway& row) { row.vpc = vpc; });
  return {};
}

Result<void> detach_gateway(Step& step, const std::string& id, const std::string& vpc) {
  Neighbours& all = rows(step).neighbours();
  const auto gateway = find_row(all.internet_gateways, "internet-gateway", id);
  if (!gateway) return gateway.error();
  if ((*gateway)->vpc.empty() || (*gateway)->vpc != vpc)
    return fault("Gateway.NotAttached", "resource " + id + " is not attached to network " + vpc);
  all.internet_gateways.edit(id, [](model::InternetGateway& row) { row.vpc.clear(); });
  return {};
}

Result<void> delete_gateway(Step& step, const std::string& id) {
  Neighbours& all = rows(step).neighbours();
  const auto gateway = find_row(all.internet_gateways, "internet-gateway", id);
  if (!gateway) return gateway.error();
  if (!(*gateway)->vpc.empty()) return has_dependencies("internetGateway", id);
  all.internet_gateways.erase(id);
  return {};
}

}  // namespace agent::control::network
