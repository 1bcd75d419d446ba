// The network that a stack makes around its hosts, as EC2 shows it: records, with which nothing is enforced.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

// Key of each: its id.
struct Vpc {
  std::string id;  // "vpc-" and 17 hexadecimal digits; the others likewise
  std::string cidr;
  std::string cidr_association;
  std::string tenancy = "default";
  bool is_default = false;
  bool dns_support = true;
  bool dns_hostnames = false;
  bool usage_metrics = false;
  std::vector<Tag> tags;
};

struct Subnet {
  std::string id;
  std::string vpc;
  std::string cidr;
  std::string zone;  // "us-east-1a"
  bool default_for_zone = false;
  bool map_public_ip = false;
  bool assign_ipv6 = false;
  bool dns64 = false;
  std::string hostname_type = "ip-name";
  bool name_record = false;       // resource name DNS A record
  bool name_record_ipv6 = false;  // AAAA
  std::vector<Tag> tags;
};

struct InternetGateway {
  std::string id;
  std::string vpc;  // empty: attached to none
  std::vector<Tag> tags;
};

struct Route {
  std::string destination;  // CIDR of either family, or a prefix list's id
  std::string target_kind;  // "gatewayId", "natGatewayId", ...: EC2's name of the member
  std::string target;
  std::string origin = "CreateRoute";
};

struct RouteTableAssociation {
  std::string id;
  std::string subnet;   // or
  std::string gateway;  // or neither: the main one of the VPC
};

struct RouteTable {
  std::string id;
  std::string vpc;
  bool main = false;
  std::vector<Route> routes;
  std::vector<RouteTableAssociation> associations;
  std::vector<Tag> tags;
};

struct SecurityGroupRule {
  std::string id;
  bool egress = false;
  std::string protocol;  // "tcp", "udp", "icmp", "icmpv6", "-1", or a number
  std::int64_t from = -1;
  std::int64_t to = -1;
  // One of these.
  std::string cidr;
  std::string cidr6;
  std::string group;
  std::string prefix_list;
  std::string description;
  std::vector<Tag> tags;
};

struct SecurityGroup {
  std::string id;
  std::string vpc;
  std::string name;
  std::string description;
  std::vector<SecurityGroupRule> rules;
  std::vector<Tag> tags;
};

struct NetworkAclEntry {
  std::int64_t number = 0;
  bool egress = false;
  std::string protocol = "-1";
  std::string action;  // "allow", "deny"
  std::string cidr;
  std::string cidr6;
  std::int64_t from = -1;
  std::int64_t to = -1;
  std::int64_t icmp_type = -1;
  std::int64_t icmp_code = -1;
};

struct NetworkAclAssociation {
  std::string id;
  std::string subnet;
};

struct NetworkAcl {
  std::string id;
  std::string vpc;
  bool is_default = false;
  std::vector<NetworkAclEntry> entries;
  std::vector<NetworkAclAssociation> associations;
  std::vector<Tag> tags;
};

struct Address {
  std::string id;         // "eipalloc-..."
  std::string public_ip;  // of a range that is for documentation: nobody is reached by it
  std::string association;
  std::string nat_gateway;  // that it is associated with; may be empty
  std::vector<Tag> tags;
};

struct NatGateway {
  std::string id;
  std::string subnet;
  std::string vpc;
  std::string connectivity = "public";
  std::string address;  // key of the address; private ones have none
  std::string address_association;
  std::string interface;
  std::string private_ip;
  std::string client_token;
  WallTime created_at{};
  WallTime deleted_at{};  // still described for a while; epoch: it is there
  std::vector<Tag> tags;
};

struct LaunchTemplateVersion {
  std::int64_t number = 1;
  std::string description;
  std::string data;  // the form's members below LaunchTemplateData, as a form
  WallTime created_at{};
};

struct LaunchTemplate {
  std::string id;
  std::string name;
  std::int64_t default_version = 1;
  std::vector<LaunchTemplateVersion> versions;
  std::string client_token;
  WallTime created_at{};
  std::vector<Tag> tags;
};

}  // namespace agent::model
