// RegisterContainerInstance: what this host says of itself. Pure.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "agent/cgroup/layout.h"
#include "agent/node/settings.h"
#include "agent/node/task/records.h"
#include "shared/base/result.h"

namespace agent::node {

// Name and value (empty: name only): capabilities that hold for this agent, the custom ones, berth.address
// and berth.instance-id.
std::vector<std::pair<std::string, std::string>> instance_attributes(const NodeSettings& settings,
                                                                     const Identity& identity,
                                                                     cgroup::Mode limits);
std::string registration_request(const NodeSettings& settings, const Identity& identity, cgroup::Mode limits,
                                 const std::string& engine_version, const std::string& client_token);
// Error code "malformed".
struct Registered {
  std::string container_instance_arn;
  std::string installation;  // of the control that answered; empty where it has none
};
shared::Result<Registered> registered_as(const std::string& answer);
// DiscoverPollEndpoint's answer. Error code "malformed".
struct PollEndpoints {
  std::string session;
  std::string telemetry;     // empty where control takes none
  std::string installation;  // as above
};
shared::Result<PollEndpoints> poll_endpoints(const std::string& answer);

}  // namespace agent::node
