// Security groups and their rules.
#include <algorithm>
#include <array>

#include "agent/api/ec2/operations.h"
#include "agent/control/state/faults.h"

namespace agent::api::ec2 {
namespace {

using Rule = model::SecurityGroupRule;

constexpr std::size_t kMaxGroupChars = 255;

const control::Table<model::SecurityGroup>& groups_of(const Step& step) {
  return step.state.neighbours().security_groups;
}

// Values of the rules of one direction.
Values of_rules(const model::SecurityGroup& row, bool egress, std::string (*value)(const Rule&)) {
  Values values;
  for (const auto& rule : row.rules) {
    if (rule.egress == egress) values.push_back(value(rule));
  }
  std::erase(values, "");
  return values;
}

std::optional<Values> group_filter(const Step& step, const model::SecurityGroup& row, std::string_view name) {
  if (name == "group-id") return one(row.id);
  if (name == "group-name") return one(row.name);
  if (name == "description") return one(row.description);
  if (name == "vpc-id") return one(row.vpc);
  if (name == "owner-id") return one(step.settings.account);
  for (const auto& [prefix, egress] : {std::pair{std::string_view("ip-permission."), false},
                                       {std::string_view("egress.ip-permission."), true}}) {
    if (!name.starts_with(prefix)) continue;
    const std::string_view rest = name.substr(prefix.size());
    if (rest == "cidr") return of_rules(row, egress, [](const Rule& rule) { return rule.cidr; });
    if (rest == "ipv6-cidr") return of_rules(row, egress, [](const Rule& rule) { return rule.cidr6; });
    if (rest == "group-id") return of_rules(row, egress, [](const Rule& rule) { return rule.group; });
    if (rest == "prefix-list-id")
      return of_rules(row, egress, [](const Rule& rule) { return rule.prefix_list; });
    if (rest == "protocol") return of_rules(row, egress, [](const Rule& rule) { return rule.protocol; });
    if (rest == "from-port")
      return of_rules(row, egress, [](const Rule& rule) { return std::to_string(rule.from); });
    if (rest == "to-port")
      return of_rules(row, egress, [](const Rule& rule) { return std::to_string(rule.to); });
  }
  return tag_filter(row.tags, name);
}

// A name is one of the default VPC.
std::string named_group(const Step& step, In in) {
  if (auto id = in.string("GroupId")) return *std::move(id);
  const auto name = in.string("GroupName");
  if (!name) {
    in.fail(missing("groupId"));
    return "";
  }
  for (const auto& [id, row] : groups_of(step).rows()) {
    const auto* vpc = step.state.neighbours().vpcs.find(row.vpc);
    if (row.name == *name && vpc != nullptr && vpc->is_default) return id;
  }
  in.fail(control::fault("InvalidGroup.NotFound",
                         "The security group '" + *name + "' does not exist in the default VPC"));
  return "";
}

Done create_security_group(Step& step, In in, Out out) {
  const std::string name = required(in, "GroupName");
  const std::string description = required(in, "GroupDescription");
  std::string vpc = in.string_or("VpcId", "");
  const Tags tags = tags_for(in, "security-group");
  if (!in.ok()) return in.error();
  const auto allowed = [](std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
             std::string_view(" ._-:/()#,@[]+=&;{}!$*").find(c) != std::string_view::npos;
    });
  };
  for (const auto& [member, text] : {std::pair{"groupName", &name}, {"groupDescription", &description}}) {
    if (text->size() > kMaxGroupChars) return invalid_value(member, *text, "It may have 255 characters.");
    if (!allowed(*text))
      return invalid_value(
          member, *text,
          "Character sets beyond a-z, A-Z, 0-9, spaces and ._-:/()#,@[]+=&;{}!$* are not supported.");
  }
  if (name.starts_with("sg-")) return invalid_value("groupName", name, "It must not begin with sg-.");
  for (const auto& [id, row] : step.state.neighbours().vpcs.rows()) {
    if (vpc.empty() && row.is_default) vpc = id;
  }
  const auto id = network::create_group(step, vpc, name, description, tags);
  if (!id) return id.error();
  succeed(out);
  out.text("groupId", *id);
  out.text("securityGroupArn", ec2_arn(step, "security-group", *id));
  write_tags(out, tags);
  return {};
}

