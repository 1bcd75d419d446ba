// A whole cluster under one seed: control, two ECS clusters on three hosts, two to four services, a balancer
// (or two), clients, an operator who changes things, and faults. Every event is followed by a look at the
// invariants of docs/architecture.md; the first violation ends the run.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/balancer_process.h"
#include "tests/sim/control_process.h"
#include "tests/sim/hooks.h"
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
  explicit Cluster(std::uint64_t seed, bool stages = true);
  // Sets up, lives through faults for some simulated minutes, heals everything, and waits for what was asked
  // for.
  Report run();

 private:
  static constexpr Millis kDeregistrationDelay{30'000};
  static constexpr std::uint16_t kPort = 8080;

  struct TaskView {
    bool wanted = false;  // desired RUNNING
    bool healthy = false;
    bool was_healthy = false;  // and nobody has said otherwise since
    bool stopped_by_scheduler = false;
    bool guarded = false;  // by UpdateTaskProtection
  };
  struct Service {
    std::string name;  // also of its family
    std::string cluster;
    int most;                         // tasks, so that the hosts have room to replace one
    std::vector<std::string> groups;  // ARNs; none: not behind a load balancer
    // What may have been asked for, more than one after an answer that was lost. Empty: anything, after an
    // older database was restored.
    std::set<std::string> possible_definitions;
    std::set<int> possible_counts;
    std::map<std::string, TaskView> tasks_before;
    bool daemon = false;            // one task on each host, however many these are
    bool external = false;          // its tasks are of task sets
    bool staged = false;            // its deployments go by stages
    std::string alternate{};        // the other target group of such a one
    std::string production_rule{};  // ARNs
    std::string test_rule{};
    std::map<std::string, int> shares_before{};  // thousandths by target group
    std::string whole{};                         // the deployment that was given all traffic last
    WallTime whole_since{};

    std::string key() const { return cluster + "/" + name; }
  };

  // What the operator does.
  void set_up();
  std::optional<std::string> call(const std::string& service, const std::string& operation,
                                  const std::string& body);
  std::string must_call(const std::string& service, const std::string& operation, const std::string& body);
  void operate();
  std::string create_group(const std::string& name);
  bool with_task_sets() const { return seed_ % 5 < 2; }
  void change_task_sets(const Service& service);
  bool is_settled(const Service& service) const;
  bool with_daemon() const { return seed_ % 3 != 0; }
  // Also the one that was deleted.
  void create_service(Service& service);
  void delete_service(Service& service);
  bool is_active(const Service& service) const;
  void change_rules();
  void change_instance();
  void force_out(const agent::model::ContainerInstance& instance);
  void activate_instances();
  void update_service(Service& service, const std::string& members, std::optional<int> count,
                      std::optional<std::string> definition);
  // The ARN, if control has answered.
  std::optional<std::string> register_revision(const std::string& family);
  void run_job();
  void stop_some_task(const Service& service);
  void stop_deployment(Service& service);
  void protect_some_task(const Service& service);
  std::vector<std::string> wanted_tasks(const Service& service) const;
  // A service whose deployments go by stages.
  bool with_stages() const { return stages_ && seed_ % 5 >= 2; }
  void set_up_stages();
  std::string staged_configuration();
  void answer_pause(Service& service);
  void settle_stages(Service& service);
  std::map<std::string, int> shares_by(const std::string& rule) const;
  using TaskViews = std::map<std::string, TaskView>;
  void check_stages(Service& service, const TaskViews& before, const TaskViews& now);
  void check_source_stops(const Service& service, const agent::model::Service& row, const TaskViews& before);
  // What goes wrong.
  void fault();
  void restart_later(const std::function<void()>& boot, Millis low, Millis high);
  void fill_disk();
  void make_room();
  void heal_everything();
  bool with_faults() const {
    return seed_ % 4 != 0;
  }  // every fourth shows that undisturbed operation loses nothing
  bool with_older_database() const { return with_faults() && seed_ % 5 == 0; }
  // Control's database is put back to the one that was copied before.
  void restore_older_database();
  // What must hold.
  void after_event();
  void observe_control();
  Found judge(const agent::model::Task& task) const;
  void check_scheduler_decisions();
  void check_scheduler_decisions(Service& service);
  int check_daemon_hosts(const Service& service, const agent::model::Service& row);
  void check_one_daemon_per_host(const Service& service);
  bool leaves_with_its_host(const Service& service, const agent::model::Task& task) const;
  bool others_on_draining(const agent::model::Task& task) const;
  void on_container_end(Machine& machine, const SimContainer& container, EndCause cause);
  void on_container_start(const SimContainer& container);
  void on_routed(const lb::Target& target, const SimContainer& container);
  void check_converged();
  void check_converged(const Service& service);
  void violate(const std::string& text);
  void run_for(Millis span);
  Machine* find_machine(const std::string& address);

  const std::uint64_t seed_;
  const bool stages_;
  World world_;
  Network network_;
  agent::control::Settings settings_;
  std::unique_ptr<ControlProcess> control_;
  std::vector<std::unique_ptr<HostProcess>> hosts_;
  std::vector<std::unique_ptr<BalancerProcess>> balancers_;
  Report report_;
  bool faults_on_ = false;
  std::unique_ptr<agent::store::MemoryStore> older_database_;
  bool any_deregistered_ = false;
  bool restored_ = false;  // what came after the copy never happened

  std::unique_ptr<SimHooks> hooks_;
  std::vector<Service> services_;
  std::string listener_;
  std::string other_group_;              // where the rule goes that comes and goes
  std::vector<std::string> paths_{"/"};  // that clients ask for
  int revisions_ = 0;
  std::map<std::string, int> jobs_;                 // task ARN -> exit code it will have
  int job_calls_ = 0;                               // each has a client token of its own
  std::set<std::string> acknowledged_definitions_;  // ARNs that RegisterTaskDefinition has answered
  // Seen in control's state.
  std::map<std::string, std::string> task_of_registration_;
  std::set<std::string> registrations_seen_;  // in control's rows, since it was put back to an older database
  std::map<std::string, WallTime> draining_since_;  // registration ->
  std::set<std::string> stopped_tasks_;             // ARNs
  std::set<std::string> crashed_tasks_;             // whose containers a fault has ended
  // Of container instances that were deregistered by force: control has crossed these tasks off, nobody waits
  // for them, and their containers run on until their node is a new instance.
  std::set<std::string> orphaned_tasks_;
  std::set<std::string> forced_instances_;  // ARNs
  std::uint64_t generation_before_ = 0;     // of control's rows
  std::uint64_t told_before_ = 0;
};

}  // namespace sim
