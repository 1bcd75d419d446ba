// Elastic addresses, NAT gateways, network interfaces.
#include <algorithm>
#include <array>

#include "agent/api/ec2/operations.h"
#include "agent/control/state/faults.h"

namespace agent::api::ec2 {
namespace {

const control::Neighbours& rows_of(const Step& step) { return step.state.neighbours(); }

void write_address(Out out, const Step& step, const model::Address& row) {
  out.text("allocationId", row.id);
  out.text("publicIp", row.public_ip);
  out.text("domain", "vpc");
  out.text("publicIpv4Pool", "amazon");
  out.text("networkBorderGroup", step.settings.region);
  out.text_unless_empty("associationId", row.association);
  if (const auto* nat = rows_of(step).nat_gateways.find(row.nat_gateway)) {
    out.text("networkInterfaceId", nat->interface);
    out.text("networkInterfaceOwnerId", step.settings.account);
    out.text("privateIpAddress", nat->private_ip);
  }
  write_tags(out, row.tags);
}

std::optional<Values> address_filter(const Step& step, const model::Address& row, std::string_view name) {
  if (name == "allocation-id") return one(row.id);
  if (name == "public-ip") return one(row.public_ip);
  if (name == "domain") return one("vpc");
  if (name == "association-id") return row.association.empty() ? Values{} : one(row.association);
  if (name == "network-border-group") return one(step.settings.region);
  const bool interfaces = name == "network-interface-id";
  if (interfaces || name == "private-ip-address") {
    const auto* nat = rows_of(step).nat_gateways.find(row.nat_gateway);
    if (nat == nullptr) return Values{};
    return one(interfaces ? nat->interface : nat->private_ip);
  }
  return tag_filter(row.tags, name);
}

Done allocate_address(Step& step, In in, Out out) {
  const std::string domain = in.string_or("Domain", "vpc");
  const Tags tags = tags_for(in, "elastic-ip");
  if (!in.ok()) return in.error();
  if (domain != "vpc") return invalid_value("domain", domain, "It must be vpc.");
  for (const char* member : {"Address", "PublicIpv4Pool", "CustomerOwnedIpv4Pool", "IpamPoolId"}) {
    if (in.has(member))
      return control::fault("UnsupportedOperation", std::string(member) + " is not offered here.");
  }
  const auto id = network::allocate_address(step, tags);
  if (!id) return id.error();
  out.text("publicIp", rows_of(step).addresses.find(*id)->public_ip);
  out.text("allocationId", *id);
  out.text("publicIpv4Pool", "amazon");
  out.text("networkBorderGroup", step.settings.region);
  out.text("domain", "vpc");
  return {};
}

Done describe_addresses(Step& step, In in, Out out) {
  return describe<model::Address>(step, in, out, "AllocationId", "addressesSet", "elastic-ip",
                                  rows_of(step).addresses, address_filter,
                                  [&](Out item, const auto& row) { write_address(item, step, row); });
}

Done describe_addresses_attribute(Step& step, In in, Out out) {
  const auto ids = in.strings_or_empty("AllocationId");
  if (!in.ok()) return in.error();
  Out list = out.child("addressSet");
  for (const auto& [id, row] : rows_of(step).addresses.rows()) {
    if (!ids.empty() && std::find(ids.begin(), ids.end(), id) == ids.end()) continue;
    Out item = list.child("item");
    item.text("publicIp", row.public_ip);
    item.text("allocationId", id);
  }
  return {};
}

Done release_address(Step& step, In in, Out out) {
  const std::string id = required(in, "AllocationId");
  if (!in.ok()) return in.error();
  if (auto ok = network::release_address(step, id); !ok) return ok;
  succeed(out);
  return {};
}

// An address is a NAT gateway's as long as that is there, and leaves with it.
Done disassociate_address(Step& step, In in, Out) {
  const std::string association = required(in, "AssociationId");
  if (!in.ok()) return in.error();
  for (const auto& [id, row] : rows_of(step).addresses.rows()) {
    if (row.association == association)
      return control::fault("OperationNotPermitted", "The address " + id + " is that of the NAT gateway " +
                                                         row.nat_gateway + ", with which it leaves.");
  }
  return network::not_found("association", association);
}

// ---- NAT gateways ----

void write_nat(Out out, const Step& step, const model::NatGateway& row) {
  out.text("natGatewayId", row.id);
  out.text("subnetId", row.subnet);
  out.text("vpcId", row.vpc);
  out.text("state", network::is_deleted(row) ? "deleted" : "available");
  out.text("connectivityType", row.connectivity);
  out.time("createTime", row.created_at);
  if (network::is_deleted(row)) out.time("deleteTime", row.deleted_at);
  Out address = out.child("natGatewayAddressSet").child("item");
  address.text("networkInterfaceId", row.interface);
  address.text("privateIp", row.private_ip);
  address.boolean("isPrimary", true);
  address.text("status", "succeeded");
  if (!row.address.empty()) {
    address.text("allocationId", row.address);
    address.text("associationId", row.address_association);
    if (const auto* found = rows_of(step).addresses.find(row.address))
      address.text("publicIp", found->public_ip);
  }
  write_tags(out, row.tags);
}

std::optional<Values> nat_filter(const Step&, const model::NatGateway& row, std::string_view name) {
  if (name == "nat-gateway-id") return one(row.id);
  if (name == "subnet-id") return one(row.subnet);
  if (name == "vpc-id") return one(row.vpc);
  if (name == "state") return one(network::is_deleted(row) ? "deleted" : "available");
  return tag_filter(row.tags, name);
}

Done create_nat_gateway(Step& step, In in, Out out) {
  network::NewNatGateway request;
  request.subnet = required(in, "SubnetId");
  request.address = in.string_or("AllocationId", "");
  request.connectivity = in.string_or("ConnectivityType", "public");
  request.client_token = in.string_or("ClientToken", "");
  request.tags = tags_for(in, "natgateway");
  if (!in.ok()) return in.error();
  if (request.connectivity != "public" && request.connectivity != "private")
    return invalid_value("connectivityType", request.connectivity, "It must be public or private.");
  for (const char* member : {"SecondaryAllocationId", "SecondaryPrivateIpAddress",
                             "SecondaryPrivateIpAddressCount", "PrivateIpAddress"}) {
    if (in.has(member))
      return control::fault("UnsupportedOperation", std::string(member) + " is not offered here.");
  }
  const auto id = network::create_nat_gateway(step, request);
  if (!id) return id.error();
  out.text_unless_empty("clientToken", request.client_token);
  write_nat(out.child("natGateway"), step, *rows_of(step).nat_gateways.find(*id));
  return {};
}

Done describe_nat_gateways(Step& step, In in, Out out) {
  return describe<model::NatGateway>(step, in, out, "NatGatewayId", "natGatewaySet", "natgateway",
                                     rows_of(step).nat_gateways, nat_filter,
                                     [&](Out item, const auto& row) { write_nat(item, step, row); });
}

Done delete_nat_gateway(Step& step, In in, Out out) {
  const std::string id = required(in, "NatGatewayId");
  if (!in.ok()) return in.error();
  if (auto ok = network::delete_nat_gateway(step, id); !ok) return ok;
  out.text("natGatewayId", id);
  return {};
}

// Tasks share their host's interface, and balancers theirs: there is none to show.
Done describe_network_interfaces(Step&, In in, Out out) {
  const auto ids = in.strings_or_empty("NetworkInterfaceId");
  (void)filters_of(in);
  (void)page_of(in);
  if (!in.ok()) return in.error();
  if (!ids.empty()) return network::not_found("network-interface", ids.front());
  out.child("networkInterfaceSet");
  return {};
}

constexpr auto kAddressOperations = std::to_array<Operation>({
    {"AllocateAddress", allocate_address},
    {"CreateNatGateway", create_nat_gateway},
    {"DeleteNatGateway", delete_nat_gateway},
    {"DescribeAddresses", describe_addresses},
    {"DescribeAddressesAttribute", describe_addresses_attribute},
    {"DescribeNatGateways", describe_nat_gateways},
    {"DescribeNetworkInterfaces", describe_network_interfaces},
    {"DisassociateAddress", disassociate_address},
    {"ReleaseAddress", release_address},
});

}  // namespace

std::span<const Operation> address_operations() { return kAddressOperations; }

}  // namespace agent::api::ec2
