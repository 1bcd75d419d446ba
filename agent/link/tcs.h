// Messages on the telemetry websocket (TCS) of the ECS agent: {"type": NAME, "message": {...}}. Of the
// original's, the health of containers and what they use are here; the instance's own status is not sent by
// our node, and control acknowledges it unread, as the other figures. What goes from agent to control has a
// pseudo HTTP head before it (see http_control_link.h), which is not part of these texts.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/time.h"

namespace agent::link {

// Tasks in one message, as the ECS agent batches them; the last message of a publication has `fin`.
inline constexpr std::size_t kMaxTasksPerPublication = 10;

struct ContainerHealth {
  std::string name;
  std::string status = "UNKNOWN";  // HEALTHY, UNHEALTHY, UNKNOWN (also while the engine is still starting it)
  shared::WallTime since{};        // when the agent saw the change
  std::string message;             // the check's last output
};
struct TaskHealth {
  std::string arn;
  std::string cluster_arn;
  std::string family;
  std::string version;
  std::vector<ContainerHealth> containers;
};
struct PublishHealthRequest {  // agent -> control
  std::string message_id;      // the same for all parts of one publication
  std::string cluster;
  std::string container_instance;
  bool fin = true;
  shared::WallTime timestamp{};
  std::vector<TaskHealth> tasks;
};

// What a container used, on the average of what was measured since the message before.
struct ContainerUsage {
  std::string name;
  double cpu = 0;     // percent of the whole host
  double memory = 0;  // MiB
};
struct TaskUsage {
  std::string arn;
  std::string cluster_arn;
  std::string family;
  std::string version;
  std::vector<ContainerUsage> containers;
};
struct PublishMetricsRequest {  // agent -> control
  std::string message_id;
  std::string cluster;
  std::string container_instance;
  bool fin = true;
  shared::WallTime timestamp{};
  std::vector<TaskUsage> tasks;
};

std::string tcs_to_json(const PublishHealthRequest& message);
std::string tcs_to_json(const PublishMetricsRequest& message);
// `type` is absent or no text: error code "BadRequestException".
shared::Result<std::string> tcs_type(std::string_view text);
// Error code "BadRequestException" names the member.
shared::Result<PublishHealthRequest> publish_health_from_json(std::string_view text);
// Containers without both figures are left out.
shared::Result<PublishMetricsRequest> publish_metrics_from_json(std::string_view text);

}  // namespace agent::link
