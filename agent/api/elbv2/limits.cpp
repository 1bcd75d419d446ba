#include <array>

#include "agent/api/elbv2/operations.h"
#include "agent/api/elbv2/shapes.h"
#include "agent/control/elb/rules.h"

namespace agent::api::elbv2 {
namespace {

using aws::XmlElement;
using control::Step;

struct Limit {
  const char* name;
  std::size_t max;
};

// In the order of their names, by which they are paged.
constexpr std::array kLimits{
    Limit{"application-load-balancers", control::kMaxLoadBalancers},
    Limit{"condition-values-per-alb-rule", control::kMaxConditionValues},
    Limit{"condition-wildcards-per-alb-rule", control::kMaxWildcards},
    Limit{"listeners-per-application-load-balancer", control::kMaxListenersPerLoadBalancer},
    Limit{"rules-per-application-load-balancer", control::kMaxRulesPerLoadBalancer},
    Limit{"target-groups", control::kMaxTargetGroups},
    Limit{"target-groups-per-action-on-application-load-balancer", control::kMaxGroupsPerAction},
    Limit{"target-groups-per-application-load-balancer", control::kMaxGroupsPerLoadBalancer},
    Limit{"targets-per-target-group", 1000},
};

}  // namespace

Done describe_account_limits(Step&, In in, XmlElement out) {
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  std::vector<std::pair<std::string, Limit>> limits;
  for (const auto& limit : kLimits) limits.emplace_back(limit.name, limit);
  write_page(out, "Limits", page, limits, [](XmlElement member, const Limit& limit) {
    member.text("Name", limit.name);
    member.text("Max", std::to_string(limit.max));
  });
  return {};
}

// There are no HTTPS listeners, hence no policies they could use.
Done describe_ssl_policies(Step&, In in, XmlElement out) {
  const auto names = in.strings_or_empty("Names");
  if (!in.ok()) return in.error();
  if (!names.empty()) {
    return fault("SSLPolicyNotFound", "SSL policy '" + names.front() +
                                          "' was not found: HTTPS listeners are not offered here yet");
  }
  out.child("SslPolicies");
  return {};
}

}  // namespace agent::api::elbv2
