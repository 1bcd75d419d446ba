// import compose, export compose.
#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/cli/commands/deploys/deploy.h"
#include "agent/cli/commands/deploys/files.h"
#include "agent/cli/commands/frame/families.h"
#include "agent/cli/commands/hosts/programs.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/compose/compose.h"
#include "shared/json/reader.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;
namespace fs = std::filesystem;

namespace {

constexpr long long kFirstRule = 100;  // priority of the first rule that is made; those of people are below
constexpr long long kLastRule = 50'000;

// NAME=VALUE lines, as .env and env_file have them.
std::map<std::string, std::string> variables_in(const std::string& text) {
  std::map<std::string, std::string> out;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    std::string line(rest.substr(0, end));
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.ends_with('\r')) line.pop_back();
    if (line.starts_with("export ")) line.erase(0, 7);
    const std::size_t equals = line.find('=');
    if (line.empty() || line[0] == '#' || equals == std::string::npos) continue;
    std::string value = line.substr(equals + 1);
    if (value.size() > 1 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front())
      value = value.substr(1, value.size() - 2);
    out[line.substr(0, equals)] = value;
  }
  return out;
}

// What env_file names, below what environment has.
void read_env_files(json& file, const fs::path& folder, std::vector<ComposeNote>& notes) {
  if (!file.contains("services") || !file["services"].is_object()) return;
  for (auto& [name, service] : file["services"].items()) {
    if (!service.is_object() || !service.contains("env_file")) continue;
    const json listed =
        service["env_file"].is_array() ? service["env_file"] : json::array({service["env_file"]});
    json merged = json::object();
    bool all = true;
    for (const json& each : listed) {
      const std::string path = each.is_object()   ? each.value("path", "")
                               : each.is_string() ? each.get<std::string>()
                                                  : "";
      auto text = read_file((fs::path(path).is_absolute() ? fs::path(path) : folder / path).string());
      if (!text) {
        all = false;
        notes.push_back({Carried::kNo, name, "env_file", text.error().text()});
        continue;
      }
      for (const auto& [key, value] : variables_in(*text)) merged[key] = value;
    }
    const json own = service.contains("environment") ? service["environment"] : json::object();
    if (own.is_object()) {
      for (const auto& [key, value] : own.items()) merged[key] = value;
    } else if (own.is_array()) {
      for (const json& each : own) {
        const std::string text = each.is_string() ? each.get<std::string>() : "";
        const std::size_t equals = text.find('=');
        merged[text.substr(0, equals)] = equals == std::string::npos ? json() : json(text.substr(equals + 1));
      }
    }
    service["environment"] = std::move(merged);
    service.erase("env_file");
    if (all) notes.push_back({Carried::kYes, name, "env_file", "its variables are in environment"});
  }
}

struct Read {
  json file;
  std::vector<ComposeNote> notes;
  std::string by;
};

// `docker compose config` resolves extends, include, profiles and what else there is; without it our own
// reader does what it can.
Result<void> read_compose(const Context& context, const std::string& path, Read& out) {
  if (!context.args.has("--no-docker") && path != "-") {
    if (auto docker = find_program("docker")) {
      auto config =
          output_of({*docker, "compose", "-f", path, "config", "--format", "json"}, context.environment());
      if (config) {
        auto parsed = shared::json::parse(*config);
        if (parsed) {
          out.file = *std::move(parsed);
          out.by = "docker compose config";
          return {};
        }
      } else if (output_of({*docker, "compose", "version"}, context.environment())) {
        return Error("setting_file", path + ": docker compose refuses it: " + config.error().text());
      }
    }
  }
  auto text = read_file(path);
  if (!text) return text.error();
  const fs::path folder = path == "-" ? fs::path(".") : fs::path(path).parent_path();
  std::map<std::string, std::string> variables;
  if (auto env = read_file((folder / ".env").string())) variables = variables_in(*env);
  for (const auto& [name, value] : context.environment()) variables[name] = value;
  auto whole = compose_interpolated(*text, variables, out.notes);
  if (!whole) return Error("setting_file", path + ": " + whole.error().text());
  auto parsed = parse_document(*whole, path);
  if (!parsed) return Error("setting_file", parsed.error().text());
  out.file = *std::move(parsed);
  out.by =
      "berth itself, since there is no docker compose here: extends, include and profiles are not resolved";
  read_env_files(out.file, folder, out.notes);
  return {};
}

