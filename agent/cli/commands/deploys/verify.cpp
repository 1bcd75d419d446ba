#include "agent/cli/commands/deploys/verify.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/commands/look.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

struct Needs {
  long long cpu = 0;
  long long memory = 0;
  std::set<long long> ports;
};

Needs needs_of(const json& definition) {
  Needs needs;
  for (const json& each : list_in(definition, "containerDefinitions")) {
    needs.cpu += number_in(each, "cpu");
    needs.memory +=
        each.contains("memoryReservation") ? number_in(each, "memoryReservation") : number_in(each, "memory");
    for (const json& port : list_in(each, "portMappings")) {
      const long long host = text_in(definition, "networkMode") == "host" ? number_in(port, "containerPort")
                                                                          : number_in(port, "hostPort");
      if (host != 0) needs.ports.insert(host);
    }
  }
  if (number_in(definition, "cpu") > 0) needs.cpu = number_in(definition, "cpu");
  if (number_in(definition, "memory") > 0) needs.memory = number_in(definition, "memory");
  return needs;
}

long long resource(const json& node, const char* member, std::string_view name) {
  for (const json& each : list_in(node, member))
    if (text_in(each, "name") == name) return number_in(each, "integerValue");
  return 0;
}

// Nothing to say where the asking itself is not possible (a key without that right).
bool is_absent(const Error& error) {
  return error.code().find("NotFound") != std::string::npos ||
         error.code().find("NoSuch") != std::string::npos || error.code() == "ParameterNotFound";
}

class Verifier {
 public:
  Verifier(Context& context, const json& service, const json& definition)
      : context_(context), service_(service), definition_(definition) {}

  Result<std::vector<std::string>> run() {
    if (auto checked = balancers(); !checked) return checked.error();
    if (auto checked = room(); !checked) return checked.error();
    roles();
    for (const json& each : list_in(definition_, "containerDefinitions")) secrets(each);
    return std::move(problems_);
  }

 private:
  void problem(std::string text) { problems_.push_back(std::move(text)); }

  Result<void> balancers() {
    const json& containers = list_in(definition_, "containerDefinitions");
    for (const json& each : list_in(service_, "loadBalancers")) {
      const std::string group = text_in(each, "targetGroupArn");
      const std::string container = text_in(each, "containerName");
      const long long port = number_in(each, "containerPort");
      auto found = context_.api().elb("DescribeTargetGroups", {{"TargetGroupArns", json::array({group})}});
      if (!found && !is_absent(found.error()) && is_access_error(found.error())) return found.error();
      if (!found) {
        problem("loadBalancers: target group " + elb_name(group) + ": " + found.error().text());
      } else {
        for (const json& one : list_in(*found, "TargetGroups")) {
          if (list_in(one, "LoadBalancerArns").empty())
            problem("loadBalancers: no listener forwards to target group " + elb_name(group) +
                    ": nothing would reach the service");
        }
      }
      const auto match = std::find_if(containers.begin(), containers.end(),
                                      [&](const json& one) { return text_in(one, "name") == container; });
      if (containers.empty()) continue;
      if (match == containers.end()) {
        problem("loadBalancers: there is no container '" + container + "' in the task definition");
        continue;
      }
      const json& ports = list_in(*match, "portMappings");
      if (std::none_of(ports.begin(), ports.end(),
                       [&](const json& one) { return number_in(one, "containerPort") == port; }))
        problem("loadBalancers: container '" + container + "' has no portMapping for containerPort " +
                std::to_string(port));
    }
    return {};
  }

  Result<void> room() {
    auto nodes = all_nodes(context_);
    if (!nodes) return nodes.error();
    if (nodes->empty()) {
      problem("no host has joined cluster " + context_.cluster() + ": `berth join` says how one does");
      return {};
    }
    std::string reasons;
    for (const json& each : *nodes) {
      const std::string why = why_not_here(each, definition_);
      if (why.empty()) return {};
      reasons += "\n    " + node_name(each) + ": " + why;
    }
    problem("no host has room for a task:" + reasons);
    return {};
  }

