// A node with everything around it simulated: time, control, container engine, disk.
#pragma once
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/node/node.h"
#include "tests/support/manual_executor.h"
#include "tests/support/scripted_runtime.h"

namespace agent::node {

using nlohmann::json;

// Control as the node sees it: answers calls, holds one session.
class FakeControl final : public link::ControlLink {
 public:
  explicit FakeControl(shared::env::Executor& executor) : executor_(executor) {}

  struct Call {
    std::string operation;
    json body;
  };
  std::vector<Call> calls;
  std::map<std::string, std::deque<shared::Error>> failures;  // by operation, one for each call
  bool unreachable = false;
  std::vector<json> said;  // what the node sent over the session, all sessions
  std::string instance_arn = "arn:aws:ecs:us-east-1:000000000000:container-instance/default/1";
  std::string installation = "installation-1";  // empty: a control that has none to tell
  int sessions = 0;
  std::string refuse_session;  // not empty: the text of the refusal
  shared::Retry refusal_retry = shared::Retry::kNo;

  void call(const std::string& operation, std::string body,
            std::function<void(shared::Result<std::string>)> done) override {
    calls.push_back({operation, json::parse(body)});
    std::optional<shared::Error> fail;
    if (unreachable) fail = shared::Error("connect", "connect 127.0.0.1:7000: Connection refused");
    if (auto& planned = failures[operation]; !fail && !planned.empty()) {
      fail = planned.front();
      planned.pop_front();
    }
    executor_.post([this, operation, fail, done = std::move(done)] {
      if (fail) return done(*fail);
      if (operation == "RegisterContainerInstance") {
        return done(with_installation({{"containerInstance", {{"containerInstanceArn", instance_arn}}}}));
      }
      if (operation == "DiscoverPollEndpoint") {
        return done(with_installation(
            {{"endpoint", "http://127.0.0.1:7000/"}, {"telemetryEndpoint", "http://127.0.0.1:7001/"}}));
      }
      done(std::string(R"({"acknowledgment":"ok"})"));
    });
  }

  void open_acs(const std::string& endpoint, const std::string& arn, const std::string&,
                link::SessionHandlers handlers) override {
    last_endpoint = endpoint;
    last_arn = arn;
    if (unreachable || !refuse_session.empty()) {
      const auto error =
          unreachable ? shared::Error("connect", "connection refused")
                      : shared::Error("refused", refuse_session, shared::Blame::kTarget, refusal_retry);
      return executor_.post([handlers, error] { handlers.on_close(error); });
    }
    ++sessions;
    handlers_ = handlers;
    executor_.post([this, handlers] { handlers.on_open(std::make_shared<Wire>(*this)); });
  }

  // The telemetry session: acknowledges each publication.
  std::vector<json> published;  // messages of PublishHealthRequest, all sessions
  int telemetry_sessions = 0;
  bool telemetry_open = false;
  bool telemetry_answers = true;
  std::string telemetry_endpoint;
  void open_telemetry(const std::string& endpoint, const std::string&, const std::string&,
                      link::SessionHandlers handlers) override {
    telemetry_endpoint = endpoint;
    if (unreachable) {
      return executor_.post(
          [handlers] { handlers.on_close(shared::Error("connect", "connection refused")); });
    }
    ++telemetry_sessions;
    telemetry_open = true;
    telemetry_ = handlers;
    executor_.post([this, handlers] { handlers.on_open(std::make_shared<TelemetryWire>(*this)); });
  }
  void drop_telemetry() {
    telemetry_open = false;
    executor_.post(
        [handlers = telemetry_] { handlers.on_close(shared::Error("closed", "connection closed")); });
  }

  void say(const link::AcsMessage& message) { say_text(link::acs_to_json(message)); }
  void say_text(const std::string& text) {
    executor_.post([handlers = handlers_, text] { handlers.on_text(text); });
  }
  void drop_session(const shared::Error& error = shared::Error("closed", "connection closed")) {
    executor_.post([handlers = handlers_, error] { handlers.on_close(error); });
  }

  std::vector<json> reports(const std::string& task = "") const {
    std::vector<json> out;
    for (const auto& c : calls) {
      if (c.operation == "SubmitTaskStateChange" && (task.empty() || c.body["task"] == task))
        out.push_back(c.body);
    }
    return out;
  }
  std::vector<std::string> statuses(const std::string& task) const {
    std::vector<std::string> out;
    for (const auto& r : reports(task)) out.push_back(r["status"]);
    return out;
  }
  std::size_t count(const std::string& operation) const {
    return static_cast<std::size_t>(
        std::count_if(calls.begin(), calls.end(), [&](const Call& c) { return c.operation == operation; }));
  }
  std::size_t said_count(const std::string& type) const {
    return static_cast<std::size_t>(
        std::count_if(said.begin(), said.end(), [&](const json& m) { return m["type"] == type; }));
  }

  std::string last_endpoint;
  std::string last_arn;

 private:
  std::string with_installation(json answer) const {
    if (!installation.empty()) answer["berthInstallation"] = installation;
    return answer.dump();
  }
  struct Wire final : link::Channel {
    explicit Wire(FakeControl& control) : owner(control) {}
    void send(std::string text) override { owner.said.push_back(json::parse(text)); }
    void close(const std::string&) override {}
    FakeControl& owner;
  };
  struct TelemetryWire final : link::Channel {
    explicit TelemetryWire(FakeControl& control) : owner(control) {}
    void send(std::string text) override {
      owner.published.push_back(json::parse(text)["message"]);
      if (!owner.telemetry_answers) return;
      owner.executor_.post([handlers = owner.telemetry_] {
        handlers.on_text(R"({"type":"AckPublishHealth","message":{"message":"ok"}})");
      });
    }
    void close(const std::string&) override { owner.telemetry_open = false; }
    FakeControl& owner;
  };
  shared::env::Executor& executor_;
  link::SessionHandlers handlers_;
  link::SessionHandlers telemetry_;
};

// Services that are asked with a task's keys: answers by the target of the call, in order.
class FakeRoleCalls final : public link::RoleCalls {
 public:
  explicit FakeRoleCalls(shared::env::Executor& executor) : executor_(executor) {}
  struct Made {
    std::string key;
    link::RoleCall call;
  };
  std::vector<Made> made;
  std::map<std::string, std::deque<shared::Result<std::string>>> answers;  // by target

