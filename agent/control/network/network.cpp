#include "agent/control/network/network.h"

#include <algorithm>

#include "agent/control/network/cidr.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"
#include "agent/control/state/tag_rules.h"

namespace agent::control::network {

using shared::Result;

namespace {

constexpr std::size_t kIdDigits = 17;
constexpr const char* kDefaultCidr = "172.31.0.0/16";
constexpr int kDefaultSubnetBits = 20;

struct Missing {
  std::string_view kind;
  std::string_view code;
  std::string_view text;  // before the id
};
constexpr auto kMissing = std::to_array<Missing>({
    {"vpc", "InvalidVpcID.NotFound", "The vpc ID"},
    {"subnet", "InvalidSubnetID.NotFound", "The subnet ID"},
    {"internet-gateway", "InvalidInternetGatewayID.NotFound", "The internetGateway ID"},
    {"route-table", "InvalidRouteTableID.NotFound", "The routeTable ID"},
    {"association", "InvalidAssociationID.NotFound", "The association ID"},
    {"security-group", "InvalidGroup.NotFound", "The security group"},
    {"security-group-rule", "InvalidSecurityGroupRuleId.NotFound", "The security group rule ID"},
    {"network-acl", "InvalidNetworkAclID.NotFound", "The networkAcl ID"},
    {"elastic-ip", "InvalidAllocationID.NotFound", "The allocation ID"},
    {"natgateway", "NatGatewayNotFound", "The NAT gateway"},
    {"launch-template", "InvalidLaunchTemplateId.NotFound", "The launch template ID"},
    {"network-interface", "InvalidNetworkInterfaceID.NotFound", "The networkInterface ID"},
});

}  // namespace

shared::Error not_found(std::string_view kind, std::string_view id) {
  constexpr std::size_t kShown = 64;
  for (const Missing& each : kMissing) {
    if (each.kind == kind)
      return fault(std::string(each.code),
                   std::string(each.text) + " '" + std::string(id.substr(0, kShown)) + "' does not exist");
  }
  return fault("InvalidID", "The ID '" + std::string(id.substr(0, kShown)) + "' is not valid");
}

std::string fresh_id(Step& step, std::string_view prefix) {
  return std::string(prefix) + "-" + step.random.hex(kIdDigits);
}

std::array<std::string, 3> zones_of(const std::string& region) {
  return {region + "a", region + "b", region + "c"};
}

std::string zone_id(const std::string& zone) {
  // "us-east-1a": the letters of the area, the first ones of the directions, the number.
  std::string out;
  std::size_t at = zone.find('-');
  out += zone.substr(0, at);
  const std::size_t last = zone.rfind('-');
  if (at == std::string::npos || last <= at) return zone;
  const std::string_view direction = std::string_view(zone).substr(at + 1, last - at - 1);
  for (const std::string_view word : {"north", "south", "east", "west", "central", "gov"}) {
    if (direction.find(word) != std::string_view::npos) out += word[0];
  }
  return out + zone.substr(last + 1, zone.size() - last - 2) + "-az" + std::to_string(zone.back() - 'a' + 1);
}

Result<Tags> tags_with(const Tags& had, const Tags& more) {
  if (auto ok = check_tags(more); !ok) return fault("InvalidParameterValue", ok.error().text());
  auto merged = merge_tags(had, more);
  if (merged.size() > kMaxTags)
    return fault("TagLimitExceeded", "More than " + std::to_string(kMaxTags) + " tags specified");
  return merged;
}

void make_default_network(Step& step) {
  const auto& vpcs = step.state.neighbours().vpcs.rows();
  if (std::any_of(vpcs.begin(), vpcs.end(), [](const auto& each) { return each.second.is_default; })) return;
  const auto vpc = create_vpc(step, kDefaultCidr, "default", {});
  const auto gateway = create_gateway(step, {});
  if (!vpc || !gateway || !attach_gateway(step, *gateway, *vpc)) return;
  Neighbours& all = rows(step).neighbours();
  all.vpcs.edit(*vpc, [](model::Vpc& row) {
    row.is_default = true;
    row.dns_hostnames = true;
  });
  Cidr range = *parse_cidr(kDefaultCidr);
  range.bits = kDefaultSubnetBits;
  for (const std::string& zone : zones_of(step.settings.region)) {
    const auto subnet = create_subnet(step, *vpc, to_string(range), zone, {});
    if (!subnet) return;
    all.subnets.edit(*subnet, [](model::Subnet& row) {
      row.default_for_zone = true;
      row.map_public_ip = true;
    });
    range.base += static_cast<std::uint32_t>(range.size());
  }
  std::string table;
  for (const auto& [id, row] : all.route_tables.rows()) {
    if (row.vpc == *vpc && row.main) table = id;
  }
  (void)create_route(step, table, {"0.0.0.0/0", "gatewayId", *gateway, "CreateRoute"});
}

}  // namespace agent::control::network
