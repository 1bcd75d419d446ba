#include <algorithm>

#include "agent/control/network/cidr.h"
#include "agent/control/network/network.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/rows.h"

namespace agent::control::network {

using shared::Result;

namespace {

constexpr std::int64_t kMaxPort = 65'535;
constexpr std::int64_t kMaxIcmp = 255;
constexpr std::size_t kMaxRuleText = 255;

bool same(const model::SecurityGroupRule& a, const model::SecurityGroupRule& b) {
  return a.egress == b.egress && a.protocol == b.protocol && a.from == b.from && a.to == b.to &&
         a.cidr == b.cidr && a.cidr6 == b.cidr6 && a.group == b.group && a.prefix_list == b.prefix_list;
}

std::string peer_of(const model::SecurityGroupRule& rule) {
  if (!rule.cidr.empty()) return rule.cidr;
  if (!rule.cidr6.empty()) return rule.cidr6;
  return rule.group.empty() ? rule.prefix_list : rule.group;
}
std::string text_of(const model::SecurityGroupRule& rule) {
  std::string out =
      "\"peer: " + peer_of(rule) + ", " + (rule.protocol == "-1" ? std::string("ALL") : rule.protocol);
  if (rule.from != -1 || rule.to != -1)
    out += ", from port: " + std::to_string(rule.from) + ", to port: " + std::to_string(rule.to);
  return out + ", ALLOW\"";
}

// As EC2 keeps it: the names of protocols, ranges without host bits, no ports where there are none.
Result<model::SecurityGroupRule> canonical_rule(const Neighbours& all,
                                                const model::SecurityGroupRule& given) {
  model::SecurityGroupRule rule = given;
  for (const auto& [number, name] :
       {std::pair{"6", "tcp"}, {"17", "udp"}, {"1", "icmp"}, {"58", "icmpv6"}, {"all", "-1"}}) {
    if (rule.protocol == number) rule.protocol = name;
  }
  const bool ports = rule.protocol == "tcp" || rule.protocol == "udp";
  const bool icmp = rule.protocol == "icmp" || rule.protocol == "icmpv6";
  const bool number =
      !rule.protocol.empty() && rule.protocol.find_first_not_of("0123456789") == std::string::npos;
  if (!ports && !icmp && !number && rule.protocol != "-1")
    return fault("InvalidParameterValue",
                 "Invalid value '" + rule.protocol + "' for IP protocol. Unknown protocol.");
  if (ports && (rule.from < 0 || rule.to > kMaxPort || rule.from > rule.to)) {
    return fault("InvalidParameterValue",
                 "Invalid value for portRange. From port " + std::to_string(rule.from) + " and to port " +
                     std::to_string(rule.to) + " must be from 0 to 65535 and in this order.");
  }
  if (icmp && (rule.from < -1 || rule.from > kMaxIcmp || rule.to < -1 || rule.to > kMaxIcmp))
    return fault("InvalidParameterValue", "ICMP type and code must be from -1 to 255.");
  if (!ports && !icmp) rule.from = rule.to = -1;
  if (!rule.cidr.empty()) {
    const auto range = parse_cidr(rule.cidr);
    if (!range) return fault("InvalidParameterValue", "CIDR block " + rule.cidr + " is malformed");
    rule.cidr = to_string(*range);
  } else if (!rule.cidr6.empty()) {
    if (!looks_like_cidr6(rule.cidr6))
      return fault("InvalidParameterValue", "CIDR block " + rule.cidr6 + " is malformed");
  } else if (!rule.group.empty()) {
    if (const auto group = find_row(all.security_groups, "security-group", rule.group); !group)
      return group.error();
  } else if (rule.prefix_list.empty()) {
    return fault("MissingParameter",
                 "Source group ID missing: a rule needs a CIDR block, a group or a prefix list.");
  }
  if (rule.description.size() > kMaxRuleText)
    return fault("InvalidParameterValue",
                 "Invalid rule description: it may have " + std::to_string(kMaxRuleText) + " characters.");
  return rule;
}

}  // namespace

Result<std::string> create_group(Step& step, const std::string& vpc, const std::string& name,
                                 const std::string& description, const Tags& tags) {
  Neighbours& all = rows(step).neighbours();
  if (const auto owner = find_row(all.vpcs, "vpc", vpc); !owner) return owner.error();
  for (const auto& [id, group] : all.security_groups.rows()) {
    if (group.vpc == vpc && group.name == name)
      return fault("InvalidGroup.Duplicate",
                   "The security group '" + name + "' already exists for VPC '" + vpc + "'");
  }
  if (all.security_groups.size() >= kMaxGroups)
    return fault("SecurityGroupLimitExceeded", "The maximum number of security groups has been reached.");
  auto kept = tags_with({}, tags);
  if (!kept) return kept.error();
  model::SecurityGroup group;
  group.id = fresh_id(step, "sg");
  group.vpc = vpc;
  group.name = name;
  group.description = description;
  group.tags = *std::move(kept);
  model::SecurityGroupRule out;
  out.id = fresh_id(step, "sgr");
  out.egress = true;
  out.protocol = "-1";
  out.cidr = "0.0.0.0/0";
  group.rules.push_back(std::move(out));
  std::string id = group.id;
  all.security_groups.put(id, std::move(group));
  return id;
}

Result<void> delete_group(Step& step, const std::string& id) {
  Neighbours& all = rows(step).neighbours();
  const auto group = find_row(all.security_groups, "security-group", id);
  if (!group) return group.error();
  if ((*group)->name == "default")
    return fault("CannotDelete",
                 "the specified group: \"" + id + "\" name: \"default\" cannot be deleted by a user");
  const auto named = [&](const auto& each) {
    return each.first != id && std::any_of(each.second.rules.begin(), each.second.rules.end(),
                                           [&](const auto& rule) { return rule.group == id; });
  };
  const auto& groups = all.security_groups.rows();
  const auto& balancers = step.state.load_balancers.rows();
  const bool guards = std::any_of(balancers.begin(), balancers.end(), [&](const auto& each) {
    const auto& names = each.second.security_groups;
    return std::find(names.begin(), names.end(), id) != names.end();
  });
  if (guards || std::any_of(groups.begin(), groups.end(), named))
    return fault("DependencyViolation", "resource " + id + " has a dependent object");
  all.security_groups.erase(id);
  return {};
}

Result<Rules> authorize(Step& step, const std::string& id, const Rules& given, const Tags& tags) {
  Neighbours& all = rows(step).neighbours();
  const auto group = find_row(all.security_groups, "security-group", id);
  if (!group) return group.error();
  const auto kept = tags_with({}, tags);
  if (!kept) return kept.error();
  Rules rules = (*group)->rules;
  Rules made;
  for (const auto& each : given) {
    auto rule = canonical_rule(all, each);
    if (!rule) return rule.error();
    if (std::any_of(rules.begin(), rules.end(), [&](const auto& old) { return same(old, *rule); }))
      return fault("InvalidPermission.Duplicate", "the specified rule " + text_of(*rule) + " already exists");
    rule->id = fresh_id(step, "sgr");
    rule->tags = *kept;
    rules.push_back(*rule);
    made.push_back(*std::move(rule));
  }
  for (const bool egress : {false, true}) {
    const auto count =
        std::count_if(rules.begin(), rules.end(), [&](const auto& each) { return each.egress == egress; });
    if (static_cast<std::size_t>(count) > kMaxRulesOfGroup)
      return fault("RulesPerSecurityGroupLimitExceeded",
                   "The maximum number of rules per security group has been reached.");
  }
  all.security_groups.edit(id, [&](model::SecurityGroup& row) { row.rules = std::move(rules); });
  return made;
}

Result<Rules> revoke(Step& step, const std::string& id, bool egress, const Rules& given) {
  Neighbours& all = rows(step).neighbours();
  const auto group = find_row(all.security_groups, "security-group", id);
  if (!group) return group.error();
  std::vector<std::string> ids;
  for (const auto& each : given) {
    const auto rule = canonical_rule(all, each);
    if (!rule) return rule.error();
    const auto& rules = (*group)->rules;
    const auto found =
        std::find_if(rules.begin(), rules.end(), [&](const auto& old) { return same(old, *rule); });
    if (found == rules.end())
      return fault("InvalidPermission.NotFound", "The specified rule does not exist in this security group.");
    ids.push_back(found->id);
  }
  return revoke_by_id(step, id, egress, ids);
}

Result<Rules> revoke_by_id(Step& step, const std::string& id, bool egress,
                           const std::vector<std::string>& ids) {
  Neighbours& all = rows(step).neighbours();
  const auto group = find_row(all.security_groups, "security-group", id);
  if (!group) return group.error();
  Rules gone;
  for (const auto& each : ids) {
    const auto& rules = (*group)->rules;
    const auto found = std::find_if(rules.begin(), rules.end(), [&](const auto& rule) {
      return rule.id == each && rule.egress == egress;
    });
    if (found == rules.end()) return not_found("security-group-rule", each);
    gone.push_back(*found);
  }
  all.security_groups.edit(id, [&](model::SecurityGroup& row) {
    std::erase_if(row.rules,
                  [&](const auto& rule) { return std::find(ids.begin(), ids.end(), rule.id) != ids.end(); });
  });
  return gone;
}

Result<void> modify_rule(Step& step, const std::string& id, const model::SecurityGroupRule& given) {
  Neighbours& all = rows(step).neighbours();
  const auto group = find_row(all.security_groups, "security-group", id);
  if (!group) return group.error();
  const auto& rules = (*group)->rules;
  const auto old =
      std::find_if(rules.begin(), rules.end(), [&](const auto& each) { return each.id == given.id; });
  if (old == rules.end()) return not_found("security-group-rule", given.id);
  model::SecurityGroupRule wanted = given;
  wanted.egress = old->egress;
  wanted.tags = old->tags;
  auto rule = canonical_rule(all, wanted);
  if (!rule) return rule.error();
  if (std::any_of(rules.begin(), rules.end(),
                  [&](const auto& each) { return each.id != rule->id && same(each, *rule); }))
    return fault("InvalidPermission.Duplicate", "the specified rule " + text_of(*rule) + " already exists");
  all.security_groups.edit(id, [&](model::SecurityGroup& row) {
    *std::find_if(row.rules.begin(), row.rules.end(), [&](const auto& each) { return each.id == rule->id; }) =
        *rule;
  });
  return {};
}

Result<void> describe_rules(Step& step, const std::string& id, bool egress, const Rules& given) {
  Neighbours& all = rows(step).neighbours();
  const auto group = find_row(all.security_groups, "security-group", id);
  if (!group) return group.error();
  Rules rules = (*group)->rules;
  for (const auto& each : given) {
    const auto rule = each.id.empty() ? canonical_rule(all, each) : Result<model::SecurityGroupRule>(each);
    if (!rule) return rule.error();
    const auto found = std::find_if(rules.begin(), rules.end(), [&](const auto& old) {
      return old.egress == egress && (each.id.empty() ? same(old, *rule) : old.id == each.id);
    });
    if (found == rules.end())
      return fault("InvalidPermission.NotFound", "The specified rule does not exist in this security group.");
    found->description = each.description;
  }
  all.security_groups.edit(id, [&](model::SecurityGroup& row) { row.rules = std::move(rules); });
  return {};
}

// ---- Network ACLs ----

namespace {

struct AclPlace {
  std::string acl;
  std::string subnet;
};
Result<AclPlace> find_acl_association(const Neighbours& all, const std::string& id) {
  for (const auto& [key, acl] : all.network_acls.rows()) {
    for (const auto& each : acl.associations) {
      if (each.id == id) return AclPlace{key, each.subnet};
    }
  }
  return not_found("association", id);
}

constexpr std::int64_t kLastAclRule = 32'766;  // 32767 is the one that denies the rest

}  // namespace

Result<std::string> create_acl(Step& step, const std::string& vpc, const Tags& tags) {
  Neighbours& all = rows(step).neighbours();
  if (const auto owner = find_row(all.vpcs, "vpc", vpc); !owner) return owner.error();
  if (all.network_acls.size() >= kMaxAcls)
    return fault("NetworkAclLimitExceeded", "The maximum number of network ACLs has been reached.");
  auto kept = tags_with({}, tags);
  if (!kept) return kept.error();
  model::NetworkAcl acl;
  acl.id = fresh_id(step, "acl");
  acl.vpc = vpc;
  acl.tags = *std::move(kept);
  for (const bool egress : {false, true}) {
    model::NetworkAclEntry entry;
    entry.number = kLastAclRule + 1;
    entry.egress = egress;
    entry.action = "deny";
    entry.cidr = "0.0.0.0/0";
    acl.entries.push_back(std::move(entry));
  }
  std::string id = acl.id;
  all.network_acls.put(id, std::move(acl));
  return id;
}

Result<void> delete_acl(Step& step, const std::string& id) {
  Neighbours& all = rows(step).neighbours();
  const auto acl = find_row(all.network_acls, "network-acl", id);
  if (!acl) return acl.error();
  if ((*acl)->is_default) return fault("InvalidParameterValue", "cannot delete default network ACL " + id);
  if (!(*acl)->associations.empty())
    return fault("DependencyViolation",
                 "The networkAcl '" + id + "' has dependencies and cannot be deleted.");
  all.network_acls.erase(id);
  return {};
}

Result<void> put_acl_entry(Step& step, const std::string& id, const model::NetworkAclEntry& given,
                           Entry how) {
  Neighbours& all = rows(step).neighbours();
  const auto acl = find_row(all.network_acls, "network-acl", id);
  if (!acl) return acl.error();
  if (given.number < 1 || given.number > kLastAclRule)
    return fault("InvalidParameterValue",
                 "Value (" + std::to_string(given.number) +
                     ") for parameter ruleNumber is invalid. It must be from 1 to 32766.");
  if (given.action != "allow" && given.action != "deny")
    return fault(
        "InvalidParameterValue",
        "Value (" + given.action + ") for parameter ruleAction is invalid. It must be allow or deny.");
  model::NetworkAclEntry entry = given;
  if (!entry.cidr.empty()) {
    const auto range = parse_cidr(entry.cidr);
    if (!range)
      return fault(
          "InvalidParameterValue",
          "Value (" + entry.cidr + ") for parameter cidrBlock is invalid. This is not a valid CIDR block.");
    entry.cidr = to_string(*range);
  } else if (!looks_like_cidr6(entry.cidr6)) {
    return fault("MissingParameter", "The request must contain the parameter cidrBlock or ipv6CidrBlock");
  }
  const auto is_it = [&](const auto& each) {
    return each.number == entry.number && each.egress == entry.egress;
  };
  const auto& entries = (*acl)->entries;
  const bool there = std::any_of(entries.begin(), entries.end(), is_it);
  if (there && how == Entry::kNew)
    return fault("NetworkAclEntryAlreadyExists",
                 "The network acl entry identified by " + std::to_string(entry.number) + " already exists.");
  if (!there && how == Entry::kReplace)
    return fault("InvalidNetworkAclEntry.NotFound",
                 "The network acl entry identified by " + std::to_string(entry.number) + " does not exist");
  const auto count = std::count_if(entries.begin(), entries.end(),
                                   [&](const auto& each) { return each.egress == entry.egress; });
  if (how == Entry::kNew && static_cast<std::size_t>(count) > kMaxAclEntries)
    return fault("NetworkAclEntryLimitExceeded",
                 "The maximum number of network acl entries has been reached.");
  all.network_acls.edit(id, [&](model::NetworkAcl& row) {
    std::erase_if(row.entries, is_it);
    row.entries.push_back(std::move(entry));
    std::sort(row.entries.begin(), row.entries.end(), [](const auto& a, const auto& b) {
      return std::pair(a.egress, a.number) < std::pair(b.egress, b.number);
    });
  });
  return {};
}

Result<void> delete_acl_entry(Step& step, const std::string& id, std::int64_t number, bool egress) {
  Neighbours& all = rows(step).neighbours();
  const auto acl = find_row(all.network_acls, "network-acl", id);
  if (!acl) return acl.error();
  const auto is_it = [&](const auto& each) { return each.number == number && each.egress == egress; };
  if (number > kLastAclRule || std::none_of((*acl)->entries.begin(), (*acl)->entries.end(), is_it))
    return fault("InvalidNetworkAclEntry.NotFound",
                 "The network acl entry identified by " + std::to_string(number) + " does not exist");
  all.network_acls.edit(id, [&](model::NetworkAcl& row) { std::erase_if(row.entries, is_it); });
  return {};
}

Result<std::string> replace_acl_association(Step& step, const std::string& association,
                                            const std::string& acl) {
  Neighbours& all = rows(step).neighbours();
  const auto place = find_acl_association(all, association);
  if (!place) return place.error();
  const auto to = find_row(all.network_acls, "network-acl", acl);
  if (!to) return to.error();
  if ((*to)->vpc != all.network_acls.find(place->acl)->vpc)
    return fault("InvalidParameterValue",
                 "Network ACL " + acl + " and " + place->acl + " belong to different networks");
  model::NetworkAclAssociation fresh{fresh_id(step, "aclassoc"), place->subnet};
  all.network_acls.edit(place->acl, [&](model::NetworkAcl& row) {
    std::erase_if(row.associations, [&](const auto& each) { return each.id == association; });
  });
  all.network_acls.edit(acl, [&](model::NetworkAcl& row) { row.associations.push_back(fresh); });
  return fresh.id;
}

}  // namespace agent::control::network