Done describe_security_groups(Step& step, In in, Out out) {
  const auto names = in.strings_or_empty("GroupName");
  for (const std::string& name : names) {
    const auto& rows = groups_of(step).rows();
    if (std::none_of(rows.begin(), rows.end(), [&](const auto& each) { return each.second.name == name; }))
      return control::fault("InvalidGroup.NotFound", "The security group '" + name + "' does not exist");
  }
  if (names.empty()) {
    return describe<model::SecurityGroup>(step, in, out, "GroupId", "securityGroupInfo", "security-group",
                                          groups_of(step), group_filter,
                                          [&](Out item, const auto& row) { write_group(item, step, row); });
  }
  if (!in.ok()) return in.error();
  Out list = out.child("securityGroupInfo");
  for (const auto& [id, row] : groups_of(step).rows()) {
    if (std::find(names.begin(), names.end(), row.name) != names.end())
      write_group(list.child("item"), step, row);
  }
  return {};
}

Done delete_security_group(Step& step, In in, Out out) {
  const std::string id = named_group(step, in);
  if (!in.ok()) return in.error();
  if (auto ok = network::delete_group(step, id); !ok) return ok;
  succeed(out);
  out.text("groupId", id);
  return {};
}

// One rule for each source of each permission.
network::Rules rules_of(In in, bool egress) {
  network::Rules out;
  const auto read = [&](In permission, const char* cidr_member) {
    Rule base;
    base.egress = egress;
    base.protocol = required(permission, "IpProtocol");
    base.from = permission.integer<std::int64_t>("FromPort").value_or(-1);
    base.to = permission.integer<std::int64_t>("ToPort").value_or(-1);
    const auto add = [&](const aws::QueryReader& each, std::string Rule::*member, const char* name) {
      Rule rule = base;
      rule.*member = required(each, name);
      rule.description = each.string_or("Description", "");
      out.push_back(std::move(rule));
    };
    const std::size_t before = out.size();
    for (const auto& each : permission.children("IpRanges")) add(each, &Rule::cidr, "CidrIp");
    for (const auto& each : permission.children("Ipv6Ranges")) add(each, &Rule::cidr6, "CidrIpv6");
    for (const auto& each : permission.children("PrefixListIds"))
      add(each, &Rule::prefix_list, "PrefixListId");
    for (const auto& each : permission.children("Groups")) add(each, &Rule::group, "GroupId");
    if (auto cidr = permission.string(cidr_member)) {
      base.cidr = *std::move(cidr);
      out.push_back(base);
    }
    if (in.ok() && out.size() == before) out.push_back(base);  // refused for having no source
  };
  const auto permissions = in.children("IpPermissions");
  for (const auto& each : permissions) read(each, "CidrIp");
  if (permissions.empty() && in.has("IpProtocol")) read(in, "CidrIp");
  return out;
}

template <bool egress>
Done authorize(Step& step, In in, Out out) {
  const std::string id = named_group(step, in);
  const auto rules = rules_of(in, egress);
  const Tags tags = tags_for(in, "security-group-rule");
  if (!in.ok()) return in.error();
  if (rules.empty()) return missing("ipPermissions");
  const auto made = network::authorize(step, id, rules, tags);
  if (!made) return made.error();
  succeed(out);
  Out list = out.child("securityGroupRuleSet");
  for (const auto& rule : *made) write_rule(list.child("item"), step, id, rule);
  return {};
}

template <bool egress>
Done revoke(Step& step, In in, Out out) {
  const std::string id = named_group(step, in);
  const auto ids = in.strings_or_empty("SecurityGroupRuleId");
  const auto rules = rules_of(in, egress);
  if (!in.ok()) return in.error();
  if (rules.empty() && ids.empty()) return missing("ipPermissions");
  const auto gone =
      ids.empty() ? network::revoke(step, id, egress, rules) : network::revoke_by_id(step, id, egress, ids);
  if (!gone) return gone.error();
  succeed(out);
  out.child("unknownIpPermissionSet");
  return {};
}

template <bool egress>
Done update_descriptions(Step& step, In in, Out out) {
  const std::string id = named_group(step, in);
  auto rules = rules_of(in, egress);
  for (const auto& each : in.children("SecurityGroupRuleDescription")) {
    Rule rule;
    rule.id = required(each, "SecurityGroupRuleId");
    rule.description = each.string_or("Description", "");
    rules.push_back(std::move(rule));
  }
  if (!in.ok()) return in.error();
  if (rules.empty()) return missing("ipPermissions");
  if (auto ok = network::describe_rules(step, id, egress, rules); !ok) return ok;
  succeed(out);
  return {};
}

