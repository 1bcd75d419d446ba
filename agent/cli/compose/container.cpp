#include "agent/cli/compose/container.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr long long kMebibyte = 1024 * 1024;
constexpr long long kUsualMemory = 128;  // MiB, where the file says nothing
constexpr double kCpuUnits = 1024;
constexpr long long kMaxPort = 65'535;

std::string as_text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::vector<std::string> as_list(const json& value) {
  std::vector<std::string> out;
  if (value.is_array()) {
    for (const json& each : value) out.push_back(as_text(each));
  } else if (!value.is_null()) {
    out.push_back(as_text(value));
  }
  return out;
}

std::optional<long long> mebibytes(const json& value) {
  const auto bytes = bytes_of(as_text(value));
  return bytes ? std::optional(std::max(1LL, *bytes / kMebibyte)) : std::nullopt;
}

std::optional<int> port_number(std::string_view text) {
  int port = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), port);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || port < 1 || port > kMaxPort)
    return std::nullopt;
  return port;
}

// Names that ECS takes for volumes.
std::string volume_name(std::string text) {
  for (char& c : text)
    if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_') c = '-';
  while (text.starts_with('-')) text.erase(0, 1);
  return text;
}

bool is_path(const std::string& text) {
  return text.starts_with('/') || text.starts_with('.') || text.starts_with('~');
}

struct Words {
  const char* compose;
  const char* ecs;
};

// Texts, numbers and truths that are the same in both.
constexpr Words kSame[] = {{"image", "image"},
                           {"hostname", "hostname"},
                           {"user", "user"},
                           {"working_dir", "workingDirectory"},
                           {"privileged", "privileged"},
                           {"read_only", "readonlyRootFilesystem"},
                           {"tty", "pseudoTerminal"},
                           {"stdin_open", "interactive"}};
constexpr Words kLists[] = {{"dns", "dnsServers"},
                            {"dns_search", "dnsSearchDomains"},
                            {"security_opt", "dockerSecurityOptions"},
                            {"links", "links"}};

constexpr Words kNotCarried[] = {
    {"container_name", "containers of tasks have names of their own, since there may be many"},
    {"networks", "tasks are on their host's bridge"},
    {"profiles", "all services are imported; leave out what is not wanted"},
    {"secrets", "put them into Secrets Manager or a parameter and name these in `secrets` of the container"},
    {"configs", "put the file into the image or onto the hosts"},
    {"stop_signal", "the image's STOPSIGNAL is what is sent"},
    {"extends", "needs docker compose, which resolves it"},
    {"pull_policy", "the agent's ECS_IMAGE_PULL_BEHAVIOR decides"},
    {"platform", "hosts are chosen by placement constraints"},
    {"mac_address", "there is no member of ECS for it"},
    {"userns_mode", "there is no member of ECS for it"},
    {"cgroup_parent", "each task has a cgroup of its own"},
    {"oom_score_adj", "there is no member of ECS for it"},
    {"oom_kill_disable", "there is no member of ECS for it"},
    {"isolation", "there is no member of ECS for it"},
    {"runtime", "there is no member of ECS for it"},
    {"group_add", "there is no member of ECS for it"},
    {"cpuset", "there is no member of ECS for it"},
    {"pids_limit", "the agent's ECS_TASK_PIDS_LIMIT holds for all tasks"},
    {"annotations", "there is no member of ECS for it"},
    {"develop", "is for building"},
    {"attach", "is for the terminal of docker compose"},
};

}  // namespace

