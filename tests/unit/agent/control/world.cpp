#include "tests/unit/agent/control/world.h"
#include "agent/control/elb/listeners.h"
#include "agent/control/services/requests.h"
#include "agent/control/tasks/changes.h"
#include "agent/control/tasks/tasks.h"

#include <algorithm>

#include "agent/control/cluster/instances.h"
#include "agent/control/cluster/task_definitions.h"
#include "agent/control/elb/load_balancers.h"
#include "agent/control/state/service_log.h"

namespace agent::control::test {

void FakeAgent::connect() {
  channel = std::make_shared<FakeChannel>();
  session = world_.engine->agent_opened(arn, channel);
  world_.rest();
}

void FakeAgent::disconnect() {
  world_.engine->agent_closed(session);
  channel.reset();
  world_.rest();
}

bool FakeAgent::take_messages() {
  bool any = false;
  while (channel && channel->read < channel->sent.size()) {
    any = true;
    const std::string text = channel->sent[channel->read++];
    auto message = link::acs_from_json(text, nullptr);
    if (!message) {
      ADD_FAILURE() << message.error().text() << " in " << text;
      continue;
    }
    std::string acknowledge;
    if (const auto* payload = std::get_if<link::PayloadMessage>(&*message)) {
      EXPECT_GT(payload->seq_num, highest_number);
      highest_number = payload->seq_num;
      for (const link::TaskPayload& task : payload->tasks) {
        ++payloads[task.arn + " " + task.desired_status];
        last_payload[task.arn] = task;
        if (task.desired_status == "STOPPED" && told[task.arn] != "STOPPED") stop_order.push_back(task.arn);
        told[task.arn] = task.desired_status;
        for (const auto* each : {&task.role_credentials, &task.execution_role_credentials}) {
          if (*each) take_keys(payload->message_id, **each);
        }
      }
      acknowledge = payload->message_id;
    } else if (const auto* manifest = std::get_if<link::TaskManifestMessage>(&*message)) {
      EXPECT_GT(manifest->timeline, highest_number);
      highest_number = manifest->timeline;
      manifests.push_back(*manifest);
      acknowledge = manifest->message_id;
    } else if (const auto* newer = std::get_if<link::RoleCredentialsMessage>(&*message)) {
      if (told.contains(newer->task_arn)) take_keys(newer->message_id, newer->credentials);
    } else if (const auto* verdict = std::get_if<link::TaskStopVerificationAck>(&*message)) {
      verdicts.push_back(*verdict);
    } else if (const auto* heartbeat = std::get_if<link::HeartbeatMessage>(&*message)) {
      ++heartbeats;
      if (acknowledges) {
        world_.engine->agent_message(session,
                                     link::acs_to_json(link::HeartbeatAckRequest{heartbeat->message_id}));
      }
    }
    if (acknowledges && !acknowledge.empty()) {
      world_.engine->agent_message(session, link::acs_to_json(link::AckRequest{"default", arn, acknowledge}));
    }
  }
  return any;
}

void FakeAgent::take_keys(const std::string& message_id, const link::RoleCredentials& newer) {
  ++keys_told;
  if (!acknowledges) return;
  keys[newer.credentials_id] = newer;
  world_.engine->agent_message(session, link::acs_to_json(link::RoleCredentialsAck{
                                            message_id, newer.credentials_id, newer.expiration}));
}

void FakeAgent::report(const std::string& task_arn, const std::string& status, std::optional<int> exit_code) {
  TaskChange change;
  change.task = task_arn;
  change.status = status;
  const model::Task* task = nullptr;
  for (const auto& [key, row] : world_.state().tasks.rows()) {
    if (row.arn == task_arn) task = &row;
  }
  if (task != nullptr) {
    for (const model::Container& each : task->containers) {
      ContainerChange container;
      container.name = each.name;
      container.status = status;
      container.runtime_id = "runtime-" + each.name;
      if (status == "STOPPED") container.exit_code = exit_code;
      const link::TaskPayload& payload = last_payload[task_arn];
      for (const link::ContainerPayload& sent : payload.containers) {
        for (const link::PortMappingPayload& port : sent.port_mappings) {
          // As a kernel does: no port twice, ever.
          static int next_port = 32768;
          const int host = port.host_port != 0     ? port.host_port
                           : each.bindings.empty() ? next_port++
                                                   : each.bindings.front().host_port;
          container.bindings.push_back({"0.0.0.0", port.container_port, host, port.protocol});
        }
      }
      change.containers.push_back(container);
    }
  }
  EXPECT_TRUE(
      world_.submit([&](Step& step) { return apply_task_change(step, in_default(change)); }).has_value());
  (status == "RUNNING" ? reported_running : reported_stopped).insert(task_arn);
}

void FakeAgent::obey() {
  const auto orders = told;
  for (const auto& [task, desired] : orders) {
    if (desired == "RUNNING" && !reported_running.contains(task) && !reported_stopped.contains(task)) {
      report(task, "RUNNING");
    }
    if (desired == "STOPPED" && !reported_stopped.contains(task)) report(task, "STOPPED", 0);
  }
}

void FakeBalancer::connect() {
  channel = std::make_shared<FakeChannel>();
  session = world_.engine->feed_opened(channel);
  sequence = 0;
  world_.engine->feed_message(session, lb::feed_to_json(lb::Hello{id, config.version, deltas, kept_version}));
  world_.rest();
}

void FakeBalancer::disconnect() {
  world_.engine->feed_closed(session);
  channel.reset();
  world_.rest();
}

bool FakeBalancer::take_messages() {
  bool any = false;
  while (channel && channel->read < channel->sent.size()) {
    any = true;
    auto message = lb::feed_from_json(channel->sent[channel->read++]);
    if (!message) {
      ADD_FAILURE() << message.error().text();
      continue;
    }
    if (const auto* snapshot = std::get_if<lb::Snapshot>(&*message)) {
      versions.push_back(snapshot->config.version);
      received = snapshot->config;
      if (acknowledges) apply(received);
    } else if (const auto* delta = std::get_if<lb::Delta>(&*message)) {
      auto next = lb::apply(received, *delta);
      if (!next) {
        ADD_FAILURE() << next.error().text();
        continue;
      }
      ++deltas_taken;
      versions.push_back(delta->version);
      received = *std::move(next);
      if (acknowledges) apply(received);
    } else if (std::holds_alternative<lb::Resync>(*message)) {
      ++asked_for_report;
    }
  }
  return any;
}

void FakeBalancer::apply(const lb::Config& newest) {
  EXPECT_GE(newest.version, config.version);
  config = newest;
  if (!kept_version) world_.engine->feed_message(session, lb::feed_to_json(lb::Ack{config.version}));
  report();
}

void FakeBalancer::report() {
  if (!channel || !reports) return;
  lb::Report report{config.version, {}, deltas ? ++sequence : 0};
  for (const auto& group : config.target_groups) {
    for (const lb::Target& target : group->targets) {
      lb::TargetReport each;
      each.target_group = group->id;
      each.registration = target.registration;
      const bool draining = target.state == lb::TargetState::kDraining;
      each.health = draining                                                ? lb::Health::kDraining
                    : finds_healthy && !finds_unhealthy.contains(group->id) ? lb::Health::kHealthy
                                                                            : lb::Health::kUnhealthy;
      if (each.health == lb::Health::kUnhealthy) {
        each.reason = "Target.ResponseCodeMismatch";
        each.description = "Health checks failed with these codes: [503]";
      }
      each.drained = draining && drains;
      each.in_flight = draining && !drains ? 1 : 0;
      report.targets.push_back(std::move(each));
    }
  }
  world_.engine->feed_message(session, lb::feed_to_json(report));
}

World::World() {
  settings.steady_without_checks = shared::Millis(40'000);
  engine = std::make_unique<Engine>(executor, random, commits, settings);
  engine->check_turns([](const std::string& missed) { ADD_FAILURE() << missed; });
  EXPECT_TRUE(engine->start().has_value());
  EXPECT_TRUE(submit([](Step& step) -> shared::Result<void> {
                model::Cluster cluster;
                cluster.name = "default";
                cluster.arn = step.arn(aws::EcsKind::kCluster, "default");
                cluster.document = "{}";
                rows(step).clusters.put("default", cluster);
                return {};
              }).has_value());
}
World::~World() = default;

shared::Result<void> World::submit(const Engine::Apply& apply) {
  std::optional<shared::Result<void>> answer;
  engine->submit(apply, [&](shared::Result<void> result) { answer.emplace(std::move(result)); });
  EXPECT_FALSE(answer.has_value()) << "answered inside submit()";
  rest();
  if (!answer) return shared::Error("test", "no answer");
  return *answer;
}

void World::rest() {
  for (bool busy = true; busy;) {
    executor.run_ready();
    busy = false;
    for (auto& each : agents) busy = each->take_messages() || busy;
    for (auto& each : balancers) busy = each->take_messages() || busy;
  }
  executor.run_ready();
  for (const std::string& each : check_invariants(state())) ADD_FAILURE() << each;
  for (const std::string& each : transitions.check(state())) ADD_FAILURE() << each;
}

void World::pass(shared::Millis time) {
  // Balancers report all the while, as real ones do.
  const auto until = executor.wall_now() + time;
  rest();
  while (executor.wall_now() < until) {
    executor.advance(std::min(shared::Millis(1'000),
                              std::chrono::duration_cast<shared::Millis>(until - executor.wall_now())));
    for (auto& each : balancers) each->report();
    rest();
  }
}

void World::crash_and_restart() {
  for (auto& each : agents) each->channel.reset();
  for (auto& each : balancers) each->channel.reset();
  commits.saving = nullptr;
  engine = std::make_unique<Engine>(executor, random, commits, settings);
  engine->check_turns([](const std::string& missed) { ADD_FAILURE() << missed; });
  if (hooks != nullptr) engine->use(*hooks);
  if (outside != nullptr) engine->use(*outside);
  const auto started = engine->start();
  EXPECT_TRUE(started.has_value()) << (started ? "" : started.error().text());
  rest();
}

void World::put_back(const std::map<std::string, std::string>& records) {
  store::ChangeSet back;
  for (const auto& [key, value] : store.records()) {
    if (!records.contains(key)) back.deletes.push_back(key);
  }
  for (const auto& [key, value] : records) back.puts.push_back({key, value});
  ASSERT_TRUE(store.commit(back));
  transitions = {};  // what came after the old database never happened
  crash_and_restart();
}

bool World::until(const std::function<bool()>& done, shared::Millis limit) {
  const auto end = executor.wall_now() + limit;
  for (;;) {
    rest();
    if (obedient) {
      for (auto& each : agents) each->obey();
      rest();
    }
    if (done()) return true;
    if (executor.wall_now() >= end) return false;
    pass(shared::Millis(1'000));
  }
}

FakeAgent& World::add_agent(std::int64_t cpu, std::int64_t memory) {
  std::string arn;
  RegisterInstance request;
  request.cluster = "default";
  request.resources.cpu = cpu;
  request.resources.memory = memory;
  request.resources.tcp_ports = {22, 51678};
  request.attributes = {{"berth.address", "10.0.0." + std::to_string(agents.size() + 1)},
                        {"ecs.availability-zone", "z" + std::to_string(agents.size() % 2)}};
  EXPECT_TRUE(submit([&](Step& step) -> shared::Result<void> {
                auto key = register_instance(step, request);
                if (!key) return key.error();
                arn = step.state.instances.find(*key)->arn;
                return {};
              }).has_value());
  agents.push_back(std::make_unique<FakeAgent>(*this, arn));
  agents.back()->connect();
  return *agents.back();
}

FakeBalancer& World::add_balancer(const std::string& id) {
  balancers.push_back(std::make_unique<FakeBalancer>(*this, id));
  balancers.back()->connect();
  return *balancers.back();
}

std::string World::define(const std::string& family, const std::string& container, int port,
                          const std::string& more) {
  const std::string mapping =
      port == 0 ? "" : R"(, "portMappings": [{"containerPort": )" + std::to_string(port) + "}]";
  NewTaskDefinition wanted;
  wanted.family = family;
  wanted.document = R"({"family": ")" + family +
                    R"(", "containerDefinitions": [{"name": "main", "image": "app", "essential": true, )" +
                    container + mapping + "}]" + more + "}";
  std::string arn;
  const auto done = submit([&](Step& step) -> shared::Result<void> {
    auto key = register_task_definition(step, wanted);
    if (!key) return key.error();
    arn = step.state.task_definitions.find(*key)->arn;
    return {};
  });
  EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().text());
  return arn;
}

std::string World::run(const std::string& definition) {
  std::string task;
  const auto done = submit([&](Step& step) -> shared::Result<void> {
    RunTask request;
    request.cluster = "default";
    request.task_definition_arn = definition;
    request.token = {definition, "digest"};
    auto result = run_task(step, request);
    if (!result) return result.error();
    if (result->task_keys.empty()) return shared::Error("test", result->failures.front().reason);
    task = result->task_keys.front();
    return {};
  });
  EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().text());
  return task;
}

model::Service World::service(const std::string& name, const std::string& definition, int desired) const {
  model::Service wanted;
  wanted.name = name;
  wanted.cluster = "default";
  wanted.task_definition_arn = definition;
  wanted.desired_count = desired;
  wanted.create_request = name + definition;
  wanted.document = "{}";
  if (!target_group.empty()) wanted.load_balancers = {{target_group, "main", 80}};
  return wanted;
}

std::string World::create(const model::Service& wanted) {
  std::string key;
  const auto done = submit([&](Step& step) -> shared::Result<void> {
    auto created = create_service(step, wanted);
    if (!created) return created.error();
    key = *created;
    return {};
  });
  EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().text());
  return key;
}

void World::add_target_group(int deregistration_delay_seconds) {
  const auto done = submit([&](Step& step) -> shared::Result<void> {
    CreateLoadBalancer balancer_request;
    balancer_request.name = "web";
    auto balancer = create_load_balancer(step, balancer_request);
    if (!balancer) return balancer.error();
    CreateTargetGroup group_request;
    group_request.vpc_id = "vpc-1";
    group_request.name = "app";
    group_request.protocol = "HTTP";
    group_request.port = 80;
    auto group = create_target_group(step, group_request);
    if (!group) return group.error();
    target_group = *group;
    rows(step).target_groups.edit(*group, [&](auto& row) {
      row.attributes["deregistration_delay.timeout_seconds"] = std::to_string(deregistration_delay_seconds);
    });
    lb::Action action;
    action.forward.target_groups.push_back({*group, 1});
    auto listener = create_listener(step, {*balancer, "HTTP", 80, {action}, {}});
    if (!listener) return listener.error();
    return {};
  });
  EXPECT_TRUE(done.has_value()) << (done ? "" : done.error().text());
}

std::vector<const model::Task*> World::live_tasks() const {
  std::vector<const model::Task*> live;
  for (const auto& [key, task] : state().tasks.rows()) {
    if (task.desired_status == model::DesiredStatus::kRunning) live.push_back(&task);
  }
  return live;
}

std::vector<std::string> World::events(const std::string& key) const {
  std::vector<std::string> messages;
  for (const auto* each : events_of(state(), key)) messages.push_back(each->message);
  return messages;
}

bool World::stable(const std::string& key) const {
  const model::Service& row = service_row(key);
  return row.deployments.size() == 1 && counts(key).running == row.desired_count &&
         counts(key).pending == 0 && row.deployments.front().rollout_state == model::RolloutState::kCompleted;
}

}  // namespace agent::control::test
