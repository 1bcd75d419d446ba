// The Elastic Load Balancing half of arn.h.
#include <algorithm>
#include <array>

#include "agent/aws/arn.h"
#include "shared/base/text.h"

namespace agent::aws {

using shared::Blame;
using shared::Error;
using shared::Result;

namespace {

constexpr std::string_view kService = "elasticloadbalancing";
constexpr std::string_view kListenerWord = ":listener/";
constexpr std::string_view kRuleWord = ":listener-rule/";
constexpr std::string_view kLoadBalancerWord = ":loadbalancer/";

struct ElbRow {
  ElbKind kind;
  std::string_view word;
  std::string_view label;
  std::size_t parts;  // after the word
};

constexpr std::array kElbRows = {
    ElbRow{ElbKind::kLoadBalancer, "loadbalancer", "load balancer", 3},
    ElbRow{ElbKind::kTargetGroup, "targetgroup", "target group", 2},
    ElbRow{ElbKind::kListener, "listener", "listener", 4},
    ElbRow{ElbKind::kRule, "listener-rule", "listener rule", 5},
    ElbRow{ElbKind::kTrustStore, "truststore", "trust store", 2},
};

std::string make(const Realm& realm, std::string resource) {
  return to_string(
      {realm.partition, std::string(kService), realm.region, realm.account, std::move(resource)});
}

std::string replaced(std::string_view text, std::string_view what, std::string_view with) {
  std::string out(text);
  const std::size_t at = out.find(what);
  if (at != std::string::npos) out.replace(at, what.size(), with);
  return out;
}

Error not_valid(std::string_view text, std::string_view label) {
  return Error(
      "ValidationError",
      "'" + shared::shortened(text, kQuotedArnBytes) + "' is not a valid " + std::string(label) + " ARN",
      Blame::kClient);
}

std::optional<ElbResource> read(const Arn& arn) {
  std::vector<std::string> parts;
  std::string_view rest = arn.resource;
  while (true) {
    const std::size_t slash = rest.find('/');
    parts.emplace_back(rest.substr(0, slash));
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  const auto row =
      std::find_if(kElbRows.begin(), kElbRows.end(), [&](const ElbRow& r) { return r.word == parts[0]; });
  if (row == kElbRows.end() || parts.size() - 1 != row->parts) return std::nullopt;
  if (std::any_of(parts.begin(), parts.end(), [](const auto& part) { return part.empty(); }))
    return std::nullopt;
  ElbResource out{row->kind, {}, {}, {}, {}, {}};
  const bool typed = row->parts > 2;
  if (typed) out.type = parts[1];
  if (typed && out.type != "app" && out.type != "net" && out.type != "gwy") return std::nullopt;
  out.name = parts[typed ? 2 : 1];
  out.id = parts[typed ? 3 : 2];
  if (row->parts > 3) out.listener_id = parts[4];
  if (row->parts > 4) out.rule_id = parts[5];
  return out;
}

}  // namespace

std::string load_balancer_arn(const Realm& realm, std::string_view type, std::string_view name,
                              std::string_view id) {
  return make(realm, "loadbalancer/" + std::string(type) + "/" + std::string(name) + "/" + std::string(id));
}

std::string target_group_arn(const Realm& realm, std::string_view name, std::string_view id) {
  return make(realm, "targetgroup/" + std::string(name) + "/" + std::string(id));
}

std::string listener_arn(std::string_view load_balancer, std::string_view id) {
  return replaced(load_balancer, kLoadBalancerWord, kListenerWord) + "/" + std::string(id);
}

std::string rule_arn(std::string_view listener, std::string_view id) {
  return replaced(listener, kListenerWord, kRuleWord) + "/" + std::string(id);
}

std::string trust_store_arn(const Realm& realm, std::string_view name, std::string_view id) {
  return make(realm, "truststore/" + std::string(name) + "/" + std::string(id));
}

Result<ElbResource> parse_elb_arn(const Realm& realm, std::string_view text,
                                  std::optional<ElbKind> expected) {
  const std::string_view label =
      expected ? kElbRows[static_cast<std::size_t>(*expected)].label : "load balancing";
  const auto arn = parse_arn(text);
  const bool ours = arn && arn->service == kService && arn->partition == realm.partition &&
                    arn->region == realm.region && arn->account == realm.account;
  auto resource = ours ? read(*arn) : std::nullopt;
  if (!resource || (expected && resource->kind != *expected)) return not_valid(text, label);
  return std::move(*resource);
}

std::optional<ElbKind> elb_kind_of(std::string_view text) {
  const auto arn = parse_arn(text);
  if (!arn || arn->service != kService) return std::nullopt;
  const auto resource = read(*arn);
  return resource ? std::optional(resource->kind) : std::nullopt;
}

}  // namespace agent::aws
