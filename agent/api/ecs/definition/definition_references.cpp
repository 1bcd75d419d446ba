// What containers say about ports, and about each other by name.
#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/ecs/definition/definition.h"
#include "agent/api/ecs/wire/request.h"
#include "shared/net/endpoint.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

struct Range {
  int first = 0;
  int last = 0;
};

// "8000-8010"; nullopt unless 1 <= first < last <= 65535.
std::optional<Range> range_of(const std::string& text) {
  Range range;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, range.first);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != '-') return std::nullopt;
  const auto last = std::from_chars(first.ptr + 1, end, range.last);
  if (last.ec != std::errc() || last.ptr != end) return std::nullopt;
  if (range.first < 1 || range.last <= range.first || range.last > shared::net::kMaxPort) return std::nullopt;
  return range;
}

Result<void> normalise_port(json& port, const std::string& name, std::string_view mode) {
  const std::string where = "Invalid port mapping of container '" + name + "': ";
  if (!has(port, "protocol")) port["protocol"] = "tcp";
  if (text_in(port, "protocol") != "tcp" && text_in(port, "protocol") != "udp") {
    return client_exception(where + "protocol must be tcp or udp.");
  }
  if (has(port, "appProtocol") && !has(port, "name"))
    return client_exception(where + "appProtocol needs a name.");
  if (has(port, "containerPortRange")) {
    if (has(port, "containerPort") || has(port, "hostPort") || mode == "host") {
      return client_exception(where + "containerPortRange stands alone and is not for networkMode=host.");
    }
    if (!range_of(text_in(port, "containerPortRange"))) {
      return client_exception(where + "containerPortRange must look like 8000-8010.");
    }
    return {};
  }
  const int container_port = integer_in(port, "containerPort").value_or(0);
  if (container_port < 1 || container_port > shared::net::kMaxPort) {
    return client_exception(where + "containerPort must be between 1 and 65535, got " +
                            std::to_string(container_port) + ".");
  }
  const int host_port = integer_in(port, "hostPort").value_or(0);
  if (host_port < 0 || host_port > shared::net::kMaxPort)
    return client_exception(where + "hostPort must be between 0 and 65535, got " + std::to_string(host_port) +
                            ".");
  if (mode == "bridge") {
    port["hostPort"] = host_port;
    return {};
  }
  if (host_port != 0 && host_port != container_port) {
    return client_exception("When networkMode=" + std::string(mode) +
                            ", the host ports and container ports in port mappings must match.");
  }
  port["hostPort"] = container_port;
  return {};
}

Result<std::set<std::string>> volume_names(const json& document) {
  std::set<std::string> names;
  for (const json& volume : list_in(document, "volumes")) names.insert(text_in(volume, "name"));
  return names;
}

// A fixed host port can be taken once per protocol in the whole task.
Result<void> check_host_ports(const json& document) {
  std::set<std::pair<std::string, int>> taken;
  for (const json& container : document["containerDefinitions"]) {
    for (const json& port : list_in(container, "portMappings")) {
      const int host_port = integer_in(port, "hostPort").value_or(0);
      if (host_port == 0) continue;
      if (!taken.emplace(text_in(port, "protocol"), host_port).second) {
        return client_exception("Host port " + std::to_string(host_port) + "/" + text_in(port, "protocol") +
                                " is mapped more than once.");
      }
    }
  }
  return {};
}

using Containers = std::map<std::string, const json*>;

Result<void> check_dependencies(const json& container, const Containers& all) {
  const std::string name = text_in(container, "name");
  for (const json& each : list_in(container, "dependsOn")) {
    const std::string target = text_in(each, "containerName");
    const std::string condition = text_in(each, "condition");
    const auto it = all.find(target);
    if (it == all.end() || target == name) {
      return client_exception("Container '" + name + "' depends on '" + target +
                              "', which is not another container of the task definition.");
    }
    if (condition != "START" && condition != "COMPLETE" && condition != "SUCCESS" && condition != "HEALTHY") {
      return client_exception("Container '" + name + "' has a dependency with the unknown condition '" +
                              condition + "'. It must be START, COMPLETE, SUCCESS or HEALTHY.");
    }
    if ((condition == "COMPLETE" || condition == "SUCCESS") &&
        boolean_in(*it->second, "essential").value_or(true)) {
      return client_exception("A container with the dependency condition " + condition +
                              " can't be marked as essential: '" + target + "'.");
    }
    if (condition == "HEALTHY" && !has(*it->second, "healthCheck")) {
      return client_exception("Container '" + name + "' waits for '" + target +
                              "' to be HEALTHY, which has no healthCheck.");
    }
  }
  return {};
}

