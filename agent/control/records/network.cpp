#include "agent/model/network.h"

#include "agent/control/records/row_text.h"

namespace agent::control {

template <class Archive, RowOf<model::Vpc> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("cidr", row.cidr);
  in("cidr_association", row.cidr_association);
  in("tenancy", row.tenancy);
  in("is_default", row.is_default);
  in("dns_support", row.dns_support);
  in("dns_hostnames", row.dns_hostnames);
  in("usage_metrics", row.usage_metrics);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::Subnet> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("vpc", row.vpc);
  in("cidr", row.cidr);
  in("zone", row.zone);
  in("default_for_zone", row.default_for_zone);
  in("map_public_ip", row.map_public_ip);
  in("assign_ipv6", row.assign_ipv6);
  in("dns64", row.dns64);
  in("hostname_type", row.hostname_type);
  in("name_record", row.name_record);
  in("name_record_ipv6", row.name_record_ipv6);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::InternetGateway> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("vpc", row.vpc);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::Route> Row>
void fields(Archive& in, Row& row) {
  in("destination", row.destination);
  in("target_kind", row.target_kind);
  in("target", row.target);
  in("origin", row.origin);
}

template <class Archive, RowOf<model::RouteTableAssociation> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("subnet", row.subnet);
  in("gateway", row.gateway);
}

template <class Archive, RowOf<model::RouteTable> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("vpc", row.vpc);
  in("main", row.main);
  in("routes", row.routes);
  in("associations", row.associations);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::SecurityGroupRule> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("egress", row.egress);
  in("protocol", row.protocol);
  in("from", row.from);
  in("to", row.to);
  in("cidr", row.cidr);
  in("cidr6", row.cidr6);
  in("group", row.group);
  in("prefix_list", row.prefix_list);
  in("description", row.description);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::SecurityGroup> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("vpc", row.vpc);
  in("name", row.name);
  in("description", row.description);
  in("rules", row.rules);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::NetworkAclEntry> Row>
void fields(Archive& in, Row& row) {
  in("number", row.number);
  in("egress", row.egress);
  in("protocol", row.protocol);
  in("action", row.action);
  in("cidr", row.cidr);
  in("cidr6", row.cidr6);
  in("from", row.from);
  in("to", row.to);
  in("icmp_type", row.icmp_type);
  in("icmp_code", row.icmp_code);
}

template <class Archive, RowOf<model::NetworkAclAssociation> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("subnet", row.subnet);
}

template <class Archive, RowOf<model::NetworkAcl> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("vpc", row.vpc);
  in("is_default", row.is_default);
  in("entries", row.entries);
  in("associations", row.associations);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::Address> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("public_ip", row.public_ip);
  in("association", row.association);
  in("nat_gateway", row.nat_gateway);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::NatGateway> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("subnet", row.subnet);
  in("vpc", row.vpc);
  in("connectivity", row.connectivity);
  in("address", row.address);
  in("address_association", row.address_association);
  in("interface", row.interface);
  in("private_ip", row.private_ip);
  in("client_token", row.client_token);
  in("created_at", row.created_at);
  in("deleted_at", row.deleted_at);
  in("tags", row.tags);
}

template <class Archive, RowOf<model::LaunchTemplateVersion> Row>
void fields(Archive& in, Row& row) {
  in("number", row.number);
  in("description", row.description);
  in("data", row.data);
  in("created_at", row.created_at);
}

template <class Archive, RowOf<model::LaunchTemplate> Row>
void fields(Archive& in, Row& row) {
  in("id", row.id);
  in("name", row.name);
  in("default_version", row.default_version);
  in("versions", row.versions);
  in("client_token", row.client_token);
  in("created_at", row.created_at);
  in("tags", row.tags);
}

BERTH_ROW(model::Vpc)
BERTH_ROW(model::Subnet)
BERTH_ROW(model::InternetGateway)
BERTH_ROW(model::RouteTable)
BERTH_ROW(model::SecurityGroup)
BERTH_ROW(model::NetworkAcl)
BERTH_ROW(model::Address)
BERTH_ROW(model::NatGateway)
BERTH_ROW(model::LaunchTemplate)

}  // namespace agent::control