void show_notes(Terminal& out, const std::vector<ComposeNote>& notes) {
  Table table({{"OUTCOME", Align::kLeft},
               {"SERVICE", Align::kLeft, false, 8, 0},
               {"MEMBER", Align::kLeft, false, 12, 0},
               {"BECOMES", Align::kLeft, false, 20, 0}});
  const std::pair<Carried, Cell> kinds[] = {{Carried::kYes, {"carried", Style::kGood}},
                                            {Carried::kChanged, {"changed", Style::kWarn}},
                                            {Carried::kNo, {"not carried", Style::kBad}}};
  for (const auto& [kind, cell] : kinds)
    for (const ComposeNote& each : notes)
      if (each.carried == kind) table.add({cell, {each.service}, {each.member}, {each.what}});
  out.show(table);
}

// ---- what a load balancer needs ----

class Balancing {
 public:
  Balancing(Context& context, std::string name) : context_(context), name_(std::move(name)) {}

  // The target group of a port, with a listener or a rule that leads to it; made where they are not there.
  Result<std::string> group_for(const ComposePort& port) {
    const std::string group_name =
        name_.substr(0, 12) + "-" + port.service.substr(0, 13) + "-" + std::to_string(port.container_port);
    // Names have 32 characters: two services that are too much alike would share one.
    const auto [owner, fresh] = owners_.emplace(group_name, port.service);
    if (!fresh && owner->second != port.service)
      return Error("setting_file", "services " + owner->second + " and " + port.service +
                                       " would have one target group, " + group_name +
                                       ": name one of them otherwise");
    auto group = group_named(group_name, port);
    if (!group) return group;
    auto balancer = balancer_for(port);
    if (!balancer) return balancer;
    auto listener = listener_for(*balancer, *group, port);
    if (!listener) return listener.error();
    return group;
  }

 private:
  void say(const std::string& text) { context_.out.note("made " + text); }

  Result<std::string> group_named(const std::string& name, const ComposePort& port) {
    auto all = elb_list(context_, "DescribeTargetGroups", json::object(), "TargetGroups");
    if (!all) return all.error();
    for (const json& each : *all)
      if (text_in(each, "TargetGroupName") == name) return text_in(each, "TargetGroupArn");
    json input = {{"Name", name}};
    input["Protocol"] = port.protocol;
    input["Port"] = port.container_port;
    input["VpcId"] = "vpc-local";
    input["TargetType"] = "instance";
    input["HealthCheckIntervalSeconds"] = 5;
    input["HealthCheckTimeoutSeconds"] = 2;
    input["HealthyThresholdCount"] = 2;
    if (port.protocol == "HTTP") {
      input["HealthCheckPath"] = port.health_path;
      // Compose has no health check for its ports: whoever answers without an error of its own is up.
      input["Matcher"]["HttpCode"] = "200-499";
    }
    auto made = context_.api().elb("CreateTargetGroup", input);
    if (!made) return made.error().within("target group " + name);
    say("target group " + name);
    const json& groups = list_in(*made, "TargetGroups");
    return groups.empty() ? std::string() : text_in(groups.front(), "TargetGroupArn");
  }

  Result<std::string> balancer_for(const ComposePort& port) {
    const bool network = port.protocol != "HTTP";
    const std::string name = name_ + (network ? "-tcp" : "");
    auto all = elb_list(context_, "DescribeLoadBalancers", json::object(), "LoadBalancers");
    if (!all) return all.error();
    for (const json& each : *all)
      if (text_in(each, "LoadBalancerName") == name) return text_in(each, "LoadBalancerArn");
    json input = {{"Name", name}};
    input["Type"] = network ? "network" : "application";
    input["Subnets"] = json::array({"subnet-local"});
    auto made = context_.api().elb("CreateLoadBalancer", input);
    if (!made) return made.error().within("load balancer " + name);
    say("load balancer " + name);
    const json& made_ones = list_in(*made, "LoadBalancers");
    return made_ones.empty() ? std::string() : text_in(made_ones.front(), "LoadBalancerArn");
  }

  static json forward_to(const std::string& group) {
    json action = {{"Type", "forward"}};
    action["TargetGroupArn"] = group;
    return json::array({std::move(action)});
  }