Result<void> check_names(const json& container, const Containers& all, const std::set<std::string>& volumes) {
  const std::string name = text_in(container, "name");
  for (const json& each : list_in(container, "mountPoints")) {
    if (!volumes.contains(text_in(each, "sourceVolume"))) {
      return client_exception("Unknown volume '" + text_in(each, "sourceVolume") + "'.");
    }
    if (text_in(each, "containerPath").empty()) {
      return client_exception("A mount point of container '" + name + "' has no containerPath.");
    }
  }
  for (const json& each : list_in(container, "volumesFrom")) {
    if (!all.contains(text_in(each, "sourceContainer"))) {
      return client_exception("Container '" + name + "' takes volumes from the unknown container '" +
                              text_in(each, "sourceContainer") + "'.");
    }
  }
  for (const std::string& link : texts_in(container, "links")) {
    const std::string target = link.substr(0, link.find(':'));
    if (!all.contains(target) || target == name) {
      return client_exception("Container '" + name + "' links to the unknown container '" + target + "'.");
    }
  }
  return {};
}

// Who waits for whom, by dependsOn, links and volumesFrom; a ring could never start.
std::set<std::string> needs_of(const json& container) {
  std::set<std::string> needs;
  for (const json& each : list_in(container, "dependsOn")) needs.insert(text_in(each, "containerName"));
  for (const std::string& each : texts_in(container, "links")) needs.insert(each.substr(0, each.find(':')));
  for (const json& each : list_in(container, "volumesFrom")) needs.insert(text_in(each, "sourceContainer"));
  return needs;
}

Result<void> check_order(const Containers& all) {
  std::set<std::string> startable;
  for (bool progress = true; progress;) {
    progress = false;
    for (const auto& [name, container] : all) {
      if (startable.contains(name)) continue;
      const std::set<std::string> needs = needs_of(*container);
      const bool ready =
          std::all_of(needs.begin(), needs.end(), [&](const auto& each) { return startable.contains(each); });
      if (ready) startable.insert(name);
      progress = progress || ready;
    }
  }
  for (const auto& [name, container] : all) {
    if (!startable.contains(name)) {
      return client_exception("Container dependencies form a cycle that includes '" + name + "'.");
    }
  }
  return {};
}

}  // namespace

Result<void> normalise_ports(json& container, std::string_view network_mode) {
  if (!has(container, "portMappings")) return {};
  const std::string name = text_in(container, "name");
  json& ports = container["portMappings"];
  if (network_mode == "none" && !ports.empty()) {
    return client_exception("Container '" + name +
                            "' has port mappings, which networkMode=none does not allow.");
  }
  std::set<std::pair<int, int>> seen;
  for (json& port : ports) {
    if (auto normal = normalise_port(port, name, network_mode); !normal) return normal;
    const int container_port = integer_in(port, "containerPort").value_or(0);
    const int host_port = integer_in(port, "hostPort").value_or(0);
    // The same container port may be published on several fixed host ports, and for both protocols.
    const int by_protocol = text_in(port, "protocol") == "tcp" ? host_port : -1 - host_port;
    if (container_port != 0 && !seen.emplace(container_port, by_protocol).second) {
      return client_exception("Container '" + name + "' maps port " + std::to_string(container_port) +
                              " more than once.");
    }
  }
  return {};
}

Result<void> check_references(const json& document) {
  Containers all;
  for (const json& each : document["containerDefinitions"]) all[text_in(each, "name")] = &each;
  const auto volumes = volume_names(document);
  for (const auto& [name, container] : all) {
    if (auto names = check_names(*container, all, *volumes); !names) return names;
    if (auto dependencies = check_dependencies(*container, all); !dependencies) return dependencies;
    if (!list_in(*container, "links").empty() && has(document, "networkMode") &&
        text_in(document, "networkMode") != "bridge") {
      return client_exception("Links are only supported when networkMode=bridge.");
    }
  }
  if (auto order = check_order(all); !order) return order;
  return check_host_ports(document);
}

}  // namespace agent::api::ecs
