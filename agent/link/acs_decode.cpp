// ACS frames to values, with the ECS agent's tolerance: names match without case, null is absent, unknown
// members are ignored; but what a task says must be understood, or the task is refused with the member named.
#include <array>
#include <nlohmann/json.hpp>

#include "agent/link/acs.h"
#include "shared/http/message.h"
#include "shared/json/reader.h"
#include "shared/net/endpoint.h"

namespace agent::link {
namespace {

using nlohmann::json;
using shared::http::equals_ignoring_case;

constexpr std::int64_t kMaxInt = 2'147'483'647;

// One JSON object, names without case. Keeps the first thing found wrong, as shared::json::Reader does, which
// cannot be used here because it matches names exactly.
class Fields {
 public:
  Fields(const json& value, std::string path, std::string& problem)
      : object_(value.is_object() ? &value : nullptr), path_(std::move(path)), problem_(&problem) {
    if (!object_ && problem_->empty())
      *problem_ = (path_.empty() ? "message" : path_) + ": expected an object";
  }

  const json* find(std::string_view name) const {
    if (!object_) return nullptr;
    if (const auto exact = object_->find(std::string(name)); exact != object_->end()) return present(*exact);
    for (const auto& [key, value] : object_->items()) {
      if (equals_ignoring_case(key, name)) return present(value);
    }
    return nullptr;
  }
  std::string text(std::string_view name, std::string_view otherwise = "") const {
    const json* v = find(name);
    if (!v) return std::string(otherwise);
    if (!v->is_string()) return fail(name, "expected a string"), std::string(otherwise);
    return v->get<std::string>();
  }
  std::string required(std::string_view name) const {
    std::string got = text(name);
    if (got.empty()) fail(name, "is required");
    return got;
  }
  std::int64_t integer(std::string_view name, std::int64_t min, std::int64_t max) const {
    const json* v = find(name);
    if (!v) return 0;
    if (!v->is_number_integer()) return fail(name, "expected a whole number"), 0;
    const bool too_big = v->is_number_unsigned() && v->get<std::uint64_t>() > static_cast<std::uint64_t>(max);
    const std::int64_t n = too_big ? max : v->get<std::int64_t>();
    if (too_big || n < min || n > max) {
      fail(name, "expected " + std::to_string(min) + " to " + std::to_string(max));
      return 0;
    }
    return n;
  }
  int small(std::string_view name) const { return static_cast<int>(integer(name, 0, kMaxInt)); }
  std::uint64_t counter(std::string_view name) const {
    return static_cast<std::uint64_t>(integer(name, 0, std::numeric_limits<std::int64_t>::max()));
  }
  double number(std::string_view name) const {
    const json* v = find(name);
    if (!v) return 0;
    if (!v->is_number() || v->get<double>() < 0) return fail(name, "expected a number from 0"), 0;
    return v->get<double>();
  }
  bool flag(std::string_view name, bool otherwise) const {
    const json* v = find(name);
    if (!v) return otherwise;
    if (!v->is_boolean()) return fail(name, "expected true or false"), otherwise;
    return v->get<bool>();
  }
  std::string word(std::string_view name, std::string_view otherwise,
                   std::initializer_list<std::string_view> words) const {
    std::string got = text(name, otherwise);
    for (std::string_view w : words) {
      if (got == w) return got;
    }
    fail(name, "unknown value '" + got + "'");
    return std::string(otherwise);
  }
  std::vector<std::string> texts(std::string_view name) const {
    std::vector<std::string> out;
    const json* v = list(name);
    if (!v) return out;
    for (const json& item : *v) {
      if (!item.is_string()) return fail(name, "expected a list of strings"), out;
      out.push_back(item.get<std::string>());
    }
    return out;
  }
  std::map<std::string, std::string> text_map(std::string_view name) const {
    std::map<std::string, std::string> out;
    const json* v = find(name);
    if (!v) return out;
    if (!v->is_object()) return fail(name, "expected an object of strings"), out;
    for (const auto& [key, value] : v->items()) {
      if (!value.is_string()) return fail(name, "expected an object of strings"), out;
      out.emplace(key, value.get<std::string>());
    }
    return out;
  }
  template <class T, class Decode>
  std::vector<T> objects(std::string_view name, Decode decode) const {
    std::vector<T> out;
    const json* v = list(name);
    if (!v) return out;
    for (std::size_t i = 0; i < v->size(); ++i) {
      out.push_back(decode(Fields((*v)[i], at(name) + "[" + std::to_string(i) + "]", *problem_)));
    }
    return out;
  }
  const json* list(std::string_view name) const {
    const json* v = find(name);
    if (v && !v->is_array()) return fail(name, "expected a list"), nullptr;
    return v;
  }
  void fail(std::string_view name, const std::string& what) const {
    if (problem_->empty()) *problem_ = at(name) + ": " + what;
  }
  std::string& problem() const { return *problem_; }
  std::string at(std::string_view name) const {
    return path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  }
  const json* object() const { return object_; }

