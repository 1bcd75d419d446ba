#include "agent/api/elbv2/kept_only.h"

#include "shared/log/log.h"

namespace agent::api::elbv2 {

void log_kept_only(std::string_view operation, const model::LoadBalancer& balancer) {
  const auto tell = [&](std::string_view member, std::string_view instead) {
    shared::log::warn(
        "member_not_carried_out",
        {{"operation", operation}, {"resource", balancer.arn}, {"member", member}, {"instead", instead}});
  };
  if (!balancer.security_groups.empty())
    tell("SecurityGroups",
         "whoever reaches the balancers' host reaches its listeners; use the host's firewall");
  if (balancer.scheme == "internal")
    tell("Scheme", "listeners are on the balancers' listen address, whatever the scheme");
  if (balancer.ip_address_type != "ipv4")
    tell("IpAddressType", "listeners are on the balancers' listen address, whatever the type");
}

}  // namespace agent::api::elbv2
