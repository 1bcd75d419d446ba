// Route tables, and network ACLs.
#include <algorithm>
#include <array>

#include "agent/api/ec2/operations.h"
#include "agent/control/state/faults.h"

namespace agent::api::ec2 {
namespace {

const control::Neighbours& tables_of(const Step& step) { return step.state.neighbours(); }

std::optional<Values> table_filter(const Step& step, const model::RouteTable& row, std::string_view name) {
  if (name == "route-table-id" || name == "association.route-table-id") return one(row.id);
  if (name == "vpc-id") return one(row.vpc);
  if (name == "owner-id") return one(step.settings.account);
  Values values;
  if (name == "association.main") {
    for (const auto& each : row.associations)
      values.push_back(each.subnet.empty() && each.gateway.empty() ? "true" : "false");
    return values;
  }
  const bool subnets = name == "association.subnet-id";
  const bool gateways = name == "association.gateway-id";
  if (subnets || gateways || name == "association.route-table-association-id") {
    for (const auto& each : row.associations)
      values.push_back(subnets ? each.subnet : gateways ? each.gateway : each.id);
    std::erase(values, "");
    return values;
  }
  const bool destinations = name == "route.destination-cidr-block" ||
                            name == "route.destination-ipv6-cidr-block" ||
                            name == "route.destination-prefix-list-id";
  if (destinations || name == "route.gateway-id" || name == "route.nat-gateway-id") {
    const std::string_view kind = name == "route.gateway-id" ? "gatewayId" : "natGatewayId";
    for (const auto& each : row.routes) {
      if (destinations)
        values.push_back(each.destination);
      else if (each.target_kind == kind)
        values.push_back(each.target);
    }
    return values;
  }
  return tag_filter(row.tags, name);
}

Done create_route_table(Step& step, In in, Out out) {
  const std::string vpc = required(in, "VpcId");
  const Tags tags = tags_for(in, "route-table");
  if (!in.ok()) return in.error();
  const auto id = network::create_route_table(step, vpc, tags);
  if (!id) return id.error();
  write_route_table(out.child("routeTable"), step, *tables_of(step).route_tables.find(*id));
  return {};
}

Done describe_route_tables(Step& step, In in, Out out) {
  return describe<model::RouteTable>(step, in, out, "RouteTableId", "routeTableSet", "route-table",
                                     tables_of(step).route_tables, table_filter,
                                     [&](Out item, const auto& row) { write_route_table(item, step, row); });
}

Done delete_route_table(Step& step, In in, Out out) {
  const std::string id = required(in, "RouteTableId");
  if (!in.ok()) return in.error();
  if (auto ok = network::delete_route_table(step, id); !ok) return ok;
  succeed(out);
  return {};
}

std::string destination_of(In in) {
  for (const char* member : {"DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"}) {
    if (auto text = in.string(member)) return *std::move(text);
  }
  in.fail(missing("destinationCidrBlock"));
  return "";
}

// Exactly one target, by the member that names its kind.
model::Route route_of(In in) {
  struct Target {
    std::string_view request;
    std::string_view answer;
  };
  model::Route route;
  route.destination = destination_of(in);
  int given = 0;
  for (const auto& [request, answer] :
       {Target{"GatewayId", "gatewayId"}, Target{"NatGatewayId", "natGatewayId"},
        Target{"InstanceId", "instanceId"}, Target{"NetworkInterfaceId", "networkInterfaceId"},
        Target{"TransitGatewayId", "transitGatewayId"},
        Target{"VpcPeeringConnectionId", "vpcPeeringConnectionId"}, Target{"VpcEndpointId", "gatewayId"},
        Target{"EgressOnlyInternetGatewayId", "egressOnlyInternetGatewayId"},
        Target{"LocalGatewayId", "localGatewayId"}, Target{"CarrierGatewayId", "carrierGatewayId"},
        Target{"CoreNetworkArn", "coreNetworkArn"}}) {
    if (auto id = in.string(request)) {
      ++given;
      route.target_kind = answer;
      route.target = *std::move(id);
    }
  }
  if (given != 1 && in.ok())
    in.fail(control::fault(given == 0 ? "MissingParameter" : "InvalidParameterCombination",
                           "A route has exactly one target, such as gatewayId or natGatewayId"));
  return route;
}

template <auto change>
Done change_route(Step& step, In in, Out out) {
  const std::string table = required(in, "RouteTableId");
  const model::Route route = route_of(in);
  if (!in.ok()) return in.error();
  if (auto ok = change(step, table, route); !ok) return ok;
  succeed(out);
  return {};
}

Done delete_route(Step& step, In in, Out out) {
  const std::string table = required(in, "RouteTableId");
  const std::string destination = destination_of(in);
  if (!in.ok()) return in.error();
  if (auto ok = network::delete_route(step, table, destination); !ok) return ok;
  succeed(out);
  return {};
}

void write_association(Out out, const std::string& id) {
  out.text("associationId", id);
  out.child("associationState").text("state", "associated");
}

Done associate_route_table(Step& step, In in, Out out) {
  const std::string table = required(in, "RouteTableId");
  const std::string subnet = in.string_or("SubnetId", "");
  const std::string gateway = in.string_or("GatewayId", "");
  if (!in.ok()) return in.error();
  if (subnet.empty() == gateway.empty())
    return control::fault("InvalidParameterCombination",
                          "Exactly one of subnetId and gatewayId must be given");
  const auto id = network::associate_route_table(step, table, subnet, gateway);
  if (!id) return id.error();
  write_association(out, *id);
  return {};
}

Done replace_association(Step& step, In in, Out out) {
  const std::string association = required(in, "AssociationId");
  const std::string table = required(in, "RouteTableId");
  if (!in.ok()) return in.error();
  const auto id = network::replace_route_table_association(step, association, table);
  if (!id) return id.error();
  out.text("newAssociationId", *id);
  out.child("associationState").text("state", "associated");
  return {};
}

Done disassociate_route_table(Step& step, In in, Out out) {
  const std::string association = required(in, "AssociationId");
  if (!in.ok()) return in.error();
  if (auto ok = network::disassociate_route_table(step, association); !ok) return ok;
  succeed(out);
  return {};
}

// ---- Network ACLs ----

std::optional<Values> acl_filter(const Step& step, const model::NetworkAcl& row, std::string_view name) {
  if (name == "network-acl-id" || name == "association.network-acl-id") return one(row.id);
  if (name == "vpc-id") return one(row.vpc);
  if (name == "default") return flag(row.is_default);
  if (name == "owner-id") return one(step.settings.account);
  if (name == "association.subnet-id" || name == "association.association-id") {
    Values values;
    for (const auto& each : row.associations)
      values.push_back(name == "association.subnet-id" ? each.subnet : each.id);
    return values;
  }
  return tag_filter(row.tags, name);
}

Done create_network_acl(Step& step, In in, Out out) {
  const std::string vpc = required(in, "VpcId");
  const Tags tags = tags_for(in, "network-acl");
  if (!in.ok()) return in.error();
  const auto id = network::create_acl(step, vpc, tags);
  if (!id) return id.error();
  write_acl(out.child("networkAcl"), step, *tables_of(step).network_acls.find(*id));
  return {};
}

Done describe_network_acls(Step& step, In in, Out out) {
  return describe<model::NetworkAcl>(step, in, out, "NetworkAclId", "networkAclSet", "network-acl",
                                     tables_of(step).network_acls, acl_filter,
                                     [&](Out item, const auto& row) { write_acl(item, step, row); });
}

Done delete_network_acl(Step& step, In in, Out out) {
  const std::string id = required(in, "NetworkAclId");
  if (!in.ok()) return in.error();
  if (auto ok = network::delete_acl(step, id); !ok) return ok;
  succeed(out);
  return {};
}

template <network::Entry how>
Done put_entry(Step& step, In in, Out out) {
  const std::string acl = required(in, "NetworkAclId");
  model::NetworkAclEntry entry;
  entry.number = in.required_integer<std::int64_t>("RuleNumber");
  entry.protocol = required(in, "Protocol");
  entry.action = required(in, "RuleAction");
  entry.egress = in.boolean("Egress").value_or(false);
  entry.cidr = in.string_or("CidrBlock", "");
  entry.cidr6 = in.string_or("Ipv6CidrBlock", "");
  if (const auto ports = in.child("PortRange")) {
    entry.from = ports->integer<std::int64_t>("From").value_or(-1);
    entry.to = ports->integer<std::int64_t>("To").value_or(-1);
  }
  if (const auto icmp = in.child("Icmp")) {
    entry.icmp_type = icmp->integer<std::int64_t>("Type").value_or(-1);
    entry.icmp_code = icmp->integer<std::int64_t>("Code").value_or(-1);
  }
  if (!in.ok()) return in.error();
  for (const auto& [name, number] : {std::pair{"tcp", "6"}, {"udp", "17"}, {"icmp", "1"}, {"all", "-1"}}) {
    if (entry.protocol == name) entry.protocol = number;
  }
  if (entry.protocol.find_first_not_of("-0123456789") != std::string::npos)
    return invalid_value("protocol", entry.protocol, "It must be a number, -1 for all.");
  if ((entry.protocol == "6" || entry.protocol == "17") && entry.from < 0) return missing("portRange");
  if (auto ok = network::put_acl_entry(step, acl, entry, how); !ok) return ok;
  succeed(out);
  return {};
}

Done delete_entry(Step& step, In in, Out out) {
  const std::string acl = required(in, "NetworkAclId");
  const auto number = in.required_integer<std::int64_t>("RuleNumber");
  const bool egress = in.boolean("Egress").value_or(false);
  if (!in.ok()) return in.error();
  if (auto ok = network::delete_acl_entry(step, acl, number, egress); !ok) return ok;
  succeed(out);
  return {};
}

Done replace_acl_association(Step& step, In in, Out out) {
  const std::string association = required(in, "AssociationId");
  const std::string acl = required(in, "NetworkAclId");
  if (!in.ok()) return in.error();
  const auto id = network::replace_acl_association(step, association, acl);
  if (!id) return id.error();
  out.text("newAssociationId", *id);
  return {};
}

constexpr auto kRouteOperations = std::to_array<Operation>({
    {"AssociateRouteTable", associate_route_table},
    {"CreateNetworkAcl", create_network_acl},
    {"CreateNetworkAclEntry", put_entry<network::Entry::kNew>},
    {"CreateRoute", change_route<network::create_route>},
    {"CreateRouteTable", create_route_table},
    {"DeleteNetworkAcl", delete_network_acl},
    {"DeleteNetworkAclEntry", delete_entry},
    {"DeleteRoute", delete_route},
    {"DeleteRouteTable", delete_route_table},
    {"DescribeNetworkAcls", describe_network_acls},
    {"DescribeRouteTables", describe_route_tables},
    {"DisassociateRouteTable", disassociate_route_table},
    {"ReplaceNetworkAclAssociation", replace_acl_association},
    {"ReplaceNetworkAclEntry", put_entry<network::Entry::kReplace>},
    {"ReplaceRoute", change_route<network::replace_route>},
    {"ReplaceRouteTableAssociation", replace_association},
});

}  // namespace

std::span<const Operation> route_operations() { return kRouteOperations; }

}  // namespace agent::api::ec2
