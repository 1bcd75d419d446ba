// CreateCapacityProvider, DescribeCapacityProviders, UpdateCapacityProvider, DeleteCapacityProvider; and
// strategies, as all requests give them.
#include "agent/control/cluster/capacity_providers.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/tasks/placement.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/api/ecs/wire/kept_only.h"
#include "agent/api/ecs/wire/pages.h"
#include "shared/base/check.h"
#include "shared/base/text.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr int kProvidersPage = 10;  // DescribeCapacityProviders: the default, and the most
constexpr std::size_t kMaxNamedProviders = 100;
constexpr std::size_t kMaxStrategyItems = 20;
constexpr int kMaxWeight = 1000;
constexpr int kMaxBase = 100'000;

json encode_provider(const model::CapacityProvider& row, const char* status, Tags tags) {
  const auto on = [](bool enabled) { return enabled ? "ENABLED" : "DISABLED"; };
  json out{{"capacityProviderArn", row.arn},
           {"name", row.name},
           {"status", status},
           {"autoScalingGroupProvider",
            {{"autoScalingGroupArn", row.auto_scaling_group},
             {"managedScaling",
              {{"status", on(row.scaling.enabled)},
               {"targetCapacity", row.scaling.target_capacity},
               {"minimumScalingStepSize", row.scaling.minimum_step},
               {"maximumScalingStepSize", row.scaling.maximum_step},
               {"instanceWarmupPeriod", row.scaling.warmup_seconds}}},
             {"managedTerminationProtection", on(row.termination_protection)},
             {"managedDraining", on(row.managed_draining)}}},
           {"tags", tags == Tags::kShow ? encode_tags(row.tags) : json::array()}};
  put_text(out, "updateStatus", row.update_status);
  return out;
}

json encode_builtin(const Context& context, const std::string& name) {
  return {{"capacityProviderArn", context.step.arn(aws::EcsKind::kCapacityProvider, name)},
          {"name", name},
          {"status", "ACTIVE"},
          {"tags", json::array()}};
}

Result<std::optional<bool>> switch_in(const json& in, const char* member) {
  if (!has(in, member)) return std::optional<bool>();
  const std::string word = text_in(in, member);
  if (word == "ENABLED" || word == "DISABLED") return std::optional<bool>(word == "ENABLED");
  return invalid_parameter("Invalid " + std::string(member) + " '" + word +
                           "'. It must be ENABLED or DISABLED.");
}

Result<control::UpdateCapacityProvider> changes_in(const json& group) {
  control::UpdateCapacityProvider changes;
  const json& scaling = object_in(group, "managedScaling");
  const auto enabled = switch_in(scaling, "status");
  if (!enabled) return enabled.error();
  const auto protection = switch_in(group, "managedTerminationProtection");
  if (!protection) return protection.error();
  const auto draining = switch_in(group, "managedDraining");
  if (!draining) return draining.error();
  changes.scaling_enabled = *enabled;
  changes.termination_protection = *protection;
  changes.managed_draining = *draining;
  changes.target_capacity = integer_in(scaling, "targetCapacity");
  changes.minimum_step = integer_in(scaling, "minimumScalingStepSize");
  changes.maximum_step = integer_in(scaling, "maximumScalingStepSize");
  changes.warmup_seconds = integer_in(scaling, "instanceWarmupPeriod");
  return changes;
}

Result<void> refuse_managed_instances(const json& in) {
  if (has(in, "managedInstancesProvider")) {
    return unsupported(
        "managedInstancesProvider is not offered: hosts join by themselves. Give an "
        "autoScalingGroupProvider; "
        "the hosts whose attribute berth.capacity-provider names it belong to it.");
  }
  if (has(in, "cluster"))
    return invalid_parameter("cluster can only be given with a managedInstancesProvider.");
  return {};
}