  void call_as(const link::RoleCredentials& keys, const link::RoleCall& call,
               std::function<void(shared::Result<std::string>)> done) override {
    made.push_back({keys.access_key_id, call});
    auto& planned = answers[call.target];
    shared::Result<std::string> answer = shared::Error("ResourceNotFoundException", "there is none");
    if (!planned.empty()) {
      answer = planned.front();
      planned.pop_front();
    }
    executor_.post([answer, done = std::move(done)] { done(answer); });
  }

 private:
  shared::env::Executor& executor_;
};

// Cgroups that remember what they were asked for.
class FakeCgroups final : public cgroup::TaskCgroups {
 public:
  std::map<std::string, cgroup::Limits> groups;
  std::optional<shared::Error> unusable;
  std::optional<shared::Error> refuse;
  std::optional<shared::Error> refuse_removal;
  std::uint64_t oom_kills = 0;
  cgroup::Mode mode() const override { return cgroup::Mode::kV1; }
  shared::Result<void> usable() const override {
    return unusable ? shared::Result<void>(*unusable) : shared::Result<void>();
  }
  shared::Result<std::string> create(const std::string& id, const cgroup::Limits& limits) override {
    if (refuse) return *refuse;
    groups[id] = limits;
    return "/ecs/" + id;
  }
  shared::Result<void> remove(const std::string& id) override {
    if (refuse_removal) return *refuse_removal;
    groups.erase(id);
    return {};
  }
  shared::Result<cgroup::Stats> read(const std::string&) const override {
    cgroup::Stats stats;
    stats.oom_kills = oom_kills;
    return stats;
  }
};

inline link::ContainerPayload a_container(const std::string& name) {
  link::ContainerPayload c;
  c.name = name;
  c.image = "registry.test/" + name + ":1";
  return c;
}
inline link::ContainerPayload after(link::ContainerPayload c, const std::string& on,
                                    const std::string& condition) {
  c.depends_on.push_back({on, condition});
  return c;
}
inline link::ContainerPayload inessential(link::ContainerPayload c) {
  c.essential = false;
  return c;
}
inline std::string task_arn(const std::string& id) {
  return "arn:aws:ecs:us-east-1:000000000000:task/default/" + id;
}
inline link::TaskPayload a_task(const std::string& id, std::vector<link::ContainerPayload> containers) {
  link::TaskPayload t;
  t.arn = task_arn(id);
  t.family = "shop";
  t.version = "3";
  t.containers = std::move(containers);
  return t;
}

class NodeTest : public testing::Test {
 protected:
  NodeTest() {
    settings.cpus = 4;
    settings.memory_mib = 4096;
  }

  void boot() {
    node.reset();
    node = std::make_unique<Node>(
        Node::Parts{executor, random, control, engine, cgroups, store,
                    [this](const shared::Error& error) { cannot_run = error.text(); }, &role_calls},
        settings);
    const auto started = node->start();
    ASSERT_TRUE(started) << (started ? "" : started.error().text());
  }
  void boot_and_connect() {
    boot();
    run(shared::Millis(100));
    ASSERT_EQ(node->not_ready(), "");
  }
  // As kill -9: nothing the old life left behind is called or told any more.
  void crash() {
    node.reset();
    engine.forget_watcher();
  }
  void run(shared::Millis time = shared::Millis(50)) { executor.advance(time); }

  void send(std::vector<link::TaskPayload> tasks) {
    link::PayloadMessage m;
    m.message_id = "payload-" + std::to_string(++seq);
    m.cluster_arn = "default";
    m.container_instance_arn = control.instance_arn;
    m.seq_num = seq;
    m.tasks = std::move(tasks);
    control.say(m);
    run();
  }
  void send(link::TaskPayload task) { send(std::vector{std::move(task)}); }
  void stop(const std::string& id, shared::Millis time = shared::Millis(50)) {
    link::TaskPayload t = a_task(id, {});
    t.desired_status = "STOPPED";
    link::PayloadMessage m{"stop-" + std::to_string(++seq), "default", control.instance_arn, seq, 0, {t}};
    control.say(m);
    run(time);
  }
  const Task& task(const std::string& id) { return node->tasks().at(task_arn(id)); }
  // What control knows of a container: the last entry of its name.
  json container(const std::string& id, const std::string& name) {
    json last;
    for (const auto& report : control.reports(task_arn(id))) {
      for (const auto& c : report["containers"]) {
        if (c["containerName"] == name) last = c;
      }
    }
    return last;
  }
  std::string last_status(const std::string& id) {
    const auto all = control.statuses(task_arn(id));
    return all.empty() ? "" : all.back();
  }

  tests::ManualExecutor executor;
  shared::env::SeededRandom random{7};
  FakeControl control{executor};
  tests::ScriptedRuntime engine{executor};
  FakeRoleCalls role_calls{executor};
  FakeCgroups cgroups;
  store::MemoryStore store;
  NodeSettings settings;
  std::string cannot_run;  // what the node said, if it gave up
  std::uint64_t seq = 0;
  std::unique_ptr<Node> node;
};

}  // namespace agent::node
