#include "agent/cli/commands/balancers/find.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/commands/look.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

bool has_rules(const json& listener) {
  const std::string protocol = text_in(listener, "Protocol");
  return protocol == "HTTP" || protocol == "HTTPS";
}

}  // namespace

Result<json> balancers_named(Context& context, const std::string& name) {
  auto all = elb_list(context, "DescribeLoadBalancers", json::object(), "LoadBalancers");
  if (!all || name.empty()) return all;
  std::vector<std::string> names;
  for (const json& each : *all) {
    names.push_back(text_in(each, "LoadBalancerName"));
    if (names.back() == name || text_in(each, "LoadBalancerArn") == name) return json(json::array({each}));
  }
  return Error("not_found", not_found_text("load balancer", name, names, "this installation"));
}

Result<json> listeners_of(Context& context, const json& balancers) {
  json out = json::array();
  for (const json& each : balancers) {
    auto listeners = elb_list(context, "DescribeListeners",
                              {{"LoadBalancerArn", text_in(each, "LoadBalancerArn")}}, "Listeners");
    if (!listeners) return listeners.error();
    std::stable_sort(listeners->begin(), listeners->end(), [](const json& a, const json& b) {
      return number_in(a, "Port") < number_in(b, "Port");
    });
    for (const json& one : *listeners) {
      json place = {{"LoadBalancer", each}};
      place["Listener"] = one;
      out.push_back(std::move(place));
    }
  }
  return out;
}

Result<json> rules_of(Context& context, const json& listener) {
  if (!has_rules(listener)) {
    json rule = {{"Priority", "default"}};
    rule["Actions"] = list_in(listener, "DefaultActions");
    return json(json::array({rule}));
  }
  return elb_list(context, "DescribeRules", {{"ListenerArn", text_in(listener, "ListenerArn")}}, "Rules");
}

Result<json> groups_named(Context& context, const std::string& name) {
  auto all = elb_list(context, "DescribeTargetGroups", json::object(), "TargetGroups");
  if (!all || name.empty()) return all;
  json of_balancer = json::array();
  std::vector<std::string> names;
  for (const json& each : *all) {
    names.push_back(text_in(each, "TargetGroupName"));
    if (names.back() == name || text_in(each, "TargetGroupArn") == name) return json(json::array({each}));
    for (const std::string& arn : texts_in(each, "LoadBalancerArns"))
      if (elb_name(arn) == name) of_balancer.push_back(each);
  }
  if (!of_balancer.empty()) return of_balancer;
  // A service's name means its groups.
  auto services = describe_services(context, {name});
  if (services && !services->empty() && text_in(services->front(), "status") != "INACTIVE") {
    json found = json::array();
    for (const json& each : list_in(services->front(), "loadBalancers"))
      for (const json& group : *all)
        if (text_in(group, "TargetGroupArn") == text_in(each, "targetGroupArn")) found.push_back(group);
    if (!found.empty()) return found;
  }
  return Error("not_found",
               not_found_text("target group, load balancer or service", name, names, "this installation"));
}

}  // namespace agent::cli