Result<void> check_name(const std::string& name) {
  const std::string lower = shared::lower_case(name);
  if (!aws::is_ecs_name(name)) {
    return invalid_parameter("The capacity provider name '" + name +
                             "' must have 1 to 255 letters, digits, hyphens and underscores.");
  }
  for (const char* prefix : {"aws", "ecs", "fargate"}) {
    if (!lower.starts_with(prefix)) continue;
    return invalid_parameter("The capacity provider name '" + name + "' must not begin with " + prefix + ".");
  }
  return {};
}

// An ARN of Auto Scaling, or the group's name. It is kept: hosts are in no such group here.
Result<std::string> group_in(const json& group) {
  const std::string text = text_in(group, "autoScalingGroupArn");
  const auto arn = aws::parse_arn(text);
  const bool is_arn = arn && arn->service == "autoscaling" &&
                      arn->resource.find(":autoScalingGroupName/") != std::string::npos;
  if (is_arn || (!text.empty() && text.size() <= 255 && !aws::looks_like_arn(text))) return text;
  return invalid_parameter("The specified Auto Scaling group ARN '" + text.substr(0, aws::kQuotedArnBytes) +
                           "' is not valid.");
}

Result<std::string> name_in_request(const Context& context, const char* member) {
  const std::string asked = text_in(context.in, member);
  if (asked.empty())
    return invalid_parameter(std::string(member) + " of the capacity provider cannot be empty.");
  return control::capacity_provider_name(context.step.settings.realm(), asked);
}

json answer_provider(const Context& context, const std::string& name) {
  const model::CapacityProvider* row = context.state().capacity_providers.find(name);
  BERTH_CHECK(row != nullptr, "the capacity provider was just written");
  if (row->scaling.enabled) {
    log_kept_only(context, row->arn,
                  {{"managedScaling", "no host is started or ended for tasks; hosts join by themselves"}});
  }
  return {{"capacityProvider", encode_provider(*row, "ACTIVE", Tags::kShow)}};
}

}  // namespace

Result<std::vector<model::StrategyItem>> strategy_items_in(const json& in, std::string_view member) {
  const json& given = list_in(in, member);
  if (given.size() > kMaxStrategyItems) {
    return invalid_parameter("A capacity provider strategy can have at most " +
                             std::to_string(kMaxStrategyItems) + " items.");
  }
  std::vector<model::StrategyItem> items;
  std::set<std::string> names;
  int bases = 0;
  for (const json& each : given) {
    model::StrategyItem item{text_in(each, "capacityProvider"), integer_in(each, "weight").value_or(0),
                             integer_in(each, "base").value_or(0)};
    if (item.provider.empty())
      return invalid_parameter("capacityProvider of a strategy item cannot be empty.");
    if (!names.insert(item.provider).second) {
      return invalid_parameter("The capacity provider '" + item.provider +
                               "' can be in a strategy only once.");
    }
    if (item.weight < 0 || item.weight > kMaxWeight)
      return invalid_parameter("weight must be between 0 and 1000.");
    if (item.base < 0 || item.base > kMaxBase) return invalid_parameter("base must be between 0 and 100000.");
    if (item.base > 0 && ++bases > 1)
      return invalid_parameter("Only one item of a strategy can have a base.");
    items.push_back(std::move(item));
  }
  return items;
}

json encode_strategy_items(const std::vector<model::StrategyItem>& items) {
  json out = json::array();
  for (const model::StrategyItem& each : items) {
    out.push_back({{"capacityProvider", each.provider}, {"weight", each.weight}, {"base", each.base}});
  }
  return out;
}

Answer create_capacity_provider(const Context& context) {
  const json& in = context.in;
  model::CapacityProvider wanted;
  wanted.name = text_in(in, "name");
  if (auto checked = check_name(wanted.name); !checked) return checked.error();
  if (auto refused = refuse_managed_instances(in); !refused) return refused.error();
  if (!has(in, "autoScalingGroupProvider"))
    return invalid_parameter("autoScalingGroupProvider must be given.");
  auto group = group_in(in.at("autoScalingGroupProvider"));
  if (!group) return group.error();
  wanted.auto_scaling_group = *std::move(group);
  const auto changes = changes_in(in.at("autoScalingGroupProvider"));
  if (!changes) return changes.error();
  control::apply(wanted, *changes);
  auto tags = tags_in(in);
  if (!tags) return tags.error();
  wanted.tags = *std::move(tags);
  const std::string name = wanted.name;
  if (auto made = control::create_capacity_provider(context.step, std::move(wanted)); !made)
    return made.error();
  return answer_provider(context, name);
}

