// The running agent: builds the roles' parts in order, connects them to one server and one loop, and takes
// them down in reverse. Control and node share nothing but the loop: the node dials control's API like any
// other host's. Thread: main.
#pragma once
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/acme/client.h"
#include "agent/admin/pages.h"
#include "agent/api/events/outside.h"
#include "agent/api/gateway.h"
#include "agent/app/options.h"
#include "agent/app/registry_client.h"
#include "agent/app/supervisor.h"
#include "agent/cgroup/task_cgroups.h"
#include "agent/control/engine/engine.h"
#include "agent/dashboard/dashboard.h"
#include "agent/dns/server.h"
#include "agent/hooks/caller.h"
#include "agent/iam/keys.h"
#include "agent/link/http_control_link.h"
#include "agent/logs/worker.h"
#include "agent/metadata/audit_log.h"
#include "agent/metadata/metadata.h"
#include "agent/node/node.h"
#include "agent/runtime/runtime.h"
#include "agent/store/async_store.h"
#include "shared/base/result.h"
#include "shared/env/random.h"
#include "shared/httpd/io_loop.h"
#include "shared/httpd/server.h"

namespace agent::app {

class Program {
 public:
  explicit Program(Options options) : options_(std::move(options)) {}
  ~Program();

  // Errors name what could not be had: the listen address, the store's file, a key file.
  shared::Result<void> start();
  // Until SIGTERM or SIGINT, or until the host turns out to lack what the settings insist on; containers keep
  // running. The exit code.
  int run();

 private:
  shared::Result<void> start_control();
  shared::Result<void> use_registry(api::GatewayParts& parts);
  shared::Result<void> start_server();
  shared::httpd::Server::Handler handler();
  std::optional<iam::KnownKey> known_key(const std::string& id) const;
  shared::Result<void> start_node();
  shared::Result<void> open_runtime();
  void start_metadata();
  void start_introspection();
  shared::Result<void> start_admin();
  shared::Result<aws::Credentials> node_credentials() const;
  std::string control_url() const;
  std::vector<api::ReadyCheck> node_checks() const;
  std::vector<api::ReadyCheck> checks() const;
  std::string status() const;
  void answer_health(const shared::http::Request& request, shared::httpd::Reply reply) const;

  Options options_;
  std::size_t descriptors_ = 0;  // the process may have open
  shared::env::SystemRandom random_;
  shared::httpd::IoLoop loop_;
  Supervisor supervisor_{loop_, [this] { return status(); }};
  // Control.
  std::unique_ptr<store::Store> control_store_;
  std::unique_ptr<store::AsyncStore> control_commits_;
  std::unique_ptr<iam::Keys> keys_;
  std::unique_ptr<hooks::Caller> hooks_;
  api::events::Outside events_{nullptr};
  std::unique_ptr<RegistryClient> registry_;  // null: ECR is not offered
  std::unique_ptr<dns::Server> names_;  // null: no DNS
  std::unique_ptr<acme::Client> acme_;  // where a server is set
  std::unique_ptr<control::Engine> engine_;
  std::unique_ptr<logs::Worker> logs_;
  std::unique_ptr<api::Gateway> gateway_;
  std::unique_ptr<dashboard::Dashboard> dashboard_;  // where it is wanted
  std::unique_ptr<shared::httpd::Server> server_;
  std::unique_ptr<shared::httpd::Server> snapshots_;  // control's, on a unix socket
  // Node.
  std::unique_ptr<store::Store> node_store_;
  std::unique_ptr<runtime::Runtime> runtime_;
  std::function<std::string()> cgroup_driver_;    // the engine's, empty until it is known
  std::unique_ptr<cgroup::TaskCgroups> cgroups_;  // may ask the engine for its driver
  std::unique_ptr<link::HttpControlLink> link_;
  std::unique_ptr<node::Node> node_;
  std::unique_ptr<metadata::AuditLog> audit_;
  std::unique_ptr<metadata::Metadata> metadata_;
  std::unique_ptr<shared::httpd::Server> metadata_server_;  // none where it cannot be had
  std::unique_ptr<shared::httpd::Server> introspection_;
  std::unique_ptr<admin::Pages> admin_;  // of both roles
  int exit_code_ = 0;
};

}  // namespace agent::app
