// The door of the control plane: HTTP requests to API calls, and the websockets of agents and balancers.
//
//   POST /            the services of aws/service.h, signed with SigV4
//   GET /healthz      200 while the process serves; no authentication
//   GET /readyz       200 or 503 with {"status","checks":[{"name","ok","reason"}]}; no authentication
//   GET /ws           websocket of an agent, signed as for ECS: its task channel (ACS) when the query has
//                     containerInstanceArn, its telemetry (TCS) when it has containerInstance
//   GET /berth/v1/feed  websocket of a balancer, with its bearer token
//
// Whatever cannot be understood gets an error of the service it looks like, also what is for a service of AWS
// that is not here and what fails as HTTP: an SDK shows the text of such an error, and takes anything else
// for a broken endpoint. Decides nothing about resources. Thread: the engine's executor.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/api/ecr/ecr.h"
#include "agent/aws/service.h"
#include "agent/control/engine/engine.h"
#include "agent/iam/keys.h"
#include "agent/logs/worker.h"
#include "shared/base/result.h"
#include "shared/env/executor.h"
#include "shared/env/random.h"
#include "shared/http/message.h"
#include "shared/httpd/server.h"

namespace agent::api {

// Who signed the request, for this service. In the product: agent::iam::Keys::authenticate.
using Authenticator =
    std::function<shared::Result<agent::iam::Principal>(const shared::http::Request&, aws::Service)>;

struct ReadyCheck {
  std::string name;
  std::string reason;  // why it is not ready; empty: it is
};

// What /healthz and /readyz answer, also for an agent without a gateway.
shared::http::Response alive_response();
shared::http::Response ready_response(const std::vector<ReadyCheck>& checks);

// References outlive the gateway.
struct GatewayParts {
  control::Engine& engine;
  shared::env::Executor& executor;
  shared::env::Random& random;  // request ids
  Authenticator authenticate;
  std::function<bool(std::string_view)> is_balancer_token;
  // What else must be ready besides control, such as this host's node. May be empty.
  std::function<std::vector<ReadyCheck>()> checks;
  // Where log lines are; null: CloudWatch Logs is not offered.
  agent::logs::Worker* logs = nullptr;
  // 32 bytes that seal values of parameters; empty: SecureStrings are refused.
  std::string sealing_key = {};
  // Where ECR's repositories are, and who asks there; without a URL ECR is refused.
  ecr::Registry registry = {};
  ecr::Fetch fetch = {};
};

class Gateway {
 public:
  explicit Gateway(GatewayParts parts);
  // Servers that use its handlers die first: closing their sockets calls the gateway and the engine.
  ~Gateway();

  shared::httpd::Server::Handler handler();
  shared::httpd::Server::Acceptor acceptor();
  shared::httpd::Server::Refuser refuser();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agent::api
