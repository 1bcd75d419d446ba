#include <algorithm>
#include <array>
#include <map>

#include "agent/api/elbv2/operations.h"
#include "agent/api/elbv2/shapes.h"
#include "agent/control/elb/listeners.h"
#include "agent/control/elb/rules.h"
#include "shared/lbconfig/tls_policy.h"

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
    Limit{"certificates-per-application-load-balancer", control::kMaxCertificatesPerLoadBalancer},
    Limit{"condition-values-per-alb-rule", control::kMaxConditionValues},
    Limit{"condition-wildcards-per-alb-rule", control::kMaxWildcards},
    Limit{"listeners-per-application-load-balancer", control::kMaxListenersPerLoadBalancer},
    Limit{"listeners-per-network-load-balancer", control::kMaxListenersPerLoadBalancer},
    Limit{"network-load-balancers", control::kMaxLoadBalancers},
    Limit{"rules-per-application-load-balancer", control::kMaxRulesPerLoadBalancer},
    Limit{"target-groups", control::kMaxTargetGroups},
    Limit{"target-groups-per-action-on-application-load-balancer", control::kMaxGroupsPerAction},
    Limit{"target-groups-per-application-load-balancer", control::kMaxGroupsPerLoadBalancer},
    Limit{"target-groups-per-network-load-balancer", control::kMaxGroupsPerLoadBalancer},
    Limit{"targets-per-target-group", 1000},
};

void write_policy(XmlElement out, const lb::TlsPolicy& policy) {
  std::vector<std::string> versions;
  for (const auto version :
       {lb::TlsVersion::k10, lb::TlsVersion::k11, lb::TlsVersion::k12, lb::TlsVersion::k13}) {
    if (version >= policy.least && version <= policy.most) versions.emplace_back(lb::to_string(version));
  }
  out.strings("SslProtocols", versions);
  XmlElement ciphers = out.child("Ciphers");
  int priority = 0;
  for (const std::string_view cipher : lb::ciphers_of(policy)) {
    XmlElement member = ciphers.child("member");
    member.text("Name", cipher);
    member.integer("Priority", ++priority);
  }
  out.text("Name", policy.name);
  out.strings("SupportedLoadBalancerTypes", {"application", "network"});
}

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

Done describe_ssl_policies(Step&, In in, XmlElement out) {
  const auto names = in.strings_or_empty("Names");
  constexpr std::array<std::string_view, 3> kTypes{"application", "network", "gateway"};
  constexpr std::size_t kGatewayType = 2;  // has no TLS
  const auto type = in.word("LoadBalancerType", kTypes);
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  for (const std::string& name : names) {
    if (lb::find_tls_policy(name) == nullptr)
      return fault("SSLPolicyNotFound", "SSL policy '" + name + "' not found");
  }
  std::map<std::string, const lb::TlsPolicy*> found;
  for (const lb::TlsPolicy& policy : lb::tls_policies()) {
    const bool wanted = names.empty() || std::find(names.begin(), names.end(), policy.name) != names.end();
    if (wanted && type.value_or(0) != kGatewayType) found.emplace(policy.name, &policy);
  }
  write_page(out, "SslPolicies", page,
             std::vector<std::pair<std::string, const lb::TlsPolicy*>>(found.begin(), found.end()),
             [](XmlElement member, const lb::TlsPolicy* policy) { write_policy(member, *policy); });
  return {};
}

}  // namespace agent::api::elbv2
