#include "agent/control/elb/publish.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "agent/control/elb/attributes.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"

namespace agent::control {
namespace {

using shared::Millis;

lb::ListenerOptions options_of(const model::LoadBalancer& balancer, const model::Listener& listener) {
  const auto on = [&balancer](const char* key) { return load_balancer_attribute(balancer, key) == "true"; };
  lb::ListenerOptions options;
  options.idle_timeout = Millis(load_balancer_number(balancer, "idle_timeout.timeout_seconds") * 1000);
  options.client_keep_alive = Millis(load_balancer_number(balancer, "client_keep_alive.seconds") * 1000);
  const auto desync = load_balancer_attribute(balancer, "routing.http.desync_mitigation_mode");
  if (desync == "monitor") options.desync = lb::DesyncMode::kMonitor;
  if (desync == "strictest") options.desync = lb::DesyncMode::kStrictest;
  const auto xff = load_balancer_attribute(balancer, "routing.http.xff_header_processing.mode");
  if (xff == "preserve") options.xff = lb::XffMode::kPreserve;
  if (xff == "remove") options.xff = lb::XffMode::kRemove;
  options.xff_client_port = on("routing.http.xff_client_port.enabled");
  options.preserve_host = on("routing.http.preserve_host_header.enabled");
  options.drop_invalid_headers = on("routing.http.drop_invalid_header_fields.enabled");
  options.access_log = true;  // whether there is one, and where, is the balancer's own setting
  options.server_header = listener_attribute(listener, "routing.http.response.server.enabled") == "true";
  return options;
}

// Rules by listener, each list by ascending priority.
std::map<std::string_view, std::vector<const model::Rule*>> rules_by_listener(const State& state) {
  std::map<std::string_view, std::vector<const model::Rule*>> out;
  for (const auto& [arn, rule] : state.rules.rows()) out[rule.listener_arn].push_back(&rule);
  for (auto& [listener, rules] : out) {
    std::sort(rules.begin(), rules.end(),
              [](const model::Rule* a, const model::Rule* b) { return a->priority < b->priority; });
  }
  return out;
}

lb::Listener listener_of(const model::LoadBalancer& balancer, const model::Listener& row,
                         const Settings& settings) {
  lb::Listener listener;
  listener.id = row.arn;
  listener.load_balancer = balancer.full_name;
  listener.dns_name = balancer.dns_name;
  listener.address = settings.listen_address;
  listener.port = row.port;
  listener.default_action = row.default_actions.back();
  listener.options = options_of(balancer, row);
  return listener;
}

lb::TargetGroup group_of(const model::TargetGroup& row) {
  lb::TargetGroup group;
  group.id = row.arn;
  group.name = row.full_name;
  const auto algorithm = target_group_attribute(row, "load_balancing.algorithm.type");
  if (algorithm == "least_outstanding_requests") group.algorithm = lb::Algorithm::kLeastOutstandingRequests;
  if (algorithm == "weighted_random") group.algorithm = lb::Algorithm::kWeightedRandom;
  group.health_check = row.health_check;
  group.slow_start = Millis(target_group_number(row, "slow_start.duration_seconds") * 1000);
  const std::string routing = "target_group_health.unhealthy_state_routing.minimum_healthy_targets.";
  group.minimum_healthy_count = static_cast<int>(target_group_number(row, routing + "count"));
  group.minimum_healthy_percent = static_cast<int>(target_group_number(row, routing + "percentage"));
  return group;
}

lb::Target target_of(const model::RegisteredTarget& row, Millis drain_limit) {
  lb::Target target;
  target.id = row.id;
  target.port = row.port;
  target.address = row.address;
  target.registration = row.registration;
  target.zone = row.zone;
  target.state = row.state;
  if (row.state == lb::TargetState::kDraining) target.drain_limit = drain_limit;
  return target;
}

// A group that no listener uses any more may still have requests open towards its targets, so that balancers
// keep hearing of those they knew, and of every draining one, until the rows are gone. They are what reports
// about in-flight requests can be trusted for; nothing new is routed to them.
bool is_published(const model::RegisteredTarget& target, bool group_is_used) {
  return group_is_used || target.exposed || target.state == lb::TargetState::kDraining;
}

std::optional<lb::TargetGroup> published_group(const State& state, const std::string& arn) {
  const model::TargetGroup* row = state.target_groups.find(arn);
  if (row == nullptr) return std::nullopt;
  const bool used = state.forward_index().is_used(arn);
  const Millis drain_limit(target_group_number(*row, "deregistration_delay.timeout_seconds") * 1000);
  lb::TargetGroup group = group_of(*row);
  for (const auto* target : targets_of(state, arn)) {
    if (is_published(*target, used)) group.targets.push_back(target_of(*target, drain_limit));
  }
  if (!used && group.targets.empty()) return std::nullopt;
  return group;
}

using Groups = std::vector<lb::Part<lb::TargetGroup>>;

Groups::iterator place_of(Groups& groups, const std::string& arn) {
  return std::lower_bound(groups.begin(), groups.end(), arn,
                          [](const auto& each, const std::string& id) { return each->id < id; });
}

// The published configuration with these groups made anew; the others are shared with it.
std::shared_ptr<lb::Config> with_groups(const State& state, const std::set<std::string>& arns) {
  auto config = std::make_shared<lb::Config>(*state.published);
  for (const std::string& arn : arns) {
    auto group = published_group(state, arn);
    const auto at = place_of(config->target_groups, arn);
    const bool there = at != config->target_groups.end() && (*at)->id == arn;
    if (group && there) {
      if (**at != *group) *at = std::move(*group);
    } else if (group) {
      config->target_groups.insert(at, std::move(*group));
    } else if (there) {
      config->target_groups.erase(at);
    }
  }
  return config;
}

// Notes in the rows what the published configuration, which is made of them, says of them.
void mark_targets(State& state) {
  std::vector<std::string> told;
  for (const auto& [arn, unmarked] : state.target_index().unmarked()) {
    const bool used = state.forward_index().is_used(arn);
    for (const std::string& key : unmarked) {
      if (is_published(*state.targets.find(key), used)) told.push_back(key);
    }
  }
  for (const std::string& key : told) {
    state.targets.edit(key, [&](model::RegisteredTarget& target) {
      target.exposed = true;
      if (target.state == lb::TargetState::kDraining) target.drain_version = state.published->version;
    });
  }
}

}  // namespace

bool same_but_version(const lb::Config& a, const lb::Config& b) {
  return a.listeners == b.listeners && a.target_groups == b.target_groups;
}

std::shared_ptr<const lb::Config> build_config(const State& state, const Settings& settings) {
  auto config = std::make_shared<lb::Config>();
  if (const auto* meta = state.meta.find(kMetaKey)) config->version = meta->config_version;
  auto rules = rules_by_listener(state);
  for (const auto& [arn, row] : state.listeners.rows()) {
    const auto* balancer = state.load_balancers.find(row.load_balancer_arn);
    if (balancer == nullptr || row.default_actions.empty()) continue;
    lb::Listener listener = listener_of(*balancer, row, settings);
    for (const model::Rule* rule : rules[arn]) {
      if (rule->actions.empty()) continue;
      listener.rules.push_back({rule->arn, rule->priority, rule->conditions, rule->actions.back()});
    }
    config->listeners.push_back(std::move(listener));
  }
  for (const auto& [arn, row] : state.target_groups.rows()) {
    if (auto group = published_group(state, arn)) config->target_groups.push_back(std::move(*group));
  }
  return config;
}

bool publish(Step& step) {
  State& state = rows(step);
  const std::uint64_t current = step.meta().config_version;
  // Version 0 is "nothing was ever published": even an empty configuration gets a version of its own.
  const bool stands = current != 0 && state.published->version == current;
  const State::ConfigChanges changes = state.take_changes_for_publishing();
  if (!changes.any() && stands) return false;
  const auto built = changes.routes || !stands
                         ? std::const_pointer_cast<lb::Config>(build_config(state, step.settings))
                         : with_groups(state, changes.groups);
  if (!stands || !same_but_version(*built, *state.published)) {
    // The first after a start is never below the clock: a balancer that has a version of a newer database
    // must not take another configuration of that number for it, nor its acknowledgement count for this one.
    const bool first = state.published->version == 0;
    built->version = first ? std::max(current + 1, step.millis()) : current + 1;
    edit_meta(step, [&](model::Meta& meta) { meta.config_version = built->version; });
    state.published = built;
  }
  mark_targets(state);
  return true;
}

}  // namespace agent::control