Result<json> ContainerImport::run(json& volumes, json& service, json& definition, const json& file) {
  json out = {{"name", name_}};
  const json project = file.contains("name") ? file["name"] : json("app");
  for (const auto& [member, value] : from_.items()) {
    if (value.is_null() || member == "depends_on" || member == "x-berth") continue;
    if (simple(member, value, out) || linux_parameter(member, value, out)) continue;
    if (member == "command") {
      command(member, "command", value, out);
    } else if (member == "entrypoint") {
      command(member, "entryPoint", value, out);
    } else if (member == "environment") {
      environment(value, out);
    } else if (member == "labels") {
      pairs(member, value, "dockerLabels", nullptr, nullptr, out);
    } else if (member == "sysctls") {
      pairs(member, value, "systemControls", "namespace", "value", out);
    } else if (member == "extra_hosts") {
      pairs(member, value, "extraHosts", "hostname", "ipAddress", out);
    } else if (member == "healthcheck") {
      health_check(value, out);
    } else if (member == "ports") {
      std::size_t at = 0;
      for (const json& each : value) port("ports[" + std::to_string(at++) + "]", each, out);
    } else if (member == "expose") {
      changed(member, "containers of one task reach each other's ports without it");
    } else if (member == "volumes") {
      std::size_t at = 0;
      for (const json& each : value)
        volume("volumes[" + std::to_string(at++) + "]", each, out, volumes, file);
    } else if (member == "deploy") {
      deploy(value, out, service);
    } else if (member == "scale") {
      service["desiredCount"] = value;
      yes(member, "desiredCount " + as_text(value));
    } else if (member == "logging") {
      logging(value, out);
    } else if (member == "ulimits") {
      ulimits(value, out);
    } else if (member == "restart") {
      restart(as_text(value), out);
    } else if (member == "build") {
      const std::string image =
          from_.contains("image") ? as_text(from_["image"]) : as_text(project) + "-" + name_;
      out["image"] = image;
      changed(member, "build it with `docker compose build` and bring it to the hosts as " + image);
    } else if (member == "env_file") {
      no(member, "its file was not read: give the variables in `environment`");
    } else if (member == "network_mode" && (value == "host" || value == "none" || value == "bridge")) {
      definition["networkMode"] = value;
      yes(member, "networkMode " + as_text(value) + " of the task");
    } else if ((member == "pid" || member == "ipc") && value == "host") {
      definition[member + "Mode"] = "host";
      yes(member, member + "Mode host of the task");
    } else if (member.starts_with("x-")) {
      no(member, "is an extension that Berth does not know");
    } else {
      const auto* known = std::find_if(std::begin(kNotCarried), std::end(kNotCarried),
                                       [&](const Words& each) { return member == each.compose; });
      no(member, known == std::end(kNotCarried) ? "is not known" : known->ecs);
    }
  }
  if (!out.contains("image"))
    return Error("document", "services." + name_ + ": has neither image nor build", shared::Blame::kClient);
  if (!out.contains("memory") && !out.contains("memoryReservation")) {
    out["memoryReservation"] = kUsualMemory;
    changed("mem_reservation",
            "ECS wants a number: " + std::to_string(kUsualMemory) + " MiB are reserved, more may be used");
  }
  return out;
}

bool ContainerImport::simple(const std::string& member, const json& value, json& out) {
  for (const Words& each : kSame) {
    if (member != each.compose) continue;
    out[each.ecs] = member == "user" ? json(as_text(value)) : value;
    yes(member, each.ecs);
    return true;
  }
  for (const Words& each : kLists) {
    if (member != each.compose) continue;
    out[each.ecs] = as_list(value);
    yes(member, each.ecs);
    return true;
  }
  if (member == "mem_limit" || member == "mem_reservation") {
    const auto size = mebibytes(value);
    if (!size) return no(member, "'" + as_text(value) + "' is no size"), true;
    out[member == "mem_limit" ? "memory" : "memoryReservation"] = *size;
    return yes(member, std::string(member == "mem_limit" ? "memory " : "memoryReservation ") +
                           std::to_string(*size) + " MiB"),
           true;
  }
  if (member == "cpus" || member == "cpu_shares") {
    double number = 0;
    const std::string text = as_text(value);
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec != std::errc())
      return no(member, "'" + text + "' is no number"), true;
    const auto units = static_cast<long long>(std::lround(member == "cpus" ? number * kCpuUnits : number));
    out["cpu"] = units;
    if (member == "cpus")
      return changed(member, "cpu " + std::to_string(units) +
                                 " units, which are reserved and weigh; more may be used while others rest"),
             true;
    return yes(member, "cpu " + std::to_string(units)), true;
  }
  if (member == "stop_grace_period") {
    const auto seconds = seconds_of(value);
    if (!seconds) return no(member, "'" + as_text(value) + "' is no duration"), true;
    out["stopTimeout"] = *seconds;
    return yes(member, "stopTimeout " + std::to_string(*seconds)), true;
  }
  return false;
}

