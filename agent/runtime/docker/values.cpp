#include "agent/runtime/docker/values.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "shared/json/reader.h"

namespace agent::runtime::docker {
namespace {

using nlohmann::json;
using shared::Error;
using shared::Result;
using shared::http::equals_ignoring_case;
using shared::json::Document;
using shared::json::Reader;

// Go's rules for decoding over a filled struct.
void lay_over(json& base, const json& over) {
  for (const auto& [key, value] : over.items()) {
    if (value.is_null()) continue;
    auto found = base.find(key);
    for (auto it = base.begin(); found == base.end() && it != base.end(); ++it) {
      if (equals_ignoring_case(it.key(), key)) found = it;
    }
    if (found == base.end()) {
      base[key] = value;
    } else if (found->is_object() && value.is_object()) {
      found->update(value);
    } else {
      *found = value;
    }
  }
}

Result<json> object_in(const std::string& text, const char* what) {
  auto parsed = shared::json::parse(text.empty() ? "{}" : text);
  if (!parsed || !parsed->is_object()) {
    return Error("CannotCreateContainerError", std::string(what) + " is no JSON object");
  }
  return std::move(*parsed);
}

// As the engine takes it: a port, a range that it chooses from, or nothing for any port.
std::string host_port_of(const PortBinding& p) {
  if (p.host_port > 0) return std::to_string(p.host_port);
  if (p.choose_last == 0) return "";
  return std::to_string(p.choose_first) + "-" + std::to_string(p.choose_last);
}

json host_config(const ContainerSpec& spec) {
  json host = {{"NetworkMode", spec.network_mode},
               {"CpuShares", std::clamp(spec.cpu_shares, kMinCpuShares, kMaxCpuShares)}};
  if (spec.memory_bytes > 0) host["Memory"] = spec.memory_bytes;
  if (!spec.cgroup_parent.empty()) host["CgroupParent"] = spec.cgroup_parent;
  if (!spec.links.empty()) host["Links"] = spec.links;
  if (!spec.pid_mode.empty()) host["PidMode"] = spec.pid_mode;
  if (!spec.ipc_mode.empty()) host["IpcMode"] = spec.ipc_mode;
  for (const PortBinding& p : spec.ports) {
    const std::string port = std::to_string(p.container_port) + "/" + p.protocol;
    host["PortBindings"][port].push_back({{"HostIp", p.bind_ip}, {"HostPort", host_port_of(p)}});
  }
  return host;
}

std::optional<PortBinding> binding(const std::string& port, const Reader& in) {
  PortBinding b;
  const auto slash = port.find('/');
  b.protocol = slash == std::string::npos ? "tcp" : port.substr(slash + 1);
  b.bind_ip = in.string_or("HostIp", "");
  const std::string host = in.string_or("HostPort", "");
  std::from_chars(port.data(), port.data() + port.size(), b.container_port);
  std::from_chars(host.data(), host.data() + host.size(), b.host_port);
  if (b.bind_ip.find(':') != std::string::npos || b.host_port == 0) return std::nullopt;  // the "::" twin
  if (b.bind_ip.empty()) b.bind_ip = "0.0.0.0";
  return b;
}

void read_ports(const Reader& root, ContainerInfo& info) {
  const auto network = root.child("NetworkSettings");
  const json* ports = network ? network->value("Ports") : nullptr;
  if (!ports || !ports->is_object()) return;
  shared::json::ErrorSink sink("malformed");
  for (const auto& [port, bindings] : ports->items()) {
    if (!bindings.is_array()) continue;  // exposed, not published
    for (const json& b : bindings) {
      if (auto got = binding(port, Reader(b, sink))) info.ports.push_back(*got);
    }
  }
}

void read_networks(const Reader& root, ContainerInfo& info) {
  const auto settings = root.child("NetworkSettings");
  if (!settings) return;
  for (const auto& [name, network] : settings->child_map("Networks"))
    info.networks[name] = network.string_or("IPAddress", "");
}

VolumeInfo read_volume(const Reader& in) {
  return {in.required_string("Name"), in.string_or("Driver", ""), in.string_map_or_empty("Labels")};
}

int api_minor(std::string_view api) {
  int minor = 0;
  const auto dot = api.find('.');
  if (dot != std::string_view::npos) std::from_chars(api.data() + dot + 1, api.data() + api.size(), minor);
  return minor;
}

}  // namespace

Result<std::string> create_body(const ContainerSpec& spec) {
  json body = {{"Image", spec.image}, {"Labels", spec.labels}, {"Env", json::array()}};
  if (!spec.command.empty()) body["Cmd"] = spec.command;
  if (!spec.entry_point.empty()) body["Entrypoint"] = spec.entry_point;
  for (const auto& [name, value] : spec.environment) body["Env"].push_back(name + "=" + value);
  for (const PortBinding& p : spec.ports) {
    body["ExposedPorts"][std::to_string(p.container_port) + "/" + p.protocol] = json::object();
  }
  auto config = object_in(spec.engine_config, "engine config");
  if (!config) return config.error();
  auto host_over = object_in(spec.engine_host_config, "engine host config");
  if (!host_over) return host_over.error();
  lay_over(body, *config);
  json host = host_config(spec);
  lay_over(host, *host_over);
  body["HostConfig"] = std::move(host);
  if (!body["Labels"].is_object()) body["Labels"] = json::object();
  for (const auto& [name, value] : spec.labels) body["Labels"][name] = value;
  return shared::json::to_text(body);
}

ImageReference split_reference(std::string_view image) {
  if (const auto at = image.find('@'); at != std::string_view::npos) {
    // "name:tag@digest": the digest decides.
    std::string_view name = image.substr(0, at);
    const auto colon = name.rfind(':');
    if (colon != std::string_view::npos && name.find('/', colon) == std::string_view::npos)
      name = name.substr(0, colon);
    return {std::string(name), std::string(image.substr(at + 1))};
  }
  const auto colon = image.rfind(':');
  if (colon == std::string_view::npos || image.find('/', colon) != std::string_view::npos) {
    return {std::string(image), "latest"};
  }
  return {std::string(image.substr(0, colon)), std::string(image.substr(colon + 1))};
}

Result<ContainerInfo> container_from_inspect(std::string_view text) {
  auto document = Document::parse(text, "malformed");
  if (!document) return document.error();
  const Reader root = document->root();
  ContainerInfo info;
  info.handle.id = root.required_string("Id");
  info.handle.name = root.string_or("Name", "");
  if (info.handle.name.starts_with('/')) info.handle.name.erase(0, 1);
  if (const auto config = root.child("Config")) info.labels = config->string_map_or_empty("Labels");
  const auto state = root.required_child("State");
  if (!root.ok()) return root.error();
  const std::string status = state->string_or("Status", "");
  info.phase = state->boolean_or("Running", false) ? ContainerPhase::kRunning
               : status == "created"               ? ContainerPhase::kCreated
                                                   : ContainerPhase::kExited;
  if (info.phase == ContainerPhase::kExited) info.exit_code = state->integer<int>("ExitCode");
  info.oom_killed = state->boolean_or("OOMKilled", false);
  info.error = state->string_or("Error", "");
  info.pid = state->integer_or<int>("Pid", 0);
  info.started_at = parse_time(state->string_or("StartedAt", ""));
  if (info.phase == ContainerPhase::kExited)
    info.finished_at = parse_time(state->string_or("FinishedAt", ""));
  if (const auto health = state->child("Health")) {
    info.health = health->string_or("Status", "");
    if (const auto checks = health->children("Log"); !checks.empty())
      info.health_output = checks.back().string_or("Output", "");
  }
  if (info.health == "none") info.health.clear();
  if (info.phase == ContainerPhase::kRunning) read_ports(root, info);
  info.image_id = root.string_or("Image", "");
  info.created_at = parse_time(root.string_or("Created", ""));
  read_networks(root, info);
  if (!root.ok()) return root.error();
  return info;
}

Result<ImageInfo> image_from_inspect(std::string_view text, std::string_view image) {
  auto document = Document::parse(text, "malformed");
  if (!document) return document.error();
  const Reader root = document->root();
  ImageInfo info;
  info.id = root.required_string("Id");
  const std::string repository = split_reference(image).repository;
  for (const std::string& entry : root.strings_or_empty("RepoDigests")) {
    const auto at = entry.find('@');
    if (at == std::string::npos) continue;
    // One image may be known by several repositories; the one asked for is preferred.
    if (info.digest.empty() || entry.substr(0, at) == repository) info.digest = entry.substr(at + 1);
  }
  if (!root.ok()) return root.error();
  return info;
}

Result<std::vector<std::string>> ids_from_list(std::string_view text) {
  const auto list = shared::json::parse(text);
  if (!list || !list->is_array()) return Error("malformed", "list of containers: expected an array");
  std::vector<std::string> ids;
  for (const json& item : *list) {
    const auto id = item.is_object() ? item.find("Id") : item.end();
    if (item.is_object() && id != item.end() && id->is_string()) ids.push_back(id->get<std::string>());
  }
  return ids;
}

Result<VolumeInfo> volume_from_inspect(std::string_view text) {
  auto document = Document::parse(text, "malformed");
  if (!document) return document.error();
  VolumeInfo info = read_volume(document->root());
  if (!document->root().ok()) return document->root().error();
  return info;
}

Result<std::vector<VolumeInfo>> volumes_from_list(std::string_view text) {
  auto document = Document::parse(text, "malformed");
  if (!document) return document.error();
  const Reader root = document->root();
  std::vector<VolumeInfo> volumes;
  for (const Reader& each : root.children("Volumes")) volumes.push_back(read_volume(each));
  if (!root.ok()) return root.error();
  return volumes;
}

Result<EngineVersion> version_from(std::string_view text) {
  auto document = Document::parse(text, "malformed");
  if (!document) return document.error();
  const Reader root = document->root();
  EngineVersion out{root.required_string("Version"), root.required_string("ApiVersion"),
                    root.string_or("MinAPIVersion", "1.12")};
  if (!root.ok()) return root.error();
  return out;
}

std::string choose_api(const EngineVersion& engine) {
  if (api_minor(engine.api) < api_minor(kPreferredApi)) return engine.api;
  if (api_minor(engine.min_api) > api_minor(kPreferredApi)) return engine.min_api;
  return std::string(kPreferredApi);
}

std::string cgroup_driver_from_info(std::string_view text) {
  auto document = Document::parse(text, "malformed");
  return document ? document->root().string_or("CgroupDriver", "") : "";
}

std::optional<Event> event_from(std::string_view line) {
  auto document = Document::parse(line, "malformed");
  if (!document) return std::nullopt;
  const Reader root = document->root();
  const auto actor = root.child("Actor");
  if (!actor || root.string_or("Type", "") != "container") return std::nullopt;
  Event event;
  event.handle.id = actor->string_or("ID", "");
  const auto attributes = actor->string_map_or_empty("Attributes");
  if (const auto name = attributes.find("name"); name != attributes.end()) event.handle.name = name->second;
  const std::string action = root.string_or("Action", "");
  if (action == "create") {
    event.type = EventType::kCreated;
  } else if (action == "start") {
    event.type = EventType::kStarted;
  } else if (action == "die" || action == "stop") {
    event.type = EventType::kExited;
    if (const auto code = attributes.find("exitCode"); code != attributes.end()) {
      int value = 0;
      const char* end = code->second.data() + code->second.size();
      if (std::from_chars(code->second.data(), end, value).ec == std::errc()) event.exit_code = value;
    }
  } else if (action == "oom") {
    event.type = EventType::kOom;
  } else if (action == "destroy") {
    event.type = EventType::kRemoved;
  } else if (action.starts_with("health_status")) {
    event.type = EventType::kHealth;
  } else {
    return std::nullopt;
  }
  return event;
}

bool is_port_in_use(const shared::http::Response& response) {
  return !good(response) && message_of(response.body).find("address already in use") != std::string::npos;
}

bool chooses_ports(std::string_view inspected) {
  const auto document = shared::json::Document::parse(inspected, "malformed");
  const auto host = document ? document->root().child("HostConfig") : std::nullopt;
  const json* bindings = host ? host->value("PortBindings") : nullptr;
  if (bindings == nullptr || !bindings->is_object()) return false;
  for (const json& of_port : *bindings) {
    for (const json& each : of_port) {
      const auto port = each.is_object() ? each.find("HostPort") : each.end();
      if (port != each.end() && port->is_string() && port->get<std::string>().find('-') != std::string::npos)
        return true;
    }
  }
  return false;
}

bool good(const shared::http::Response& response) {
  constexpr int kNotModified = 304;
  return (response.status >= 200 && response.status < 300) || response.status == kNotModified;
}

Error refused(const char* code, const shared::http::Response& response) {
  return Error(code, "Error response from daemon: " + message_of(response.body));
}

std::string filters(const nlohmann::json& value) {
  return shared::http::percent_encode(shared::json::to_text(value), shared::http::Slash::kEncode);
}

std::string message_of(std::string_view body) {
  auto document = Document::parse(body, "malformed");
  if (document) {
    std::string message = document->root().string_or("message", "");
    if (!message.empty()) return message;
  }
  return body.empty() ? "no reason given" : std::string(body);
}

std::optional<shared::WallTime> parse_time(std::string_view text) {
  const auto number = [&](std::size_t at, std::size_t digits, int& out) {
    return at + digits <= text.size() &&
           std::from_chars(text.data() + at, text.data() + at + digits, out).ptr == text.data() + at + digits;
  };
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  if (!number(0, 4, year) || !number(5, 2, month) || !number(8, 2, day) || !number(11, 2, hour) ||
      !number(14, 2, minute) || !number(17, 2, second) || year <= 1) {
    return std::nullopt;
  }
  int millis = 0;
  if (text.size() > 20 && text[19] == '.') {
    int scale = 100;
    for (std::size_t i = 20; i < text.size() && scale > 0 && text[i] >= '0' && text[i] <= '9';
         ++i, scale /= 10) {
      millis += (text[i] - '0') * scale;
    }
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return shared::WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
         std::chrono::minutes(minute) + std::chrono::seconds(second) + shared::Millis(millis);
}

}  // namespace agent::runtime::docker
