// What agents call to find control and to report.
#include <nlohmann/json.hpp>

#include "agent/api/ecs/operations.h"
#include "agent/control/state/installation.h"
#include "agent/control/state/lookup.h"
#include "agent/control/tasks/changes.h"
#include "agent/model/words.h"
#include "shared/base/text.h"
#include "shared/net/endpoint.h"

namespace agent::api::ecs {

using nlohmann::json;
using shared::Result;

namespace {

constexpr std::size_t kMaxReasonChars = 1024;   // longer ones are cut, as agents do themselves
constexpr std::size_t kMaxIdentityChars = 255;  // of imageDigest and runtimeId

json acknowledged() { return {{"acknowledgment", "ok"}}; }

Result<std::vector<model::NetworkBinding>> bindings_in(const json& in) {
  std::vector<model::NetworkBinding> bindings;
  for (const json& each : list_in(in, "networkBindings")) {
    if (!has(each, "containerPort") && has(each, "containerPortRange")) continue;  // ranges are not kept
    model::NetworkBinding binding;
    if (has(each, "bindIP")) binding.bind_ip = text_in(each, "bindIP");
    if (has(each, "protocol")) binding.protocol = text_in(each, "protocol");
    binding.container_port = integer_in(each, "containerPort").value_or(0);
    binding.host_port = integer_in(each, "hostPort").value_or(0);
    for (const int port : {binding.container_port, binding.host_port}) {
      if (port < 0 || port > shared::net::kMaxPort)
        return invalid_parameter("A network binding has the port " + std::to_string(port) + ".");
    }
    bindings.push_back(std::move(binding));
  }
  return bindings;
}

Result<control::ContainerChange> container_change_in(const json& in) {
  control::ContainerChange change;
  change.name = text_in(in, "containerName");
  change.status = text_in(in, "status");
  change.runtime_id = shared::shortened(text_in(in, "runtimeId"), kMaxIdentityChars);
  change.image_digest = shared::shortened(text_in(in, "imageDigest"), kMaxIdentityChars);
  change.reason = shared::shortened(text_in(in, "reason"), kMaxReasonChars);
  change.exit_code = integer_in(in, "exitCode");
  auto bindings = bindings_in(in);
  if (!bindings) return bindings.error();
  change.bindings = *std::move(bindings);
  return change;
}

Answer apply(const Context& context, control::TaskChange change) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  if (change.task.empty()) return invalid_parameter("Task cannot be empty.");
  change.cluster = *cluster;
  auto applied = control::apply_task_change(context.step, change);
  if (!applied) return applied.error();
  return acknowledged();
}

}  // namespace

void tell_installation(const Context& context, json& answer) {
  const std::string installation = control::installation_of(context.state());
  if (!installation.empty()) answer["berthInstallation"] = installation;
}

Answer discover_poll_endpoint(const Context& context) {
  // Neither need exist: agents ask before they register, and for what their host remembers.
  const aws::Realm realm = context.step.settings.realm();
  const auto cluster = control::cluster_name_in(realm, text_in(context.in, "cluster"));
  if (!cluster) return cluster.error();
  const auto instance = control::instance_key(realm, *cluster, text_in(context.in, "containerInstance"));
  if (!instance) return instance.error();
  const std::string& endpoint = context.step.settings.poll_endpoint;
  if (endpoint.empty()) {
    return shared::Error("ServerException",
                         "This control plane has no address set at which agents reach it.");
  }
  json answer{{"endpoint", endpoint}, {"telemetryEndpoint", endpoint}, {"serviceConnectEndpoint", endpoint}};
  tell_installation(context, answer);
  return answer;
}

Answer submit_task_state_change(const Context& context) {
  const json& in = context.in;
  control::TaskChange change;
  change.task = text_in(in, "task");
  change.status = text_in(in, "status");
  change.reason = shared::shortened(text_in(in, "reason"), kMaxReasonChars);
  change.pull_started_at = time_in(in, "pullStartedAt");
  change.pull_stopped_at = time_in(in, "pullStoppedAt");
  change.execution_stopped_at = time_in(in, "executionStoppedAt");
  for (const json& each : list_in(in, "containers")) {
    auto container = container_change_in(each);
    if (!container) return container.error();
    change.containers.push_back(*std::move(container));
  }
  return apply(context, std::move(change));
}

Answer submit_container_state_change(const Context& context) {
  control::TaskChange change;
  change.task = text_in(context.in, "task");
  auto container = container_change_in(context.in);
  if (!container) return container.error();
  change.containers.push_back(*std::move(container));
  return apply(context, std::move(change));
}

// Nothing of ours is attached to tasks or instances; acknowledged, so that the agent does not send it again.
Answer submit_attachment_state_changes(const Context& context) {
  const auto cluster = cluster_in(context);
  if (!cluster) return cluster.error();
  for (const json& each : list_in(context.in, "attachments")) {
    const std::string arn = text_in(each, "attachmentArn");
    if (!aws::looks_like_arn(arn)) continue;
    if (auto ours = aws::parse_ecs_arn(context.step.settings.realm(), arn); !ours) return ours.error();
  }
  return acknowledged();
}

}  // namespace agent::api::ecs