bool ContainerImport::linux_parameter(const std::string& member, const json& value, json& out) {
  if (member == "init") {
    out["linuxParameters"]["initProcessEnabled"] = value;
    return yes(member, "initProcessEnabled"), true;
  }
  if (member == "cap_add" || member == "cap_drop") {
    out["linuxParameters"]["capabilities"][member == "cap_add" ? "add" : "drop"] = as_list(value);
    return yes(member, "capabilities"), true;
  }
  if (member == "shm_size" || member == "memswap_limit") {
    const auto size = mebibytes(value);
    if (!size) return no(member, "'" + as_text(value) + "' is no size"), true;
    out["linuxParameters"][member == "shm_size" ? "sharedMemorySize" : "maxSwap"] = *size;
    return yes(member, std::to_string(*size) + " MiB"), true;
  }
  if (member == "tmpfs") {
    for (const std::string& each : as_list(value)) {
      json one = {{"containerPath", each.substr(0, each.find(':'))}};
      one["size"] = 64;
      out["linuxParameters"]["tmpfs"].push_back(std::move(one));
    }
    return changed(member, "ECS wants a size: 64 MiB each"), true;
  }
  if (member == "devices") {
    for (const std::string& each : as_list(value)) {
      json one = {{"hostPath", each.substr(0, each.find(':'))}};
      const std::size_t colon = each.find(':');
      if (colon != std::string::npos)
        one["containerPath"] = each.substr(colon + 1, each.find(':', colon + 1) - colon - 1);
      out["linuxParameters"]["devices"].push_back(std::move(one));
    }
    return yes(member, "devices"), true;
  }
  return false;
}

void ContainerImport::command(const std::string& member, const char* into, const json& value, json& out) {
  out[into] = value.is_string() ? json(shell_words(value.get<std::string>())) : json(as_list(value));
  yes(member, into);
}

void ContainerImport::pairs(const std::string& member, const json& value, const char* into, const char* key,
                            const char* text, json& out) {
  std::vector<std::pair<std::string, std::string>> found;
  if (value.is_object()) {
    for (const auto& [name, each] : value.items()) found.emplace_back(name, as_text(each));
  } else {
    for (const std::string& each : as_list(value)) {
      const std::size_t at =
          std::min(each.find('='), member == "extra_hosts" ? each.find(':') : std::string::npos);
      found.emplace_back(each.substr(0, at), at == std::string::npos ? "" : each.substr(at + 1));
    }
  }
  for (auto& [name, each] : found) {
    if (key == nullptr) {
      out[into][name] = each;
      continue;
    }
    json one = {{key, name}};
    one[text] = each;
    out[into].push_back(std::move(one));
  }
  if (!found.empty()) yes(member, into);
}

void ContainerImport::environment(const json& value, json& out) {
  const auto add = [&](const std::string& name, const json& text) {
    if (text.is_null())
      return no("environment." + name, "has its value from the shell that runs docker compose: give one");
    json one = {{"name", name}};
    one["value"] = as_text(text);
    out["environment"].push_back(std::move(one));
  };
  if (value.is_object()) {
    for (const auto& [name, text] : value.items()) add(name, text);
  } else {
    for (const std::string& each : as_list(value)) {
      const std::size_t equals = each.find('=');
      add(each.substr(0, equals), equals == std::string::npos ? json() : json(each.substr(equals + 1)));
    }
  }
  if (out.contains("environment"))
    yes("environment", std::to_string(out["environment"].size()) + " variables");
}

