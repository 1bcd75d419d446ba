// The websockets of agents and balancers, once their openers are known: channels of the engine on one side,
// sockets on the other. Thread: the engine's.
#pragma once
#include <string>
#include <string_view>

#include "agent/control/engine/engine.h"
#include "shared/httpd/websocket.h"

namespace agent::api {

// The task channel (ACS) of a container instance.
shared::httpd::WebSocketHandlers agent_socket(control::Engine& engine, std::string container_instance_arn);
// A balancer's configuration feed.
shared::httpd::WebSocketHandlers feed_socket(control::Engine& engine);
// Telemetry of a container instance (TCS): every message is acknowledged; of what it says, the health of
// this instance's containers is applied, metrics are not kept.
shared::httpd::WebSocketHandlers telemetry_socket(control::Engine& engine,
                                                  std::string container_instance_arn);

// What an agent's telemetry message is: its type, and the JSON text after the pseudo HTTP head.
struct TelemetryFrame {
  std::string type;
  std::string body;
};
TelemetryFrame read_telemetry(std::string_view frame);

}  // namespace agent::api
