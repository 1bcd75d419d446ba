// Groups of schedules and their tags.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/json/tags.h"
#include "agent/api/scheduler/request.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/tag_rules.h"

namespace agent::api::scheduler {

using nlohmann::json;
using shared::Result;

namespace {

json encode_group(const model::ScheduleGroup& row) {
  json out{{"Arn", row.arn}, {"Name", row.name}, {"State", "ACTIVE"}};
  if (row.created_at != shared::WallTime{}) {
    out["CreationDate"] = shared::epoch_seconds(row.created_at);
    out["LastModificationDate"] = shared::epoch_seconds(row.modified_at);
  }
  return out;
}

Answer create_schedule_group(const Context& at, In in) {
  const auto name = name_in(in, "Name");
  if (!name) return name.error();
  auto tags = read_tags(in);
  if (!in.ok()) return in.error();
  if (auto done = events::create_group(at.step, *name, std::move(tags)); !done) return done.error();
  return json{{"ScheduleGroupArn", events::group_arn(at.step.settings, *name)}};
}

Answer get_schedule_group(const Context& at, In in) {
  const auto name = name_in(in, "Name");
  if (!name) return name.error();
  const auto row = events::find_group(at.step, *name);
  if (!row) return row.error();
  return encode_group(*row);
}

Answer delete_schedule_group(const Context& at, In in) {
  const auto name = name_in(in, "Name");
  if (!name) return name.error();
  if (auto done = events::delete_group(at.step, *name); !done) return done.error();
  return json::object();
}

Answer list_schedule_groups(const Context& at, In in) {
  const auto page = page_in(in);
  if (!page) return page.error();
  const std::string prefix = in.string_or("NamePrefix", "");
  if (!in.ok()) return in.error();
  std::vector<model::ScheduleGroup> all{*events::find_group(at.step, events::kDefaultGroup)};
  for (const auto& [name, row] : at.step.state.neighbours().schedule_groups.rows()) all.push_back(row);
  std::erase_if(all, [&](const auto& row) { return !row.name.starts_with(prefix); });
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  json out{{"ScheduleGroups", json::array()}};
  const std::string next = page_of_list(
      all, *page, [](const model::ScheduleGroup& row) -> const std::string& { return row.name; },
      [&](const model::ScheduleGroup& row) { out["ScheduleGroups"].push_back(encode_group(row)); });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

Result<model::ScheduleGroup> group_with_arn(const Context& at, In in) {
  const std::string arn = in.required_string("ResourceArn");
  if (!in.ok()) return in.error();
  const std::string prefix = events::group_arn(at.step.settings, "");
  if (!arn.starts_with(prefix))
    return control::fault("ResourceNotFoundException",
                          "There is no schedule group " + arn.substr(0, 256) + ".");
  return events::find_group(at.step, arn.substr(prefix.size()));
}

Answer list_tags_for_resource(const Context& at, In in) {
  const auto row = group_with_arn(at, in);
  if (!row) return row.error();
  return json{{"Tags", encode_tags(row->tags)}};
}

Answer tag_resource(const Context& at, In in) {
  const auto row = group_with_arn(at, in);
  if (!row) return row.error();
  const auto more = read_tags(in);
  if (!in.ok()) return in.error();
  if (auto done = events::set_group_tags(at.step, row->name, control::merge_tags(row->tags, more)); !done)
    return done.error();
  return json::object();
}

Answer untag_resource(const Context& at, In in) {
  auto row = group_with_arn(at, in);
  if (!row) return row.error();
  const auto keys = in.strings_or_empty("TagKeys");
  if (!in.ok()) return in.error();
  std::erase_if(row->tags, [&](const model::Tag& tag) {
    return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
  });
  if (auto done = events::set_group_tags(at.step, row->name, row->tags); !done) return done.error();
  return json::object();
}

constexpr auto kGroupOperations = std::to_array<Operation>({
    {"CreateScheduleGroup", create_schedule_group},
    {"DeleteScheduleGroup", delete_schedule_group},
    {"GetScheduleGroup", get_schedule_group},
    {"ListScheduleGroups", list_schedule_groups},
    {"ListTagsForResource", list_tags_for_resource},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
});

}  // namespace

std::span<const Operation> group_operations() { return kGroupOperations; }

}  // namespace agent::api::scheduler