  Result<void> listener_for(const std::string& balancer, const std::string& group, const ComposePort& port) {
    auto listeners = elb_list(context_, "DescribeListeners", {{"LoadBalancerArn", balancer}}, "Listeners");
    if (!listeners) return listeners.error();
    std::string listener;
    const json* there = nullptr;
    for (const json& each : *listeners) {
      if (number_in(each, "Port") != port.listener_port) continue;
      listener = text_in(each, "ListenerArn");
      there = &each;
    }
    const bool rule = !port.host.empty() || !port.path.empty();
    if (listener.empty()) {
      json input = {{"LoadBalancerArn", balancer}};
      input["Protocol"] = port.protocol;
      input["Port"] = port.listener_port;
      input["DefaultActions"] = forward_to(group);
      if (rule) {
        json nothing = {{"Type", "fixed-response"}};
        nothing["FixedResponseConfig"]["StatusCode"] = "404";
        input["DefaultActions"] = json::array({std::move(nothing)});
      }
      auto made = context_.api().elb("CreateListener", input);
      if (!made) return made.error().within("listener of port " + std::to_string(port.listener_port));
      say(std::string("listener ") + port.protocol + " " + std::to_string(port.listener_port));
      const json& made_ones = list_in(*made, "Listeners");
      listener = made_ones.empty() ? "" : text_in(made_ones.front(), "ListenerArn");
    }
    if (rule) return rule_for_port(listener, group, port);
    return there == nullptr ? Result<void>() : take_default(*there, group, port);
  }

  // A listener that was made for rules answers 404 otherwise: that place is free. One that leads elsewhere is
  // somebody's.
  Result<void> take_default(const json& listener, const std::string& group, const ComposePort& port) {
    const json& actions = list_in(listener, "DefaultActions");
    if (shared::json::to_text(actions).find(group) != std::string::npos) return {};
    const bool free = !actions.empty() && text_in(actions.front(), "Type") == "fixed-response";
    if (!free) {
      return Error("setting_file", "port " + std::to_string(port.listener_port) + " of load balancer " +
                                       name_ + " leads elsewhere already; give service " + port.service +
                                       " another port, or a rule (x-berth: host, path)");
    }
    json input = {{"ListenerArn", text_in(listener, "ListenerArn")}};
    input["DefaultActions"] = forward_to(group);
    auto changed = context_.api().elb("ModifyListener", input);
    if (!changed) return changed.error().within("listener of port " + std::to_string(port.listener_port));
    return {};
  }

  Result<void> rule_for_port(const std::string& listener, const std::string& group, const ComposePort& port) {
    auto rules = elb_list(context_, "DescribeRules", {{"ListenerArn", listener}}, "Rules");
    if (!rules) return rules.error();
    std::vector<long long> taken;
    for (const json& each : *rules) {
      taken.push_back(number_in(each, "Priority"));
      if (shared::json::to_text(list_in(each, "Actions")).find(group) != std::string::npos) return {};
    }
    long long priority = kFirstRule;
    while (priority < kLastRule && std::find(taken.begin(), taken.end(), priority) != taken.end()) ++priority;
    json input = {{"ListenerArn", listener}};
    input["Priority"] = priority;
    input["Conditions"] = json::array();
    const auto condition = [&](const char* field, const std::string& value) {
      if (value.empty()) return;
      json one = {{"Field", field}};
      one["Values"] = json::array({value});
      input["Conditions"].push_back(std::move(one));
    };
    condition("host-header", port.host);
    condition("path-pattern", port.path);
    input["Actions"] = forward_to(group);
    auto made = context_.api().elb("CreateRule", input);
    if (!made) return made.error().within("rule of port " + std::to_string(port.listener_port));
    say("rule " + std::to_string(priority) + " of port " + std::to_string(port.listener_port));
    return {};
  }

  Context& context_;
  std::string name_;
  std::map<std::string, std::string> owners_;  // services by their target groups
};

Result<int> deploy_all(Context& context, ComposeResult& result, const std::string& project) {
  Balancing balancing(context, project);
  for (const ComposePort& port : result.ports) {
    auto group = balancing.group_for(port);
    if (!group) return group.error();
    for (json& each : result.documents()) {
      if (text_in(each["service"], "serviceName") != port.service) continue;
      json one = {{"targetGroupArn", *group}};
      one["containerName"] = port.container;
      one["containerPort"] = port.container_port;
      each["service"]["loadBalancers"].push_back(std::move(one));
    }
  }
  for (const json& each : result.documents()) {
    auto code = deploy_document(context, each["service"], each["taskDefinition"]);
    if (!code || *code != kDone) return code;
  }
  return kDone;
}

