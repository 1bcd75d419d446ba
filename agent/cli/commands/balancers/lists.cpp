// lb ls, lb targets, lb rules; the rows of all commands of balancers.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/commands/balancers/find.h"
#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/story/rules.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

Result<int> lb_ls(Context& context) {
  auto balancers = balancers_named(context, context.args.word(0));
  if (!balancers) return balancers.error();
  auto places = listeners_of(context, *balancers);
  if (!places) return places.error();
  if (context.out.json()) {
    json out = *balancers;
    for (json& each : out) {
      each["Listeners"] = json::array();
      for (const json& place : *places)
        if (place["LoadBalancer"]["LoadBalancerArn"] == each["LoadBalancerArn"])
          each["Listeners"].push_back(place["Listener"]);
    }
    return context.out.line(shared::json::to_pretty_text(out)) ? kDone : kFailed;
  }
  if (balancers->empty()) {
    context.out.note("no load balancers");
    return kDone;
  }
  Table table({{"LOAD BALANCER", Align::kLeft, false, 10, 0},
               {"TYPE"},
               {"LISTENER"},
               {"RULES", Align::kRight, false, 0, 2},
               {"OTHERWISE", Align::kLeft, false, 14, 1},
               {"DNS NAME", Align::kLeft, true},
               {"ARN", Align::kLeft, true}});
  for (const json& each : *balancers) {
    bool any = false;
    for (const json& place : *places) {
      if (place["LoadBalancer"]["LoadBalancerArn"] != each["LoadBalancerArn"]) continue;
      any = true;
      auto rules = rules_of(context, place["Listener"]);
      if (!rules) return rules.error();
      table.add({{text_in(each, "LoadBalancerName")},
                 {text_in(each, "Type")},
                 {text_in(place["Listener"], "Protocol") + " " + text_in(place["Listener"], "Port")},
                 {std::to_string(rules->empty() ? 0 : rules->size() - 1)},
                 {actions_text(list_in(place["Listener"], "DefaultActions"))},
                 {text_in(each, "DNSName")},
                 {text_in(each, "LoadBalancerArn")}});
    }
    if (!any)
      table.add({{text_in(each, "LoadBalancerName")},
                 {text_in(each, "Type")},
                 {"", Style::kDim},
                 {""},
                 {""},
                 {text_in(each, "DNSName")},
                 {text_in(each, "LoadBalancerArn")}});
  }
  context.out.show(table);
  return kDone;
}

Result<int> lb_targets(Context& context) {
  auto groups = groups_named(context, context.args.word(0));
  if (!groups) return groups.error();
  json all = json::array();
  Table table({{"TARGET GROUP", Align::kLeft, false, 8, 0},
               {"TARGET", Align::kLeft, false, 12, 0},
               {"PORT", Align::kRight},
               {"STATE"},
               {"ZONE", Align::kLeft, true},
               {"CHECK", Align::kLeft, true},
               {"REASON", Align::kLeft, false, 10, 2},
               {"DESCRIPTION", Align::kLeft, false, 14, 1}});
  for (const json& group : *groups) {
    auto health = target_health(context, text_in(group, "TargetGroupArn"));
    if (!health) return health.error();
    const std::string check = text_in(group, "HealthCheckProtocol") + " " +
                              text_in(group, "HealthCheckPath") + " every " +
                              text_in(group, "HealthCheckIntervalSeconds") + "s";
    if (health->empty())
      table.add({{text_in(group, "TargetGroupName")},
                 {"none", Style::kDim},
                 {""},
                 {""},
                 {""},
                 {check},
                 {""},
                 {""}});
    for (json& each : *health) {
      const json& target = object_in(each, "Target");
      const json& state = object_in(each, "TargetHealth");
      const std::string word = text_in(state, "State");
      table.add({{text_in(group, "TargetGroupName")},
                 {text_in(target, "Id")},
                 {text_in(target, "Port")},
                 {word, style_of_state(word)},
                 {text_in(target, "AvailabilityZone")},
                 {check},
                 {text_in(state, "Reason")},
                 {text_in(state, "Description")}});
      each["TargetGroupName"] = text_in(group, "TargetGroupName");
      all.push_back(each);
    }
  }
  if (context.out.json()) return context.out.line(shared::json::to_pretty_text(all)) ? kDone : kFailed;
  if (groups->empty()) {
    context.out.note("no target groups");
    return kDone;
  }
  context.out.show(table);
  return kDone;
}

