// The pages for machines, at an address of their own (--admin) and without authentication, as the balancer
// has them: /metrics, /sd (http_sd of Prometheus, control only), /healthz, /readyz. Thread: the engine's.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "agent/admin/metrics.h"
#include "shared/base/result.h"
#include "shared/httpd/io_loop.h"
#include "shared/httpd/server.h"

namespace agent::admin {

class Pages {
 public:
  struct Facts {
    std::string version;
    control::Engine* engine = nullptr;  // null: no role control
    // Null until there is one, or without the role.
    std::function<const node::Node*()> node;
    std::function<const cgroup::TaskCgroups*()> cgroups;
    std::function<shared::http::Response()> alive;
    std::function<shared::http::Response()> ready;
  };
  // Errors of Server::listen. What the facts refer to outlives it.
  static shared::Result<std::unique_ptr<Pages>> listen(shared::httpd::IoLoop& loop,
                                                       const shared::net::Endpoint& at, Facts facts);
  shared::net::Endpoint endpoint() const { return server_->endpoint(); }

 private:
  explicit Pages(Facts facts) : facts_(std::move(facts)) {}
  void answer(const shared::http::Request& request, shared::httpd::Reply reply);
  void answer_metrics(shared::httpd::Reply reply);
  void answer_discovery(shared::httpd::Reply reply);
  // In a step that only reads; answered once what it saw is durable.
  void read(std::function<std::string(const control::Step&)> look, std::string content_type,
            shared::httpd::Reply reply);

  Facts facts_;
  Observer observer_;
  std::unique_ptr<shared::httpd::Server> server_;
};

}  // namespace agent::admin
