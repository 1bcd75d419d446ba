// GetOperation and ListOperations, tags.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/servicediscovery/request.h"
#include "agent/control/state/tag_rules.h"

namespace agent::api::servicediscovery {

using nlohmann::json;

namespace {

constexpr const char* kDone = "SUCCESS";

std::string target_of(const model::DiscoveryOperation& row, const char* kind) {
  const auto it = row.targets.find(kind);
  return it == row.targets.end() ? std::string() : it->second;
}

Answer get_operation(const Context& at, In in) {
  const auto id = required(in, "OperationId");
  if (!id) return id.error();
  const auto row = discovery::find_operation(at.step.state, *id);
  if (!row) return row.error();
  return json{{"Operation",
               {{"Id", (*row)->id},
                {"Type", (*row)->type},
                {"Status", kDone},
                {"CreateDate", shared::epoch_seconds((*row)->created_at)},
                {"UpdateDate", shared::epoch_seconds((*row)->created_at)},
                {"Targets", (*row)->targets}}}};
}

Answer list_operations(const Context& at, In in) {
  const auto page = page_in(in);
  if (!page) return page.error();
  const auto filters = filters_in(in, {"NAMESPACE_ID", "SERVICE_ID", "STATUS", "TYPE", "UPDATE_DATE"});
  if (!filters) return filters.error();
  json out{{"Operations", json::array()}};
  const std::string next = page_through(
      at.step.state.neighbours().discovery_operations.rows(), *page,
      [&](const auto& each) {
        const model::DiscoveryOperation& row = each.second;
        return passes(*filters, "NAMESPACE_ID", target_of(row, "NAMESPACE")) &&
               passes(*filters, "SERVICE_ID", target_of(row, "SERVICE")) &&
               passes(*filters, "STATUS", kDone) && passes(*filters, "TYPE", row.type) &&
               passes(*filters, "UPDATE_DATE", std::to_string(shared::epoch_millis(row.created_at)));
      },
      [&](const auto& each) {
        out["Operations"].push_back({{"Id", each.second.id}, {"Status", kDone}});
      });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

Answer list_tags_for_resource(const Context& at, In in) {
  const auto arn = required(in, "ResourceARN");
  if (!arn) return arn.error();
  const auto tags = discovery::tags_of(at.step, *arn);
  if (!tags) return tags.error();
  return json{{"Tags", encode_tags(*tags)}};
}

Answer tag_resource(const Context& at, In in) {
  const auto arn = required(in, "ResourceARN");
  if (!arn) return arn.error();
  const auto had = discovery::tags_of(at.step, *arn);
  if (!had) return had.error();
  const auto more = read_tags(in);
  if (!in.ok()) return in.error();
  if (auto done = discovery::set_tags(at.step, *arn, control::merge_tags(*had, more)); !done)
    return done.error();
  return json::object();
}

Answer untag_resource(const Context& at, In in) {
  const auto arn = required(in, "ResourceARN");
  if (!arn) return arn.error();
  auto tags = discovery::tags_of(at.step, *arn);
  if (!tags) return tags.error();
  const auto keys = in.strings_or_empty("TagKeys");
  if (!in.ok()) return in.error();
  std::erase_if(*tags, [&](const model::Tag& tag) {
    return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
  });
  if (auto done = discovery::set_tags(at.step, *arn, *std::move(tags)); !done) return done.error();
  return json::object();
}

constexpr auto kOtherOperations = std::to_array<Operation>({
    {"GetOperation", get_operation},
    {"ListOperations", list_operations},
    {"ListTagsForResource", list_tags_for_resource},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
});

}  // namespace

std::span<const Operation> other_operations() { return kOtherOperations; }

}  // namespace agent::api::servicediscovery
