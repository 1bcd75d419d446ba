// The network that stacks make around their hosts: VPCs, subnets, gateways, routes, security groups,
// addresses, launch templates. Records, checked against each other as EC2 does, with which nothing is routed,
// filtered or started: hosts keep the network that they have. Errors are EC2's wire codes; those of what is
// not there are "Invalid...ID.NotFound" and their like.
#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control::network {

// AWS's quotas, but for what says otherwise.
inline constexpr std::size_t kMaxVpcs = 100;  // 5 on AWS until one asks for more
inline constexpr std::size_t kMaxSubnetsOfVpc = 200;
inline constexpr std::size_t kMaxRouteTablesOfVpc = 200;
inline constexpr std::size_t kMaxRoutesOfTable = 500;
inline constexpr std::size_t kMaxGroups = 2'500;
inline constexpr std::size_t kMaxRulesOfGroup = 60;  // in each direction
inline constexpr std::size_t kMaxAcls = 200;
inline constexpr std::size_t kMaxAclEntries = 40;  // in each direction
inline constexpr std::size_t kMaxAddresses = 254;  // 198.51.100.0/24, which is for documentation (RFC 5737)
inline constexpr std::size_t kMaxNatGateways = 100;
inline constexpr std::size_t kMaxTemplates = 5'000;
inline constexpr std::size_t kMaxTemplateVersions = 10'000;
inline constexpr std::size_t kMaxTemplateBytes = 128 * 1024;
inline constexpr shared::Millis kDeletedGatewaySeen{3'600'000};  // as long a deleted NAT gateway is described

using Tags = std::vector<model::Tag>;

// ---- Zones, ids, and what is there from the start ----

// "us-east-1a" to "us-east-1c": whatever the hosts are, stacks ask for three.
std::array<std::string, 3> zones_of(const std::string& region);
std::string zone_id(const std::string& zone);  // "use1-az1"
// The default VPC with its subnets, gateway, routes, ACL and group. Nothing while there is one.
void make_default_network(Step& step);
std::string fresh_id(Step& step, std::string_view prefix);  // "vpc-" and 17 hexadecimal digits
// TagLimitExceeded, InvalidParameterValue (reserved or repeated keys, lengths).
shared::Result<Tags> tags_with(const Tags& had, const Tags& more);
// "The vpc ID 'vpc-x' does not exist", by the kind that its prefix names.
shared::Error not_found(std::string_view kind, std::string_view id);

template <class Row>
shared::Result<const Row*> find_row(const Table<Row>& table, std::string_view kind, std::string_view id) {
  if (const Row* row = table.find(id)) return row;
  return not_found(kind, id);
}

// ---- VPCs, subnets, internet gateways ----

shared::Result<std::string> create_vpc(Step& step, const std::string& cidr, const std::string& tenancy,
                                       const Tags& tags);
shared::Result<void> delete_vpc(Step& step, const std::string& id);
struct VpcChange {
  std::optional<bool> dns_support;
  std::optional<bool> dns_hostnames;
  std::optional<bool> usage_metrics;
};
shared::Result<void> modify_vpc(Step& step, const std::string& id, const VpcChange& change);

// An empty zone is the first one.
shared::Result<std::string> create_subnet(Step& step, const std::string& vpc, const std::string& cidr,
                                          const std::string& zone, const Tags& tags);
shared::Result<void> delete_subnet(Step& step, const std::string& id);
struct SubnetChange {
  std::optional<bool> map_public_ip;
  std::optional<bool> assign_ipv6;
  std::optional<bool> dns64;
  std::optional<std::string> hostname_type;
  std::optional<bool> name_record;
  std::optional<bool> name_record_ipv6;
};
shared::Result<void> modify_subnet(Step& step, const std::string& id, const SubnetChange& change);
std::uint64_t free_addresses(const model::Subnet& subnet);

shared::Result<std::string> create_gateway(Step& step, const Tags& tags);
shared::Result<void> attach_gateway(Step& step, const std::string& id, const std::string& vpc);
shared::Result<void> detach_gateway(Step& step, const std::string& id, const std::string& vpc);
shared::Result<void> delete_gateway(Step& step, const std::string& id);

// ---- Routes ----

