// lb ls, lb targets, lb rules, lb test, maintenance.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/commands/deploys/files.h"
#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/story/rules.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr shared::Millis kTestTimeout{10'000};

struct Served {
  json balancer;
  json listener;
};

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

Result<std::vector<Served>> listeners_of(Context& context, const json& balancers) {
  std::vector<Served> out;
  for (const json& each : balancers) {
    auto listeners = elb_list(context, "DescribeListeners",
                              {{"LoadBalancerArn", text_in(each, "LoadBalancerArn")}}, "Listeners");
    if (!listeners) return listeners.error();
    std::stable_sort(listeners->begin(), listeners->end(), [](const json& a, const json& b) {
      return number_in(a, "Port") < number_in(b, "Port");
    });
    for (const json& one : *listeners) out.push_back({each, one});
  }
  return out;
}

bool has_rules(const json& listener) {
  const std::string protocol = text_in(listener, "Protocol");
  return protocol == "HTTP" || protocol == "HTTPS";
}

Result<json> rules_of(Context& context, const json& listener) {
  if (!has_rules(listener)) {
    json rule = {{"Priority", "default"}};
    rule["Actions"] = list_in(listener, "DefaultActions");
    return json(json::array({rule}));
  }
  return elb_list(context, "DescribeRules", {{"ListenerArn", text_in(listener, "ListenerArn")}}, "Rules");
}

