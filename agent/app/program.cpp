#include "agent/app/program.h"

#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include "agent/acme/https_transport.h"
#include "agent/app/engine_task_cgroups.h"
#include "agent/app/own_ports.h"
#include "agent/app/snapshot.h"
#include "agent/cgroup/systemd_slices.h"
#include "agent/control/iam/credentials.h"
#include "agent/hooks/http_caller.h"
#include "agent/iam/key_files.h"
#include "agent/metadata/address.h"
#include "agent/runtime/docker/docker_runtime.h"
#include "agent/runtime/oci/oci_runtime.h"
#include "shared/base/descriptor_limit.h"
#include "shared/log/log.h"

#ifndef BERTH_VERSION
#define BERTH_VERSION "dev"
#endif

namespace agent::app {

using shared::Error;
using shared::Result;
namespace log = shared::log;
namespace http = shared::http;
namespace httpd = shared::httpd;

namespace {

// RunTask and RegisterTaskDefinition carry at most 64 KiB of definition; an agent's report stays far below.
constexpr std::size_t kMaxBody = 1024 * 1024;
constexpr std::size_t kMaxLogBody = 4 * 1024 * 1024;

constexpr std::uint16_t kMetadataPort = 80;

// Of control, besides its connections: its files, its node's calls of the engine, connections that wait for
// their 503.
constexpr std::size_t kOtherDescriptors = 1024;

// An address that others can dial: listening on every address is no address.
std::string dialable(const shared::net::Endpoint& endpoint) {
  shared::net::Endpoint at = endpoint;
  if (at.address == "0.0.0.0") at.address = "127.0.0.1";
  if (at.address == "::") at.address = "::1";
  return shared::net::to_string(at);
}

}  // namespace

Program::~Program() {
  admin_.reset();
  metadata_server_.reset();
  introspection_.reset();
  metadata_.reset();
  // A node's callbacks end with it; the server's handlers refer to the gateway, the gateway to the engine.
  node_.reset();
  link_.reset();
  cgroups_.reset();
  runtime_.reset();
  server_.reset();
  snapshots_.reset();
  dashboard_.reset();
  registry_.reset();
  gateway_.reset();
  engine_.reset();
  acme_.reset();
  names_.reset();
  hooks_.reset();
  control_commits_.reset();
}

Result<void> Program::start() {
  std::signal(SIGPIPE, SIG_IGN);
  descriptors_ = shared::raise_descriptor_limit();
  loop_.stop_on_signals({SIGTERM, SIGINT});
  loop_.on_signals({SIGHUP}, [this](int) {
    if (node_) node_->register_anew();
  });
  if (options_.control) {
    if (auto started = start_control(); !started) return started;
  }
  if (auto started = start_server(); !started) return started;
  if (options_.node) {
    if (auto started = start_node(); !started) return started;
  }
  return start_admin();
}

int Program::run() {
  supervisor_.ready();
  loop_.run();
  supervisor_.stopping();
  if (const int signal = loop_.stopped_by(); signal != 0)
    log::info("stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  return exit_code_;
}

Result<void> Program::start_control() {
  auto store = store::open_sqlite(options_.data_dir + "/control.db");
  if (!store) return store.error();
  control_store_ = *std::move(store);
  auto keys = iam::Keys::open(
      {options_.data_dir, {"aws", options_.control_settings.region, options_.control_settings.account}});
  if (!keys) return keys.error();
  keys_ = std::make_unique<iam::Keys>(*std::move(keys));
  if (options_.control_settings.poll_endpoint.empty()) {
    options_.control_settings.poll_endpoint = "http://" + dialable(options_.listen);
  }
  control_commits_ = store::on_a_thread(*control_store_, loop_);
  engine_ = std::make_unique<control::Engine>(loop_, random_, *control_commits_, options_.control_settings);
  if (const std::string& directory = options_.control_settings.acme_directory; !directory.empty()) {
    auto transport = acme::https_transport(loop_, options_.acme_ca_file);
    if (!transport) return transport.error().within("--acme-ca-file");
    acme_ = std::make_unique<acme::Client>(loop_, *std::move(transport), acme::on_a_thread(loop_), directory);
    engine_->use(*acme_);
  }
  auto hooks = hooks::http_caller(loop_, "");
  if (!hooks) return hooks.error().within("lifecycle hooks");
  hooks_ = *std::move(hooks);
  engine_->use(*hooks_);
  if (options_.dns) {
    auto names = dns::Server::listen(*options_.dns);
    if (!names) return names.error().within("--dns");
    names_ = *std::move(names);
    engine_->use([this](std::shared_ptr<const dns::Zones> zones) { names_->set_zones(std::move(zones)); });
    log::info("dns_listening", {{"address", shared::net::to_string(names_->endpoint())}});
  }
  auto lines = logs::Store::open(options_.data_dir + "/logs.db", options_.log_lines_bytes);
  if (!lines) return lines.error();
  logs_ = std::make_unique<logs::Worker>(*std::move(lines), loop_);
  events_.use(logs_.get());
  engine_->use(events_);
  if (auto started = engine_->start(); !started) return started;
  auto snapshots = serve_snapshots(loop_, *control_commits_, options_.data_dir);
  if (!snapshots) return snapshots.error();
  snapshots_ = *std::move(snapshots);
  api::GatewayParts parts{*engine_,
                          loop_,
                          random_,
                          [this](const http::Request& request, aws::Service service) {
                            return keys_->authenticate(
                                request, service, loop_.wall_now(),
                                [this](const std::string& id) { return known_key(id); });
                          },
                          [this](std::string_view token) { return keys_->is_balancer_token(token); },
                          [this] { return node_checks(); },
                          logs_.get(),
                          keys_->sealing_key()};
  if (auto used = use_registry(parts); !used) return used;
  gateway_ = std::make_unique<api::Gateway>(std::move(parts));
  if (options_.dashboard) {
    dashboard_ = std::make_unique<dashboard::Dashboard>(
        dashboard::Dashboard::Parts{*engine_, loop_, keys_->dashboard_token(), BERTH_VERSION});
  }
  return {};
}

Result<void> Program::use_registry(api::GatewayParts& parts) {
  if (options_.registry.empty()) return {};
  auto client = RegistryClient::create(loop_, options_.registry, options_.registry_password);
  if (!client) return client.error().within("--registry");
  registry_ = *std::move(client);
  const std::string& password = options_.registry_password;
  parts.registry = {options_.registry, registry_->host(), password.empty() ? random_.hex(64) : password};
  parts.fetch = [this](http::Request request, std::function<void(Result<http::Response>)> done) {
    registry_->fetch(std::move(request), std::move(done));
  };
  return {};
}

// Of a user, or a temporary one, among control's rows.
std::optional<iam::KnownKey> Program::known_key(const std::string& id) const {
  const auto holder = control::iam::find_holder(engine_->state(), engine_->settings(), id);
  if (!holder) return std::nullopt;
  iam::KnownKey known{{id, holder->secret, holder->token}, {}, holder->expires_at};
  if (holder->is_administrator) {
    known.principal = keys_->principal(iam::Role::kAdministrator);
  } else {
    known.principal.role = holder->token.empty() ? iam::Role::kUser : iam::Role::kSession;
    known.principal.account = options_.control_settings.account;
    known.principal.arn = holder->arn;
    known.principal.user_id = holder->user_id;
  }
  known.principal.access_key_id = id;
  return known;
}

httpd::Server::Handler Program::handler() {
  if (!gateway_) {
    return [this](const http::Request& request, httpd::Reply reply) {
      answer_health(request, std::move(reply));
    };
  }
  if (!dashboard_) return gateway_->handler();
  return [this, api = gateway_->handler()](http::Request request, httpd::Reply reply) {
    if (dashboard::Dashboard::serves(request)) return dashboard_->answer(request, std::move(reply));
    api(std::move(request), std::move(reply));
  };
}

Result<void> Program::start_server() {
  httpd::ServerLimits limits;
  limits.max_body_bytes = kMaxBody;
  limits.larger_body = {"X-Amz-Target", "Logs_20140328.PutLogEvents", kMaxLogBody};
  limits.max_websockets = options_.max_websockets;
  const std::size_t needed = limits.max_connections + limits.max_websockets + kOtherDescriptors;
  if (options_.control && descriptors_ < needed)
    log::warn("descriptor_limit_low",
              {{"descriptors", descriptors_},
               {"needed", needed},
               {"missing", needed - descriptors_},
               {"hint", "raise the hard limit (ulimit -Hn), or lower --max-websockets"}});
  auto server = httpd::Server::listen(loop_, options_.listen, limits, handler(),
                                      gateway_ ? gateway_->acceptor() : httpd::Server::Acceptor(),
                                      gateway_ ? gateway_->refuser() : httpd::Server::Refuser());
  if (!server) return server.error();
  server_ = *std::move(server);
  log::info("listening", {{"address", shared::net::to_string(server_->endpoint())},
                          {"control", options_.control},
                          {"node", options_.node}});
  return {};
}

Result<aws::Credentials> Program::node_credentials() const {
  if (keys_) return keys_->node();
  auto read = iam::read_credentials_file(options_.node_key_file);
  if (!read)
    return read.error().within(
        "the node's credentials (copy node-credentials from control's data directory)");
  return read;
}

std::string Program::control_url() const {
  return options_.control_url.empty() ? "http://" + dialable(server_->endpoint()) : options_.control_url;
}

Result<void> Program::open_runtime() {
  if (options_.oci) {
    auto opened = runtime::oci::OciRuntime::open(loop_, *options_.oci);
    if (!opened) return opened.error().within("--runtime oci");
    runtime_ = *std::move(opened);
    cgroup_driver_ = [] { return std::string("cgroupfs"); };
    return {};
  }
  runtime::docker::DockerSettings engine;
  engine.socket = options_.docker_socket;
  auto docker = std::make_unique<runtime::docker::DockerRuntime>(loop_, engine);
  cgroup_driver_ = [known = docker.get()] { return known->cgroup_driver(); };
  runtime_ = std::move(docker);
  return {};
}

Result<void> Program::start_node() {
  auto store = store::open_sqlite(options_.data_dir + "/node.db");
  if (!store) return store.error();
  node_store_ = *std::move(store);
  auto credentials = node_credentials();
  if (!credentials) return credentials.error();
  if (auto opened = open_runtime(); !opened) return opened;
  cgroups_ = cgroup::disabled_task_cgroups();
  if (options_.task_limits) {
    const auto layout = cgroup::host_layout();
    if (!layout && options_.task_limits_explicit)
      return layout.error().within("ECS_ENABLE_TASK_CPU_MEM_LIMIT");
    cgroups_ = std::make_unique<EngineTaskCgroups>(
        EngineTaskCgroups::Parts{cgroup_driver_, [] { return cgroup::open_task_cgroups({}); },
                                 [] { return cgroup::open_systemd_task_cgroups({}); }},
        options_.task_limits_explicit ? Insist::kYes : Insist::kNo);
  }

  link::ControlLinkOptions to_control;
  to_control.endpoint = control_url();
  to_control.credentials = *credentials;
  to_control.region = options_.control_settings.region;
  to_control.agent_version = options_.node_settings.agent_version;
  to_control.engine_version = [this] { return node_ ? node_->engine_version() : std::string(); };
  auto link = link::HttpControlLink::create(loop_, to_control);
  if (!link) return link.error().within("--control");
  link_ = *std::move(link);

  const auto cannot_run = [this](const Error& error) {
    log::error("start_failed", error);
    exit_code_ = 1;
    loop_.stop();
  };
  start_metadata();
  reserve_own_ports(options_.node_settings, server_->endpoint().port, control_url());
  node_ = std::make_unique<node::Node>(
      node::Node::Parts{loop_, random_, *link_, *runtime_, *cgroups_, *node_store_, cannot_run, link_.get()},
      options_.node_settings);
  return node_->start();
}

// Before the node, whose containers are told the address. What a host cannot have is said once; its
// containers do without.
void Program::start_metadata() {
  metadata::Metadata::Parts parts{loop_, *runtime_,
                                  [this]() -> const metadata::Metadata::Tasks& {
                                    static const metadata::Metadata::Tasks kNone;
                                    return node_ ? node_->tasks() : kNone;
                                  },
                                  [this] {
                                    const node::NodeSettings& node = options_.node_settings;
                                    return metadata::Host{
                                        node.cluster, node_ ? node_->container_instance_arn() : std::string(),
                                        node.agent_version, node.agent_hash};
                                  }};
  if (!options_.audit_log.empty()) {
    auto audit = metadata::AuditLog::open(options_.audit_log);
    if (!audit) {
      log::warn("audit_log_off", audit.error());
    } else {
      audit_ = std::make_unique<metadata::AuditLog>(*std::move(audit));
      parts.audit = [this](const std::string& line) { audit_->write(line); };
    }
  }
  metadata_ = std::make_unique<metadata::Metadata>(std::move(parts), options_.metadata_limit);
  start_introspection();
  if (options_.metadata_address.empty()) return;
  const std::string& address = options_.metadata_address;
  auto added = metadata::add_local_address(address);
  if (!added) return log::warn("task_metadata_off", added.error());
  auto server = httpd::Server::listen(
      loop_, {address, kMetadataPort}, httpd::ServerLimits{},
      [this](const http::Request& request, httpd::Reply reply) {
        metadata_->answer(request, [held = std::make_shared<httpd::Reply>(std::move(reply))](
                                       http::Response response) { held->send(std::move(response)); });
      });
  if (!server) return log::warn("task_metadata_off", server.error());
  metadata_server_ = *std::move(server);
  options_.node_settings.metadata_url = "http://" + address;
}

void Program::start_introspection() {
  if (!options_.introspection) return;
  auto server = httpd::Server::listen(loop_, *options_.introspection, httpd::ServerLimits{},
                                      [this](const http::Request& request, httpd::Reply reply) {
                                        reply.send(metadata_->introspect(request));
                                      });
  if (!server) return log::warn("introspection_off", server.error());
  introspection_ = *std::move(server);
}

Result<void> Program::start_admin() {
  if (!options_.admin) return {};
  admin::Pages::Facts facts;
  facts.version = BERTH_VERSION;
  facts.engine = engine_.get();
  facts.node = [this]() -> const node::Node* { return node_.get(); };
  facts.cgroups = [this]() -> const cgroup::TaskCgroups* { return cgroups_.get(); };
  facts.alive = api::alive_response;
  facts.ready = [this] { return api::ready_response(checks()); };
  auto pages = admin::Pages::listen(loop_, *options_.admin, std::move(facts));
  if (!pages) return pages.error();
  admin_ = *std::move(pages);
  return {};
}

std::vector<api::ReadyCheck> Program::checks() const {
  std::vector<api::ReadyCheck> all = node_checks();
  if (engine_) all.insert(all.begin(), {"control", engine_->not_ready()});
  return all;
}

std::vector<api::ReadyCheck> Program::node_checks() const {
  if (!options_.node) return {};
  return {{"node", node_ ? node_->not_ready() : "the node has not started yet"}};
}

// For `systemctl status`.
std::string Program::status() const {
  for (const api::ReadyCheck& check : node_checks())
    if (!check.reason.empty()) return check.name + " is not ready: " + check.reason;
  return "listening at " + shared::net::to_string(server_->endpoint());
}

// An agent without control has no API, only its health.
void Program::answer_health(const http::Request& request, httpd::Reply reply) const {
  if (request.path() == "/healthz") return reply.send(api::alive_response());
  if (request.path() == "/readyz") return reply.send(api::ready_response(node_checks()));
  const nlohmann::json body{{"error", "this agent has no role control; it answers /healthz and /readyz"}};
  reply.send(http::make_response(404, "application/json", body.dump()));
}

}  // namespace agent::app