shared::Result<std::string> create_route_table(Step& step, const std::string& vpc, const Tags& tags);
shared::Result<void> delete_route_table(Step& step, const std::string& id);
shared::Result<void> create_route(Step& step, const std::string& table, const model::Route& route);
shared::Result<void> replace_route(Step& step, const std::string& table, const model::Route& route);
shared::Result<void> delete_route(Step& step, const std::string& table, const std::string& destination);
// The association's id.
shared::Result<std::string> associate_route_table(Step& step, const std::string& table,
                                                  const std::string& subnet, const std::string& gateway);
shared::Result<std::string> replace_route_table_association(Step& step, const std::string& association,
                                                            const std::string& table);
shared::Result<void> disassociate_route_table(Step& step, const std::string& association);

// ---- Security groups ----

using Rules = std::vector<model::SecurityGroupRule>;
shared::Result<std::string> create_group(Step& step, const std::string& vpc, const std::string& name,
                                         const std::string& description, const Tags& tags);
shared::Result<void> delete_group(Step& step, const std::string& id);
// As they are kept, with their ids. All or none.
shared::Result<Rules> authorize(Step& step, const std::string& group, const Rules& rules, const Tags& tags);
shared::Result<Rules> revoke(Step& step, const std::string& group, bool egress, const Rules& rules);
shared::Result<Rules> revoke_by_id(Step& step, const std::string& group, bool egress,
                                   const std::vector<std::string>& ids);
// In place of the rule of that id; its direction and its tags stay.
shared::Result<void> modify_rule(Step& step, const std::string& group, const model::SecurityGroupRule& rule);
// Of the rules that are the same but for it.
shared::Result<void> describe_rules(Step& step, const std::string& group, bool egress, const Rules& rules);

// ---- Network ACLs ----

shared::Result<std::string> create_acl(Step& step, const std::string& vpc, const Tags& tags);
shared::Result<void> delete_acl(Step& step, const std::string& id);
enum class Entry { kNew, kReplace };
shared::Result<void> put_acl_entry(Step& step, const std::string& acl, const model::NetworkAclEntry& entry,
                                   Entry how);
shared::Result<void> delete_acl_entry(Step& step, const std::string& acl, std::int64_t number, bool egress);
shared::Result<std::string> replace_acl_association(Step& step, const std::string& association,
                                                    const std::string& acl);

// ---- Addresses and NAT gateways ----

shared::Result<std::string> allocate_address(Step& step, const Tags& tags);
shared::Result<void> release_address(Step& step, const std::string& id);
struct NewNatGateway {
  std::string subnet;
  std::string address;
  std::string connectivity = "public";
  std::string client_token;
  Tags tags;
};
shared::Result<std::string> create_nat_gateway(Step& step, const NewNatGateway& request);
shared::Result<void> delete_nat_gateway(Step& step, const std::string& id);
bool is_deleted(const model::NatGateway& gateway);

// ---- Launch templates ----

struct NewTemplateVersion {
  std::string description;
  std::string data;
};
shared::Result<std::string> create_template(Step& step, const std::string& name,
                                            const NewTemplateVersion& version,
                                            const std::string& client_token, const Tags& tags);
// By id, or by name when that is empty.
shared::Result<const model::LaunchTemplate*> find_template(const State& state, const std::string& id,
                                                           const std::string& name);
// Its number.
shared::Result<std::int64_t> create_template_version(Step& step, const std::string& id,
                                                     const NewTemplateVersion& version);
shared::Result<void> set_default_template_version(Step& step, const std::string& id, std::int64_t number);
shared::Result<void> delete_template(Step& step, const std::string& id);
// "3", "$Latest", "$Default". Error InvalidLaunchTemplateId.VersionNotFound.
shared::Result<const model::LaunchTemplateVersion*> find_template_version(const model::LaunchTemplate& row,
                                                                          const std::string& version);
shared::Result<void> delete_template_version(Step& step, const std::string& id, std::int64_t number);

// ---- Tags ----

// Of any of them, and of the rules of security groups. Errors: InvalidID, InvalidParameterValue,
// TagLimitExceeded.
shared::Result<void> create_tags(Step& step, const std::string& id, const Tags& tags);
struct TagName {
  std::string key;
  std::optional<std::string> value;  // then only a tag with it
};
// No names: all of them.
shared::Result<void> delete_tags(Step& step, const std::string& id, const std::vector<TagName>& names);

}  // namespace agent::control::network
