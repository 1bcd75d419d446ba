#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/api/ecs/encode.h"
#include "agent/api/ecs/kept_only.h"
#include "agent/api/ecs/operations.h"
#include "agent/api/ecs/pages.h"
#include "agent/control/cluster/clusters.h"
#include "agent/control/state/lookup.h"
#include "shared/base/check.h"
#include "shared/json/reader.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxDescribedClusters = 100;
constexpr std::size_t kMaxProviders = 20;  // per cluster, and items of a strategy
constexpr int kMaxWeight = 1000;
constexpr int kMaxBase = 100'000;
// Members of a cluster that are kept only to be echoed.
constexpr const char* kEchoed[] = {"configuration", "serviceConnectDefaults", "capacityProviders",
                                   "defaultCapacityProviderStrategy"};

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

bool is_provider(const std::string& name) { return name == "FARGATE" || name == "FARGATE_SPOT"; }

Result<void> check_strategy(const json& strategy, const std::vector<std::string>& attached) {
  if (strategy.size() > kMaxProviders) {
    return invalid_parameter("A capacity provider strategy can have at most " +
                             std::to_string(kMaxProviders) + " items.");
  }
  int bases = 0;
  for (const json& each : strategy) {
    const std::string name = text_in(each, "capacityProvider");
    if (std::find(attached.begin(), attached.end(), name) == attached.end()) {
      return invalid_parameter("The capacity provider '" + name +
                               "' of the default strategy is not associated with the cluster.");
    }
    const int weight = integer_in(each, "weight").value_or(0);
    const int base = integer_in(each, "base").value_or(0);
    if (weight < 0 || weight > kMaxWeight) return invalid_parameter("weight must be between 0 and 1000.");
    if (base < 0 || base > kMaxBase) return invalid_parameter("base must be between 0 and 100000.");
    if (base > 0 && ++bases > 1) return invalid_parameter("Only one item of a strategy can have a base.");
  }
  return {};
}

// Capacity providers are attached so that tools find what they wrote; only the built-in names exist.
Result<void> check_providers(const json& in) {
  const std::vector<std::string> attached = texts_in(in, "capacityProviders");
  if (attached.size() > kMaxProviders) {
    return invalid_parameter("A cluster can have at most " + std::to_string(kMaxProviders) +
                             " capacity providers.");
  }
  for (const std::string& name : attached) {
    if (!is_provider(name)) {
      return invalid_parameter("The specified capacity provider '" + name + "' was not found.");
    }
  }
  return check_strategy(list_in(in, "defaultCapacityProviderStrategy"), attached);
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
  if (settings->empty()) settings->push_back({"containerInsights", "disabled"});
  auto tags = tags_in(in);
  if (!tags) return tags.error();
  if (auto providers = check_providers(in); !providers) return providers.error();
  wanted.settings = *settings;
  wanted.tags = *tags;
  wanted.document = with_echoed("{}", in);
  const std::string name = control::create_cluster(context.step, std::move(wanted));
  log_kept_only(context, row(context, name).arn, kept_only_of_request(in));
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
  log_kept_only(context, cluster.arn, kept_only_of_request(context.in));
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
  if (auto providers = check_providers(context.in); !providers) return providers.error();
  control::update_cluster(context.step,
                          {*name, std::nullopt, with_echoed(row(context, *name).document, context.in)});
  return answer_cluster(context, *name);
}

Answer delete_cluster(const Context& context) {
  const auto name = control::cluster_name_in(context.step.settings.realm(), text_in(context.in, "cluster"));
  if (!name) return name.error();
  if (auto deleted = control::delete_cluster(context.step, *name); !deleted) return deleted.error();
  return answer_cluster(context, *name);
}

}  // namespace agent::api::ecs