 private:
  static const json* present(const json& v) { return v.is_null() ? nullptr : &v; }
  const json* object_;
  std::string path_;
  std::string* problem_;
};

PortMappingPayload decode_port(const Fields& in) {
  PortMappingPayload p;
  if (in.find("containerPortRange")) in.fail("containerPortRange", "port ranges are not supported");
  p.container_port = static_cast<int>(in.integer("containerPort", 1, shared::net::kMaxPort));
  p.host_port = static_cast<int>(in.integer("hostPort", 0, shared::net::kMaxPort));
  p.protocol = in.text("protocol", "tcp");
  if (p.protocol.empty()) p.protocol = "tcp";
  if (p.protocol != "tcp" && p.protocol != "udp") in.fail("protocol", "unknown value '" + p.protocol + "'");
  return p;
}

// A string or an object with the one key "command"; anything else would change what control decided.
void apply_overrides(const Fields& in, ContainerPayload& c) {
  const json* v = in.find("overrides");
  if (!v) return;
  json parsed;
  if (v->is_string()) {
    if (v->get_ref<const std::string&>().empty()) return;
    auto text = shared::json::parse(v->get<std::string>());
    if (!text) return in.fail("overrides", text.error().text());
    parsed = std::move(*text);
    v = &parsed;
  }
  const Fields overrides(*v, in.at("overrides"), in.problem());
  if (!overrides.object()) return;
  for (const auto& [key, value] : v->items()) {
    if (!equals_ignoring_case(key, "command")) overrides.fail(key, "only 'command' may be overridden here");
  }
  if (overrides.find("command")) c.command = overrides.texts("command");
}

// The engine settings come as JSON text inside a string.
std::string engine_object(const Fields& in, std::string_view name) {
  std::string text = in.text(name, "{}");
  if (text.empty()) return "{}";
  const auto parsed = shared::json::parse(text);
  if (!parsed) {
    in.fail(name, parsed.error().text());
  } else if (!parsed->is_object()) {
    in.fail(name, "expected a JSON object in the string");
  }
  return text;
}

SecretPayload decode_secret(const Fields& in) {
  SecretPayload s;
  s.name = in.required("name");
  s.value_from = in.required("valueFrom");
  s.region = in.text("region");
  s.provider = in.word("provider", "ssm", {"ssm", "asm"});
  s.type = in.text("type", s.type);
  s.target = in.text("target", s.target);
  return s;
}

// Of ECR's there is nothing here: such an image is pulled with the engine's own credentials.
std::optional<RegistryAuthentication> decode_registry(const Fields& in) {
  const json* v = in.find("registryAuthentication");
  if (!v) return std::nullopt;
  const Fields registry(*v, in.at("registryAuthentication"), in.problem());
  if (registry.text("type") != "asm") return std::nullopt;
  const json* data = registry.find("asmAuthData");
  if (!data) return registry.fail("asmAuthData", "is required"), std::nullopt;
  const Fields from(*data, registry.at("asmAuthData"), in.problem());
  return RegistryAuthentication{from.required("credentialsParameter"), from.text("region")};
}

ContainerPayload decode_container(const Fields& in) {
  ContainerPayload c;
  c.name = in.required("name");
  c.image = in.text("image");
  c.container_arn = in.text("containerArn");
  c.cpu = in.small("cpu");
  c.memory = in.small("memory");
  c.essential = in.flag("essential", false);
  c.command = in.texts("command");
  c.entry_point = in.texts("entryPoint");
  c.environment = in.text_map("environment");
  c.secrets = in.objects<SecretPayload>("secrets", decode_secret);
  c.registry_authentication = decode_registry(in);
  c.port_mappings = in.objects<PortMappingPayload>("portMappings", decode_port);
  c.depends_on = in.objects<DependencyPayload>("dependsOn", [](const Fields& d) {
    return DependencyPayload{d.required("containerName"),
                             d.word("condition", "", {"START", "COMPLETE", "SUCCESS", "HEALTHY"})};
  });
  c.links = in.texts("links");
  c.mount_points = in.objects<MountPointPayload>("mountPoints", [](const Fields& m) {
    return MountPointPayload{m.text("sourceVolume"), m.text("containerPath"), m.flag("readOnly", false)};
  });
  c.volumes_from = in.objects<VolumesFromPayload>("volumesFrom", [](const Fields& v) {
    return VolumesFromPayload{v.text("sourceContainer"), v.flag("readOnly", false)};
  });
  c.start_timeout = in.small("startTimeout");
  c.stop_timeout = in.small("stopTimeout");
  c.health_check_type = in.text("healthCheckType");
  c.docker_config = "{}";
  c.docker_host_config = "{}";
  if (const json* engine = in.find("dockerConfig")) {
    const Fields e(*engine, in.at("dockerConfig"), in.problem());
    c.docker_config = engine_object(e, "config");
    c.docker_host_config = engine_object(e, "hostConfig");
    c.docker_version = e.text("version", c.docker_version);
  }
  apply_overrides(in, c);
  return c;
}

RoleCredentials decode_credentials(const Fields& in) {
  RoleCredentials c;
  c.credentials_id = in.required("credentialsId");
  c.role_arn = in.text("roleArn");
  c.access_key_id = in.text("accessKeyId");
  c.secret_access_key = in.text("secretAccessKey");
  c.session_token = in.text("sessionToken");
  c.expiration = in.text("expiration");
  return c;
}

std::optional<RoleCredentials> credentials_in(const Fields& in, std::string_view name) {
  const json* v = in.find(name);
  if (!v) return std::nullopt;
  return decode_credentials(Fields(*v, in.at(name), in.problem()));
}

TaskPayload decode_task(const Fields& in) {
  TaskPayload t;
  t.arn = in.required("arn");
  t.task_cluster_arn = in.text("taskClusterArn");
  t.family = in.text("family");
  t.version = in.text("version");
  t.desired_status =
      in.word("desiredStatus", "", {"NONE", "MANIFEST_PULLED", "CREATED", "RUNNING", "STOPPED"});
  t.cpu = in.number("cpu");
  t.memory = in.small("memory");
  t.network_mode = in.text("networkMode", "bridge");
  if (t.network_mode.empty()) t.network_mode = "bridge";
  t.pid_mode = in.word("pidMode", "", {"", "host", "task"});
  t.ipc_mode = in.word("ipcMode", "", {"", "host", "task", "none"});
  t.launch_type = in.text("launchType");
  t.service_name = in.text("serviceName");
  t.group = in.text("group");
  if (const json* volumes = in.list("volumes")) t.volumes = shared::json::to_text(*volumes);
  t.role_credentials = credentials_in(in, "roleCredentials");
  t.execution_role_credentials = credentials_in(in, "executionRoleCredentials");
  t.containers = in.objects<ContainerPayload>("containers", decode_container);
  return t;
}

std::vector<ManifestTask> decode_manifest_tasks(const Fields& in, std::string_view name) {
  return in.objects<ManifestTask>(name, [](const Fields& t) {
    return ManifestTask{t.text("taskArn"), t.text("taskClusterArn"), t.text("desiredStatus"),
                        t.text("lastStatus"), t.objects<ManifestContainer>("containers", [](const Fields& c) {
                          return ManifestContainer{c.text("containerName"), c.text("lastStatus")};
                        })};
  });
}

PayloadMessage decode_payload(const Fields& in, std::vector<BadTask>* bad_tasks) {
  PayloadMessage m;
  m.message_id = in.required("messageId");
  m.cluster_arn = in.required("clusterArn");
  m.container_instance_arn = in.required("containerInstanceArn");
  m.seq_num = in.counter("seqNum");
  m.generated_at_ms = in.integer("generatedAt", 0, std::numeric_limits<std::int64_t>::max());
  const json* tasks = in.list("tasks");
  for (std::size_t i = 0; tasks && i < tasks->size(); ++i) {
    std::string problem;  // of this task only: the others go on
    const Fields task((*tasks)[i], "", problem);
    TaskPayload decoded = decode_task(task);
    if (problem.empty()) {
      m.tasks.push_back(std::move(decoded));
    } else if (bad_tasks) {
      bad_tasks->push_back({decoded.arn, problem});
    }
  }
  return m;
}

AcsMessage decode_message(const std::string& type, const Fields& in, std::vector<BadTask>* bad_tasks) {
  if (type == "PayloadMessage") return decode_payload(in, bad_tasks);
  if (type == "HeartbeatMessage") return HeartbeatMessage{in.text("messageId"), in.flag("healthy", false)};
  if (type == "TaskManifestMessage") {
    return TaskManifestMessage{in.text("messageId"),
                               in.text("clusterArn"),
                               in.text("containerInstanceArn"),
                               in.counter("timeline"),
                               in.integer("generatedAt", 0, std::numeric_limits<std::int64_t>::max()),
                               decode_manifest_tasks(in, "tasks")};
  }
  if (type == "TaskStopVerificationMessage") {
    return TaskStopVerificationMessage{in.text("messageId"), decode_manifest_tasks(in, "stopCandidates")};
  }
  if (type == "TaskStopVerificationAck") {
    return TaskStopVerificationAck{in.text("messageId"),
                                   in.integer("generatedAt", 0, std::numeric_limits<std::int64_t>::max()),
                                   decode_manifest_tasks(in, "stopTasks")};
  }
  if (type == "AckRequest") {
    return AckRequest{in.text("cluster"), in.text("containerInstance"), in.text("messageId")};
  }
  if (type == "NackRequest") {
    return NackRequest{in.text("cluster"), in.text("containerInstance"), in.text("messageId"),
                       in.text("reason")};
  }
  if (type == "IAMRoleCredentialsMessage") {
    auto credentials = credentials_in(in, "roleCredentials");
    if (!credentials) in.fail("roleCredentials", "is required");
    return RoleCredentialsMessage{in.required("messageId"), in.required("taskArn"), in.text("taskClusterArn"),
                                  in.word("roleType", "", {"TaskApplication", "TaskExecution"}),
                                  std::move(credentials).value_or(RoleCredentials{})};
  }
  if (type == "IAMRoleCredentialsAckRequest") {
    return RoleCredentialsAck{in.text("messageId"), in.text("credentialsId"), in.text("expiration")};
  }
  return HeartbeatAckRequest{in.text("messageId")};
}

constexpr std::array kKnownTypes = {"PayloadMessage",
                                    "HeartbeatMessage",
                                    "TaskManifestMessage",
                                    "TaskStopVerificationMessage",
                                    "TaskStopVerificationAck",
                                    "AckRequest",
                                    "NackRequest",
                                    "HeartbeatAckRequest",
                                    "IAMRoleCredentialsMessage",
                                    "IAMRoleCredentialsAckRequest"};

shared::Error bad_request(std::string text) {
  return shared::Error("BadRequestException", std::move(text), shared::Blame::kClient);
}

}  // namespace

shared::Result<AcsMessage> acs_from_json(std::string_view text, std::vector<BadTask>* bad_tasks) {
  const auto parsed = shared::json::parse(text);
  if (!parsed) return bad_request(parsed.error().text());
  std::string problem;
  const Fields outer(*parsed, "", problem);
  const std::string type = outer.required("type");
  if (!problem.empty()) return bad_request(problem);
  if (std::find(kKnownTypes.begin(), kKnownTypes.end(), type) == kKnownTypes.end()) {
    return AcsMessage(UnknownMessage{type});
  }
  const json* message = outer.find("message");
  if (!message) return bad_request("message: is required");
  AcsMessage decoded = decode_message(type, Fields(*message, "", problem), bad_tasks);
  if (!problem.empty()) return bad_request(type + ": " + problem);
  return decoded;
}

}  // namespace agent::link