void ContainerImport::health_check(const json& value, json& out) {
  if (!value.is_object()) return no("healthcheck", "must be a mapping");
  if (value.value("disable", false)) {
    out["healthCheck"]["command"] = {"NONE"};
    return yes("healthcheck", "none");
  }
  json check = json::object();
  const json test = value.contains("test") ? value["test"] : json();
  if (test.is_string()) {
    check["command"] = {"CMD-SHELL", test};
  } else if (test.is_array()) {
    check["command"] = as_list(test);
  } else {
    return no("healthcheck", "has no test of its own; the image's is not seen by ECS");
  }
  const auto time = [&](const char* member, const char* into, long long least, long long most) {
    if (!value.contains(member)) return;
    const auto seconds = seconds_of(value[member]);
    if (!seconds)
      return no(std::string("healthcheck.") + member, "'" + as_text(value[member]) + "' is no duration");
    check[into] = std::clamp(*seconds, least, most);
    if (check[into] != *seconds)
      changed(std::string("healthcheck.") + member, "ECS takes " + std::to_string(least) + " to " +
                                                        std::to_string(most) +
                                                        " seconds: " + check[into].dump());
  };
  time("interval", "interval", 5, 300);
  time("timeout", "timeout", 2, 60);
  time("start_period", "startPeriod", 0, 300);
  if (value.contains("retries") && value["retries"].is_number()) {
    const auto retries = value["retries"].get<long long>();
    check["retries"] = std::clamp(retries, 1LL, 10LL);
    if (check["retries"] != retries)
      changed("healthcheck.retries", "ECS takes 1 to 10: " + check["retries"].dump());
  }
  if (value.contains("start_interval")) no("healthcheck.start_interval", "ECS has one interval");
  out["healthCheck"] = std::move(check);
  yes("healthcheck", "healthCheck");
}

void ContainerImport::port(const std::string& member, const json& value, json& out) {
  std::string target, published, protocol = "tcp";
  if (value.is_object()) {
    target = value.contains("target") ? as_text(value["target"]) : "";
    published = value.contains("published") ? as_text(value["published"]) : "";
    protocol = value.value("protocol", "tcp");
  } else {
    std::string text = as_text(value);
    if (const std::size_t slash = text.find('/'); slash != std::string::npos) {
      protocol = text.substr(slash + 1);
      text.resize(slash);
    }
    const std::size_t colon = text.rfind(':');
    target = colon == std::string::npos ? text : text.substr(colon + 1);
    if (colon != std::string::npos) {
      const std::string rest = text.substr(0, colon);
      const std::size_t address = rest.rfind(':');
      published = address == std::string::npos ? rest : rest.substr(address + 1);
      if (address != std::string::npos)
        changed(member, "the address " + rest.substr(0, address) +
                            " is not kept: listeners are at the balancers' addresses (--listener-address)");
    }
  }
  const auto container_port = port_number(target);
  if (!container_port)
    return no(member, "'" + as_text(value) + "' is no single port; give each port of a range by itself");
  json mapping = {{"containerPort", *container_port}};
  if (protocol != "tcp") mapping["protocol"] = protocol;
  const auto listener = port_number(published);
  if (!published.empty() && !listener) no(member, "'" + published + "' is no single port");
  if (protocol == "udp" && listener) {
    mapping["hostPort"] = *listener;
    changed(member, "port " + published + " of each host itself, so one task a host: no listener is for UDP");
  } else if (listener) {
    ComposePort port;
    port.container = name_;
    port.container_port = *container_port;
    port.listener_port = *listener;
    const json own =
        from_.contains("x-berth") && from_["x-berth"].is_object() ? from_["x-berth"] : json(json::object());
    port.host = own.value("host", "");
    port.path = own.value("path", "");
    port.protocol = own.value("protocol", "http") == "tcp" ? "TCP" : "HTTP";
    port.health_path = own.value("health", "/");
    const bool rule = !port.host.empty() || !port.path.empty();
    changed(member, std::string("a ") + (rule ? "rule" : "listener") + " of port " + published + " (" +
                        port.protocol + ") that leads to container port " + target);
    ports_.push_back(std::move(port));
  } else if (published.empty()) {
    changed(member, "container port " + target + " has a port that the engine chooses, and no listener");
  }
  out["portMappings"].push_back(std::move(mapping));
}