  void roles() {
    for (const char* member : {"taskRoleArn", "executionRoleArn"}) {
      const std::string role = text_in(definition_, member);
      if (role.empty()) continue;
      const auto found = context_.api().iam("GetRole", {{"RoleName", std::string(name_in(role))}});
      if (!found && is_absent(found.error()))
        problem(std::string(member) + ": there is no role " + std::string(name_in(role)));
    }
  }

  void secrets(const json& container) {
    const std::string where = "container " + text_in(container, "name") + ": ";
    for (const json& each : list_in(container, "secrets")) {
      const std::string from = text_in(each, "valueFrom");
      const bool secret = from.find(":secretsmanager:") != std::string::npos;
      std::string id = from;
      if (secret) {
        // ARN:json-key:version-stage:version-id
        std::size_t at = 0;
        for (int colons = 0; at < id.size() && colons < 7; ++at) colons += id[at] == ':' ? 1 : 0;
        if (at < id.size()) id.resize(at - 1);
      }
      const auto found = secret ? context_.api().secrets("DescribeSecret", {{"SecretId", id}})
                                : context_.api().ssm("GetParameter", {{"Name", parameter_name(id)}});
      if (!found && is_absent(found.error()))
        problem(where + "secrets " + text_in(each, "name") + ": there is no " +
                (secret ? "secret " : "parameter ") + id);
    }
    const json& logs = object_in(container, "logConfiguration");
    const std::string group = text_in(object_in(logs, "options"), "awslogs-group");
    if (text_in(logs, "logDriver") != "awslogs" || group.empty() ||
        text_in(object_in(logs, "options"), "awslogs-create-group") == "true")
      return;
    const auto found = context_.api().logs("DescribeLogGroups", {{"logGroupNamePrefix", group}});
    if (!found) return;
    const json& groups = list_in(*found, "logGroups");
    if (std::none_of(groups.begin(), groups.end(),
                     [&](const json& each) { return text_in(each, "logGroupName") == group; }))
      problem(where + "there is no log group " + group +
              "; `aws logs create-log-group` makes it, or the option awslogs-create-group");
  }

  static std::string parameter_name(const std::string& from) {
    const std::size_t at = from.find(":parameter/");
    if (at == std::string::npos) return from;
    const std::string name = from.substr(at + sizeof(":parameter/") - 2);
    return name.find('/', 1) == std::string::npos ? name.substr(1) : name;
  }

  Context& context_;
  const json& service_;
  const json& definition_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<std::vector<std::string>> problems_of(Context& context, const json& service, const json& definition) {
  return Verifier(context, service, definition).run();
}

std::string why_not_here(const json& node, const json& definition) {
  if (!flag_in(node, "agentConnected")) return "is not connected";
  if (text_in(node, "status") != "ACTIVE") return "is " + text_in(node, "status");
  const Needs needs = needs_of(definition);
  // What a deployment frees is not known here: what a host has at all is what counts.
  if (const long long all = resource(node, "registeredResources", "CPU"); all < needs.cpu)
    return "has " + std::to_string(all) + " cpu units of the " + std::to_string(needs.cpu) +
           " that a task reserves";
  if (const long long all = resource(node, "registeredResources", "MEMORY"); all < needs.memory)
    return "has " + std::to_string(all) + " MiB of the " + std::to_string(needs.memory) +
           " that a task reserves";
  for (const json& container : list_in(definition, "containerDefinitions")) {
    const std::string driver = text_in(object_in(container, "logConfiguration"), "logDriver");
    if (driver.empty()) continue;
    const json& attributes = list_in(node, "attributes");
    const std::string wanted = "com.amazonaws.ecs.capability.logging-driver." + driver;
    if (std::none_of(attributes.begin(), attributes.end(),
                     [&](const json& each) { return text_in(each, "name") == wanted; }))
      return "its agent does not offer the log driver " + driver + " (ECS_AVAILABLE_LOGGING_DRIVERS)";
  }
  return "";
}

}  // namespace agent::cli
