#include "agent/api/elbv2/access.h"

#include <algorithm>

#include "agent/api/elbv2/operations.h"
#include "agent/control/elb/tags.h"

namespace agent::api::elbv2 {
namespace {

enum class How {
  kMember,  // an ARN
  kList,    // ARNs
  kNew,     // "Name" of one to come
  kRules,   // "RulePriorities", each with a "RuleArn"
};
struct About {
  std::string_view operation;
  How how;
  std::string_view member;  // or the word of the kind
};
// Those that describe are about anything.
constexpr About kAbout[] = {
    {"AddListenerCertificates", How::kMember, "ListenerArn"},
    {"AddTags", How::kList, "ResourceArns"},
    {"AddTrustStoreRevocations", How::kMember, "TrustStoreArn"},
    {"CreateListener", How::kMember, "LoadBalancerArn"},
    {"CreateLoadBalancer", How::kNew, "loadbalancer"},
    {"CreateRule", How::kMember, "ListenerArn"},
    {"CreateTargetGroup", How::kNew, "targetgroup"},
    {"CreateTrustStore", How::kNew, "truststore"},
    {"DeleteListener", How::kMember, "ListenerArn"},
    {"DeleteLoadBalancer", How::kMember, "LoadBalancerArn"},
    {"DeleteRule", How::kMember, "RuleArn"},
    {"DeleteSharedTrustStoreAssociation", How::kMember, "TrustStoreArn"},
    {"DeleteTargetGroup", How::kMember, "TargetGroupArn"},
    {"DeleteTrustStore", How::kMember, "TrustStoreArn"},
    {"DeregisterTargets", How::kMember, "TargetGroupArn"},
    {"GetResourcePolicy", How::kMember, "ResourceArn"},
    {"ModifyCapacityReservation", How::kMember, "LoadBalancerArn"},
    {"ModifyIpPools", How::kMember, "LoadBalancerArn"},
    {"ModifyListener", How::kMember, "ListenerArn"},
    {"ModifyListenerAttributes", How::kMember, "ListenerArn"},
    {"ModifyLoadBalancerAttributes", How::kMember, "LoadBalancerArn"},
    {"ModifyRule", How::kMember, "RuleArn"},
    {"ModifyTargetGroup", How::kMember, "TargetGroupArn"},
    {"ModifyTargetGroupAttributes", How::kMember, "TargetGroupArn"},
    {"ModifyTrustStore", How::kMember, "TrustStoreArn"},
    {"RegisterTargets", How::kMember, "TargetGroupArn"},
    {"RemoveListenerCertificates", How::kMember, "ListenerArn"},
    {"RemoveTags", How::kList, "ResourceArns"},
    {"RemoveTrustStoreRevocations", How::kMember, "TrustStoreArn"},
    {"SetIpAddressType", How::kMember, "LoadBalancerArn"},
    {"SetRulePriorities", How::kRules, ""},
    {"SetSecurityGroups", How::kMember, "LoadBalancerArn"},
    {"SetSubnets", How::kMember, "LoadBalancerArn"},
};

std::string arn_to_come(const control::Step& step, std::string_view word, In in) {
  std::string kind(word);
  if (word == "loadbalancer") {
    const std::string type = in.string_or("Type", "application");
    kind += type == "network" ? "/net" : type == "gateway" ? "/gwy" : "/app";
  }
  return "arn:" + step.settings.partition + ":elasticloadbalancing:" + step.settings.region + ":" +
         step.settings.account + ":" + kind + "/" + in.string_or("Name", "") + "/*";
}

std::vector<std::string> resources_of(const control::Step& step, const About& about, In in) {
  std::vector<std::string> out;
  if (about.how == How::kNew) out.push_back(arn_to_come(step, about.member, in));
  if (about.how == How::kMember) out.push_back(in.string_or(about.member, "*"));
  if (about.how == How::kList) out = in.strings_or_empty(about.member);
  if (about.how == How::kRules) {
    for (const auto& each : in.children("RulePriorities")) out.push_back(each.string_or("RuleArn", "*"));
  }
  if (out.empty()) out.emplace_back("*");
  return out;
}

void put_key(Access& access, const char* key, const std::optional<std::string>& value) {
  if (value) access.keys[key] = {*value};
}

void add_keys(Access& access, In in) {
  if (access.action.ends_with(":CreateLoadBalancer"))
    access.keys["elasticloadbalancing:Scheme"] = {in.string_or("Scheme", "internet-facing")};
  put_key(access, "elasticloadbalancing:ListenerProtocol", in.string("Protocol"));
  put_key(access, "elasticloadbalancing:SecurityPolicy", in.string("SslPolicy"));
  for (const std::string& each : in.strings_or_empty("Subnets"))
    access.keys["elasticloadbalancing:Subnet"].push_back(each);
  for (const auto& each : in.children("SubnetMappings"))
    access.keys["elasticloadbalancing:Subnet"].push_back(each.string_or("SubnetId", ""));
  for (const std::string& each : in.strings_or_empty("SecurityGroups"))
    access.keys["elasticloadbalancing:SecurityGroup"].push_back(each);
}

}  // namespace

std::vector<Access> accesses_of(const control::Step& step, const std::string& operation,
                                const aws::QueryReader& in) {
  const std::string vendor = "elasticloadbalancing:";
  if (operation.starts_with("Describe")) return {{vendor + operation, {"*"}}};
  const auto* const row = std::find_if(std::begin(kAbout), std::end(kAbout),
                                       [&](const auto& each) { return each.operation == operation; });
  if (row == std::end(kAbout)) return {action_alone(vendor + operation)};
  std::vector<model::Tag> tags;
  for (const auto& each : in.children("Tags"))
    tags.push_back({each.string_or("Key", ""), each.string_or("Value", "")});
  std::vector<Access> out;
  for (const std::string& resource : resources_of(step, *row, in)) {
    Access access{vendor + operation, {resource}};
    add_keys(access, in);
    add_request_tags(access, tags);
    for (const std::string& each : in.strings_or_empty("TagKeys")) access.keys["aws:TagKeys"].push_back(each);
    if (const auto there = control::elb_tags(step.state, resource)) {
      add_resource_tags(access, *there);
      for (const model::Tag& tag : *there)
        access.keys["elasticloadbalancing:ResourceTag/" + tag.key] = {tag.value};
    }
    out.push_back(std::move(access));
  }
  if (!tags.empty() && operation != "AddTags") {
    Access tagging = out.front();
    tagging.action = vendor + "AddTags";
    tagging.keys["elasticloadbalancing:CreateAction"] = {operation};
    // A listener's and a rule's ARN contain what they are made in.
    const std::string& in_what = out.front().resources.front();
    if (operation == "CreateListener" && in_what.find(":loadbalancer/") != std::string::npos) {
      std::string arn = in_what;
      tagging.resources = {arn.replace(arn.find(":loadbalancer/"), 14, ":listener/") + "/*"};
    }
    if (operation == "CreateRule" && in_what.find(":listener/") != std::string::npos) {
      std::string arn = in_what;
      tagging.resources = {arn.replace(arn.find(":listener/"), 10, ":listener-rule/") + "/*"};
    }
    out.push_back(std::move(tagging));
  }
  return out;
}

}  // namespace agent::api::elbv2
