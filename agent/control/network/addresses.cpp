#include <algorithm>
#include <set>

#include "agent/control/network/cidr.h"
#include "agent/control/network/network.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"

namespace agent::control::network {

using shared::Result;

namespace {

constexpr const char* kPublicRange = "198.51.100.0/24";
constexpr std::uint32_t kFirstOfSubnet = 10;

void forget_old_gateways(Step& step) {
  Neighbours& all = rows(step).neighbours();
  std::vector<std::string> old;
  for (const auto& [id, row] : all.nat_gateways.rows()) {
    if (is_deleted(row) && step.now - row.deleted_at > kDeletedGatewaySeen) old.push_back(id);
  }
  for (const auto& id : old) all.nat_gateways.erase(id);
}

}  // namespace

bool is_deleted(const model::NatGateway& gateway) { return gateway.deleted_at != shared::WallTime{}; }

Result<std::string> allocate_address(Step& step, const Tags& tags) {
  Neighbours& all = rows(step).neighbours();
  auto kept = tags_with({}, tags);
  if (!kept) return kept.error();
  std::set<std::string> taken;
  for (const auto& [id, row] : all.addresses.rows()) taken.insert(row.public_ip);
  if (taken.size() >= kMaxAddresses)
    return fault("AddressLimitExceeded", "The maximum number of addresses has been reached.");
  model::Address row;
  row.id = fresh_id(step, "eipalloc");
  for (std::uint32_t next = parse_cidr(kPublicRange)->base + 1; row.public_ip.empty(); ++next) {
    if (!taken.contains(address_text(next))) row.public_ip = address_text(next);
  }
  row.tags = *std::move(kept);
  std::string id = row.id;
  all.addresses.put(id, std::move(row));
  return id;
}

Result<void> release_address(Step& step, const std::string& id) {
  Neighbours& all = rows(step).neighbours();
  const auto address = find_row(all.addresses, "elastic-ip", id);
  if (!address) return address.error();
  if (!(*address)->association.empty())
    return fault("InvalidIPAddress.InUse", "Address " + (*address)->public_ip + " is in use.");
  all.addresses.erase(id);
  return {};
}

Result<std::string> create_nat_gateway(Step& step, const NewNatGateway& request) {
  forget_old_gateways(step);
  Neighbours& all = rows(step).neighbours();
  const auto subnet = find_row(all.subnets, "subnet", request.subnet);
  if (!subnet) return subnet.error();
  for (const auto& [id, row] : all.nat_gateways.rows()) {
    if (!request.client_token.empty() && row.client_token == request.client_token) return id;
  }
  const bool is_public = request.connectivity == "public";
  if (is_public != !request.address.empty()) {
    return is_public ? fault("MissingParameter",
                             "The request must include the AllocationId parameter. Add the required "
                             "parameter and retry the request.")
                     : fault("InvalidParameterCombination", "AllocationId is not for private NAT gateways.");
  }
  if (is_public) {
    const auto address = find_row(all.addresses, "elastic-ip", request.address);
    if (!address) return address.error();
    if (!(*address)->association.empty())
      return fault("Resource.AlreadyAssociated",
                   "Elastic IP address [" + request.address + "] is already associated");
  }
  if (all.nat_gateways.size() >= kMaxNatGateways)
    return fault("NatGatewayLimitExceeded", "The maximum number of NAT gateways has been reached.");
  auto kept = tags_with({}, request.tags);
  if (!kept) return kept.error();
  std::uint32_t in_subnet = kFirstOfSubnet;
  for (const auto& [id, row] : all.nat_gateways.rows()) in_subnet += row.subnet == request.subnet ? 1U : 0U;
  model::NatGateway row;
  row.id = fresh_id(step, "nat");
  row.subnet = request.subnet;
  row.vpc = (*subnet)->vpc;
  row.connectivity = request.connectivity;
  row.address = request.address;
  row.interface = fresh_id(step, "eni");
  row.private_ip = address_text(parse_cidr((*subnet)->cidr)->base + in_subnet);
  row.client_token = request.client_token;
  row.created_at = step.now;
  row.tags = *std::move(kept);
  std::string id = row.id;
  if (is_public) {
    row.address_association = fresh_id(step, "eipassoc");
    all.addresses.edit(request.address, [&](model::Address& address) {
      address.association = row.address_association;
      address.nat_gateway = id;
    });
  }
  all.nat_gateways.put(id, std::move(row));
  return id;
}

Result<void> delete_nat_gateway(Step& step, const std::string& id) {
  forget_old_gateways(step);
  Neighbours& all = rows(step).neighbours();
  const auto found = find_row(all.nat_gateways, "natgateway", id);
  if (!found) return found.error();
  if (is_deleted(**found)) return {};
  const std::string address = (*found)->address;
  all.nat_gateways.edit(id, [&](model::NatGateway& row) { row.deleted_at = step.now; });
  all.addresses.edit(address, [](model::Address& row) {
    row.association.clear();
    row.nat_gateway.clear();
  });
  return {};
}

}  // namespace agent::control::network