void ContainerImport::volume(const std::string& member, const json& value, json& out, json& volumes,
                             const json& file) {
  std::string source, target;
  bool read_only = false;
  std::string type;
  if (value.is_object()) {
    source = value.value("source", "");
    target = value.value("target", "");
    read_only = value.value("read_only", false);
    type = value.value("type", "");
  } else {
    const std::string text = as_text(value);
    const std::size_t first = text.find(':');
    const std::size_t second = first == std::string::npos ? first : text.find(':', first + 1);
    source = first == std::string::npos ? "" : text.substr(0, first);
    target = first == std::string::npos ? text : text.substr(first + 1, second - first - 1);
    const std::string mode = second == std::string::npos ? "" : text.substr(second + 1);
    read_only = mode == "ro" || mode.starts_with("ro,");
  }
  if (target.empty()) return no(member, "has no path in the container");
  if (type == "tmpfs") {
    json one = {{"containerPath", target}};
    one["size"] = 64;
    out["linuxParameters"]["tmpfs"].push_back(std::move(one));
    return changed(member, "tmpfs of 64 MiB: ECS wants a size");
  }
  json volume = json::object();
  std::string name;
  if (is_path(source)) {
    if (!source.starts_with('/'))
      return no(
          member,
          "'" + source +
              "' is a folder of this machine; give a path that is on every host, or put it into the image");
    name = volume_name(source);
    volume["host"]["sourcePath"] = source;
    changed(member, "the folder " + source + " of the task's host: it must be there on each");
  } else if (source.empty()) {
    name = volume_name(name_ + target);
    volume["host"] = json::object();
    yes(member, "a volume of the task, gone with it");
  } else {
    name = volume_name(source);
    json& docker = volume["dockerVolumeConfiguration"];
    docker["scope"] = "shared";
    docker["autoprovision"] = true;
    const json& known =
        file.contains("volumes") && file["volumes"].is_object() && file["volumes"].contains(source)
            ? file["volumes"][source]
            : json();
    docker["driver"] = known.is_object() ? known.value("driver", "local") : "local";
    if (known.is_object() && known.contains("driver_opts") && known["driver_opts"].is_object())
      for (const auto& [key, each] : known["driver_opts"].items()) docker["driverOpts"][key] = as_text(each);
    changed(member,
            "the engine's volume " + name + " of the task's host: a task on another host has another one");
  }
  volume["name"] = name;
  if (std::none_of(volumes.begin(), volumes.end(), [&](const json& each) { return each["name"] == name; }))
    volumes.push_back(std::move(volume));
  json mount = {{"sourceVolume", name}};
  mount["containerPath"] = target;
  if (read_only) mount["readOnly"] = true;
  out["mountPoints"].push_back(std::move(mount));
}

