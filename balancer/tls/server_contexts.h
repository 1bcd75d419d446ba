// The server contexts of a configuration's HTTPS listeners. A listener whose settings are what they were,
// with the same certificates, keeps its context; a renewed certificate makes those of its listeners anew and
// no others. Tickets go on over configurations. Thread: main's.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "balancer/tls/server_context.h"
#include "balancer/tls/ticket_keys.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/lbconfig/config.h"

namespace balancer::tls {

class ServerContexts {
 public:
  using ByListener = std::map<std::string, std::shared_ptr<const ServerContext>, std::less<>>;  // by id

  explicit ServerContexts(std::shared_ptr<TicketKeys> tickets) : tickets_(std::move(tickets)) {}
  // `config` is valid. `http2`: whether h2 is served at all. The error names the listener and what
  // ServerContext::make says; the former contexts stay then.
  shared::Result<ByListener> make(const shared::lbconfig::Config& config, bool http2, shared::WallTime now);

 private:
  const std::shared_ptr<TicketKeys> tickets_;
  ByListener made_;
};

}  // namespace balancer::tls