std::string project_of(const Context& context, const json& file, const std::string& path) {
  std::string name = context.args.value("--project");
  if (name.empty() && file.contains("name") && file["name"].is_string()) name = file["name"];
  std::error_code ignored;
  if (name.empty()) name = fs::absolute(path, ignored).parent_path().filename().string();
  std::string out;
  for (const char c : name)
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-') out += c;
  return out.empty() ? "compose" : out.substr(0, 28);
}

Result<int> import(Context& context) {
  const std::string path = context.args.word(0);
  Read read;
  if (auto done = read_compose(context, path, read); !done) return done.error();
  const std::string project = project_of(context, read.file, path);
  auto result = import_compose(read.file, project);
  if (!result) return Error("setting_file", path + ": " + result.error().text());
  result->notes.insert(result->notes.begin(), read.notes.begin(), read.notes.end());
  if (context.out.json()) {
    context.out.line(shared::json::to_pretty_text(result->documents()));
  } else {
    context.out.note("read by " + read.by);
    show_notes(context.out, result->notes);
  }
  if (const std::string folder = context.args.value("--write"); !folder.empty()) {
    std::error_code error;
    fs::create_directories(folder, error);
    for (const json& each : result->documents()) {
      const std::string file = folder + "/" + text_in(each["service"], "serviceName") + ".json";
      std::string text = shared::json::to_pretty_text(each) + "\n";
      for (std::size_t at = text.find("${"); at != std::string::npos; at = text.find("${", at + 3))
        text.insert(at, "$");
      if (auto written = write_file(file, text, context.args.has("--force")); !written)
        return written.error();
      context.out.note("wrote " + file);
    }
  }
  if (!context.args.has("--deploy")) return kDone;
  if (auto reached = context.reach(); !reached) return reached.error();
  return deploy_all(context, *result, project);
}

Result<int> export_services(Context& context) {
  json documents = json::array();
  std::vector<std::string> names = context.args.words;
  if (names.empty()) {
    auto all = all_services(context);
    if (!all) return all.error();
    for (const json& each : *all) names.push_back(text_in(each, "serviceName"));
  }
  for (const std::string& name : names) {
    auto service = find_service(context, name);
    if (!service) return service.error();
    auto definition = task_definition(context, text_in(*service, "taskDefinition"));
    if (!definition) return definition.error();
    json one = json::object();
    one["service"] = service_to_file(*service);
    one["taskDefinition"] = definition_to_file(*definition);
    documents.push_back(std::move(one));
  }
  std::vector<ComposeNote> notes;
  context.out.line(shared::json::to_pretty_text(export_compose(documents, notes)));
  for (const ComposeNote& each : notes)
    context.out.note("berth: " + each.service + ": " + each.member + ": " + each.what);
  return kDone;
}

}  // namespace

std::vector<Command> compose_commands() {
  return {
      {"import compose",
       "Compose",
       "FILE",
       "A compose file as task definitions and services; with --deploy brings it into service",
       "Prints what of the file is carried, changed and not carried. A published port becomes a listener, or "
       "with `x-berth: {host: a.example, path: /x*}` of its\n"
       "service a rule; `x-berth: {task: NAME}` puts several into one task, `protocol: tcp` passes bytes on, "
       "`health: /path` is what is checked.\n"
       "`docker compose config` reads the file where it is there.",
       {{"--deploy", "", "makes target groups, listeners and rules, and deploys one service after the other",
         0},
        {"--write", "FOLDER", "writes a file for deploy for each service", 0},
        {"--project", "NAME", "prefix of families and load balancers (the file's name, or its folder's)", 0},
        {"--no-docker", "", "reads the file without docker compose", 0},
        {"--force", "", "replaces files that exist", 0},
        {"--no-wait", "", "does not follow", 0},
        {"--timeout", "TIME", "how long at most for each service (10m)", 0}},
       1,
       1,
       Completes::kFile,
       Reach::kOffline,
       import},
      {"export compose",
       "Compose",
       "[SERVICE...]",
       "Services that run as a compose file, for local work",
       "JSON, which docker compose reads as the YAML that it is.",
       {},
       0,
       20,
       Completes::kService,
       Reach::kApi,
       export_services},
  };
}

}  // namespace agent::cli
