// Node: the host role. Registers this host, keeps a session with control open, runs the tasks control sends
// and reports what becomes of them. No sockets and no clock of its own: everything it meets is an interface,
// so that it runs whole in tests. Containers outlive it: destroying a Node stops nothing, the next one finds
// them again. Thread: the executor's, for every call.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "agent/cgroup/task_cgroups.h"
#include "agent/link/control_link.h"
#include "agent/node/engine/task_engine.h"
#include "agent/node/link/registration.h"
#include "agent/node/link/reporter.h"
#include "agent/node/link/session.h"
#include "agent/node/link/telemetry.h"
#include "agent/node/settings.h"
#include "agent/runtime/runtime.h"
#include "agent/store/store.h"
#include "shared/env/executor.h"
#include "shared/env/random.h"

namespace agent::node {

class Node {
 public:
  struct Parts {  // all outlive the node
    shared::env::Executor& executor;
    shared::env::Random& random;
    link::ControlLink& link;
    runtime::Runtime& runtime;
    cgroup::TaskCgroups& cgroups;
    store::Store& store;  // the node's own, not control's
    // Told once when this host lacks what the settings insist on, before anything was touched: the node does
    // nothing more. May be empty.
    std::function<void(const shared::Error&)> cannot_run = {};
    // By which values of secrets are asked for; null: tasks with secrets do not start.
    link::RoleCalls* role_calls = nullptr;
  };
  Node(Parts parts, NodeSettings settings);
  ~Node();

  // Loads what the last one knew and begins. Errors: the store's; "corrupt" names the row; "cluster_changed"
  // when the stored state belongs to another cluster than the settings name.
  shared::Result<void> start();

  // A node whose container instance was deregistered stays away from control until this is called or another
  // node takes its place; its containers run on, and its next registration makes a new container instance. At
  // any other time it does nothing.
  void register_anew();

  // Why this node cannot run new tasks now; empty text = it can. For readiness endpoints.
  std::string not_ready() const;

  const std::string& container_instance_arn() const { return identity_.container_instance_arn; }
  const std::string& instance_id() const { return identity_.instance_id; }
  const std::string& engine_version() const { return engine_.engine_version(); }
  const std::map<std::string, Task>& tasks() const { return engine_.tasks(); }

 private:
  // node.cpp: identity, registration, session
  void begin(shared::Result<void> host);
  void register_host();
  void register_now();
  bool follows(const std::string& installation);
  void forget_instance();
  void stay_away();
  void registered(shared::Result<std::string> answer);
  void create_default_cluster();
  void ask_endpoint(std::function<void(shared::Result<PollEndpoints>)> done);
  void discover();
  void connect(const std::string& endpoint);
  void opened();
  void ended(const shared::Error& error, Session::End end);
  void again(std::function<void()> what, const std::string& problem);

  // messages.cpp: what control says
  void receive(const std::string& text);
  void receive(const link::PayloadMessage& message, const std::vector<link::BadTask>& bad);
  void acknowledge(const link::PayloadMessage& message);
  void receive(const link::RoleCredentialsMessage& message);
  void receive(const link::TaskManifestMessage& message);
  void receive(const link::TaskStopVerificationAck& message);
  std::vector<std::string> correct(const link::TaskManifestMessage& message);
  void raise_watermark(std::uint64_t number);
  void send(const link::AcsMessage& message);

  template <class F>
  auto guarded(F f) {
    return [alive = std::weak_ptr<int>(alive_), f = std::move(f)](auto&&... args) {
      if (alive.lock()) f(std::forward<decltype(args)>(args)...);
    };
  }

  Parts parts_;
  NodeSettings settings_;
  Records records_;
  Identity identity_;
  TaskEngine engine_;
  Reporter reporter_;
  Telemetry telemetry_;

  bool registered_ = false;
  bool deregistered_ = false;  // by somebody else: it stays away
  std::string problem_ = "not registered with control yet";
  std::string endpoint_;     // the last one discovered: still good when control cannot be asked
  std::string manifest_id_;  // of the last manifest, until its stop verification came
  Session session_;
  std::shared_ptr<int> alive_ = std::make_shared<int>();
};

}  // namespace agent::node