Result<int> lb_rules(Context& context) {
  auto balancers = balancers_named(context, context.args.word(0));
  if (!balancers) return balancers.error();
  auto places = listeners_of(context, *balancers);
  if (!places) return places.error();
  Table table({{"LISTENER", Align::kLeft, false, 12, 0},
               {"PRIORITY", Align::kRight},
               {"WHEN", Align::kLeft, false, 14, 0},
               {"THEN", Align::kLeft, false, 14, 0},
               {"ARN", Align::kLeft, true}});
  json all = json::array();
  for (const json& place : *places) {
    auto rules = rules_of(context, place["Listener"]);
    if (!rules) return rules.error();
    const std::string name = text_in(place["LoadBalancer"], "LoadBalancerName") + " " +
                             text_in(place["Listener"], "Protocol") + " " +
                             text_in(place["Listener"], "Port");
    for (json& each : * rules = sorted_rules(*rules)) {
      table.add({{name},
                 {text_in(each, "Priority")},
                 {conditions_text(each)},
                 {actions_text(list_in(each, "Actions"))},
                 {text_in(each, "RuleArn")}});
      each["Listener"] = name;
      all.push_back(each);
    }
  }
  if (context.out.json()) return context.out.line(shared::json::to_pretty_text(all)) ? kDone : kFailed;
  if (table.empty()) {
    context.out.note("no listeners");
    return kDone;
  }
  context.out.show(table);
  return kDone;
}

}  // namespace

std::vector<Command> balancer_commands() {
  return {
      {"lb ls",
       "Balancers",
       "[LOAD-BALANCER]",
       "Load balancers and their listeners",
       "",
       {},
       0,
       1,
       Completes::kNothing,
       Reach::kApi,
       lb_ls},
      {"lb targets",
       "Balancers",
       "[TARGET-GROUP|LOAD-BALANCER|SERVICE]",
       "Targets and what health checks say of them",
       "",
       {},
       0,
       1,
       Completes::kService,
       Reach::kApi,
       lb_targets},
      {"lb rules",
       "Balancers",
       "[LOAD-BALANCER]",
       "Rules in the order in which they are asked",
       "",
       {},
       0,
       1,
       Completes::kNothing,
       Reach::kApi,
       lb_rules},
      {"lb test",
       "Balancers",
       "URL",
       "Which rule and targets a request would meet, and one real request",
       "The listener is the one of the URL's port. Exit code 1: no answer, or 5xx.",
       {{"--method", "METHOD", "GET unless given", 'X'},
        {"--header", "NAME: VALUE", "may be repeated; Host is for the rules too", 'H', true},
        {"--source", "ADDRESS", "whose request it is, for source-ip conditions (127.0.0.1)", 0},
        {"--connect", "HOST:PORT", "where the request is sent, if not to the URL's host", 0},
        {"--no-request", "", "only looks at the rules", 0}},
       1,
       1,
       Completes::kNothing,
       Reach::kApi,
       run_lb_test},
      {"maintenance",
       "Balancers",
       "SERVICE|TARGET-GROUP [on|off]",
       "Has balancers answer 503 in place of a service",
       "Sets berth.maintenance.* of its target groups: rules and targets stay as they are, health checks go "
       "on. Without on or off: how it is.",
       {{"--page", "FILE", "the answer's body, at most 1024 bytes", 0},
        {"--retry-after", "TIME", "told in Retry-After", 0}},
       1,
       2,
       Completes::kService,
       Reach::kApi,
       run_maintenance},
  };
}

}  // namespace agent::cli
