#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/compose/compose.h"

namespace agent::cli {

using nlohmann::json;

namespace {

struct Same {
  const char* ecs;
  const char* compose;
};
constexpr Same kMembers[] = {{"image", "image"},
                             {"command", "command"},
                             {"entryPoint", "entrypoint"},
                             {"hostname", "hostname"},
                             {"user", "user"},
                             {"workingDirectory", "working_dir"},
                             {"privileged", "privileged"},
                             {"readonlyRootFilesystem", "read_only"},
                             {"pseudoTerminal", "tty"},
                             {"interactive", "stdin_open"},
                             {"dnsServers", "dns"},
                             {"dnsSearchDomains", "dns_search"},
                             {"dockerSecurityOptions", "security_opt"},
                             {"dockerLabels", "labels"},
                             {"links", "links"}};

class Exporter {
 public:
  explicit Exporter(std::vector<ComposeNote>& notes) : notes_(notes) {}

  json run(const json& documents) {
    json out = {{"services", json::object()}};
    json volumes = json::object();
    for (const json& each : documents) {
      const json& definition = each["taskDefinition"];
      const std::string service = each["service"].value("serviceName", definition.value("family", "task"));
      const json& containers = definition["containerDefinitions"];
      for (const json& container : containers) {
        const std::string name = container.value("name", "main");
        // A service of one container has its own name.
        const std::string key = containers.size() == 1 ? service : name;
        json one = container_of(key, container, volumes, definition);
        if (containers.size() > 1) one["x-berth"]["task"] = service;
        if (each["service"].contains("desiredCount"))
          one["deploy"]["replicas"] = each["service"]["desiredCount"];
        out["services"][key] = std::move(one);
      }
      if (each["service"].contains("loadBalancers"))
        notes_.push_back({Carried::kChanged, service, "loadBalancers",
                          "compose has no load balancer: ports are published as containers have them"});
    }
    if (!volumes.empty()) out["volumes"] = std::move(volumes);
    return out;
  }

 private:
  json container_of(const std::string& service, const json& from, json& volumes, const json& definition) {
    json out = json::object();
    for (const auto& [member, value] : from.items()) {
      const auto* same = std::find_if(std::begin(kMembers), std::end(kMembers),
                                      [&, wanted = member](const Same& each) { return wanted == each.ecs; });
      if (same != std::end(kMembers)) {
        out[same->compose] = value;
      } else if (member == "environment") {
        for (const json& each : value) out["environment"][each.value("name", "")] = each.value("value", "");
      } else if (member == "portMappings") {
        for (const json& each : value) {
          const int port = each.value("containerPort", 0);
          const int host = each.value("hostPort", 0);
          out["ports"].push_back(std::to_string(host == 0 ? port : host) + ":" + std::to_string(port) +
                                 (each.value("protocol", "tcp") == "udp" ? "/udp" : ""));
        }
      } else if (member == "healthCheck") {
        out["healthcheck"]["test"] = value.value("command", json::array());
        for (const auto& [ecs, compose] :
             {std::pair{"interval", "interval"}, {"timeout", "timeout"}, {"startPeriod", "start_period"}})
          if (value.contains(ecs)) out["healthcheck"][compose] = value[ecs].dump() + "s";
        if (value.contains("retries")) out["healthcheck"]["retries"] = value["retries"];
      } else if (member == "memory" || member == "memoryReservation") {
        out[member == "memory" ? "mem_limit" : "mem_reservation"] = value.dump() + "m";
      } else if (member == "stopTimeout") {
        out["stop_grace_period"] = value.dump() + "s";
      } else if (member == "logConfiguration") {
        out["logging"]["driver"] = value.value("logDriver", "json-file");
        if (value.contains("options")) out["logging"]["options"] = value["options"];
      } else if (member == "mountPoints") {
        for (const json& each : value) mount(each, out, volumes, definition);
      } else if (member == "dependsOn") {
        for (const json& each : value) {
          const std::string condition = each.value("condition", "START");
          out["depends_on"][each.value("containerName", "")]["condition"] =
              condition == "HEALTHY" ? "service_healthy"
              : condition == "START" ? "service_started"
                                     : "service_completed_successfully";
        }
      } else if (member == "cpu") {
        out["cpu_shares"] = value;
      } else if (member != "name" && member != "essential") {
        notes_.push_back({Carried::kNo, service, member, "has no form in the compose file that is written"});
      }
    }
    return out;
  }

  static void mount(const json& from, json& out, json& volumes, const json& definition) {
    const std::string name = from.value("sourceVolume", "");
    std::string source = name;
    if (definition.contains("volumes"))
      for (const json& each : definition["volumes"])
        if (each.value("name", "") == name && each.contains("host") && each["host"].contains("sourcePath"))
          source = each["host"]["sourcePath"];
    if (source == name) volumes[name] = json::object();
    out["volumes"].push_back(source + ":" + from.value("containerPath", "") +
                             (from.value("readOnly", false) ? ":ro" : ""));
  }

  std::vector<ComposeNote>& notes_;
};

}  // namespace

json export_compose(const json& documents, std::vector<ComposeNote>& notes) {
  return Exporter(notes).run(documents);
}

}  // namespace agent::cli
