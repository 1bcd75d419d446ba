// TaskEngine: runs the tasks of this host. Holds their state, asks the pure rules (transitions.h) what comes
// next, has the runtime do it, writes every change down before anything new is started. Knows nothing of
// control: the node hands it payloads and reads what changed. Thread: the executor's.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/cgroup/task_cgroups.h"
#include "agent/link/role_calls.h"
#include "agent/node/engine/engine_health.h"
#include "agent/node/engine/lane.h"
#include "agent/node/host_resources.h"
#include "agent/node/settings.h"
#include "agent/node/task/records.h"
#include "agent/node/task/secrets.h"
#include "agent/node/task/transitions.h"
#include "agent/node/task/volumes.h"
#include "agent/runtime/runtime.h"
#include "shared/env/executor.h"
#include "shared/env/random.h"

namespace agent::node {

class TaskEngine {
 public:
  struct Parts {  // all outlive the engine
    shared::env::Executor& executor;
    shared::env::Random& random;
    runtime::Runtime& runtime;
    cgroup::TaskCgroups& cgroups;
    Records& records;
    const NodeSettings& settings;
    link::RoleCalls* role_calls = nullptr;  // null: tasks with secrets do not start
  };
  // `changed` is called after each step of a task, never inside a call of the node's.
  TaskEngine(Parts parts, std::function<void(const std::string& arn)> changed);

  // First of all, once. Then waits for the engine, finds our containers again and calls `ready`; with an
  // error when the cgroups are not usable: then nothing was touched and nothing more happens.
  void start(std::string instance_id, std::map<std::string, Task> tasks, std::set<std::string> pulled_images,
             std::function<void(shared::Result<void>)> ready);

  // Takes in a payload's task: new, or a known one whose desired status may only go to STOPPED. Changes
  // memory and the records' pending rows, nothing else; go() starts the work once they are durable. Returns
  // whether it is new.
  bool accept(const link::TaskPayload& payload);
  // Newer keys of a role, in memory only. False: the task is unknown, or has no such role.
  bool take_keys(const std::string& arn, const link::RoleCredentials& keys);
  void want_stopped(const std::string& arn);
  void forget(const std::string& arn);  // a task just accepted that could not be made durable
  void go(const std::string& arn);      // settle, persist, report, do what is next

  // Which installation's containers are ours; goes onto each new one as a label. Empty: not known (yet), then
  // only those of known tasks are.
  void set_installation(std::string installation) { installation_ = std::move(installation); }
  // Whether anything here is left of that installation: a task that is not over, or an orphan.
  bool has_containers() const;

  // Containers of ours whose task nobody here knows. They keep running until control has confirmed that they
  // must go, or until a payload brings their task: then they are its containers.
  std::vector<std::string> orphan_tasks() const;
  void stop_orphan(const std::string& task_arn);

  Task* find(const std::string& arn);
  const std::map<std::string, Task>& tasks() const { return tasks_; }
  const std::string& engine_version() const { return engine_version_; }
  // Why the container engine or the store cannot be used right now; empty = they can.
  const std::string& problem() const { return store_problem_.empty() ? health_.reason() : store_problem_; }
  bool persist();  // flushes the records; false and a retry later when the store refuses

 private:
  // task_engine.cpp
  void admit_waiting();
  void on_stopped(Task& task);
  void perform(Task& task, const Plan& plan, bool durable);
  void wake_at(const std::string& arn, std::optional<shared::WallTime> at);
  void note(const shared::Error& error);  // an "engine_down" is a reason to ask the engine itself
  void after(const std::string& key, shared::Millis delay, std::function<void()> work);
  void fail(Container& c, const std::string& reason);

  // provisioning.cpp: what a task needs before its first container, and its removal after the last
  void prepare(Task& task);
  void make_ready(Task& task);
  void provision(const std::string& arn, std::vector<Volume> volumes, std::size_t index);
  void provision_failed(const std::string& arn, const Volume& volume, const shared::Error& error);
  void prepare_later(Task& task, const shared::Error& error);
  void fetch_secrets(Task& task);
  void fetch_next(const std::string& arn, std::vector<SecretRequest> requests, std::size_t index);
  void prepared(Task& task);
  void not_prepared(Task& task, const std::string& reason);
  bool give_up_preparing(Task& task);
  void remove_volumes(const std::string& arn, std::vector<std::string> names);
  void remove_rest(const std::string& arn);
  void remove_rest_of_orphan(const std::string& task_arn);

