#include <algorithm>

#include "agent/control/network/network.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"

namespace agent::control::network {

using shared::Result;

namespace {

// Changes the tags of what has that id, by `change(const Tags&) -> Result<Tags>`.
template <class Row, class Change>
Result<void> change_row(Table<Row>& table, std::string_view kind, const std::string& id, Change change) {
  const auto found = find_row(table, kind, id);
  if (!found) return found.error();
  auto tags = change((*found)->tags);
  if (!tags) return tags.error();
  table.edit(id, [&](Row& row) { row.tags = *std::move(tags); });
  return {};
}

template <class Change>
Result<void> change_rule(Table<model::SecurityGroup>& table, const std::string& id, Change change) {
  for (const auto& [key, group] : table.rows()) {
    const auto rule =
        std::find_if(group.rules.begin(), group.rules.end(), [&](const auto& each) { return each.id == id; });
    if (rule == group.rules.end()) continue;
    auto tags = change(rule->tags);
    if (!tags) return tags.error();
    const std::string owner = key;
    table.edit(owner, [&](model::SecurityGroup& row) {
      std::find_if(row.rules.begin(), row.rules.end(), [&](const auto& each) {
        return each.id == id;
      })->tags = *std::move(tags);
    });
    return {};
  }
  return not_found("security-group-rule", id);
}

template <class Change>
Result<void> change_tags(Step& step, const std::string& id, Change change) {
  Neighbours& all = rows(step).neighbours();
  const std::string prefix = id.substr(0, id.rfind('-'));
  if (prefix == "vpc") return change_row(all.vpcs, "vpc", id, change);
  if (prefix == "subnet") return change_row(all.subnets, "subnet", id, change);
  if (prefix == "igw") return change_row(all.internet_gateways, "internet-gateway", id, change);
  if (prefix == "rtb") return change_row(all.route_tables, "route-table", id, change);
  if (prefix == "sg") return change_row(all.security_groups, "security-group", id, change);
  if (prefix == "sgr") return change_rule(all.security_groups, id, change);
  if (prefix == "acl") return change_row(all.network_acls, "network-acl", id, change);
  if (prefix == "eipalloc") return change_row(all.addresses, "elastic-ip", id, change);
  if (prefix == "nat") return change_row(all.nat_gateways, "natgateway", id, change);
  if (prefix == "lt") return change_row(all.launch_templates, "launch-template", id, change);
  return not_found("", id);
}

}  // namespace

Result<void> create_tags(Step& step, const std::string& id, const Tags& tags) {
  return change_tags(step, id, [&](const Tags& had) { return tags_with(had, tags); });
}

Result<void> delete_tags(Step& step, const std::string& id, const std::vector<TagName>& names) {
  return change_tags(step, id, [&](const Tags& had) -> Result<Tags> {
    Tags left = had;
    std::erase_if(left, [&](const model::Tag& tag) {
      return names.empty() || std::any_of(names.begin(), names.end(), [&](const TagName& each) {
               return each.key == tag.key && (!each.value || *each.value == tag.value);
             });
    });
    return left;
  });
}

}  // namespace agent::control::network
