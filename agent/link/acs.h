// Messages on the agent <-> control websocket, as the ECS agent speaks them: {"type": NAME, "message":
// {...}}. Members and their meaning follow the ECS agent's protocol, so that the original agent can join our
// control plane and our node can follow it. Unknown members and types are ignored by receivers.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shared/base/result.h"

namespace agent::link {

struct PortMappingPayload {
  int container_port = 0;
  int host_port = 0;
  std::string protocol = "tcp";
};

struct DependencyPayload {
  std::string container;
  std::string condition;
};

struct MountPointPayload {
  std::string source_volume;  // a name in TaskPayload::volumes
  std::string container_path;
  bool read_only = false;
};
struct VolumesFromPayload {
  std::string source_container;
  bool read_only = false;
};

// A variable whose value the agent asks for with the keys of the execution role.
struct SecretPayload {
  std::string name;
  std::string value_from;  // name or ARN of a parameter, ARN of a secret with or without its extras
  std::string region;
  std::string provider;                       // "ssm", "asm"
  std::string type = "ENVIRONMENT_VARIABLE";  // others are passed over
  std::string target = "CONTAINER";
};
// Where a private registry's user and password are: a secret of Secrets Manager.
struct RegistryAuthentication {
  std::string credentials_parameter;
  std::string region;
};

struct ContainerPayload {
  std::string name;
  std::string image;
  std::string container_arn;
  int cpu = 0;     // shares
  int memory = 0;  // MiB, 0 = no hard limit
  bool essential = true;
  std::vector<std::string> command;  // after overrides
  std::vector<std::string> entry_point;
  std::map<std::string, std::string> environment;  // merged with overrides
  std::vector<SecretPayload> secrets;
  std::optional<RegistryAuthentication> registry_authentication{};
  std::vector<PortMappingPayload> port_mappings;
  std::vector<DependencyPayload> depends_on;
  std::vector<std::string> links;
  std::vector<MountPointPayload> mount_points;
  std::vector<VolumesFromPayload> volumes_from;
  int start_timeout = 0;  // seconds, 0 = unset
  int stop_timeout = 0;
  std::string docker_config;  // JSON text in Docker Engine naming: User, WorkingDir, Labels, HealthCheck, ...
  std::string
      docker_host_config;  // JSON text: NetworkMode, MemoryReservation (bytes), Privileged, CapAdd, ...
  std::string docker_version = "1.18";
  std::string health_check_type;  // "docker" or empty
};

// Temporary keys of a role of the task's. Without keys (access_key_id is empty) the receiver knows of them
// only that there are some.
struct RoleCredentials {
  std::string credentials_id;  // the same for the task's life
  std::string role_arn;
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;
  std::string expiration;  // ISO 8601
};

struct TaskPayload {
  std::string arn;
  std::string task_cluster_arn;
  std::string family;
  std::string version;                     // revision as text
  std::string desired_status = "RUNNING";  // or STOPPED
  std::vector<ContainerPayload> containers;
  double cpu = 0;  // vCPU, 0 = no task limit
  int memory = 0;  // MiB, 0 = no task limit
  std::string network_mode = "bridge";
  std::string pid_mode;  // empty (each container its own), host, task
  std::string ipc_mode;  // empty (the engine's default), host, task, none
  std::string launch_type = "EC2";
  std::string service_name;
  std::string group;
  std::string volumes = "[]";                                   // JSON array, passed through
  std::optional<RoleCredentials> role_credentials{};            // what its containers get
  std::optional<RoleCredentials> execution_role_credentials{};  // what the agent itself uses for it
};

struct PayloadMessage {  // control -> agent, acknowledged
  std::string message_id;
  std::string cluster_arn;
  std::string container_instance_arn;
  std::uint64_t seq_num = 0;
  std::int64_t generated_at_ms = 0;
  std::vector<TaskPayload> tasks;
};
// control -> agent: newer keys of a task that the agent has; acknowledged as those of a payload are.
struct RoleCredentialsMessage {
  std::string message_id;
  std::string task_arn;
  std::string task_cluster_arn;
  std::string role_type;  // TaskApplication, TaskExecution
  RoleCredentials credentials;
};
struct RoleCredentialsAck {  // agent -> control: one for each credentials id
  std::string message_id;    // of the payload or of the message above
  std::string credentials_id;
  std::string expiration;  // as it came
};
struct HeartbeatMessage {  // control -> agent
  std::string message_id;
  bool healthy = true;
};
struct ManifestContainer {
  std::string name;
  std::string last_status;  // PENDING, RUNNING, STOPPED
};
struct ManifestTask {
  std::string arn;
  std::string cluster_arn;
  std::string desired_status;
  // What control has been told of the task, so that the agent tells again what is missing there. Ours alone:
  // the ECS agent passes over it and ECS does not send it (empty).
  std::string last_status = {};
  std::vector<ManifestContainer> containers = {};
};
struct TaskManifestMessage {  // control -> agent: every task that should be there
  std::string message_id;
  std::string cluster_arn;
  std::string container_instance_arn;
  std::uint64_t timeline = 0;  // same rising counter as seq_num
  std::int64_t generated_at_ms = 0;
  std::vector<ManifestTask> tasks;
};
// agent -> control: running here, not in the manifest. One with the desired status RUNNING (only our node
// sends it) is in the manifest, but the agent has nothing of it except its containers: it wants the payload
// again.
struct TaskStopVerificationMessage {
  std::string message_id;
  std::vector<ManifestTask> stop_candidates;
};
struct TaskStopVerificationAck {  // control -> agent: these must really stop
  std::string message_id;
  std::int64_t generated_at_ms = 0;
  std::vector<ManifestTask> stop_tasks;
};
struct AckRequest {  // agent -> control: accepted (not: done)
  std::string cluster;
  std::string container_instance;
  std::string message_id;
};
struct NackRequest {
  std::string cluster;
  std::string container_instance;
  std::string message_id;
  std::string reason;
};
struct HeartbeatAckRequest {
  std::string message_id;
};
struct UnknownMessage {
  std::string type;
};

using AcsMessage =
    std::variant<PayloadMessage, HeartbeatMessage, TaskManifestMessage, TaskStopVerificationMessage,
                 TaskStopVerificationAck, AckRequest, NackRequest, HeartbeatAckRequest,
                 RoleCredentialsMessage, RoleCredentialsAck, UnknownMessage>;

std::string acs_to_json(const AcsMessage& message);
// Field names match without case, as the agent does. Error code "BadRequestException" with the member and the
// reason. A task inside a payload that cannot be decoded is left out and named in `bad_tasks` (arn, reason).
struct BadTask {
  std::string arn;
  std::string reason;
};
shared::Result<AcsMessage> acs_from_json(std::string_view text, std::vector<BadTask>* bad_tasks);

}  // namespace agent::link
