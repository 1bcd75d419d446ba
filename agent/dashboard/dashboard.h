// The dashboard, below /dashboard of control's address: pages that read nothing but what is in the program,
// and a stream of what they show.
//
//   GET  /dashboard/          the page; without a session the way to the login
//   GET  /dashboard/login     asks for the token of DATA_DIR/dashboard-token
//   POST /dashboard/login     token=...: a session by a cookie, for kSessionLife
//   POST /dashboard/logout    ends it in this browser
//   GET  /dashboard/live      server-sent events (live.h); 401 without a session
//   GET  /dashboard/FILE      style, scripts, icon: the same for everybody
//
// It only shows: no request changes anything. Thread: the engine's.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "agent/control/engine/engine.h"
#include "agent/dashboard/live.h"
#include "agent/dashboard/sessions.h"
#include "shared/env/executor.h"
#include "shared/http/message.h"
#include "shared/httpd/server.h"

namespace agent::dashboard {

class Dashboard {
 public:
  struct Parts {
    control::Engine& engine;
    shared::env::Executor& executor;  // the engine's
    std::string token;
    std::string version;  // of the program
  };
  explicit Dashboard(Parts parts);

  // The path is ours.
  static bool serves(const shared::http::Request& request);
  void answer(const shared::http::Request& request, shared::httpd::Reply reply);
  const Live& live() const { return live_; }

 private:
  shared::http::Response log_in(const shared::http::Request& request);
  bool is_logged_in(const shared::http::Request& request) const;

  shared::env::Executor& executor_;
  Sessions sessions_;
  Live live_;
};

}  // namespace agent::dashboard
