#include <algorithm>
#include <set>

#include "agent/api/elbv2/kept_only.h"
#include "agent/api/elbv2/operations.h"
#include "agent/api/elbv2/shapes.h"

namespace agent::api::elbv2 {
namespace {

using aws::ElbKind;
using aws::QueryReader;
using aws::XmlElement;
using control::Step;

constexpr std::size_t kMaxFilter = 20;

std::vector<std::string> read_subnets(const QueryReader& in) {
  auto subnets = in.strings_or_empty("Subnets");
  std::vector<std::string> mapped;
  for (const QueryReader& each : in.children("SubnetMappings")) {
    mapped.push_back(each.required_string("SubnetId"));
    for (const char* member : {"AllocationId", "PrivateIPv4Address", "IPv6Address", "SourceNatIpv6Prefix"}) {
      if (!each.string(member)) continue;
      in.fail(fault("InvalidConfigurationRequest",
                    std::string(member) + " is not offered: load balancers have the balancers' address"));
    }
  }
  if (!subnets.empty() && !mapped.empty()) {
    in.fail(validation_error("Subnets and SubnetMappings cannot both be specified"));
  }
  return subnets.empty() ? mapped : subnets;
}

}  // namespace

Done create_load_balancer(Step& step, In in, XmlElement out) {
  control::CreateLoadBalancer request;
  request.name = in.required_string("Name");
  request.scheme = in.string_or("Scheme", request.scheme);
  request.type = in.string_or("Type", request.type);
  request.ip_address_type = in.string_or("IpAddressType", request.ip_address_type);
  request.subnets = read_subnets(in);
  request.security_groups = in.strings_or_empty("SecurityGroups");
  request.tags = read_tags(in);
  if (in.string("CustomerOwnedIpv4Pool") || in.string_or("EnablePrefixForIpv6SourceNat", "off") != "off" ||
      in.child("IpamPools")) {
    in.fail(fault("InvalidConfigurationRequest",
                  "CustomerOwnedIpv4Pool, EnablePrefixForIpv6SourceNat and IpamPools are not offered: load "
                  "balancers have the balancers' address"));
  }
  if (!in.ok()) return in.error();
  auto arn = control::create_load_balancer(step, request);
  if (!arn) return arn.error();
  log_kept_only("CreateLoadBalancer", *step.state.load_balancers.find(*arn));
  write_load_balancer(out.child("LoadBalancers").child("member"), *step.state.load_balancers.find(*arn),
                      step.settings.region);
  return {};
}

Done describe_load_balancers(Step& step, In in, XmlElement out) {
  const auto arns = arns_or_empty(step, in, "LoadBalancerArns", ElbKind::kLoadBalancer);
  const auto names = in.strings_or_empty("Names");
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  if (!arns.empty() && !names.empty()) {
    return validation_error(
        "Load balancer names and load balancer ARNs cannot be specified at the same time");
  }
  if (arns.size() > kMaxFilter || names.size() > kMaxFilter) {
    return validation_error("Only up to 20 load balancers can be described at once");
  }
  const auto [found, missing] = named_rows<model::LoadBalancer>(step.state.load_balancers, arns, names);
  if (!missing.empty()) {
    return fault("LoadBalancerNotFound", names.empty()
                                             ? "The specified load balancer does not exist."
                                             : "Load balancers '[" + *missing.begin() + "]' not found");
  }
  write_page(out, "LoadBalancers", page, found, [&](XmlElement member, const model::LoadBalancer* row) {
    write_load_balancer(member, *row, step.settings.region);
  });
  return {};
}

Done delete_load_balancer(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  if (!in.ok()) return in.error();
  return control::delete_load_balancer(step, arn);
}

Done set_security_groups(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  const auto groups = in.strings_or_empty("SecurityGroups");
  if (!in.ok()) return in.error();
  if (auto ok = control::set_security_groups(step, arn, groups); !ok) return ok;
  log_kept_only("SetSecurityGroups", *step.state.load_balancers.find(arn));
  out.strings("SecurityGroupIds", groups);
  return {};
}

Done set_subnets(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  const auto subnets = read_subnets(in);
  const auto type = in.string("IpAddressType");
  if (!in.ok()) return in.error();
  if (auto ok = control::set_subnets(step, arn, subnets); !ok) return ok;
  if (type) {
    if (auto ok = control::set_ip_address_type(step, arn, *type); !ok) return ok;
  }
  const auto& row = *step.state.load_balancers.find(arn);
  write_zones(out, row, step.settings.region);
  out.text("IpAddressType", row.ip_address_type);
  return {};
}

Done set_ip_address_type(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  const auto type = in.required_string("IpAddressType");
  if (!in.ok()) return in.error();
  if (auto ok = control::set_ip_address_type(step, arn, type); !ok) return ok;
  log_kept_only("SetIpAddressType", *step.state.load_balancers.find(arn));
  out.text("IpAddressType", type);
  return {};
}

// Nobody reserves capacity here: a balancer has its host's processors.
Done modify_capacity_reservation(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  const bool reset = in.boolean("ResetCapacityReservation").value_or(false);
  const bool minimum = in.child("MinimumLoadBalancerCapacity").has_value();
  if (!in.ok()) return in.error();
  if (auto found = control::find_load_balancer(step.state, arn); !found) return found.error();
  if (reset == minimum)
    return validation_error(
        "One of MinimumLoadBalancerCapacity and ResetCapacityReservation must be specified");
  if (minimum)
    return fault(
        "OperationNotPermitted",  // not InsufficientCapacity: that is a 500, which clients repeat for minutes
        "MinimumLoadBalancerCapacity: capacity cannot be reserved here, a balancer has the processors of its "
        "host");
  return {};
}

Done modify_ip_pools(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  const bool pools = in.child("IpamPools").has_value();
  in.strings_or_empty("RemoveIpamPools");
  if (!in.ok()) return in.error();
  if (auto found = control::find_load_balancer(step.state, arn); !found) return found.error();
  if (pools)
    return validation_error("IpamPools: addresses come from --listener-address here, there are no pools");
  return {};  // there is none to remove
}

Done describe_capacity_reservation(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  if (!in.ok()) return in.error();
  if (auto found = control::find_load_balancer(step.state, arn); !found) return found.error();
  return {};
}

}  // namespace agent::api::elbv2
