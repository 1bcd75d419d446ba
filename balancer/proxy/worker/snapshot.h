// A configuration as the workers use it: routes compiled, target groups resolved to indices. Immutable,
// shared by all workers; replaced whole, of parts that are the same again where nothing changed.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "balancer/codec/response_edits.h"
#include "balancer/loop/socket.h"
#include "balancer/proxy/client/rate_limiter.h"
#include "balancer/proxy/worker/stats.h"
#include "balancer/routing/acme.h"
#include "balancer/routing/route_table.h"
#include "balancer/routing/source.h"
#include "balancer/targets/target.h"
#include "balancer/tls/server_contexts.h"
#include "shared/base/result.h"
#include "shared/env/random.h"
#include "shared/lbconfig/config.h"

namespace balancer::proxy {

struct CompiledListener {
  std::string id;
  std::string load_balancer;
  std::string dns_name;
  loop::Address address;
  std::uint16_t port = 0;
  shared::lbconfig::ListenerOptions options;
  routing::RouteTable routes;
  // For each action of `routes`: Snapshot::groups index of each of its target groups.
  std::vector<std::vector<std::size_t>> action_groups;
  std::shared_ptr<ListenerStats> stats;
  std::shared_ptr<const tls::ServerContext> tls;  // HTTPS listeners only
  codec::ResponseEdits edits;
  shared::lbconfig::Protocol protocol = shared::lbconfig::Protocol::kHttp;
  std::vector<routing::Cidr>
      proxy_from{};  // connections from there begin with a header of the PROXY protocol
  // Accepted connections become requests at once: an HTTP listener that expects no such header.
  bool plain = true;
  std::shared_ptr<RateLimiter> rate_limiter{};  // where options.rate_limit is set
  std::vector<std::string> tls_names{};         // of options.tls_header_names: no client may send these
};

struct Snapshot {
  std::uint64_t version = 0;
  std::vector<std::shared_ptr<const CompiledListener>> listeners;
  std::vector<std::shared_ptr<const targets::Group>> groups;
  shared::lbconfig::CookieKeys cookie_keys;
  std::shared_ptr<const routing::AcmeAnswers> acme;  // null: none
};

// Keeps the counters of listeners by id, for as long as the process runs. Thread: main.
class StatsRegistry {
 public:
  explicit StatsRegistry(std::size_t workers) : workers_(workers) {}
  std::shared_ptr<ListenerStats> of(const shared::lbconfig::Listener& listener);
  const std::map<std::string, std::shared_ptr<ListenerStats>>& all() const { return listeners_; }
  std::size_t workers() const { return workers_; }

 private:
  std::size_t workers_;
  std::map<std::string, std::shared_ptr<ListenerStats>> listeners_;
};

// Compiles listeners. Those that a configuration shares with the one before are the same again as long as it
// has the same target groups in the same order. Thread: main.
class ListenerCompiler {
 public:
  // `listen_address`: replaces every listener's address when not empty.
  ListenerCompiler(std::string listen_address, StatsRegistry& stats)
      : listen_address_(std::move(listen_address)), stats_(stats) {}
  // To be called every tls::kTicketRotation.
  void rotate_tickets() { tickets_->rotate(); }
  tls::TicketKeys& tickets() { return *tickets_; }

  // `config` is valid. Errors name the listener and the rule, or the certificate. `now` judges certificates.
  shared::Result<std::vector<std::shared_ptr<const CompiledListener>>> compile(
      const shared::lbconfig::Config& config, shared::WallTime now);

 private:
  using Source = shared::lbconfig::Part<shared::lbconfig::Listener>;
  using GroupIndex = std::map<std::string_view, std::size_t>;
  shared::Result<std::shared_ptr<const CompiledListener>> compile_one(
      const shared::lbconfig::Listener& source, const GroupIndex& groups,
      std::shared_ptr<const tls::ServerContext> tls);
  const std::string listen_address_;
  StatsRegistry& stats_;
  std::shared_ptr<tls::TicketKeys> tickets_ = std::make_shared<tls::TicketKeys>();
  tls::ServerContexts contexts_{tickets_};
  shared::env::SystemRandom random_;
  // By listener; what clients have used up outlives changes of the configuration.
  std::map<std::string, std::shared_ptr<RateLimiter>> rate_limiters_;
  std::vector<std::string> groups_;  // ids, in order
  std::vector<std::pair<Source, std::shared_ptr<const CompiledListener>>> known_;
};

}  // namespace balancer::proxy