std::optional<Values> rule_filter(const model::SecurityGroup& group, const Rule& rule,
                                  std::string_view name) {
  if (name == "group-id") return one(group.id);
  if (name == "security-group-rule-id") return one(rule.id);
  return tag_filter(rule.tags, name);
}

Done describe_security_group_rules(Step& step, In in, Out out) {
  const auto ids = in.strings_or_empty("SecurityGroupRuleId");
  const auto filters = filters_of(in);
  const Page page = page_of(in);
  if (!in.ok()) return in.error();
  for (const Filter& each : filters) {
    if (!rule_filter({}, {}, each.name))
      return control::fault("InvalidParameterValue", "The filter '" + each.name + "' is invalid");
  }
  std::vector<std::pair<const model::SecurityGroup*, const Rule*>> found;
  std::size_t named = 0;
  for (const auto& [key, group] : groups_of(step).rows()) {
    for (const auto& rule : group.rules) {
      const bool wanted = ids.empty() || std::find(ids.begin(), ids.end(), rule.id) != ids.end();
      named += wanted ? 1U : 0U;
      if (wanted && std::all_of(filters.begin(), filters.end(), [&](const Filter& each) {
            return any_matches(each, *rule_filter(group, rule, each.name));
          }))
        found.emplace_back(&group, &rule);
    }
  }
  if (!ids.empty() && named < ids.size()) {
    for (const std::string& id : ids) {
      const bool there =
          std::any_of(groups_of(step).rows().begin(), groups_of(step).rows().end(), [&](const auto& each) {
            return std::any_of(each.second.rules.begin(), each.second.rules.end(),
                               [&](const Rule& rule) { return rule.id == id; });
          });
      if (!there) return network::not_found("security-group-rule", id);
    }
  }
  Out list = out.child("securityGroupRuleSet");
  const std::size_t first = std::min(page.first, found.size());
  const std::size_t end = page.size == 0 ? found.size() : std::min(found.size(), first + page.size);
  for (std::size_t i = first; i < end; ++i)
    write_rule(list.child("item"), step, found[i].first->id, *found[i].second);
  write_next(out, page, end, found.size());
  return {};
}

Done modify_security_group_rules(Step& step, In in, Out out) {
  const std::string id = required(in, "GroupId");
  network::Rules rules;
  for (const auto& each : in.children("SecurityGroupRule")) {
    Rule rule;
    rule.id = required(each, "SecurityGroupRuleId");
    const auto given = each.child("SecurityGroupRule");
    if (!given) {
      in.fail(missing(each.path_of("SecurityGroupRule")));
      break;
    }
    rule.protocol = required(*given, "IpProtocol");
    rule.from = given->integer<std::int64_t>("FromPort").value_or(-1);
    rule.to = given->integer<std::int64_t>("ToPort").value_or(-1);
    rule.cidr = given->string_or("CidrIpv4", "");
    rule.cidr6 = given->string_or("CidrIpv6", "");
    rule.prefix_list = given->string_or("PrefixListId", "");
    rule.group = given->string_or("ReferencedGroupId", "");
    rule.description = given->string_or("Description", "");
    rules.push_back(std::move(rule));
  }
  if (!in.ok()) return in.error();
  if (rules.empty()) return missing("securityGroupRule");
  for (const auto& rule : rules) {
    if (auto ok = network::modify_rule(step, id, rule); !ok) return ok;
  }
  succeed(out);
  return {};
}

constexpr auto kGroupOperations = std::to_array<Operation>({
    {"AuthorizeSecurityGroupEgress", authorize<true>},
    {"AuthorizeSecurityGroupIngress", authorize<false>},
    {"CreateSecurityGroup", create_security_group},
    {"DeleteSecurityGroup", delete_security_group},
    {"DescribeSecurityGroupRules", describe_security_group_rules},
    {"DescribeSecurityGroups", describe_security_groups},
    {"ModifySecurityGroupRules", modify_security_group_rules},
    {"RevokeSecurityGroupEgress", revoke<true>},
    {"RevokeSecurityGroupIngress", revoke<false>},
    {"UpdateSecurityGroupRuleDescriptionsEgress", update_descriptions<true>},
    {"UpdateSecurityGroupRuleDescriptionsIngress", update_descriptions<false>},
});

}  // namespace

std::span<const Operation> group_operations() { return kGroupOperations; }

}  // namespace agent::api::ec2
