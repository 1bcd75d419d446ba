#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/tasks/placement.h"
#include "agent/api/ecs/wire/encode.h"
#include "agent/api/ecs/wire/kept_only.h"
#include "agent/api/ecs/wire/pages.h"
#include "agent/control/cluster/account_settings.h"
#include "agent/control/cluster/capacity_providers.h"
#include "agent/control/cluster/clusters.h"
#include "agent/control/state/lookup.h"
#include "shared/base/check.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxDescribedClusters = 100;
constexpr std::size_t kMaxProviders = 20;  // per cluster
// Members of a cluster that are kept only to be echoed.
constexpr const char* kEchoed[] = {"configuration", "serviceConnectDefaults"};

// What a new cluster has unless it says otherwise. The account's words on and off are none of a cluster's.
std::string insights_of_account(const Context& context) {
  const std::string value = control::effective_value(context.state(), context.step.settings.realm(),
                                                     context.call.caller_arn, "containerInsights");
  return value == "on" ? "enabled" : value == "off" ? "disabled" : value;
}

const model::Cluster& row(const Context& context, const std::string& name) {
  const model::Cluster* cluster = context.state().clusters.find(name);
  BERTH_CHECK(cluster != nullptr, "the cluster was found before");
  return *cluster;
}

Answer answer_cluster(const Context& context, const std::string& name) {
  return json{{"cluster", encode_cluster(context.state(), row(context, name), ClusterParts{})}};
}

Result<std::vector<model::NameValue>> settings_in(const json& in) {
  std::vector<model::NameValue> settings;
  for (const json& each : list_in(in, "settings")) {
    const model::NameValue setting{text_in(each, "name"), text_in(each, "value")};
    if (setting.name != "containerInsights") {
      return invalid_parameter("Unknown cluster setting '" + setting.name +
                               "'. The only one is containerInsights.");
    }
    if (setting.value != "enabled" && setting.value != "disabled" && setting.value != "enhanced") {
      return invalid_parameter(
          "Invalid value '" + setting.value +
          "' of cluster setting containerInsights. It must be enabled, disabled or enhanced.");
    }
    settings.push_back(setting);
  }
  return settings;
}

struct Providers {
  std::vector<std::string> attached;
  std::vector<model::StrategyItem> strategy;
};
// The request's capacity providers; its default strategy is of these.
Result<Providers> providers_in(const Context& context) {
  Providers out;
  for (const std::string& each : texts_in(context.in, "capacityProviders")) {
    auto name = control::capacity_provider_name(context.step.settings.realm(), each);
    if (!name) return name.error();
    if (std::find(out.attached.begin(), out.attached.end(), *name) == out.attached.end())
      out.attached.push_back(*std::move(name));
  }
  if (out.attached.size() > kMaxProviders) {
    return invalid_parameter("A cluster can have at most " + std::to_string(kMaxProviders) +
                             " capacity providers.");
  }
  auto strategy = strategy_items_in(context.in, "defaultCapacityProviderStrategy");
  if (!strategy) return strategy.error();
  out.strategy = *std::move(strategy);
  if (auto checked = control::check_providers(context.state(), out.attached); !checked)
    return checked.error();
  for (const model::StrategyItem& each : out.strategy) {
    if (std::find(out.attached.begin(), out.attached.end(), each.provider) != out.attached.end()) continue;
    return invalid_parameter("The capacity provider '" + each.provider +
                             "' of the default strategy is not associated with the cluster.");
  }
  return out;
}

// `document` with those members of `in` that are kept in it; an absent member stays as it is.
std::string with_echoed(const std::string& document, const json& in) {
  auto merged = shared::json::parse(document.empty() ? "{}" : document);
  BERTH_CHECK(merged.has_value(), "stored documents are JSON");
  for (const char* member : kEchoed) {
    if (has(in, member)) (*merged)[member] = in.at(member);
  }
  return shared::json::to_text(*merged);
}

}  // namespace

