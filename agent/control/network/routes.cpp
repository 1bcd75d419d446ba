#include <algorithm>

#include "agent/control/network/cidr.h"
#include "agent/control/network/network.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"

namespace agent::control::network {

using shared::Result;

namespace {

template <class Range>
auto route_to(Range& routes, const std::string& destination) {
  return std::find_if(routes.begin(), routes.end(),
                      [&](const model::Route& each) { return each.destination == destination; });
}

shared::Error no_route(const std::string& table, const std::string& destination) {
  return fault("InvalidRoute.NotFound",
               "no route with destination-cidr-block " + destination + " in route table " + table);
}

// What the route leads to is there, where that is kept here.
Result<void> check_target(const Neighbours& all, const model::RouteTable& table, const model::Route& route) {
  if (route.target.starts_with("igw-")) {
    const auto gateway = find_row(all.internet_gateways, "internet-gateway", route.target);
    if (!gateway) return gateway.error();
    if ((*gateway)->vpc != table.vpc) {
      return fault("InvalidParameterValue", "route table " + table.id + " and network gateway " +
                                                route.target + " belong to different networks");
    }
  } else if (route.target.starts_with("nat-")) {
    const auto* nat = all.nat_gateways.find(route.target);
    if (nat == nullptr || is_deleted(*nat))
      return fault("InvalidNatGatewayID.NotFound", "The natGateway ID '" + route.target + "' does not exist");
  }
  return {};
}

// As EC2 keeps it.
Result<model::Route> canonical(const model::Route& route) {
  model::Route out = route;
  if (const auto range = parse_cidr(route.destination)) {
    out.destination = to_string(*range);
  } else if (!looks_like_cidr6(route.destination) && !route.destination.starts_with("pl-")) {
    return fault("InvalidParameterValue",
                 "Value (" + route.destination +
                     ") for parameter destinationCidrBlock is invalid. This is not a valid CIDR block.");
  }
  return out;
}

struct Place {
  const model::RouteTable* table = nullptr;
  model::RouteTableAssociation association;
};
Result<Place> find_association(const Neighbours& all, const std::string& id) {
  for (const auto& [key, table] : all.route_tables.rows()) {
    for (const auto& each : table.associations) {
      if (each.id == id) return Place{&table, each};
    }
  }
  return not_found("association", id);
}

}  // namespace

Result<std::string> create_route_table(Step& step, const std::string& vpc, const Tags& tags) {
  Neighbours& all = rows(step).neighbours();
  const auto owner = find_row(all.vpcs, "vpc", vpc);
  if (!owner) return owner.error();
  auto kept = tags_with({}, tags);
  if (!kept) return kept.error();
  const auto& tables = all.route_tables.rows();
  const auto count =
      std::count_if(tables.begin(), tables.end(), [&](const auto& each) { return each.second.vpc == vpc; });
  if (static_cast<std::size_t>(count) >= kMaxRouteTablesOfVpc)
    return fault("RouteTableLimitExceeded",
                 "The maximum number of route tables of '" + vpc + "' has been reached.");
  model::RouteTable row;
  row.id = fresh_id(step, "rtb");
  row.vpc = vpc;
  row.routes.push_back({(*owner)->cidr, "gatewayId", "local", "CreateRouteTable"});
  row.tags = *std::move(kept);
  std::string id = row.id;
  all.route_tables.put(id, std::move(row));
  return id;
}

Result<void> delete_route_table(Step& step, const std::string& id) {
  Neighbours& all = rows(step).neighbours();
  const auto table = find_row(all.route_tables, "route-table", id);
  if (!table) return table.error();
  if ((*table)->main || !(*table)->associations.empty())
    return fault("DependencyViolation",
                 "The routeTable '" + id + "' has dependencies and cannot be deleted.");
  all.route_tables.erase(id);
  return {};
}

Result<void> create_route(Step& step, const std::string& id, const model::Route& given) {
  Neighbours& all = rows(step).neighbours();
  const auto table = find_row(all.route_tables, "route-table", id);
  if (!table) return table.error();
  auto route = canonical(given);
  if (!route) return route.error();
  if (auto ok = check_target(all, **table, *route); !ok) return ok;
  if (route_to((*table)->routes, route->destination) != (*table)->routes.end())
    return fault("RouteAlreadyExists", "The route identified by " + route->destination + " already exists.");
  if ((*table)->routes.size() >= kMaxRoutesOfTable)
    return fault("RouteLimitExceeded", "The maximum number of routes of '" + id + "' has been reached.");
  all.route_tables.edit(id, [&](model::RouteTable& row) { row.routes.push_back(*std::move(route)); });
  return {};
}

Result<void> replace_route(Step& step, const std::string& id, const model::Route& given) {
  Neighbours& all = rows(step).neighbours();
  const auto table = find_row(all.route_tables, "route-table", id);
  if (!table) return table.error();
  const auto route = canonical(given);
  if (!route) return route.error();
  if (auto ok = check_target(all, **table, *route); !ok) return ok;
  if (route_to((*table)->routes, route->destination) == (*table)->routes.end())
    return no_route(id, route->destination);
  all.route_tables.edit(id, [&](model::RouteTable& row) {
    model::Route& old = *route_to(row.routes, route->destination);
    old.target_kind = route->target_kind;
    old.target = route->target;
  });
  return {};
}

Result<void> delete_route(Step& step, const std::string& id, const std::string& destination) {
  Neighbours& all = rows(step).neighbours();
  const auto table = find_row(all.route_tables, "route-table", id);
  if (!table) return table.error();
  const auto range = parse_cidr(destination);
  const std::string kept = range ? to_string(*range) : destination;
  const auto route = route_to((*table)->routes, kept);
  if (route == (*table)->routes.end()) return no_route(id, destination);
  if (route->target == "local")
    return fault("InvalidParameterValue", "cannot remove local route " + kept + " in route table " + id);
  all.route_tables.edit(id, [&](model::RouteTable& row) { row.routes.erase(route_to(row.routes, kept)); });
  return {};
}

Result<std::string> associate_route_table(Step& step, const std::string& id, const std::string& subnet,
                                          const std::string& gateway) {
  Neighbours& all = rows(step).neighbours();
  const auto table = find_row(all.route_tables, "route-table", id);
  if (!table) return table.error();
  if (!subnet.empty()) {
    const auto found = find_row(all.subnets, "subnet", subnet);
    if (!found) return found.error();
    if ((*found)->vpc != (*table)->vpc)
      return fault("InvalidParameterValue",
                   "Route table " + id + " and subnet " + subnet + " belong to different networks");
  } else if (const auto found = find_row(all.internet_gateways, "internet-gateway", gateway); !found) {
    return found.error();
  }
  for (const auto& [key, other] : all.route_tables.rows()) {
    for (const auto& each : other.associations) {
      if (!(subnet.empty() ? each.gateway == gateway : each.subnet == subnet)) continue;
      return fault("Resource.AlreadyAssociated", "the specified association for route table " + id +
                                                     " conflicts with an existing association " + each.id);
    }
  }
  model::RouteTableAssociation association{fresh_id(step, "rtbassoc"), subnet, subnet.empty() ? gateway : ""};
  std::string made = association.id;
  all.route_tables.edit(id,
                        [&](model::RouteTable& row) { row.associations.push_back(std::move(association)); });
  return made;
}

Result<std::string> replace_route_table_association(Step& step, const std::string& association,
                                                    const std::string& table) {
  Neighbours& all = rows(step).neighbours();
  const auto place = find_association(all, association);
  if (!place) return place.error();
  const auto to = find_row(all.route_tables, "route-table", table);
  if (!to) return to.error();
  if ((*to)->vpc != place->table->vpc)
    return fault("InvalidParameterValue",
                 "Route table " + table + " and " + place->table->id + " belong to different networks");
  model::RouteTableAssociation fresh = place->association;
  fresh.id = fresh_id(step, "rtbassoc");
  const bool main = fresh.subnet.empty() && fresh.gateway.empty();
  const std::string from = place->table->id;
  all.route_tables.edit(from, [&](model::RouteTable& row) {
    std::erase_if(row.associations, [&](const auto& each) { return each.id == association; });
    if (main) row.main = false;
  });
  all.route_tables.edit(table, [&](model::RouteTable& row) {
    row.associations.push_back(fresh);
    if (main) row.main = true;
  });
  return fresh.id;
}

Result<void> disassociate_route_table(Step& step, const std::string& association) {
  Neighbours& all = rows(step).neighbours();
  const auto place = find_association(all, association);
  if (!place) return place.error();
  if (place->association.subnet.empty() && place->association.gateway.empty())
    return fault("InvalidParameterValue",
                 "cannot disassociate the main route table association " + association);
  const std::string from = place->table->id;
  all.route_tables.edit(from, [&](model::RouteTable& row) {
    std::erase_if(row.associations, [&](const auto& each) { return each.id == association; });
  });
  return {};
}

}  // namespace agent::control::network
