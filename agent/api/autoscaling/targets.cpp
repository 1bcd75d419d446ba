#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/autoscaling/operations.h"
#include "agent/control/scaling/activities.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/tag_rules.h"
#include "shared/base/text.h"

namespace agent::api::autoscaling {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxPage = 50;
constexpr std::size_t kMaxResourceIds = 50;
constexpr int kMaxCapacity = 5'000;  // what a service may have
constexpr std::size_t kShownArn = 256;

std::optional<int> capacity_in(In in, std::string_view member) {
  return in.integer<int>(member, 0, kMaxCapacity);
}

std::string role_arn(const Step& step) {
  return "arn:" + step.settings.partition + ":iam::" + step.settings.account +
         ":role/aws-service-role/ecs.application-autoscaling.amazonaws.com/"
         "AWSServiceRoleForApplicationAutoScaling_ECSService";
}

Answer register_scalable_target(Step& step, In in) {
  const auto key = target_key_in(in);
  if (!key) return key.error();
  scaling::Register request;
  request.min_capacity = capacity_in(in, "MinCapacity");
  request.max_capacity = capacity_in(in, "MaxCapacity");
  if (const auto suspended = in.child("SuspendedState")) {
    request.scale_in_suspended = suspended->boolean("DynamicScalingInSuspended");
    request.scale_out_suspended = suspended->boolean("DynamicScalingOutSuspended");
    request.scheduled_suspended = suspended->boolean("ScheduledScalingSuspended");
  }
  request.tags = tags_in(in);
  if (!in.ok()) return in.error();
  const auto target = scaling::register_target(step, *key, request);
  if (!target) return target.error();
  return json{{"ScalableTargetARN", scaling::target_arn(step.settings, **target)}};
}

Answer deregister_scalable_target(Step& step, In in) {
  const auto key = target_key_in(in);
  if (!key) return key.error();
  if (scaling::deregister_target(step, *key)) return json::object();
  return control::fault("ObjectNotFoundException",
                        "No scalable target found for service namespace: ecs, resource ID: service/" + *key +
                            ", scalable dimension: " + std::string(kDimension));
}

Answer describe_scalable_targets(Step& step, In in) {
  const auto filter = filter_in(in);
  if (!filter) return filter.error();
  const auto page = page_in(in, kMaxPage);
  if (!page) return page.error();
  const auto ids = in.strings("ResourceIds");
  if (!in.ok()) return in.error();
  if (ids && ids->size() > kMaxResourceIds)
    return constraint("resourceIds", std::to_string(ids->size()) + " elements",
                      "Member must have length less than or equal to 50");
  json out{{"ScalableTargets", json::array()}};
  if (filter->none) return out;
  const std::string next = page_through(
      step.state.neighbours().scalable_targets.rows(), *page,
      [&](const auto& each) {
        return !ids || ids->empty() ||
               std::find(ids->begin(), ids->end(), "service/" + each.first) != ids->end();
      },
      [&](const auto& each) {
        const auto& [key, row] = each;
        json shown{{"MinCapacity", row.min_capacity},
                   {"MaxCapacity", row.max_capacity},
                   {"RoleARN", role_arn(step)},
                   {"CreationTime", shared::epoch_seconds(row.created_at)},
                   {"SuspendedState",
                    {{"DynamicScalingInSuspended", row.scale_in_suspended},
                     {"DynamicScalingOutSuspended", row.scale_out_suspended},
                     {"ScheduledScalingSuspended", row.scheduled_suspended}}},
                   {"ScalableTargetARN", scaling::target_arn(step.settings, row)}};
        name_target(shown, key);
        out["ScalableTargets"].push_back(std::move(shown));
      });
  if (!next.empty()) out["NextToken"] = next;
  return out;
}

Answer describe_scaling_activities(Step& step, In in) {
  const auto filter = filter_in(in);
  if (!filter) return filter.error();
  const auto page = page_in(in, kMaxPage);
  if (!page) return page.error();
  const bool not_scaled = in.boolean_or("IncludeNotScaledActivities", false);
  if (!in.ok()) return in.error();
  json out{{"ScalingActivities", json::array()}};
  if (filter->none) return out;
  std::vector<std::pair<std::string, const model::ScalingActivity*>> found;
  for (const auto& [key, target] : step.state.neighbours().scalable_targets.rows()) {
    if (filter->key && *filter->key != key) continue;
    for (const auto* each : scaling::activities_of(step.state, key)) {
      if (each->not_scaled.empty() || not_scaled) found.emplace_back(key, each);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const auto& a, const auto& b) { return a.second->started_at > b.second->started_at; });
  std::size_t at = 0;
  if (!page->after.empty()) {
    const auto after = std::find_if(found.begin(), found.end(),
                                    [&](const auto& each) { return each.second->id == page->after; });
    at = static_cast<std::size_t>(after - found.begin());
    if (after != found.end()) ++at;
  }
  for (; at < found.size(); ++at) {
    if (out["ScalingActivities"].size() == page->size) {
      out["NextToken"] = token_of(found[at - 1].second->id);
      break;
    }
    const auto& [key, row] = found[at];
    json each{{"ActivityId", row->id},     {"Description", row->description},
              {"Cause", row->cause},       {"StartTime", shared::epoch_seconds(row->started_at)},
              {"StatusCode", row->status}, {"StatusMessage", row->message}};
    if (row->ended_at != model::WallTime{}) each["EndTime"] = shared::epoch_seconds(row->ended_at);
    if (!row->not_scaled.empty())
      each["NotScaledReasons"] = json::array({{{"Code", row->not_scaled},
                                               {"CurrentCapacity", row->capacity},
                                               {"MaxCapacity", row->max_capacity},
                                               {"MinCapacity", row->min_capacity}}});
    name_target(each, key);
    out["ScalingActivities"].push_back(std::move(each));
  }
  return out;
}

// ---- Tags ----

Result<std::string> tagged_target(const Step& step, In in) {
  const auto arn = in.string("ResourceARN");
  if (!in.ok()) return in.error();
  if (!arn) return missing("resourceARN");
  std::string key = scaling::target_with_arn(step, *arn);
  if (!key.empty()) return key;
  return control::fault("ResourceNotFoundException",
                        "The specified resource doesn't exist: " + shared::shortened(*arn, kShownArn));
}

Answer list_tags(Step& step, In in) {
  const auto key = tagged_target(step, in);
  if (!key) return key.error();
  json tags = json::object();
  for (const auto& tag : scaling::find_target(step.state, *key)->tags) tags[tag.key] = tag.value;
  return json{{"Tags", std::move(tags)}};
}

Answer tag_resource(Step& step, In in) {
  const auto key = tagged_target(step, in);
  if (!key) return key.error();
  const auto tags = tags_in(in);
  if (!in.ok()) return in.error();
  auto merged = control::merge_tags(scaling::find_target(step.state, *key)->tags, tags);
  if (auto ok = scaling::set_target_tags(step, *key, std::move(merged)); !ok) return ok.error();
  return json::object();
}

Answer untag_resource(Step& step, In in) {
  const auto key = tagged_target(step, in);
  if (!key) return key.error();
  const auto keys = in.strings_or_empty("TagKeys");
  if (!in.ok()) return in.error();
  auto tags = scaling::find_target(step.state, *key)->tags;
  std::erase_if(tags, [&](const model::Tag& tag) {
    return std::find(keys.begin(), keys.end(), tag.key) != keys.end();
  });
  if (auto ok = scaling::set_target_tags(step, *key, std::move(tags)); !ok) return ok.error();
  return json::object();
}

constexpr auto kTargetOperations = std::to_array<Operation>({
    {"DeregisterScalableTarget", deregister_scalable_target},
    {"DescribeScalableTargets", describe_scalable_targets},
    {"DescribeScalingActivities", describe_scaling_activities},
    {"ListTagsForResource", list_tags},
    {"RegisterScalableTarget", register_scalable_target},
    {"TagResource", tag_resource},
    {"UntagResource", untag_resource},
});

}  // namespace

std::span<const Operation> target_operations() { return kTargetOperations; }

}  // namespace agent::api::autoscaling