Answer create_cluster(const Context& context) {
  const json& in = context.in;
  model::Cluster wanted;
  wanted.name = text_in(in, "clusterName");
  if (wanted.name.empty()) wanted.name = "default";
  if (!aws::is_ecs_name(wanted.name)) {
    return invalid_parameter("The cluster name '" + wanted.name +
                             "' must have 1 to 255 letters, digits, hyphens and underscores.");
  }
  auto settings = settings_in(in);
  if (!settings) return settings.error();
  if (settings->empty()) settings->push_back({"containerInsights", insights_of_account(context)});
  auto tags = tags_in(in);
  if (!tags) return tags.error();
  auto providers = providers_in(context);
  if (!providers) return providers.error();
  wanted.capacity_providers = std::move(providers->attached);
  wanted.default_strategy = std::move(providers->strategy);
  wanted.settings = *settings;
  wanted.tags = *tags;
  wanted.document = with_echoed("{}", in);
  const std::string name = control::create_cluster(context.step, std::move(wanted));
  log_kept_only(context, row(context, name).arn, kept_only_of_request(context, in));
  return answer_cluster(context, name);
}

Answer describe_clusters(const Context& context) {
  std::vector<std::string> asked = texts_in(context.in, "clusters");
  if (asked.empty()) asked.emplace_back("default");
  if (asked.size() > kMaxDescribedClusters) {
    return invalid_parameter("Clusters can contain at most " + std::to_string(kMaxDescribedClusters) +
                             " items, got " + std::to_string(asked.size()) + ".");
  }
  const ClusterParts parts{includes(context, "TAGS") ? Tags::kShow : Tags::kHide,
                           includes(context, "SETTINGS"), includes(context, "CONFIGURATIONS"),
                           includes(context, "STATISTICS")};
  json clusters = json::array();
  json failures = json::array();
  for (const std::string& each : asked) {
    const auto name = control::cluster_name_in(context.step.settings.realm(), each);
    if (!name) return name.error();
    const model::Cluster* cluster = context.state().clusters.find(*name);
    if (cluster != nullptr) {
      clusters.push_back(encode_cluster(context.state(), *cluster, parts));
    } else {
      failures.push_back(missing(arn_named(context.step, each, aws::EcsKind::kCluster, *name)));
    }
  }
  return json{{"clusters", std::move(clusters)}, {"failures", std::move(failures)}};
}

Answer list_clusters(const Context& context) {
  std::vector<Item> items;
  for (const auto& [name, cluster] : context.state().clusters.rows()) {
    if (cluster.status == model::ClusterStatus::kActive) items.push_back({name, cluster.arn});
  }
  return page_of(context, "clusterArns", std::move(items), kMaxPage);
}

Answer update_cluster(const Context& context) {
  const auto name = cluster_in(context);
  if (!name) return name.error();
  const auto settings = settings_in(context.in);
  if (!settings) return settings.error();
  const model::Cluster& cluster = row(context, *name);
  control::UpdateCluster update{*name, std::nullopt, with_echoed(cluster.document, context.in)};
  if (has(context.in, "settings")) update.settings = *settings;
  control::update_cluster(context.step, update);
  log_kept_only(context, cluster.arn, kept_only_of_request(context, context.in));
  return answer_cluster(context, *name);
}

Answer update_cluster_settings(const Context& context) {
  if (list_in(context.in, "settings").empty()) return invalid_parameter("Settings cannot be empty.");
  return update_cluster(context);
}

Answer put_cluster_capacity_providers(const Context& context) {
  const auto name = control::cluster_of_providers(context.step, text_in(context.in, "cluster"));
  if (!name) return name.error();
  for (const char* member : {"capacityProviders", "defaultCapacityProviderStrategy"}) {
    if (!has(context.in, member))
      return invalid_parameter(std::string(member) + " must be given; it may be empty.");
  }
  auto providers = providers_in(context);
  if (!providers) return providers.error();
  auto put = control::put_cluster_providers(context.step, *name, std::move(providers->attached),
                                            std::move(providers->strategy));
  if (!put) return put.error();
  return answer_cluster(context, *name);
}

Answer delete_cluster(const Context& context) {
  const auto name = control::cluster_name_in(context.step.settings.realm(), text_in(context.in, "cluster"));
  if (!name) return name.error();
  if (auto deleted = control::delete_cluster(context.step, *name); !deleted) return deleted.error();
  return answer_cluster(context, *name);
}

}  // namespace agent::api::ecs
