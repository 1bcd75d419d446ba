// The operator's pages: /healthz (is the process alive and does every worker answer), /readyz (may it get
// traffic), /metrics, /config, /targets. Served on the main thread, by default on loopback only; no
// authentication, nothing can be changed here. Not for traffic. Thread: main.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "balancer/admin/metrics.h"
#include "shared/base/result.h"
#include "shared/http/message.h"
#include "shared/httpd/io_loop.h"
#include "shared/httpd/server.h"
#include "shared/net/endpoint.h"

namespace balancer::admin {

// A worker that has not answered for this long counts as stuck.
inline constexpr shared::Millis kWorkerSilence{5'000};
inline constexpr shared::Millis kWorkerPing{1'000};

struct Check {
  std::string name;
  bool passed = false;
  std::string reason;  // why not, or what is degraded or in force
};
// 200 when all passed, else 503; {"status": "ok", "checks": [{"name", "ok", "reason"}]}.
shared::http::Response checks_response(const std::vector<Check>& checks);

// Each target group with its requests that wait, and its targets: {"GROUP": {"waiting", "targets":
// [{"registration", "health", "reason", "description", "in_flight", "ejected"}]}}.
std::string targets_json(feed::TargetBoard& board);

// What the pages tell, asked at each request.
struct Facts {
  std::function<MetricsSources()> metrics;
  std::function<std::optional<std::string>()> config_json;  // nothing: none applied yet
  std::function<std::vector<Check>()> readiness;
};

// The fleet may outlive the pages, and the loop outlives both.
class Pages {
 public:
  static shared::Result<std::unique_ptr<Pages>> listen(shared::httpd::IoLoop& loop,
                                                       const shared::net::Endpoint& at, proxy::Fleet& fleet,
                                                       Facts facts);
  shared::net::Endpoint endpoint() const { return server_->endpoint(); }

 private:
  Pages(shared::httpd::IoLoop& loop, proxy::Fleet& fleet, Facts facts);
  void ping();
  shared::http::Response answer(const shared::http::Request& request);
  std::vector<Check> liveness() const;

  shared::httpd::IoLoop& loop_;
  proxy::Fleet& fleet_;
  Facts facts_;
  using Heard = std::vector<shared::SteadyTime>;  // of each worker
  std::shared_ptr<Heard> heard_;                  // shared with pings that are under way
  shared::env::Timer pinging_;
  std::unique_ptr<shared::httpd::Server> server_;
};

}  // namespace balancer::admin
