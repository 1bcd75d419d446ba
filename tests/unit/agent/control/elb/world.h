// A state with one load balancer, a group and two hosts, and steps on it as the engine makes them: apply,
// reconcile, publish, until nothing changes.
#pragma once
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/control/elb/listeners.h"
#include "agent/control/elb/load_balancers.h"
#include "agent/control/elb/publish.h"
#include "agent/control/elb/target_health.h"
#include "agent/control/elb/targets.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"

namespace agent::control {

class World {
 public:
  explicit World(std::uint64_t seed = 1) : random_(seed) {
    add_host("mi-1", "10.0.0.1");
    add_host("mi-2", "10.0.0.2");
    apply([this](Step& step) {
      CreateLoadBalancer request;
      request.name = "web";
      balancer = create_load_balancer(step, request).value();
      group = create_target_group(step, new_group("app")).value();
      set_delay(30);
    });
    listen();
  }

  void listen() {
    apply([this](Step& step) {
      CreateListener request{balancer, "HTTP", 80, {forward_to(group)}, {}};
      listener = create_listener(step, request).value();
    });
  }

  static CreateTargetGroup new_group(const std::string& name) {
    CreateTargetGroup request;
    request.vpc_id = "vpc-1";
    request.name = name;
    request.protocol = "HTTP";
    request.port = 80;
    return request;
  }

  static lb::Action forward_to(const std::string& arn) {
    lb::Action action;
    action.forward.target_groups.push_back({arn, 1});
    return action;
  }

  void add_host(const std::string& id, const std::string& address) {
    model::ContainerInstance host;
    host.id = id;
    host.cluster = "default";
    host.ec2_instance_id = id;
    host.address = address;
    state->instances.put("default/" + id, host);
  }

  void set_delay(int seconds) {
    state->target_groups.edit(group, [&](auto& row) {
      row.attributes["deregistration_delay.timeout_seconds"] = std::to_string(seconds);
    });
  }

  void apply(const std::function<void(Step&)>& what) {
    Step step{*state, now, random_, settings};
    what(step);
    Agenda& agenda = state->live.agenda;
    do {
      agenda.note(Concern::kBalancers, "");
      for (const auto& [arn, row] : state->target_groups.rows()) agenda.note(Concern::kDrainingGroup, arn);
      reconcile_targets(step);
    } while (publish(step));
    wake = agenda.next();
  }
  void pass(shared::Millis time) {
    now += time;
    apply([](Step&) {});
  }

  std::string add(const std::string& id = "mi-1", std::uint16_t port = 8080, const std::string& task = "") {
    std::string registration;
    apply([&](Step& step) { registration = register_target(step, {group, id, port, "", task}).value(); });
    return registration;
  }
  void drain(const std::string& registration) {
    apply([&](Step& step) { deregister_target(step, {group, registration}); });
  }
  const model::RegisteredTarget* row(const std::string& registration) const {
    return state->targets.find(target_key(group, registration));
  }
  TargetHealth health(const std::string& registration) const { return health_of(*state, *row(registration)); }
  const lb::Target* published_target(const std::string& registration) const {
    for (const auto& each : state->published->target_groups) {
      for (const auto& target : each->targets) {
        if (target.registration == registration) return &target;
      }
    }
    return nullptr;
  }
  std::uint64_t version() const { return state->published->version; }

  void hello(const std::string& id, std::uint64_t applied) {
    apply([&](Step& step) { balancer_said_hello(step, {id, applied}); });
  }
  void ack(const std::string& id, std::uint64_t at) {
    apply([&](Step& step) { balancer_acknowledged(step, id, at); });
  }
  void report(const std::string& id, std::uint64_t at, std::vector<lb::TargetReport> targets) {
    apply([&](Step& step) { balancer_reported(step, id, {at, std::move(targets)}); });
  }
  void leave(const std::string& id) {
    apply([&](Step& step) { balancer_left(step, id); });
  }
  lb::TargetReport says(const std::string& registration, lb::Health health, bool drained = false) const {
    lb::TargetReport out;
    out.target_group = group;
    out.registration = registration;
    out.health = health;
    out.drained = drained;
    return out;
  }

  // Control dies and comes back: only what the store holds survives.
  void restart_control() {
    auto fresh = std::make_unique<State>();
    auto before = state->tables();
    auto after = fresh->tables();
    for (std::size_t i = 0; i < before.size(); ++i) {
      store::ChangeSet all;
      before[i]->collect(all);  // never committed here, so that this is every row
      const auto bad = after[i]->load(all.puts);
      EXPECT_FALSE(bad.has_value()) << *bad;
    }
    state = std::move(fresh);
    // Rows that were loaded are not in the log of the new tables: put them there for the next restart.
    touch_all();
    auto config = *build_config(*state, settings);
    state->published = std::make_shared<lb::Config>(std::move(config));
    apply([](Step&) {});
  }

  std::unique_ptr<State> state = std::make_unique<State>();
  Settings settings;
  shared::WallTime now = shared::from_epoch_millis(1'700'000'000'000);
  std::optional<shared::WallTime> wake;
  std::string balancer;
  std::string group;
  std::string listener;

 private:
  template <class T>
  static void touch(Table<T>& table) {
    std::vector<std::string> keys;
    for (const auto& [key, row] : table.rows()) keys.push_back(key);
    for (const auto& key : keys) table.edit(key, [](T&) {});  // noted, and the same
  }
  void touch_all() {
    touch(state->instances);
    touch(state->tasks);
    touch(state->load_balancers);
    touch(state->listeners);
    touch(state->rules);
    touch(state->target_groups);
    touch(state->targets);
    touch(state->balancers);
    touch(state->meta);
    touch(state->cookie_keys);
  }

  shared::env::SeededRandom random_;
};

}  // namespace agent::control