Answer update_capacity_provider(const Context& context) {
  if (auto refused = refuse_managed_instances(context.in); !refused) return refused.error();
  const auto name = name_in_request(context, "name");
  if (!name) return name.error();
  if (!has(context.in, "autoScalingGroupProvider"))
    return invalid_parameter("autoScalingGroupProvider must be given.");
  const auto changes = changes_in(context.in.at("autoScalingGroupProvider"));
  if (!changes) return changes.error();
  if (auto done = control::update_capacity_provider(context.step, *name, *changes); !done)
    return done.error();
  return answer_provider(context, *name);
}

Answer delete_capacity_provider(const Context& context) {
  if (has(context.in, "cluster"))
    return invalid_parameter("cluster can only be given for a managedInstancesProvider.");
  const auto name = name_in_request(context, "capacityProvider");
  if (!name) return name.error();
  auto gone = control::delete_capacity_provider(context.step, *name);
  if (!gone) return gone.error();
  gone->update_status = "DELETE_COMPLETE";
  return json{{"capacityProvider", encode_provider(*gone, "INACTIVE", Tags::kShow)}};
}

Answer describe_capacity_providers(const Context& context) {
  const json& in = context.in;
  if (has(in, "cluster")) {
    if (const auto cluster = cluster_in(context); !cluster) return cluster.error();
  }
  const Tags tags = includes(context, "TAGS") ? Tags::kShow : Tags::kHide;
  std::vector<std::string> asked = texts_in(in, "capacityProviders");
  if (asked.size() > kMaxNamedProviders) {
    return invalid_parameter("capacityProviders can contain at most " + std::to_string(kMaxNamedProviders) +
                             " items, got " + std::to_string(asked.size()) + ".");
  }
  json failures = json::array();
  json found = json::object();
  const auto add = [&](const std::string& name) {
    const auto& builtin = control::builtin_providers();
    const model::CapacityProvider* row = context.state().capacity_providers.find(name);
    if (row != nullptr) {
      found[name] = encode_provider(*row, "ACTIVE", tags);
    } else if (std::find(builtin.begin(), builtin.end(), name) != builtin.end()) {
      found[name] = encode_builtin(context, name);
    } else {
      return false;
    }
    return true;
  };
  for (const std::string& each : asked) {
    const auto name = control::capacity_provider_name(context.step.settings.realm(), each);
    if (!name) return name.error();
    if (!add(*name))
      failures.push_back(missing(arn_named(context.step, each, aws::EcsKind::kCapacityProvider, *name)));
  }
  if (asked.empty()) {
    for (const std::string& name : control::builtin_providers()) add(name);
    for (const auto& [name, row] : context.state().capacity_providers.rows()) add(name);
  }
  // With the cluster named, those that are attached to it.
  if (has(in, "cluster")) {
    const auto& attached = context.state().clusters.find(*cluster_in(context))->capacity_providers;
    for (auto it = found.begin(); it != found.end();) {
      const bool there = std::find(attached.begin(), attached.end(), it.key()) != attached.end();
      it = there ? std::next(it) : found.erase(it);
    }
  }
  std::vector<Item> items;
  for (const auto& [name, each] : found.items()) items.push_back({name, name});
  auto answer = page_of(context, "capacityProviders", std::move(items), kProvidersPage, Sort::kAscending,
                        kProvidersPage);
  if (!answer) return answer;
  for (json& each : (*answer)["capacityProviders"]) each = found[each.get<std::string>()];
  (*answer)["failures"] = std::move(failures);
  return answer;
}

}  // namespace agent::api::ecs
