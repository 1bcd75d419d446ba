#include <algorithm>
#include <set>

#include "agent/api/elbv2/operations.h"
#include "agent/api/elbv2/shapes.h"
#include "agent/control/elb/target_health.h"

namespace agent::api::elbv2 {
namespace {

using aws::ElbKind;
using aws::QueryReader;
using aws::XmlElement;
using control::Step;

control::HealthCheckChange read_health_check(const QueryReader& in) {
  control::HealthCheckChange change;
  change.enabled = in.boolean("HealthCheckEnabled");
  change.protocol = in.string("HealthCheckProtocol");
  change.port = in.string("HealthCheckPort");
  change.path = in.string("HealthCheckPath");
  change.interval_seconds = in.integer<int>("HealthCheckIntervalSeconds");
  change.timeout_seconds = in.integer<int>("HealthCheckTimeoutSeconds");
  change.healthy_threshold = in.integer<int>("HealthyThresholdCount");
  change.unhealthy_threshold = in.integer<int>("UnhealthyThresholdCount");
  if (const auto matcher = in.child("Matcher")) {
    change.http_codes = matcher->string("HttpCode");
    change.grpc_codes = matcher->string("GrpcCode");
  }
  return change;
}

using Found = std::vector<std::pair<std::string, const model::TargetGroup*>>;

shared::Result<Found> find_groups(const control::State& state, const std::vector<std::string>& arns,
                                  const std::vector<std::string>& names, const std::string& load_balancer) {
  auto named = named_rows<model::TargetGroup>(state.target_groups, arns, names);
  if (!named.missing.empty()) return fault("TargetGroupNotFound", "One or more target groups not found");
  if (!load_balancer.empty()) {
    std::erase_if(named.found, [&](const auto& each) {
      const auto users = control::load_balancers_of(state, each.first);
      return std::find(users.begin(), users.end(), load_balancer) == users.end();
    });
  }
  return std::move(named.found);
}

}  // namespace

Done create_target_group(Step& step, In in, XmlElement out) {
  control::CreateTargetGroup request;
  request.name = in.required_string("Name");
  request.protocol = in.string_or("Protocol", "");
  request.protocol_version = in.string_or("ProtocolVersion", request.protocol_version);
  request.port = in.integer<int>("Port");
  request.vpc_id = in.string_or("VpcId", "");
  request.target_type = in.string_or("TargetType", request.target_type);
  request.ip_address_type = in.string_or("IpAddressType", request.ip_address_type);
  request.health_check = read_health_check(in);
  request.tags = read_tags(in);
  if (in.string("TargetControlPort")) {
    in.fail(fault("InvalidConfigurationRequest", "TargetControlPort is not offered here"));
  }
  if (!in.ok()) return in.error();
  auto arn = control::create_target_group(step, request);
  if (!arn) return arn.error();
  write_target_group(out.child("TargetGroups").child("member"), step.state,
                     *step.state.target_groups.find(*arn));
  return {};
}

Done describe_target_groups(Step& step, In in, XmlElement out) {
  const auto arns = arns_or_empty(step, in, "TargetGroupArns", ElbKind::kTargetGroup);
  const auto names = in.strings_or_empty("Names");
  const auto load_balancer = arn_or_empty(step, in, "LoadBalancerArn", ElbKind::kLoadBalancer);
  const auto page = read_page(in);
  if (!in.ok()) return in.error();
  if (static_cast<int>(!arns.empty()) + static_cast<int>(!names.empty()) +
          static_cast<int>(!load_balancer.empty()) >
      1) {
    return validation_error(
        "Target group names, target group ARNs, and a load balancer ARN cannot be specified "
        "at the same time");
  }
  if (!load_balancer.empty()) {
    if (auto ok = control::find_load_balancer(step.state, load_balancer); !ok) return ok.error();
  }
  auto found = find_groups(step.state, arns, names, load_balancer);
  if (!found) return found.error();
  write_page(out, "TargetGroups", page, *found, [&](XmlElement member, const model::TargetGroup* row) {
    write_target_group(member, step.state, *row);
  });
  return {};
}

Done modify_target_group(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "TargetGroupArn", ElbKind::kTargetGroup);
  const auto change = read_health_check(in);
  if (!in.ok()) return in.error();
  if (auto ok = control::modify_target_group(step, arn, change); !ok) return ok;
  write_target_group(out.child("TargetGroups").child("member"), step.state,
                     *step.state.target_groups.find(arn));
  return {};
}

Done delete_target_group(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "TargetGroupArn", ElbKind::kTargetGroup);
  if (!in.ok()) return in.error();
  return control::delete_target_group(step, arn);
}

}  // namespace agent::api::elbv2
