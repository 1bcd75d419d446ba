// Values to ACS frames. Member names are the ECS agent's own; the original agent must accept every frame.
#include <nlohmann/json.hpp>

#include "agent/link/acs.h"
#include "shared/json/reader.h"

namespace agent::link {
namespace {

using nlohmann::json;

std::string frame(const char* type, json message) {
  return shared::json::to_text(json{{"type", type}, {"message", std::move(message)}});
}

json ports_json(const std::vector<PortMappingPayload>& ports) {
  json out = json::array();
  for (const auto& p : ports) {
    out.push_back({{"containerPort", p.container_port}, {"hostPort", p.host_port}, {"protocol", p.protocol}});
  }
  return out;
}

// What is no JSON array is left out rather than sent broken: it would cost the whole task.
json array_or_empty(const std::string& text) {
  auto parsed = shared::json::parse(text);
  return parsed && parsed->is_array() ? std::move(*parsed) : json::array();
}

json container_json(const ContainerPayload& c) {
  json out = {
      {"name", c.name},
      {"image", c.image},
      {"cpu", c.cpu},
      {"memory", c.memory},
      {"essential", c.essential},  // the agent reads an absent member as false
      {"command", c.command},
      {"entryPoint", c.entry_point},
      {"environment", json::object()},
      {"portMappings", ports_json(c.port_mappings)},
      {"links", c.links},
      {"overrides", R"({"command":null})"},  // overrides are merged by control; other keys are refused
      {"dockerConfig",
       {{"config", c.docker_config.empty() ? "{}" : c.docker_config},
        {"hostConfig", c.docker_host_config.empty() ? "{}" : c.docker_host_config},
        {"version", c.docker_version}}},
  };
  if (!c.container_arn.empty()) out["containerArn"] = c.container_arn;
  if (c.command.empty()) out.erase("command");
  if (c.entry_point.empty()) out.erase("entryPoint");
  for (const auto& [key, value] : c.environment) out["environment"][key] = value;
  for (const auto& s : c.secrets) {
    out["secrets"].push_back({{"name", s.name},
                              {"valueFrom", s.value_from},
                              {"region", s.region},
                              {"provider", s.provider},
                              {"type", s.type},
                              {"target", s.target}});
  }
  if (c.registry_authentication) {
    out["registryAuthentication"] = {
        {"type", "asm"},
        {"asmAuthData",
         {{"credentialsParameter", c.registry_authentication->credentials_parameter},
          {"region", c.registry_authentication->region}}}};
  }
  for (const auto& d : c.depends_on) {
    out["dependsOn"].push_back({{"containerName", d.container}, {"condition", d.condition}});
  }
  for (const auto& m : c.mount_points) {
    out["mountPoints"].push_back(
        {{"sourceVolume", m.source_volume}, {"containerPath", m.container_path}, {"readOnly", m.read_only}});
  }
  for (const auto& v : c.volumes_from) {
    out["volumesFrom"].push_back({{"sourceContainer", v.source_container}, {"readOnly", v.read_only}});
  }
  if (c.start_timeout > 0) out["startTimeout"] = c.start_timeout;
  if (c.stop_timeout > 0) out["stopTimeout"] = c.stop_timeout;
  if (!c.health_check_type.empty()) out["healthCheckType"] = c.health_check_type;
  return out;
}

json credentials_json(const RoleCredentials& c) {
  return {{"credentialsId", c.credentials_id}, {"roleArn", c.role_arn},
          {"accessKeyId", c.access_key_id},    {"secretAccessKey", c.secret_access_key},
          {"sessionToken", c.session_token},   {"expiration", c.expiration}};
}

json task_json(const TaskPayload& t) {
  json out = {{"arn", t.arn},
              {"family", t.family},
              {"version", t.version},
              {"desiredStatus", t.desired_status},
              {"networkMode", t.network_mode},
              {"launchType", t.launch_type},
              {"overrides", "{}"},
              {"volumes", array_or_empty(t.volumes)},
              {"containers", json::array()}};
  if (!t.task_cluster_arn.empty()) out["taskClusterArn"] = t.task_cluster_arn;
  if (t.cpu > 0) out["cpu"] = t.cpu;
  if (t.memory > 0) out["memory"] = t.memory;
  if (!t.pid_mode.empty()) out["pidMode"] = t.pid_mode;
  if (!t.ipc_mode.empty()) out["ipcMode"] = t.ipc_mode;
  if (!t.service_name.empty()) out["serviceName"] = t.service_name;
  if (!t.group.empty()) out["group"] = t.group;
  if (t.role_credentials) out["roleCredentials"] = credentials_json(*t.role_credentials);
  if (t.execution_role_credentials)
    out["executionRoleCredentials"] = credentials_json(*t.execution_role_credentials);
  for (const auto& c : t.containers) out["containers"].push_back(container_json(c));
  return out;
}

json manifest_tasks_json(const std::vector<ManifestTask>& tasks) {
  json out = json::array();
  for (const auto& t : tasks) {
    json task = {{"taskArn", t.arn}, {"taskClusterArn", t.cluster_arn}, {"desiredStatus", t.desired_status}};
    if (!t.last_status.empty()) task["lastStatus"] = t.last_status;
    for (const auto& c : t.containers)
      task["containers"].push_back({{"containerName", c.name}, {"lastStatus", c.last_status}});
    out.push_back(std::move(task));
  }
  return out;
}

struct Encode {
  std::string operator()(const PayloadMessage& m) const {
    json tasks = json::array();
    for (const auto& t : m.tasks) tasks.push_back(task_json(t));
    return frame("PayloadMessage", {{"messageId", m.message_id},
                                    {"clusterArn", m.cluster_arn},
                                    {"containerInstanceArn", m.container_instance_arn},
                                    {"seqNum", m.seq_num},
                                    {"generatedAt", m.generated_at_ms},
                                    {"tasks", std::move(tasks)}});
  }
  std::string operator()(const HeartbeatMessage& m) const {
    return frame("HeartbeatMessage", {{"messageId", m.message_id}, {"healthy", m.healthy}});
  }
  std::string operator()(const TaskManifestMessage& m) const {
    return frame("TaskManifestMessage", {{"messageId", m.message_id},
                                         {"clusterArn", m.cluster_arn},
                                         {"containerInstanceArn", m.container_instance_arn},
                                         {"timeline", m.timeline},
                                         {"generatedAt", m.generated_at_ms},
                                         {"tasks", manifest_tasks_json(m.tasks)}});
  }
  std::string operator()(const TaskStopVerificationMessage& m) const {
    return frame("TaskStopVerificationMessage",
                 {{"messageId", m.message_id}, {"stopCandidates", manifest_tasks_json(m.stop_candidates)}});
  }
  std::string operator()(const TaskStopVerificationAck& m) const {
    return frame("TaskStopVerificationAck", {{"messageId", m.message_id},
                                             {"generatedAt", m.generated_at_ms},
                                             {"stopTasks", manifest_tasks_json(m.stop_tasks)}});
  }
  std::string operator()(const AckRequest& m) const {
    return frame(
        "AckRequest",
        {{"cluster", m.cluster}, {"containerInstance", m.container_instance}, {"messageId", m.message_id}});
  }
  std::string operator()(const NackRequest& m) const {
    return frame("NackRequest", {{"cluster", m.cluster},
                                 {"containerInstance", m.container_instance},
                                 {"messageId", m.message_id},
                                 {"reason", m.reason}});
  }
  std::string operator()(const HeartbeatAckRequest& m) const {
    return frame("HeartbeatAckRequest", {{"messageId", m.message_id}});
  }
  std::string operator()(const RoleCredentialsMessage& m) const {
    return frame("IAMRoleCredentialsMessage", {{"messageId", m.message_id},
                                               {"taskArn", m.task_arn},
                                               {"taskClusterArn", m.task_cluster_arn},
                                               {"roleType", m.role_type},
                                               {"roleCredentials", credentials_json(m.credentials)}});
  }
  std::string operator()(const RoleCredentialsAck& m) const {
    return frame(
        "IAMRoleCredentialsAckRequest",
        {{"messageId", m.message_id}, {"credentialsId", m.credentials_id}, {"expiration", m.expiration}});
  }
  std::string operator()(const UnknownMessage& m) const { return frame(m.type.c_str(), json::object()); }
};

}  // namespace

std::string acs_to_json(const AcsMessage& message) { return std::visit(Encode{}, message); }

}  // namespace agent::link
