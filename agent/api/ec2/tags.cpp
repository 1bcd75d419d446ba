// Tags of what there is.
#include <algorithm>
#include <array>

#include "agent/api/ec2/operations.h"
#include "agent/control/state/faults.h"

namespace agent::api::ec2 {
namespace {

constexpr std::size_t kMaxResources = 1000;

Values resources_of(In in) {
  auto ids = in.strings_or_empty("ResourceId");
  if (in.ok() && ids.empty()) in.fail(missing("resourceIdSet"));
  if (ids.size() > kMaxResources)
    in.fail(
        invalid_value("resourceIdSet", std::to_string(ids.size()), "At most 1000 can be tagged by a call."));
  return ids;
}

Done create_tags(Step& step, In in, Out out) {
  const auto ids = resources_of(in);
  Tags tags;
  for (const auto& each : in.children("Tag"))
    tags.push_back({required(each, "Key"), each.string_or("Value", "")});
  if (!in.ok()) return in.error();
  if (tags.empty()) return missing("tagSet");
  for (const auto& id : ids) {
    if (auto ok = network::create_tags(step, id, tags); !ok) return ok;
  }
  succeed(out);
  return {};
}

Done delete_tags(Step& step, In in, Out out) {
  const auto ids = resources_of(in);
  std::vector<network::TagName> names;
  for (const auto& each : in.children("Tag")) names.push_back({required(each, "Key"), each.text("Value")});
  if (!in.ok()) return in.error();
  for (const auto& id : ids) {
    if (auto ok = network::delete_tags(step, id, names); !ok) return ok;
  }
  succeed(out);
  return {};
}

struct Tagged {
  std::string id;
  std::string type;
  const model::Tag* tag;
};

template <class Table>
void add_tags(std::vector<Tagged>& out, const Table& table, const char* type) {
  for (const auto& [id, row] : table.rows()) {
    for (const auto& tag : row.tags) out.push_back({id, type, &tag});
  }
}

std::optional<Values> tagged_filter(const Tagged& row, std::string_view name) {
  if (name == "resource-id") return one(row.id);
  if (name == "resource-type") return one(row.type);
  if (name == "key") return row.tag == nullptr ? Values{} : one(row.tag->key);
  if (name == "value") return row.tag == nullptr ? Values{} : one(row.tag->value);
  constexpr std::string_view kPrefix = "tag:";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  return row.tag != nullptr && row.tag->key == name.substr(kPrefix.size()) ? one(row.tag->value) : Values{};
}

Done describe_tags(Step& step, In in, Out out) {
  const auto filters = filters_of(in);
  const Page page = page_of(in);
  if (!in.ok()) return in.error();
  for (const Filter& each : filters) {
    if (!tagged_filter({"", "", nullptr}, each.name))
      return control::fault("InvalidParameterValue", "The filter '" + each.name + "' is invalid");
  }
  const control::Neighbours& all = step.state.neighbours();
  std::vector<Tagged> found;
  add_tags(found, all.vpcs, "vpc");
  add_tags(found, all.subnets, "subnet");
  add_tags(found, all.internet_gateways, "internet-gateway");
  add_tags(found, all.route_tables, "route-table");
  add_tags(found, all.security_groups, "security-group");
  for (const auto& [id, group] : all.security_groups.rows()) {
    for (const auto& rule : group.rules) {
      for (const auto& tag : rule.tags) found.push_back({rule.id, "security-group-rule", &tag});
    }
  }
  add_tags(found, all.network_acls, "network-acl");
  add_tags(found, all.addresses, "elastic-ip");
  add_tags(found, all.nat_gateways, "natgateway");
  add_tags(found, all.launch_templates, "launch-template");
  std::erase_if(found, [&](const Tagged& row) {
    return !std::all_of(filters.begin(), filters.end(), [&](const Filter& each) {
      return any_matches(each, *tagged_filter(row, each.name));
    });
  });
  Out list = out.child("tagSet");
  const std::size_t first = std::min(page.first, found.size());
  const std::size_t end = page.size == 0 ? found.size() : std::min(found.size(), first + page.size);
  for (std::size_t i = first; i < end; ++i) {
    Out item = list.child("item");
    item.text("resourceId", found[i].id);
    item.text("resourceType", found[i].type);
    item.text("key", found[i].tag->key);
    item.text("value", found[i].tag->value);
  }
  write_next(out, page, end, found.size());
  return {};
}

constexpr auto kTagOperations = std::to_array<Operation>({
    {"CreateTags", create_tags},
    {"DeleteTags", delete_tags},
    {"DescribeTags", describe_tags},
});

}  // namespace

std::span<const Operation> tag_operations() { return kTagOperations; }

}  // namespace agent::api::ec2
