// Load balancers and target groups as control keeps them: creating, changing, deleting, and what ELBv2
// forbids. Values arrive decoded; texts and codes of errors are ELBv2's. Every name in a comment after
// "Errors:" is a wire code; ValidationError and InvalidConfigurationRequest are possible everywhere.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "agent/control/state/step.h"
#include "shared/base/result.h"

namespace agent::control {

// Quotas, as DescribeAccountLimits tells them.
inline constexpr std::size_t kMaxLoadBalancers = 50;
inline constexpr std::size_t kMaxTargetGroups = 3000;
inline constexpr std::size_t kMaxListenersPerLoadBalancer = 50;
inline constexpr std::size_t kMaxRulesPerLoadBalancer = 100;  // default rules excluded
inline constexpr std::size_t kMaxGroupsPerLoadBalancer = 100;
inline constexpr std::size_t kMaxSubnets = 20;
inline constexpr std::size_t kMaxSecurityGroups = 20;

struct CreateLoadBalancer {
  std::string name;
  std::string scheme = "internet-facing";
  std::string type = "application";
  std::string ip_address_type = "ipv4";
  std::vector<std::string> subnets;
  std::vector<std::string> security_groups;
  std::vector<model::Tag> tags;
};
// The ARN; the existing one's when the same call is repeated. Subnets and security groups are names only:
// there is no network of ours behind them, so that one, or none, is fine.
// Errors: DuplicateLoadBalancerName, TooManyLoadBalancers, InvalidScheme, TooManyTags, DuplicateTagKeys.
shared::Result<std::string> create_load_balancer(Step& step, const CreateLoadBalancer& request);
// With its listeners and rules; target groups stay. A missing one is a success. Errors:
// OperationNotPermitted.
shared::Result<void> delete_load_balancer(Step& step, const std::string& arn);
// Where its listeners are opened.
const std::string& address_of(const model::LoadBalancer& row, const Settings& settings);
shared::Result<const model::LoadBalancer*> find_load_balancer(const State& state, const std::string& arn);
// Errors: LoadBalancerNotFound.
shared::Result<void> set_security_groups(Step& step, const std::string& arn, std::vector<std::string> groups);
shared::Result<void> set_subnets(Step& step, const std::string& arn, std::vector<std::string> subnets);
shared::Result<void> set_ip_address_type(Step& step, const std::string& arn, const std::string& type);

// All or nothing; what the attributes may be is in attributes.h.
shared::Result<void> modify_load_balancer_attributes(Step& step, const std::string& arn,
                                                     const std::vector<model::NameValue>& changes);

// What is absent stays as it is, or takes its default in a new group.
struct HealthCheckChange {
  std::optional<bool> enabled;
  std::optional<std::string> protocol;
  std::optional<std::string> port;  // "traffic-port" or a number
  std::optional<std::string> path;
  std::optional<int> interval_seconds;
  std::optional<int> timeout_seconds;
  std::optional<int> healthy_threshold;
  std::optional<int> unhealthy_threshold;
  std::optional<std::string> http_codes;
  std::optional<std::string> grpc_codes;  // of protocol version GRPC
};
struct CreateTargetGroup {
  std::string name;
  std::string protocol;
  std::string protocol_version = "HTTP1";
  std::optional<int> port;
  std::string vpc_id;
  std::string target_type = "instance";
  std::string ip_address_type = "ipv4";
  HealthCheckChange health_check;
  std::vector<model::Tag> tags;
};
// Errors: DuplicateTargetGroupName, TooManyTargetGroups, TooManyTags, DuplicateTagKeys.
shared::Result<std::string> create_target_group(Step& step, const CreateTargetGroup& request);
// Errors: TargetGroupNotFound.
shared::Result<void> modify_target_group(Step& step, const std::string& arn, const HealthCheckChange& change);
shared::Result<void> modify_target_group_attributes(Step& step, const std::string& arn,
                                                    const std::vector<model::NameValue>& changes);
// A missing one is a success; registered targets go with it, without draining. Errors: ResourceInUse.
shared::Result<void> delete_target_group(Step& step, const std::string& arn);
shared::Result<const model::TargetGroup*> find_target_group(const State& state, const std::string& arn);

}  // namespace agent::control
