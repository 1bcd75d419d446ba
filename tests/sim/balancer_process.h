// A balancer in simulation: the shipped decisions (feed session, health table, drain tracker, target choice)
// with workers that switch configurations one after the other, and requests that take time on simulated
// containers.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "balancer/feed/session.h"
#include "balancer/targets/check_schedule.h"
#include "balancer/targets/drain.h"
#include "balancer/targets/health.h"
#include "balancer/targets/selection.h"
#include "shared/lbconfig/config.h"
#include "tests/sim/control_process.h"
#include "tests/sim/machine.h"
#include "tests/sim/network.h"

namespace sim {

namespace lb = shared::lbconfig;
using balancer::targets::TargetKey;

struct OpenRequest {
  std::string registration;
  std::string target_group;
  Machine* machine = nullptr;
  std::string container;  // name
  int host_port = 0;
};

struct TrafficCounts {
  std::uint64_t sent = 0;
  std::uint64_t answered = 0;
  std::uint64_t no_target = 0;  // 503
  std::uint64_t refused = 0;    // 502: every try was refused
  std::uint64_t cut = 0;        // at the drain limit
};

class BalancerProcess final : public balancer::feed::ReportSource {
 public:
  static constexpr std::size_t kWorkers = 2;
  static constexpr Millis kSwitch{150};  // a worker takes up to this long to switch

  using FindMachine = std::function<Machine*(const std::string& address)>;
  BalancerProcess(World& world, Network& network, ControlProcess& control, std::string name,
                  FindMachine find_machine);

  void boot();
  void crash();
  bool up() const { return session_ != nullptr; }
  Process& process() { return process_; }
  // One client request for `path` to the listener on `port`, taking `duration` once a target has it.
  void request(std::uint16_t port, const std::string& path, Millis duration);
  // Configurations that a worker may route a request by now; of a process that is down: what it will start
  // with.
  std::vector<const lb::Config*> routing_by() const;
  std::map<std::uint64_t, OpenRequest>& open_requests() { return open_; }
  const TrafficCounts& counts() const { return counts_; }
  std::uint64_t highest_version() const { return highest_version_; }

  // What it applies from now on is in memory only, until there is room again.
  void fill_disk() { disk_full_ = true; }
  void make_room() { disk_full_ = false; }

  std::vector<lb::TargetReport> target_reports() override;
  Changes changed_reports() override;
  // Called when a request is handed to a container, with what the configuration said.
  std::function<void(const lb::Target&, const SimContainer&)> on_routed;
  std::function<void(const std::string&)> on_violation;
  // Whether all targets of a group may be new ones that do not serve yet: requests are then as if it had
  // none. May be empty.
  std::function<bool(const std::string& target_group)> may_have_nobody_up;

 private:
  struct Watched {
    explicit Watched(shared::env::Random& random) : schedule(random) {}
    balancer::targets::CheckSchedule schedule;
    balancer::targets::HealthMachine machine;
    shared::env::Timer timer;
    lb::Target target;
    lb::HealthCheck check;
    bool active = true;
  };
  struct Worker {
    std::shared_ptr<const lb::Config> config;
    std::map<std::string, balancer::targets::Selector> selectors;
  };

  void dial();
  void redial();
  void carry_out(balancer::feed::FeedSession::Output output);
  void apply(const lb::Config& config);
  void switch_worker(std::size_t index, std::shared_ptr<const lb::Config> config, std::function<void()> done);
  void watch_targets(const lb::Config& config);
  void check(const balancer::targets::TargetKey& key);
  std::vector<lb::TargetReport> reports_now();
  void tick();
  std::uint64_t in_flight(const balancer::targets::TargetKey& key) const;

  World& world_;
  Network& network_;
  ControlProcess& control_;
  Process process_;
  FindMachine find_machine_;
  // On disk.
  std::string id_;
  std::shared_ptr<const lb::Config> snapshot_;
  bool disk_full_ = false;
  std::uint64_t highest_version_ = 0;
  // In memory.
  std::unique_ptr<balancer::feed::FeedSession> session_;
  balancer::feed::Backoff backoff_;
  balancer::targets::DrainTracker drains_;
  std::shared_ptr<const lb::Config> applied_;
  std::map<TargetKey, lb::TargetReport> told_;  // what was reported last
  std::vector<Worker> workers_;
  bool applying_ = false;
  std::optional<lb::Config> waiting_;
  std::map<balancer::targets::TargetKey, Watched> watched_;
  std::shared_ptr<Network::End> channel_;
  std::map<std::uint64_t, OpenRequest> open_;
  std::uint64_t next_request_ = 1;
  TrafficCounts counts_;
  shared::env::Timer ticking_;
};

}  // namespace sim
