#include "agent/api/elbv2/elbv2.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "agent/api/elbv2/access.h"
#include "agent/api/elbv2/operations.h"
#include "agent/aws/service.h"

namespace agent::api::elbv2 {
namespace {

using shared::Blame;
using shared::Error;
using shared::Result;

struct Operation {
  std::string_view name;
  Done (*run)(control::Step& step, In in, aws::XmlElement out);
};

constexpr auto kOperations = std::to_array<Operation>({
    {"AddListenerCertificates", add_listener_certificates},
    {"AddTags", add_tags},
    {"AddTrustStoreRevocations", add_trust_store_revocations},
    {"CreateListener", create_listener},
    {"CreateLoadBalancer", create_load_balancer},
    {"CreateRule", create_rule},
    {"CreateTargetGroup", create_target_group},
    {"CreateTrustStore", create_trust_store},
    {"DeleteListener", delete_listener},
    {"DeleteLoadBalancer", delete_load_balancer},
    {"DeleteRule", delete_rule},
    {"DeleteSharedTrustStoreAssociation", delete_shared_trust_store_association},
    {"DeleteTargetGroup", delete_target_group},
    {"DeleteTrustStore", delete_trust_store},
    {"DeregisterTargets", deregister_targets},
    {"DescribeAccountLimits", describe_account_limits},
    {"DescribeCapacityReservation", describe_capacity_reservation},
    {"DescribeListenerAttributes", describe_listener_attributes},
    {"DescribeListenerCertificates", describe_listener_certificates},
    {"DescribeListeners", describe_listeners},
    {"DescribeLoadBalancerAttributes", describe_load_balancer_attributes},
    {"DescribeLoadBalancers", describe_load_balancers},
    {"DescribeRules", describe_rules},
    {"DescribeSSLPolicies", describe_ssl_policies},
    {"DescribeTags", describe_tags},
    {"DescribeTargetGroupAttributes", describe_target_group_attributes},
    {"DescribeTargetGroups", describe_target_groups},
    {"DescribeTargetHealth", describe_target_health},
    {"DescribeTrustStoreAssociations", describe_trust_store_associations},
    {"DescribeTrustStoreRevocations", describe_trust_store_revocations},
    {"DescribeTrustStores", describe_trust_stores},
    {"GetResourcePolicy", get_resource_policy},
    {"ModifyCapacityReservation", modify_capacity_reservation},
    {"ModifyIpPools", modify_ip_pools},
    {"ModifyListener", modify_listener},
    {"ModifyListenerAttributes", modify_listener_attributes},
    {"ModifyLoadBalancerAttributes", modify_load_balancer_attributes},
    {"ModifyRule", modify_rule},
    {"ModifyTargetGroup", modify_target_group},
    {"ModifyTargetGroupAttributes", modify_target_group_attributes},
    {"ModifyTrustStore", modify_trust_store},
    {"RegisterTargets", register_targets},
    {"RemoveListenerCertificates", remove_listener_certificates},
    {"RemoveTags", remove_tags},
    {"RemoveTrustStoreRevocations", remove_trust_store_revocations},
    {"SetIpAddressType", set_ip_address_type},
    {"SetRulePriorities", set_rule_priorities},
    {"SetSecurityGroups", set_security_groups},
    {"SetSubnets", set_subnets},
});

// What would answer with the address of an object in S3.
constexpr std::string_view kNoObjects = "is not offered: its answer would be the address of an object in S3";
constexpr std::array<std::string_view, 2> kOfOtherServices{
    "GetTrustStoreCaCertificatesBundle",
    "GetTrustStoreRevocationContent",
};

}  // namespace

Result<std::string> handle(control::Step& step, const Call& call) {
  const auto it = std::find_if(kOperations.begin(), kOperations.end(),
                               [&](const Operation& each) { return each.name == call.operation; });
  if (std::find(kOfOtherServices.begin(), kOfOtherServices.end(), call.operation) != kOfOtherServices.end()) {
    return Error("InvalidAction", call.operation + " " + std::string(kNoObjects), Blame::kClient);
  }
  if (it == kOperations.end()) {
    return Error("InvalidAction",
                 "The action " + call.operation + " is not valid for this web service, or not offered here.",
                 Blame::kClient);
  }
  auto query = aws::Query::parse(call.body);
  if (!query) return query.error();
  const aws::QueryReader in = query->root();
  if (call.by_policy) {
    if (auto allowed = permit(step, call, accesses_of(step, call.operation, in), "AccessDenied"); !allowed)
      return allowed.error();
  }
  aws::QueryResult answer(call.operation, aws::xml_namespace(aws::Service::kElbv2));
  auto done = it->run(step, in, answer.result());
  if (!in.ok()) return in.error();
  if (!done) return done.error();
  return answer.response(call.request_id).body;
}

Offers offers() {
  Offers out;
  add_offered(out, kOperations);
  for (const std::string_view name : kOfOtherServices)
    out.push_back({std::string(name), std::string(kNoObjects)});
  return out;
}

}  // namespace agent::api::elbv2