Result<int> lb_ls(Context& context) {
  auto balancers = balancers_named(context, context.args.word(0));
  if (!balancers) return balancers.error();
  auto places = listeners_of(context, *balancers);
  if (!places) return places.error();
  if (context.out.json()) {
    json out = *balancers;
    for (json& each : out) {
      each["Listeners"] = json::array();
      for (const Served& place : *places)
        if (place.balancer["LoadBalancerArn"] == each["LoadBalancerArn"])
          each["Listeners"].push_back(place.listener);
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
    for (const Served& place : *places) {
      if (place.balancer["LoadBalancerArn"] != each["LoadBalancerArn"]) continue;
      any = true;
      auto rules = rules_of(context, place.listener);
      if (!rules) return rules.error();
      table.add({{text_in(each, "LoadBalancerName")},
                 {text_in(each, "Type")},
                 {text_in(place.listener, "Protocol") + " " + text_in(place.listener, "Port")},
                 {std::to_string(rules->empty() ? 0 : rules->size() - 1)},
                 {actions_text(list_in(place.listener, "DefaultActions"))},
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
  for (const Served& place : *places) {
    auto rules = rules_of(context, place.listener);
    if (!rules) return rules.error();
    const std::string name = text_in(place.balancer, "LoadBalancerName") + " " +
                             text_in(place.listener, "Protocol") + " " + text_in(place.listener, "Port");
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

// ---- lb test ----

Result<TestRequest> test_request(const Arguments& args) {
  auto request = parse_test_url(args.word(0));
  if (!request)
    return Error("usage", "berth lb test: '" + args.word(0) + "' is no URL such as http://host:8080/path");
  request->method = args.value("--method", "GET");
  request->source = args.value("--source", request->source);
  for (const std::string& each : args.values("--header")) {
    const std::size_t colon = each.find(':');
    if (colon == std::string::npos || colon == 0)
      return Error("usage", "--header: '" + each + "' is not NAME: VALUE");
    const std::size_t first = each.find_first_not_of(' ', colon + 1);
    request->headers.emplace_back(each.substr(0, colon),
                                  first == std::string::npos ? "" : each.substr(first));
  }
  for (const auto& [name, value] : request->headers)
    if (shared::http::equals_ignoring_case(name, "host")) request->host = value;
  return *std::move(request);
}

Result<void> show_groups(Context& context, const json& actions) {
  for (const std::string& arn : groups_of(actions)) {
    auto health = target_health(context, arn);
    if (!health) return health.error();
    std::string healthy;
    std::size_t count = 0;
    for (const json& each : *health) {
      if (text_in(object_in(each, "TargetHealth"), "State") != "healthy") continue;
      if (++count <= 5)
        healthy += (healthy.empty() ? " " : ", ") + text_in(object_in(each, "Target"), "Id") + ":" +
                   text_in(object_in(each, "Target"), "Port");
    }
    if (count > 5) healthy += " and " + std::to_string(count - 5) + " more";
    context.out.line("  targets  " + elb_name(arn) + ": " + std::to_string(count) + " of " +
                     std::to_string(health->size()) + " healthy" + (healthy.empty() ? "" : ":" + healthy));
  }
  return {};
}

Result<bool> real_request(Context& context, const TestRequest& test) {
  shared::http::Request request;
  request.method = test.method;
  request.target = test.path + (test.query.empty() ? "" : "?" + test.query);
  request.headers.set("Host", test.host);
  for (const auto& [name, value] : test.headers) request.headers.set(name, value);
  auto url = parse_url(test.scheme + "://" + context.args.value("--connect", ""));
  if (!context.args.has("--connect")) {
    const auto asked = parse_test_url(context.args.word(0));
    const std::size_t colon = asked->host.rfind(':');
    const bool with_port = colon != std::string::npos && asked->host.find(']', colon) == std::string::npos;
    url = parse_url(test.scheme + "://" +
                    (with_port ? asked->host : asked->host + ":" + std::to_string(test.port)));
  }
  if (!url) return url.error();
  const shared::WallTime begin = context.api().now();
  auto answer = context.api().plain(*url, std::move(request), kTestTimeout);
  const auto took = (context.api().now() - begin).count();
  if (!answer) {
    context.out.line("  request  " + context.out.painted("no answer", Style::kBad) + ": " +
                     harmless(answer.error().text()));
    return false;
  }
  const bool good = answer->status < 500;
  context.out.line(
      "  request  " + context.out.painted(std::to_string(answer->status), good ? Style::kGood : Style::kBad) +
      " " + std::string(shared::http::reason_phrase(answer->status)) + " in " + std::to_string(took) +
      " ms, " + std::to_string(answer->body.size()) + " bytes" +
      (answer->headers.get("Location") ? ", Location: " + harmless(*answer->headers.get("Location")) : ""));
  const std::string body = shortened_to(harmless(answer->body.substr(0, 200)), 76);
  if (!body.empty()) context.out.line("           " + context.out.painted(body, Style::kDim));
  return good;
}

Result<int> lb_test(Context& context) {
  auto request = test_request(context.args);
  if (!request) return request.error();
  auto balancers = balancers_named(context, "");
  if (!balancers) return balancers.error();
  auto places = listeners_of(context, *balancers);
  if (!places) return places.error();
  const std::string protocol = request->scheme == "https" ? "HTTPS" : "HTTP";
  std::vector<const Served*> meant;
  for (const Served& each : *places)
    if (number_in(each.listener, "Port") == request->port && text_in(each.listener, "Protocol") == protocol)
      meant.push_back(&each);
  if (meant.empty()) {
    std::string there;
    for (const Served& each : *places)
      there += (there.empty() ? " " : ", ") + text_in(each.listener, "Protocol") + " " +
               text_in(each.listener, "Port") + " (" + text_in(each.balancer, "LoadBalancerName") + ")";
    return Error("not_found", "no listener is for " + protocol + " port " + std::to_string(request->port) +
                                  (there.empty() ? "; there are none" : "; there are" + there));
  }
  if (meant.size() > 1)
    context.out.note("berth: several load balancers listen at port " + std::to_string(request->port) +
                     ", each at an address of its own");
  json told = json::array();
  for (const Served* place : meant) {
    auto rules = rules_of(context, place->listener);
    if (!rules) return rules.error();
    const json* rule = rule_for(*rules, *request);
    if (rule == nullptr) return Error("malformed", "the listener has no default rule");
    if (context.out.json()) {
      json one = {{"LoadBalancerName", text_in(place->balancer, "LoadBalancerName")}};
      one["Rule"] = *rule;
      one["TargetGroups"] = groups_of(list_in(*rule, "Actions"));
      told.push_back(std::move(one));
      continue;
    }
    const std::string priority = text_in(*rule, "Priority");
    context.out.line(context.out.painted(request->method + " " + context.args.word(0), Style::kBold));
    context.out.line("  listener " + text_in(place->balancer, "LoadBalancerName") + " " +
                     text_in(place->listener, "Protocol") + " " + text_in(place->listener, "Port"));
    context.out.line("  rule     " +
                     (priority == "default" ? "the default one" : priority + ": " + conditions_text(*rule)));
    context.out.line("  does     " + actions_text(list_in(*rule, "Actions")));
    if (auto shown = show_groups(context, list_in(*rule, "Actions")); !shown) return shown.error();
  }
  if (context.out.json()) return context.out.line(shared::json::to_pretty_text(told)) ? kDone : kFailed;
  if (context.args.has("--no-request")) return kDone;
  auto good = real_request(context, *request);
  if (!good) return good.error();
  return *good ? kDone : kFailed;
}

// ---- maintenance ----

Result<int> maintenance(Context& context) {
  auto groups = groups_named(context, context.args.word(0));
  if (!groups) return groups.error();
  const std::string word = context.args.word(1);
  if (!word.empty() && word != "on" && word != "off")
    return Error("usage", "berth maintenance: '" + word + "' is neither on nor off");
  if (word.empty()) {
    for (const json& group : *groups) {
      auto attributes = elb_list(context, "DescribeTargetGroupAttributes",
                                 {{"TargetGroupArn", text_in(group, "TargetGroupArn")}}, "Attributes");
      if (!attributes) return attributes.error();
      const bool on = std::any_of(attributes->begin(), attributes->end(), [](const json& each) {
        return text_in(each, "Key") == "berth.maintenance.enabled" && text_in(each, "Value") == "true";
      });
      context.out.line(text_in(group, "TargetGroupName") + ": " +
                       (on ? "maintenance: every request is answered with 503" : "in service"));
    }
    return kDone;
  }
  json attributes = json::array();
  const auto set = [&](const char* key, const std::string& value) {
    json one = {{"Key", key}};
    one["Value"] = value;
    attributes.push_back(std::move(one));
  };
  set("berth.maintenance.enabled", word == "on" ? "true" : "false");
  if (context.args.has("--page")) {
    auto page = read_file(context.args.value("--page"));
    if (!page) return page.error();
    set("berth.maintenance.body", *page);
    const std::string path = context.args.value("--page");
    const bool html = path.ends_with(".html") || path.ends_with(".htm");
    set("berth.maintenance.content_type", html                      ? "text/html"
                                          : path.ends_with(".json") ? "application/json"
                                                                    : "text/plain");
  }
  auto retry = context.args.duration("--retry-after");
  if (!retry) return retry.error();
  if (*retry) set("berth.maintenance.retry_after_seconds", std::to_string((*retry)->count() / 1000));
  for (const json& group : *groups) {
    json input = {{"TargetGroupArn", text_in(group, "TargetGroupArn")}};
    input["Attributes"] = attributes;
    auto changed = context.api().elb("ModifyTargetGroupAttributes", input);
    if (!changed) return changed.error();
    context.out.line(text_in(group, "TargetGroupName") + ": " +
                     (word == "on" ? "requests are answered with 503 by the balancers; what is open goes on"
                                   : "in service again"));
  }
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
       lb_test},
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
       maintenance},
  };
}

}  // namespace agent::cli
