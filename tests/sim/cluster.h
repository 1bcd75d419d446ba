// A whole cluster under one seed: control, three hosts, a balancer (or two), clients, an operator who changes
// things, and faults. Every event is followed by a look at the invariants of docs/architecture.md; the first
// violation ends the run.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/balancer_process.h"
#include "tests/sim/control_process.h"
#include "tests/sim/host_process.h"

namespace sim {

struct Report {
  std::uint64_t seed = 0;
  std::vector<std::string> violations;
  std::uint64_t events = 0;
  std::uint64_t steps_of_operator = 0;
  std::uint64_t faults = 0;
  std::uint64_t deployments = 0;
  TrafficCounts traffic;
};

class Cluster {
 public:
  explicit Cluster(std::uint64_t seed);
  // Sets up, lives through faults for some simulated minutes, heals everything, and waits for what was asked
  // for.
  Report run();

 private:
  static constexpr Millis kDeregistrationDelay{30'000};
  static constexpr std::uint16_t kPort = 8080;

  struct Expected {
    int desired = 3;
    std::string definition;                      // ARN
    bool certain = true;                         // false after an update whose answer was lost
    std::set<std::string> possible_definitions;  // empty: any, after an older database was restored
    std::set<int> possible_counts;
  };

  // What the operator does.
  void set_up();
  std::optional<std::string> call(const std::string& service, const std::string& operation,
                                  const std::string& body);
  std::string must_call(const std::string& service, const std::string& operation, const std::string& body);
  void operate();
  void update_service(const std::string& members, std::optional<int> count,
                      std::optional<std::string> definition);
  void register_revision();
  void run_job();
  void stop_some_task();
  // What goes wrong.
  void fault();
  void restart_later(const std::function<void()>& boot, Millis low, Millis high);
  void fill_disk();
  void make_room();
  void heal_everything();
  // Control's database is put back to the one that was copied before.
  void restore_older_database();
  // What must hold.
  void after_event();
  void observe_control();
  void check_scheduler_decisions();
  void on_container_end(Machine& machine, const SimContainer& container, EndCause cause);
  void on_container_start(const SimContainer& container);
  void on_routed(const lb::Target& target, const SimContainer& container);
  void check_converged();
  void violate(const std::string& text);
  void run_for(Millis span);
  Machine* find_machine(const std::string& address);

  const std::uint64_t seed_;
  World world_;
  Network network_;
  std::unique_ptr<ControlProcess> control_;
  std::vector<std::unique_ptr<HostProcess>> hosts_;
  std::vector<std::unique_ptr<BalancerProcess>> balancers_;
  Report report_;
  bool faults_on_ = false;
  std::unique_ptr<agent::store::MemoryStore> older_database_;
  bool restored_ = false;  // what came after the copy never happened

  std::string target_group_;
  Expected expected_;
  int revisions_ = 0;
  std::map<std::string, int> jobs_;                 // task ARN -> exit code it will have
  std::set<std::string> acknowledged_definitions_;  // ARNs that RegisterTaskDefinition has answered
  // Seen in control's state.
  std::map<std::string, std::string> task_of_registration_;
  std::set<std::string> registrations_seen_;  // in control's rows, since it was put back to an older database
  std::map<std::string, WallTime> draining_since_;  // registration ->
  std::set<std::string> stopped_tasks_;             // ARNs
  std::set<std::string> crashed_tasks_;             // whose containers a fault has ended
  struct TaskView {
    bool wanted = false;  // desired RUNNING
    bool healthy = false;
    bool stopped_by_scheduler = false;
  };
  std::map<std::string, TaskView> tasks_before_;
  std::uint64_t generation_before_ = 0;
};

}  // namespace sim
