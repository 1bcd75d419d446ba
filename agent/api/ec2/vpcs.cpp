// VPCs, subnets, internet gateways.
#include <algorithm>
#include <array>

#include "agent/api/ec2/operations.h"
#include "agent/control/state/faults.h"

namespace agent::api::ec2 {
namespace {

const control::Neighbours& all(const Step& step) { return step.state.neighbours(); }

// ---- VPCs ----

std::optional<Values> vpc_filter(const Step& step, const model::Vpc& row, std::string_view name) {
  if (name == "vpc-id") return one(row.id);
  if (name == "cidr" || name == "cidr-block" || name == "cidr-block-association.cidr-block")
    return one(row.cidr);
  if (name == "cidr-block-association.association-id") return one(row.cidr_association);
  if (name == "isDefault" || name == "is-default") return flag(row.is_default);
  if (name == "state" || name == "cidr-block-association.state")
    return one(name == "state" ? "available" : "associated");
  if (name == "owner-id") return one(step.settings.account);
  if (name == "dhcp-options-id") return one("default");
  return tag_filter(row.tags, name);
}

Done create_vpc(Step& step, In in, Out out) {
  const std::string cidr = required(in, "CidrBlock");
  const std::string tenancy = in.string_or("InstanceTenancy", "default");
  const bool ipv6 = in.boolean("AmazonProvidedIpv6CidrBlock").value_or(false);
  const Tags tags = tags_for(in, "vpc");
  if (!in.ok()) return in.error();
  if (tenancy != "default" && tenancy != "dedicated")
    return invalid_value("instanceTenancy", tenancy, "It must be default or dedicated.");
  for (const char* member : {"Ipv4IpamPoolId", "Ipv6IpamPoolId", "Ipv6CidrBlock", "Ipv6Pool"}) {
    if (in.has(member))
      return control::fault("UnsupportedOperation", std::string(member) + " is not offered here.");
  }
  if (ipv6)
    return control::fault("UnsupportedOperation",
                          "AmazonProvidedIpv6CidrBlock is not offered here: VPCs have IPv4 only.");
  const auto id = network::create_vpc(step, cidr, tenancy, tags);
  if (!id) return id.error();
  write_vpc(out.child("vpc"), step, *all(step).vpcs.find(*id));
  return {};
}

Done describe_vpcs(Step& step, In in, Out out) {
  return describe<model::Vpc>(step, in, out, "VpcId", "vpcSet", "vpc", all(step).vpcs, vpc_filter,
                              [&](Out item, const model::Vpc& row) { write_vpc(item, step, row); });
}

Done delete_vpc(Step& step, In in, Out out) {
  const std::string id = required(in, "VpcId");
  if (!in.ok()) return in.error();
  if (auto ok = network::delete_vpc(step, id); !ok) return ok;
  succeed(out);
  return {};
}

Done modify_vpc_attribute(Step& step, In in, Out out) {
  const std::string id = required(in, "VpcId");
  network::VpcChange change;
  change.dns_support = value_of(in, "EnableDnsSupport");
  change.dns_hostnames = value_of(in, "EnableDnsHostnames");
  change.usage_metrics = value_of(in, "EnableNetworkAddressUsageMetrics");
  if (!in.ok()) return in.error();
  const int given = int{change.dns_support.has_value()} + int{change.dns_hostnames.has_value()} +
                    int{change.usage_metrics.has_value()};
  if (given != 1)
    return control::fault("InvalidParameterCombination",
                          "Exactly one of enableDnsSupport, enableDnsHostnames and "
                          "enableNetworkAddressUsageMetrics is modified by a call");
  if (auto ok = network::modify_vpc(step, id, change); !ok) return ok;
  succeed(out);
  return {};
}

Done describe_vpc_attribute(Step& step, In in, Out out) {
  const std::string id = required(in, "VpcId");
  const std::string attribute = required(in, "Attribute");
  if (!in.ok()) return in.error();
  const auto row = network::find_row(all(step).vpcs, "vpc", id);
  if (!row) return row.error();
  bool value = false;
  if (attribute == "enableDnsSupport")
    value = (*row)->dns_support;
  else if (attribute == "enableDnsHostnames")
    value = (*row)->dns_hostnames;
  else if (attribute == "enableNetworkAddressUsageMetrics")
    value = (*row)->usage_metrics;
  else
    return invalid_value(
        "attribute", attribute,
        "It must be enableDnsSupport, enableDnsHostnames or enableNetworkAddressUsageMetrics.");
  out.text("vpcId", id);
  out.child(attribute).boolean("value", value);
  return {};
}

// ---- Subnets ----

std::optional<Values> subnet_filter(const Step& step, const model::Subnet& row, std::string_view name) {
  if (name == "subnet-id") return one(row.id);
  if (name == "subnet-arn") return one(ec2_arn(step, "subnet", row.id));
  if (name == "vpc-id") return one(row.vpc);
  if (name == "cidr" || name == "cidr-block" || name == "cidrBlock") return one(row.cidr);
  if (name == "availability-zone" || name == "availabilityZone") return one(row.zone);
  if (name == "availability-zone-id" || name == "availabilityZoneId")
    return one(row.zone.empty() ? "" : network::zone_id(row.zone));
  if (name == "default-for-az" || name == "defaultForAz") return flag(row.default_for_zone);
  if (name == "map-public-ip-on-launch") return flag(row.map_public_ip);
  if (name == "state") return one("available");
  if (name == "owner-id") return one(step.settings.account);
  if (name == "ipv6-native") return flag(false);
  return tag_filter(row.tags, name);
}

Done create_subnet(Step& step, In in, Out out) {
  const std::string vpc = required(in, "VpcId");
  const std::string cidr = required(in, "CidrBlock");
  std::string zone = in.string_or("AvailabilityZone", "");
  const auto zone_id = in.string("AvailabilityZoneId");
  const Tags tags = tags_for(in, "subnet");
  if (!in.ok()) return in.error();
  for (const char* member : {"Ipv6CidrBlock", "OutpostArn", "Ipv4IpamPoolId", "Ipv6IpamPoolId"}) {
    if (in.has(member))
      return control::fault("UnsupportedOperation", std::string(member) + " is not offered here.");
  }
  if (in.boolean("Ipv6Native").value_or(false))
    return control::fault("UnsupportedOperation", "Ipv6Native is not offered here.");
  if (zone_id) {
    for (const auto& each : network::zones_of(step.settings.region)) {
      if (network::zone_id(each) == *zone_id) zone = each;
    }
    if (zone.empty()) return invalid_value("availabilityZoneId", *zone_id, "There is no such zone.");
  }
  const auto id = network::create_subnet(step, vpc, cidr, zone, tags);
  if (!id) return id.error();
  write_subnet(out.child("subnet"), step, *all(step).subnets.find(*id));
  return {};
}

Done describe_subnets(Step& step, In in, Out out) {
  return describe<model::Subnet>(step, in, out, "SubnetId", "subnetSet", "subnet", all(step).subnets,
                                 subnet_filter,
                                 [&](Out item, const model::Subnet& row) { write_subnet(item, step, row); });
}

Done delete_subnet(Step& step, In in, Out out) {
  const std::string id = required(in, "SubnetId");
  if (!in.ok()) return in.error();
  if (auto ok = network::delete_subnet(step, id); !ok) return ok;
  succeed(out);
  return {};
}

Done modify_subnet_attribute(Step& step, In in, Out out) {
  const std::string id = required(in, "SubnetId");
  network::SubnetChange change;
  change.map_public_ip = value_of(in, "MapPublicIpOnLaunch");
  change.assign_ipv6 = value_of(in, "AssignIpv6AddressOnCreation");
  change.dns64 = value_of(in, "EnableDns64");
  change.hostname_type = in.string("PrivateDnsHostnameTypeOnLaunch");
  change.name_record = value_of(in, "EnableResourceNameDnsARecordOnLaunch");
  change.name_record_ipv6 = value_of(in, "EnableResourceNameDnsAAAARecordOnLaunch");
  if (!in.ok()) return in.error();
  if (change.hostname_type && *change.hostname_type != "ip-name" && *change.hostname_type != "resource-name")
    return invalid_value("privateDnsHostnameTypeOnLaunch", *change.hostname_type,
                         "It must be ip-name or resource-name.");
  for (const char* member : {"MapCustomerOwnedIpOnLaunch", "CustomerOwnedIpv4Pool", "EnableLniAtDeviceIndex",
                             "DisableLniAtDeviceIndex"}) {
    if (in.has(member))
      return control::fault("UnsupportedOperation", std::string(member) + " is not offered here.");
  }
  if (auto ok = network::modify_subnet(step, id, change); !ok) return ok;
  succeed(out);
  return {};
}

// ---- Internet gateways ----

std::optional<Values> gateway_filter(const Step& step, const model::InternetGateway& row,
                                     std::string_view name) {
  if (name == "internet-gateway-id") return one(row.id);
  if (name == "attachment.vpc-id") return row.vpc.empty() ? Values{} : one(row.vpc);
  if (name == "attachment.state") return row.vpc.empty() ? Values{} : one("available");
  if (name == "owner-id") return one(step.settings.account);
  return tag_filter(row.tags, name);
}

Done create_internet_gateway(Step& step, In in, Out out) {
  const Tags tags = tags_for(in, "internet-gateway");
  if (!in.ok()) return in.error();
  const auto id = network::create_gateway(step, tags);
  if (!id) return id.error();
  write_gateway(out.child("internetGateway"), step, *all(step).internet_gateways.find(*id));
  return {};
}

Done describe_internet_gateways(Step& step, In in, Out out) {
  return describe<model::InternetGateway>(step, in, out, "InternetGatewayId", "internetGatewaySet",
                                          "internet-gateway", all(step).internet_gateways, gateway_filter,
                                          [&](Out item, const auto& row) { write_gateway(item, step, row); });
}

template <auto change>
Done change_attachment(Step& step, In in, Out out) {
  const std::string id = required(in, "InternetGatewayId");
  const std::string vpc = required(in, "VpcId");
  if (!in.ok()) return in.error();
  if (auto ok = change(step, id, vpc); !ok) return ok;
  succeed(out);
  return {};
}

Done delete_internet_gateway(Step& step, In in, Out out) {
  const std::string id = required(in, "InternetGatewayId");
  if (!in.ok()) return in.error();
  if (auto ok = network::delete_gateway(step, id); !ok) return ok;
  succeed(out);
  return {};
}

constexpr auto kVpcOperations = std::to_array<Operation>({
    {"AttachInternetGateway", change_attachment<network::attach_gateway>},
    {"CreateInternetGateway", create_internet_gateway},
    {"CreateSubnet", create_subnet},
    {"CreateVpc", create_vpc},
    {"DeleteInternetGateway", delete_internet_gateway},
    {"DeleteSubnet", delete_subnet},
    {"DeleteVpc", delete_vpc},
    {"DescribeInternetGateways", describe_internet_gateways},
    {"DescribeSubnets", describe_subnets},
    {"DescribeVpcAttribute", describe_vpc_attribute},
    {"DescribeVpcs", describe_vpcs},
    {"DetachInternetGateway", change_attachment<network::detach_gateway>},
    {"ModifySubnetAttribute", modify_subnet_attribute},
    {"ModifyVpcAttribute", modify_vpc_attribute},
});

}  // namespace

std::span<const Operation> vpc_operations() { return kVpcOperations; }

}  // namespace agent::api::ec2
