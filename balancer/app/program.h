// The running balancer: builds the parts in order, connects them, and takes them down in order. Thread: main.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "balancer/admin/pages.h"
#include "balancer/app/options.h"
#include "balancer/feed/board.h"
#include "balancer/feed/control_feed.h"
#include "balancer/feed/file_source.h"
#include "balancer/feed/pipeline.h"
#include "balancer/feed/session.h"
#include "balancer/feed/state_dir.h"
#include "balancer/loop/loop.h"
#include "balancer/proxy/access_log.h"
#include "balancer/proxy/fleet.h"
#include "balancer/targets/checker.h"
#include "shared/base/result.h"
#include "shared/env/random.h"
#include "shared/httpd/io_loop.h"

namespace balancer::app {

class Program {
 public:
  explicit Program(Options options) : options_(std::move(options)) {}
  ~Program();

  shared::Result<void> start();
  int run();  // until SIGTERM or SIGINT and the drain after it; the exit code

 private:
  shared::Result<void> start_workers(std::size_t connections);  // of clients, per worker
  shared::Result<void> start_source();
  shared::Result<void> start_admin();
  void apply(shared::lbconfig::Config config);
  void on_applied(const shared::lbconfig::Config& config, const shared::Result<void>& result);
  void on_health(targets::HealthChange change);
  void on_signal(int signal);
  void watch_drains();
  void watch_listeners();
  void shut_down();
  std::vector<admin::Check> readiness() const;

  const Options options_;
  shared::env::SystemRandom random_;
  shared::httpd::IoLoop loop_;
  std::unique_ptr<proxy::AccessLog> access_log_;
  std::unique_ptr<proxy::Fleet> fleet_;
  std::unique_ptr<loop::Loop> checker_loop_;
  std::unique_ptr<targets::HealthChecker> checker_;
  std::thread checker_thread_;
  std::unique_ptr<proxy::StatsRegistry> stats_;
  std::unique_ptr<feed::TargetBoard> board_;
  std::unique_ptr<feed::ApplyPipeline> pipeline_;
  std::optional<feed::StateDir> state_;
  std::unique_ptr<feed::FeedSession> session_;
  std::unique_ptr<feed::ControlFeed> control_;
  std::unique_ptr<feed::FileSource> file_;
  std::unique_ptr<admin::Pages> pages_;
  std::optional<std::string> last_refusal_;
  bool draining_ = false;
  int exit_code_ = 0;
  shared::env::Timer drain_poll_;
  shared::env::Timer listener_poll_;
  std::set<std::string> told_unavailable_;
  shared::env::Timer drain_limit_;
};

}  // namespace balancer::app