void ContainerImport::resources(const json& value, json& out) {
  for (const auto& [kind, each] : value.items()) {
    if (!each.is_object()) continue;
    const bool limit = kind == "limits";
    for (const auto& [member, amount] : each.items()) {
      const std::string path = "deploy.resources." + kind + "." + member;
      if (member == "memory") {
        const auto size = mebibytes(amount);
        if (!size) {
          no(path, "'" + as_text(amount) + "' is no size");
          continue;
        }
        out[limit ? "memory" : "memoryReservation"] = *size;
        yes(path, std::string(limit ? "memory " : "memoryReservation ") + std::to_string(*size) + " MiB");
      } else if (member == "cpus") {
        if (limit && value.contains("reservations") && value["reservations"].is_object() &&
            value["reservations"].contains("cpus")) {
          changed(path, "the reservation is what counts: cpu units are reserved and weigh");
          continue;
        }
        simple("cpus", amount, out);
      } else {
        no(path, member == "devices" ? "no host offers GPUs" : "there is no member of ECS for it");
      }
    }
  }
}

void ContainerImport::deploy(const json& value, json& out, json& service) {
  if (!value.is_object()) return no("deploy", "must be a mapping");
  for (const auto& [member, each] : value.items()) {
    const std::string path = "deploy." + member;
    if (member == "replicas") {
      service["desiredCount"] = each;
      yes(path, "desiredCount " + as_text(each));
    } else if (member == "mode") {
      if (each == "global") {
        service["schedulingStrategy"] = "DAEMON";
        service.erase("desiredCount");
        yes(path, "schedulingStrategy DAEMON: one task on each host");
      } else {
        yes(path, "schedulingStrategy REPLICA");
      }
    } else if (member == "resources" && each.is_object()) {
      resources(each, out);
    } else if (member == "restart_policy") {
      changed(path, "the service starts another task whenever one ends, later each time it fails");
    } else if (member == "update_config" && each.is_object()) {
      json& configuration = service["deploymentConfiguration"];
      const bool start_first = each.value("order", "stop-first") == "start-first";
      configuration["minimumHealthyPercent"] = start_first ? 100 : 50;
      configuration["maximumPercent"] = start_first ? 200 : 100;
      if (each.value("failure_action", "") == "rollback") {
        configuration["deploymentCircuitBreaker"]["enable"] = true;
        configuration["deploymentCircuitBreaker"]["rollback"] = true;
      }
      changed(path,
              std::string("deploymentConfiguration with at least ") +
                  (start_first ? "100% and at most 200%" : "50% and at most 100%") + " of the tasks" +
                  (configuration.contains("deploymentCircuitBreaker") ? ", rolled back when it fails" : ""));
    } else if (member == "labels") {
      no(path, "services have tags; containers have `labels`");
    } else if (member == "placement") {
      no(path, "put placementConstraints into the service");
    } else {
      no(path, "there is no member of ECS for it");
    }
  }
}

void ContainerImport::logging(const json& value, json& out) {
  if (!value.is_object()) return no("logging", "must be a mapping");
  const std::string driver = value.value("driver", "json-file");
  out["logConfiguration"]["logDriver"] = driver;
  if (value.contains("options") && value["options"].is_object())
    for (const auto& [name, each] : value["options"].items())
      out["logConfiguration"]["options"][name] = as_text(each);
  yes("logging", "logConfiguration with " + driver + ", which the agents must offer");
}

void ContainerImport::ulimits(const json& value, json& out) {
  if (!value.is_object()) return no("ulimits", "must be a mapping");
  for (const auto& [name, each] : value.items()) {
    json one = {{"name", name}};
    one["softLimit"] = each.is_object() ? each.value("soft", json(0)) : each;
    one["hardLimit"] = each.is_object() ? each.value("hard", json(0)) : each;
    out["ulimits"].push_back(std::move(one));
  }
  yes("ulimits", "ulimits");
}

void ContainerImport::restart(const std::string& word, json& out) {
  if (word == "no" || word == "false") {
    out.erase("restartPolicy");
    return changed(
        "restart",
        "a service starts another task whenever one ends; for something that ends, use `berth run`");
  }
  yes("restart", "the service starts another task whenever one ends");
}

}  // namespace agent::cli
