// The running balancer: builds the parts in order, connects them, and takes them down in order. Thread: main.
#pragma once
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "balancer/admin/pages.h"
#include "balancer/app/memory_watch.h"
#include "balancer/app/options.h"
#include "balancer/feed/board.h"
#include "balancer/feed/control_feed.h"
#include "balancer/feed/file_source.h"
#include "balancer/feed/key_fetcher.h"
#include "balancer/feed/pipeline.h"
#include "balancer/feed/session.h"
#include "balancer/feed/state_dir.h"
#include "balancer/handover/giver.h"
#include "balancer/handover/service_manager.h"
#include "balancer/handover/taker.h"
#include "balancer/loop/loop.h"
#include "balancer/proxy/log/access_log.h"
#include "balancer/proxy/worker/fleet.h"
#include "balancer/targets/checker.h"
#include "shared/base/result.h"
#include "shared/env/random.h"
#include "shared/httpd/io_loop.h"

namespace balancer::app {

class Program {
 public:
  explicit Program(Options options);
  ~Program();

  shared::Result<void> start();
  int run();  // until SIGTERM or SIGINT and the drain after it; the exit code

 private:
  shared::Result<void> open_state();
  shared::Result<void> start_workers(std::size_t connections);  // of clients, per worker
  shared::Result<void> start_source();
  void give_own_cookie_keys(shared::lbconfig::Config& config);
  shared::Result<void> start_admin();
  void apply(shared::lbconfig::Config config);
  void on_applied(const shared::lbconfig::Config& config, const shared::Result<void>& result);
  void on_health(targets::HealthChange change);
  void keep_targets_soon();
  void keep_targets();
  void on_signal(int signal);
  void reset_flows(const targets::TargetKey& key);
  void watch_drains();
  void watch_listeners();
  void rotate_tickets();
  void watch_memory();
  void save(const shared::lbconfig::Config& config);
  feed::Kept kept() const;
  void give_up();
  void shut_down(proxy::Drain how);
  void stop_when_drained();

  // This process takes over from an older one.
  void serve_when_checked();
  void on_yours();
  void on_older_ended();
  void start_admin_soon();
  // A newer one takes over from this one.
  void await_successor();
  void start_successor();
  void on_successor_exit();
  void offer_when_idle();
  void offer(const std::vector<proxy::NewSocket>& sockets);
  void on_successor_serves(int pid);
  void on_successor_gone(const std::string& why);
  void keep_sockets();
  std::vector<admin::Check> readiness() const;

  const Options options_;
  const std::string program_file_;  // by its name at the start: a newer one may lie there by now
  shared::env::SystemRandom random_;
  shared::httpd::IoLoop loop_;
  std::unique_ptr<proxy::AccessLog> access_log_;
  shared::lbconfig::CookieKeys own_cookie_keys_;  // without a state directory
  std::unique_ptr<feed::KeyFetcher> keys_;
  std::unique_ptr<proxy::Fleet> fleet_;
  std::unique_ptr<loop::Loop> checker_loop_;
  std::unique_ptr<targets::HealthChecker> checker_;
  std::unique_ptr<targets::AnomalyWatch> anomalies_;  // on the checker's thread
  std::thread checker_thread_;
  std::unique_ptr<proxy::StatsRegistry> stats_;
  std::unique_ptr<feed::TargetBoard> board_;
  std::unique_ptr<feed::ApplyPipeline> pipeline_;
  std::optional<feed::StateDir> state_;
  shared::UniqueFd lock_;  // of the state directory
  handover::ServiceManager manager_ = handover::ServiceManager::from_environment();
  std::set<std::string> kept_;  // addresses whose sockets the manager has
  std::unique_ptr<feed::FeedSession> session_;
  std::unique_ptr<feed::ControlFeed> control_;
  std::unique_ptr<feed::FileSource> file_;
  std::unique_ptr<admin::Pages> pages_;
  std::optional<std::string> last_refusal_;
  std::optional<std::string> unsaved_;  // why the applied configuration is not on the disk
  shared::env::Timer save_retry_;
  shared::env::Timer keep_targets_;
  std::optional<targets::HealthyBefore> kept_targets_;  // as they are on the disk
  bool draining_ = false;
  bool drained_ = false;
  int exit_code_ = 0;
  // Taking over: until it is ours, nothing is written and no control is dialled.
  handover::Offer offer_;
  std::unique_ptr<handover::Taker> taker_;
  bool taking_over_ = false;
  bool older_runs_ = false;
  bool serving_told_ = false;
  shared::SteadyTime checks_until_{};
  shared::env::Timer first_checks_;
  shared::env::Timer admin_retry_;
  // Handing over: configurations wait until it is known who serves them.
  std::unique_ptr<handover::Giver> giver_;
  bool frozen_ = false;
  bool offered_ = false;
  bool handed_over_ = false;
  std::optional<shared::lbconfig::Config> held_;
  int successor_ = -1;  // pid, of one that this process started
  shared::UniqueFd successor_end_;
  shared::env::Timer successor_watch_;
  shared::SteadyTime tickets_rotated_{};
  shared::env::Timer drain_poll_;
  shared::env::Timer listener_poll_;
  shared::env::Timer ticket_rotation_;
  MemoryGauge memory_{memory_limits_of_this_process()};
  shared::env::Timer memory_poll_;
  std::set<std::string> told_unavailable_;
  shared::env::Timer drain_limit_;
};

}  // namespace balancer::app
