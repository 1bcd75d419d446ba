// The control feed on real sockets: dials control's websocket, keeps it up with jittered backoff, and carries
// out what the FeedSession decides. Thread: the IoLoop's.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "balancer/feed/session.h"
#include "shared/base/result.h"
#include "shared/httpd/client.h"
#include "shared/httpd/io_loop.h"
#include "shared/net/endpoint.h"

namespace balancer::feed {

struct ControlAddress {
  shared::net::Endpoint endpoint;
  std::string host;  // for the Host field
};
// "http://control.internal:7350"; only plain http. Errors name the part that is wrong.
shared::Result<ControlAddress> parse_control_url(const std::string& url);

class ControlFeed {
 public:
  struct Options {
    ControlAddress control;
    std::string token;
  };
  using Apply = std::function<void(shared::lbconfig::Config)>;

  ControlFeed(shared::httpd::IoLoop& loop, Options options, FeedSession& session, shared::env::Random& random,
              Apply apply);
  void start();
  void stop();
  void on_applied(const shared::lbconfig::Config& config, const shared::Result<void>& result, Kept kept);
  void on_kept() { carry_out(session_.on_kept()); }
  // Health or drain news; reports of one loop turn are sent together.
  void on_targets_changed();
  bool connected() const { return session_.connected(); }
  const std::string& last_error() const { return last_error_; }

 private:
  void dial();
  void lost(const shared::Error& why);
  void carry_out(FeedSession::Output output);
  void tick();

  shared::httpd::IoLoop& loop_;
  Options options_;
  FeedSession& session_;
  shared::env::Random& random_;
  Apply apply_;
  Backoff backoff_;
  std::unique_ptr<shared::httpd::Client> client_;
  shared::httpd::Call dialling_;
  std::shared_ptr<shared::httpd::WebSocket> socket_;  // shared with httpd, which keeps it until on_close
  shared::env::Timer redial_;
  shared::env::Timer ticking_;
  shared::env::Timer soon_;
  std::string last_error_ = "not connected yet";
  bool stopped_ = false;
  std::uint64_t attempt_ = 0;  // a socket's late callbacks must not speak for its successor
};

}  // namespace balancer::feed
