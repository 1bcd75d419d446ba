#include <algorithm>
#include <map>

#include "agent/api/ec2/operations.h"

namespace agent::api::ec2 {

void write_tags(Out out, const Tags& tags) {
  Out list = out.child("tagSet");
  for (const auto& tag : tags) {
    Out item = list.child("item");
    item.text("key", tag.key);
    item.text("value", tag.value);
  }
}

std::string ec2_arn(const Step& step, std::string_view kind, std::string_view id) {
  return "arn:" + step.settings.partition + ":ec2:" + step.settings.region + ":" + step.settings.account +
         ":" + std::string(kind) + "/" + std::string(id);
}

void write_vpc(Out out, const Step& step, const model::Vpc& row) {
  out.text("vpcId", row.id);
  out.text("ownerId", step.settings.account);
  out.text("state", "available");
  out.text("cidrBlock", row.cidr);
  Out association = out.child("cidrBlockAssociationSet").child("item");
  association.text("cidrBlock", row.cidr);
  association.text("associationId", row.cidr_association);
  association.child("cidrBlockState").text("state", "associated");
  out.child("ipv6CidrBlockAssociationSet");
  out.text("dhcpOptionsId", "default");
  out.text("instanceTenancy", row.tenancy);
  out.boolean("isDefault", row.is_default);
  write_tags(out, row.tags);
}

void write_subnet(Out out, const Step& step, const model::Subnet& row) {
  out.text("subnetId", row.id);
  out.text("subnetArn", ec2_arn(step, "subnet", row.id));
  out.text("state", "available");
  out.text("ownerId", step.settings.account);
  out.text("vpcId", row.vpc);
  out.text("cidrBlock", row.cidr);
  out.child("ipv6CidrBlockAssociationSet");
  out.integer("availableIpAddressCount", static_cast<std::int64_t>(network::free_addresses(row)));
  out.text("availabilityZone", row.zone);
  out.text("availabilityZoneId", network::zone_id(row.zone));
  out.boolean("defaultForAz", row.default_for_zone);
  out.boolean("mapPublicIpOnLaunch", row.map_public_ip);
  out.boolean("mapCustomerOwnedIpOnLaunch", false);
  out.boolean("assignIpv6AddressOnCreation", row.assign_ipv6);
  out.boolean("enableDns64", row.dns64);
  out.boolean("ipv6Native", false);
  Out names = out.child("privateDnsNameOptionsOnLaunch");
  names.text("hostnameType", row.hostname_type);
  names.boolean("enableResourceNameDnsARecord", row.name_record);
  names.boolean("enableResourceNameDnsAAAARecord", row.name_record_ipv6);
  write_tags(out, row.tags);
}

void write_gateway(Out out, const Step& step, const model::InternetGateway& row) {
  out.text("internetGatewayId", row.id);
  out.text("ownerId", step.settings.account);
  Out list = out.child("attachmentSet");
  if (!row.vpc.empty()) {
    Out item = list.child("item");
    item.text("vpcId", row.vpc);
    item.text("state", "available");
  }
  write_tags(out, row.tags);
}

void write_route_table(Out out, const Step& step, const model::RouteTable& row) {
  out.text("routeTableId", row.id);
  out.text("vpcId", row.vpc);
  out.text("ownerId", step.settings.account);
  Out routes = out.child("routeSet");
  for (const auto& route : row.routes) {
    Out item = routes.child("item");
    item.text(route.destination.starts_with("pl-")               ? "destinationPrefixListId"
              : route.destination.find(':') != std::string::npos ? "destinationIpv6CidrBlock"
                                                                 : "destinationCidrBlock",
              route.destination);
    item.text(route.target_kind, route.target);
    item.text("state", "active");
    item.text("origin", route.origin);
  }
  Out associations = out.child("associationSet");
  for (const auto& each : row.associations) {
    Out item = associations.child("item");
    item.text("routeTableAssociationId", each.id);
    item.text("routeTableId", row.id);
    item.text_unless_empty("subnetId", each.subnet);
    item.text_unless_empty("gatewayId", each.gateway);
    item.boolean("main", each.subnet.empty() && each.gateway.empty());
    item.child("associationState").text("state", "associated");
  }
  out.child("propagatingVgwSet");
  write_tags(out, row.tags);
}

namespace {

// What differs only in where it comes from is one item.
void write_permissions(Out out, const Step& step, const model::SecurityGroup& row, bool egress) {
  using Key = std::tuple<std::string, std::int64_t, std::int64_t>;
  std::map<Key, std::vector<const model::SecurityGroupRule*>> permissions;
  for (const auto& rule : row.rules) {
    if (rule.egress == egress) permissions[{rule.protocol, rule.from, rule.to}].push_back(&rule);
  }
  Out list = out.child(egress ? "ipPermissionsEgress" : "ipPermissions");
  for (const auto& [key, rules] : permissions) {
    const auto& [protocol, from, to] = key;
    Out item = list.child("item");
    item.text("ipProtocol", protocol);
    const bool has_ports = protocol == "tcp" || protocol == "udp" || protocol.starts_with("icmp");
    if (has_ports) {
      item.integer("fromPort", from);
      item.integer("toPort", to);
    }
    Out groups = item.child("groups");
    Out ranges = item.child("ipRanges");
    Out ranges6 = item.child("ipv6Ranges");
    Out lists = item.child("prefixListIds");
    for (const auto* rule : rules) {
      Out each = !rule->cidr.empty()    ? ranges.child("item")
                 : !rule->cidr6.empty() ? ranges6.child("item")
                 : !rule->group.empty() ? groups.child("item")
                                        : lists.child("item");
      each.text_unless_empty("cidrIp", rule->cidr);
      each.text_unless_empty("cidrIpv6", rule->cidr6);
      if (!rule->group.empty()) {
        each.text("userId", step.settings.account);
        each.text("groupId", rule->group);
      }
      each.text_unless_empty("prefixListId", rule->prefix_list);
      each.text_unless_empty("description", rule->description);
    }
  }
}

}  // namespace

void write_group(Out out, const Step& step, const model::SecurityGroup& row) {
  out.text("ownerId", step.settings.account);
  out.text("groupId", row.id);
  out.text("groupName", row.name);
  out.text("groupDescription", row.description);
  out.text("vpcId", row.vpc);
  out.text("securityGroupArn", ec2_arn(step, "security-group", row.id));
  write_permissions(out, step, row, false);
  write_permissions(out, step, row, true);
  write_tags(out, row.tags);
}

void write_rule(Out out, const Step& step, const std::string& group, const model::SecurityGroupRule& rule) {
  out.text("securityGroupRuleId", rule.id);
  out.text("securityGroupRuleArn", ec2_arn(step, "security-group-rule", rule.id));
  out.text("groupId", group);
  out.text("groupOwnerId", step.settings.account);
  out.boolean("isEgress", rule.egress);
  out.text("ipProtocol", rule.protocol);
  out.integer("fromPort", rule.from);
  out.integer("toPort", rule.to);
  out.text_unless_empty("cidrIpv4", rule.cidr);
  out.text_unless_empty("cidrIpv6", rule.cidr6);
  out.text_unless_empty("prefixListId", rule.prefix_list);
  if (!rule.group.empty()) {
    Out other = out.child("referencedGroupInfo");
    other.text("groupId", rule.group);
    other.text("userId", step.settings.account);
  }
  out.text_unless_empty("description", rule.description);
  write_tags(out, rule.tags);
}

void write_acl(Out out, const Step& step, const model::NetworkAcl& row) {
  out.text("networkAclId", row.id);
  out.text("vpcId", row.vpc);
  out.text("ownerId", step.settings.account);
  out.boolean("default", row.is_default);
  Out entries = out.child("entrySet");
  for (const auto& each : row.entries) {
    Out item = entries.child("item");
    item.integer("ruleNumber", each.number);
    item.text("protocol", each.protocol);
    item.text("ruleAction", each.action);
    item.boolean("egress", each.egress);
    item.text_unless_empty("cidrBlock", each.cidr);
    item.text_unless_empty("ipv6CidrBlock", each.cidr6);
    if (each.protocol == "6" || each.protocol == "17") {
      Out ports = item.child("portRange");
      ports.integer("from", each.from);
      ports.integer("to", each.to);
    } else if (each.protocol == "1" || each.protocol == "58") {
      Out icmp = item.child("icmpTypeCode");
      icmp.integer("type", each.icmp_type);
      icmp.integer("code", each.icmp_code);
    }
  }
  Out associations = out.child("associationSet");
  for (const auto& each : row.associations) {
    Out item = associations.child("item");
    item.text("networkAclAssociationId", each.id);
    item.text("networkAclId", row.id);
    item.text("subnetId", each.subnet);
  }
  write_tags(out, row.tags);
}

}  // namespace agent::api::ec2
