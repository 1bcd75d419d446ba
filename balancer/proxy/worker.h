// One worker: a thread's loop, its listening sockets, its client connections and its connections to targets.
// Shares nothing with other workers but immutable snapshots and atomics. Thread: everything belongs to the
// loop's thread, except what says otherwise; other threads reach it through loop().post().
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "balancer/loop/loop.h"
#include "balancer/proxy/access_log.h"
#include "balancer/proxy/client_connection.h"
#include "balancer/proxy/list.h"
#include "balancer/proxy/snapshot.h"
#include "balancer/proxy/stats.h"
#include "balancer/proxy/stream.h"
#include "balancer/proxy/target_connection.h"
#include "balancer/routing/route_table.h"
#include "balancer/targets/selection.h"
#include "shared/base/unique_fd.h"
#include "shared/env/random.h"

namespace balancer::proxy {

inline constexpr int kAcceptsPerTurn = 64;
inline constexpr int kListenDrainAccepts = loop::kListenBacklog;  // when a socket closes for good
inline constexpr shared::Millis kSuspectFor{2'000};
inline constexpr shared::Millis kAcceptPause{100};  // after running out of descriptors
// A target that left the configuration without draining: its open requests may still run this long.
inline constexpr shared::Millis kRemovedTargetLimit{300'000};

// A listening socket of this worker; outlives configurations as long as one names its address.
struct WorkerListener {
  explicit WorkerListener(Worker& w) : worker(w) {}
  Worker& worker;
  shared::UniqueFd fd;
  loop::FdWatch watch;
  loop::TimerNode pause;
  const CompiledListener* current = nullptr;  // null: removed, its connections wind down
  std::shared_ptr<ListenerStats> stats;       // keeps `counters` alive
  TrafficCounters* counters = nullptr;
  std::size_t connections = 0;
};

struct WorkerGroup {
  const targets::Group* group = nullptr;
  targets::Selector selector;
  std::uint64_t seen_epoch = 0;
  // As in group->active and group->draining; only of the current configuration to be used.
  std::vector<WorkerTarget*> targets;
  std::vector<WorkerTarget*> draining;
};

// A snapshot with this worker's own state beside it, which is shared with the snapshots before and after
// where the group is the same; freed when it is neither current nor used by an exchange.
struct WorkerConfig {
  std::shared_ptr<const Snapshot> snapshot;
  std::vector<std::shared_ptr<WorkerGroup>> groups;  // as in snapshot->groups
  std::size_t users = 0;
};

struct NewSocket {
  std::string address;  // "10.0.0.1:80"
  shared::UniqueFd fd;
};

inline constexpr std::size_t kMaxConnectionsPerWorker = 100'000;

struct WorkerOptions {
  std::size_t index = 0;
  // Clients; further ones are closed at accept. As many connections to targets are kept open at most.
  std::size_t max_connections = kMaxConnectionsPerWorker;
  AccessLog* access_log = nullptr;  // null: none
  std::uint64_t seed = 1;
};

class Worker {
 public:
  Worker(loop::Loop& loop, WorkerOptions options);
  ~Worker();

  // Switches to the snapshot: new listening sockets start accepting, missing ones stop, targets that may not
  // be chosen any more lose their idle connections. When it returns, no new request of this worker uses the
  // former snapshot. Groups that are the same as before cost nothing.
  void apply(std::shared_ptr<const Snapshot> snapshot, std::vector<NewSocket> sockets);
  // Stops accepting, closes idle connections, ends the others at their next boundary; `done` once none is
  // left.
  void drain(std::function<void()> done);
  void cut_all();  // closes every connection now

  // For the connections.
  loop::Loop& loop() { return loop_; }
  BufferPool& buffers() { return buffers_; }
  TargetCounters& target_counters() { return target_counters_; }
  const TargetCounters& target_counters() const { return target_counters_; }
  shared::env::Random& random() { return random_; }
  routing::Scratch& scratch() { return scratch_; }
  std::string& text_space() { return text_space_; }
  codec::Buffer& location_space() { return location_space_; }
  std::size_t index() const { return options_.index; }
  bool draining() const { return static_cast<bool>(drained_); }
  bool logs_access() const { return options_.access_log != nullptr; }
  void log(AccessRecord& record);
  std::string_view date();        // IMF-fixdate of this second
  std::uint32_t epoch_seconds();  // as of date()
  WorkerConfig& current() { return *current_; }
  bool has_config() const { return current_ != nullptr; }
  void release(WorkerConfig& config);  // an exchange no longer uses it
  struct Chosen {
    WorkerTarget* target = nullptr;
    bool failed_open = false;
  };
  // Never one of `tried`; a suspect only when there is no other.
  std::optional<Chosen> choose(WorkerGroup& group, std::span<WorkerTarget* const> tried);
  // It refused a connection or closed a fresh one without a word: for kSuspectFor, others are preferred. This
  // is quicker than health checks, which need unhealthy_threshold intervals.
  void suspect(WorkerTarget& target);
  WorkerGroup* find_group(const std::string& id);
  // Before another connection to a target: an idle one is given up when there are as many as allowed.
  void make_room_for_target();
  bool close_an_idle_target();  // false: none is idle
  TargetConnection& new_target_connection();
  void recycle(TargetConnection& connection);
  void recycle(ClientConnection& connection);
  void continue_later(ClientConnection& connection);

 private:
  void accept_from(WorkerListener& listener, int limit);
  void install_targets(WorkerConfig& config);
  std::shared_ptr<WorkerGroup> install_group(const targets::Group& group, const WorkerGroup* former);
  void leave_targets(const WorkerGroup& former);
  void leave(WorkerTarget& target);
  void forget_idle_leavers();
  void install_listeners(WorkerConfig& config, std::vector<NewSocket> sockets);
  void serve_before_removal(const Snapshot& next);
  void stop_listening(WorkerListener& listener);
  void wind_down_connections();
  void end_turn();
  void refresh_date();

  loop::Loop& loop_;
  WorkerOptions options_;
  BufferPool buffers_;
  TargetCounters target_counters_;
  shared::env::SeededRandom random_;
  routing::Scratch scratch_;
  std::string text_space_;
  codec::Buffer location_space_;
  std::string log_lines_;
  std::string date_;
  std::uint32_t date_seconds_ = 0;
  shared::SteadyTime date_until_{};

  std::uint64_t generation_ = 0;
  std::unique_ptr<WorkerConfig> current_;
  std::vector<std::unique_ptr<WorkerConfig>> former_;
  std::unordered_map<const targets::TargetRuntime*, std::unique_ptr<WorkerTarget>> targets_;
  std::vector<WorkerTarget*> leaving_;  // in no configuration any more, with requests open
  std::map<std::string, std::unique_ptr<WorkerListener>> listeners_;  // by address
  std::vector<std::unique_ptr<WorkerListener>> closed_listeners_;     // with connections left

  std::vector<std::unique_ptr<ClientConnection>> all_clients_;
  std::vector<ClientConnection*> spare_clients_;
  std::vector<ClientConnection*> dead_clients_;  // spare from the end of the turn on
  List<ClientConnection> clients_;
  std::vector<std::unique_ptr<TargetConnection>> all_targets_;
  std::vector<TargetConnection*> spare_targets_;
  std::vector<TargetConnection*> dead_targets_;
  std::vector<ClientConnection*> unfinished_;  // have work left for the next turn
  std::vector<std::size_t> avoided_;           // of choose(), kept for its capacity
  shared::SteadyTime suspects_until_{};        // no target is a suspect from then on
  bool resume_posted_ = false;
  std::function<void()> drained_;
  bool drain_open_ = true;  // drained_ was not called yet
};

}  // namespace balancer::proxy