  // container_steps.cpp: each starts one call of the runtime and takes its answer
  void queue(Lane& lane, Task& task, std::size_t index, void (TaskEngine::*step)(Task&, std::size_t));
  Task* its_turn(const std::string& arn, std::size_t index);
  void pull(Task& task, std::size_t index);
  void pull_from_registry(const std::string& arn, std::size_t index, std::optional<runtime::ImageInfo> local);
  void pulled(Container& c, const runtime::ImageInfo& image);
  void create(Task& task, std::size_t index);
  void provide_pause_image(std::function<void(shared::Result<runtime::ImageInfo>)> done);
  void start_container(Task& task, std::size_t index);
  void start_failed(const std::string& arn, std::size_t index, shared::Error error);
  void stop(Task& task, std::size_t index);
  void stop_now(const std::string& arn, std::size_t index);
  void remove_unstarted(Task& task, std::size_t index);
  void stop_untold(const runtime::ContainerHandle& handle, std::function<void()> done);
  void stop_failed(Task& task, std::size_t index, const shared::Error& error);
  void retry(Task& task, std::size_t index, Op waiting, shared::Millis delay);
  bool retry_engine(Task& task, std::size_t index, const shared::Error& error);
  // `done` once the call's place in the lane is free again.
  template <class T>
  runtime::Runtime::Done<T> leaving(Lane& lane, std::function<void(shared::Result<T>)> done) {
    return guarded([&lane, done = std::move(done)](shared::Result<T> result) {
      lane.leave();
      done(std::move(result));
    });
  }
  // The same for the calls by which the engine shows whether it gets anything started.
  template <class T>
  runtime::Runtime::Done<T> starting(std::function<void(shared::Result<T>)> done) {
    const auto asked = starts_under_way_.insert(parts_.executor.now());
    return leaving<T>(starts_, [this, asked, done = std::move(done)](shared::Result<T> result) {
      const auto took = std::chrono::duration_cast<shared::Millis>(parts_.executor.now() - *asked);
      starts_under_way_.erase(asked);
      start_answered(took);
      done(std::move(result));
    });
  }
  void start_answered(shared::Millis took);
  template <class T>
  runtime::Runtime::Done<T> then(std::string arn, std::size_t index,
                                 std::function<void(Task&, Container&, shared::Result<T>)> handle);
  std::string key(const Task& task, std::size_t index) const;

  // observations.cpp: what the engine tells by itself, recovery, clean-up
  void connect_engine();
  void engine_away(const shared::Error& error);
  void health_changed(EngineHealth::State before);
  void give_up_waiting();
  std::size_t slow_starts() const;
  void recover();
  void recovered(const std::vector<runtime::ContainerInfo>& found);
  void adopt(Task& task, Container& c, const runtime::ContainerInfo& info);
  void observe(Task& task, Container& c, const runtime::ContainerInfo& info);
  void vanished(Container& c);
  void on_event(const runtime::Event& event);
  void inspect(const std::string& arn, std::size_t index, std::optional<int> exit_code);
  void inspect_now(const std::string& arn, std::size_t index, std::optional<int> exit_code);
  void inspect_all();
  void remove_orphans(std::vector<runtime::ContainerHandle> handles, std::function<void()> done);
  void steady_check();
  bool is_orphan(const runtime::ContainerInfo& info, const std::string& task_arn) const;
  bool adopt_orphans(Task& task);
  void schedule_cleanup(Task& task, shared::Millis delay);
  void clean_up(const std::string& arn);
  void remove_container(const std::string& arn, std::size_t index);
  void remove_now(const runtime::ContainerHandle& handle, runtime::Runtime::Done<bool> done);
  void remove_volume_now(const std::string& name, runtime::Runtime::Done<bool> done);

  template <class F>
  auto guarded(F f) {
    return [alive = std::weak_ptr<int>(alive_), f = std::move(f)](auto&&... args) {
      if (alive.lock()) f(std::forward<decltype(args)>(args)...);
    };
  }

  Parts parts_;
  std::function<void(const std::string&)> changed_;
  std::function<void(shared::Result<void>)> ready_;
  std::string instance_id_;
  std::map<std::string, Task> tasks_;
  std::uint64_t next_order_ = 1;
  HostResources host_;
  Lane pulls_;
  Lane starts_;  // also what a task needs before its first container
  Lane stops_;
  Lane inspections_;
  Lane removals_;
  std::set<std::string> pulled_images_;
  std::string installation_;
  std::vector<runtime::ContainerInfo> unknown_;  // of this cluster, of no known task; ours by installation_
  std::set<std::string> stopped_again_;  // runtime ids stopped a second time after being recorded as stopped
  std::set<std::string> out_of_memory_;  // runtime ids with an OOM event
  std::map<std::string, int> stop_attempts_;
  std::map<std::string, int> secret_attempts_;                   // by task, of the question it is at
  std::map<std::string, shared::SteadyTime> unreachable_since_;  // by container key, or of a task's volumes
  std::string engine_version_;
  EngineHealth health_;
  std::multiset<shared::SteadyTime>
      starts_under_way_;             // when the create and start calls without an answer left
  shared::SteadyTime last_asked_{};  // of the last ping
  std::string store_problem_;
  bool watching_ = false;
  bool recovered_ = false;
  bool asking_engine_ = false;  // a ping or the recovery is under way
  bool events_missed_ = false;
  std::vector<std::function<void(shared::Result<runtime::ImageInfo>)>> image_waiters_;  // for the pause image
  std::map<std::string, shared::env::Timer> timers_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();  // callbacks look whether we are still there
};

}  // namespace agent::node
