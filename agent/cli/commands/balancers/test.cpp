// lb test: which rule a request would meet, and one real request; maintenance.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/commands/balancers/find.h"
#include "agent/cli/commands/deploys/files.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/story/rules.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr shared::Millis kTestTimeout{10'000};

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

}  // namespace

Result<int> run_lb_test(Context& context) {
  auto request = test_request(context.args);
  if (!request) return request.error();
  auto balancers = balancers_named(context, "");
  if (!balancers) return balancers.error();
  auto places = listeners_of(context, *balancers);
  if (!places) return places.error();
  const std::string protocol = request->scheme == "https" ? "HTTPS" : "HTTP";
  std::vector<const json*> meant;
  for (const json& each : *places)
    if (number_in(each["Listener"], "Port") == request->port &&
        text_in(each["Listener"], "Protocol") == protocol)
      meant.push_back(&each);
  if (meant.empty()) {
    std::string there;
    for (const json& each : *places)
      there += (there.empty() ? " " : ", ") + text_in(each["Listener"], "Protocol") + " " +
               text_in(each["Listener"], "Port") + " (" + text_in(each["LoadBalancer"], "LoadBalancerName") +
               ")";
    return Error("not_found", "no listener is for " + protocol + " port " + std::to_string(request->port) +
                                  (there.empty() ? "; there are none" : "; there are" + there));
  }
  if (meant.size() > 1)
    context.out.note("berth: several load balancers listen at port " + std::to_string(request->port) +
                     ", each at an address of its own");
  json told = json::array();
  for (const json* place : meant) {
    auto rules = rules_of(context, (*place)["Listener"]);
    if (!rules) return rules.error();
    const json* rule = rule_for(*rules, *request);
    if (rule == nullptr) return Error("malformed", "the listener has no default rule");
    if (context.out.json()) {
      json one = {{"LoadBalancerName", text_in((*place)["LoadBalancer"], "LoadBalancerName")}};
      one["Rule"] = *rule;
      one["TargetGroups"] = groups_of(list_in(*rule, "Actions"));
      told.push_back(std::move(one));
      continue;
    }
    const std::string priority = text_in(*rule, "Priority");
    context.out.line(context.out.painted(request->method + " " + context.args.word(0), Style::kBold));
    context.out.line("  listener " + text_in((*place)["LoadBalancer"], "LoadBalancerName") + " " +
                     text_in((*place)["Listener"], "Protocol") + " " + text_in((*place)["Listener"], "Port"));
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

Result<int> run_maintenance(Context& context) {
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

}  // namespace agent::cli
