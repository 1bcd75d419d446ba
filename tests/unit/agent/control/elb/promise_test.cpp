// The ordering promise against balancers that really route, hold requests, lose messages, restart from an
// older snapshot, while control restarts too. Whenever a draining row goes away before its delay has passed,
// no balancer may be able to route to it or have a request open towards it.
#include <deque>
#include <variant>

#include "agent/control/state/invariants.h"
#include "shared/lbconfig/json.h"
#include "tests/unit/agent/control/elb/world.h"

namespace agent::control {
namespace {

using Message = std::variant<lb::Ack, lb::Report>;

struct Node {
  std::string id;
  bool connected = false;
  lb::Config applied;
  lb::Config disk;  // written before an acknowledgement leaves
  std::map<std::string, int> open;
  std::deque<Message> sent;

  const lb::Target* find(const std::string& registration) const {
    for (const auto& group : applied.target_groups) {
      for (const auto& target : group->targets) {
        if (target.registration == registration) return &target;
      }
    }
    return nullptr;
  }
  bool routes_to(const std::string& registration) const {
    if (applied.listeners.empty()) return false;
    const auto* target = find(registration);
    return target != nullptr && target->state == lb::TargetState::kActive;
  }
  int open_to(const std::string& registration) const {
    const auto it = open.find(registration);
    return it == open.end() ? 0 : it->second;
  }
  lb::Report report() const {
    lb::Report out{applied.version, {}};
    for (const auto& group : applied.target_groups) {
      for (const auto& target : group->targets) {
        lb::TargetReport each;
        each.target_group = group->id;
        each.registration = target.registration;
        each.health = lb::Health::kHealthy;
        if (target.state == lb::TargetState::kDraining) {
          each.health = lb::Health::kDraining;
          each.drained = open_to(target.registration) == 0;
        }
        out.targets.push_back(each);
      }
    }
    return out;
  }
};

class Promise {
 public:
  explicit Promise(std::uint64_t seed) : world_(seed), dice_(seed) {
    world_.set_delay(3600);
    for (const char* id : {"b1", "b2"}) nodes_.emplace_back().id = id;
  }

  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      draining_.clear();
      for (const auto* row : targets_of(*world_.state, world_.group)) {
        if (row->state == lb::TargetState::kDraining) draining_.push_back(row->registration);
      }
      const auto version = world_.version();
      act();
      EXPECT_GE(world_.version(), version);
      const auto valid = lb::validate(*world_.state->published);
      EXPECT_TRUE(valid) << (valid ? "" : valid.error().text());
      for (const std::string& each : check_invariants(*world_.state)) ADD_FAILURE() << each;
      check_removed();
    }
  }
  int removed() const { return removed_; }

 private:
  Node& any() { return nodes_[dice_.below(nodes_.size())]; }

  void act() {
    Node& node = any();
    switch (dice_.below(14)) {
      case 0:
        if (targets_of(*world_.state, world_.group).size() < 6) {
          world_.add("mi-" + std::to_string(1 + dice_.below(2)),
                     static_cast<std::uint16_t>(8080 + dice_.below(2)));
        }
        return;
      case 1:
        return drain_one();
      case 2:
      case 3:
        if (node.connected) node.applied = *world_.state->published;
        return;
      case 4:
        if (!node.connected) return;
        node.disk = node.applied;
        node.sent.push_back(lb::Ack{node.applied.version});
        return;
      case 5:
      case 6:
        if (node.connected) node.sent.push_back(node.report());
        return;
      case 7:
      case 8:
      case 9:
        return deliver(node);
      case 10:
        return start_or_finish(node);
      case 11:
        return start_or_finish(node);
      case 12:
        return reconnect(node);
      default:
        if (dice_.below(6) == 0) return restart_control();
        world_.pass(shared::Millis(dice_.below(400)));
    }
  }

  void drain_one() {
    const auto targets = targets_of(*world_.state, world_.group);
    if (!targets.empty()) world_.drain(std::string(targets[dice_.below(targets.size())]->registration));
  }

  void deliver(Node& node) {
    if (node.sent.empty()) return;
    const Message message = node.sent.front();
    node.sent.pop_front();
    if (const auto* ack = std::get_if<lb::Ack>(&message)) {
      world_.ack(node.id, ack->version);
    } else {
      const auto& report = std::get<lb::Report>(message);
      world_.report(node.id, report.version, report.targets);
    }
  }

  void start_or_finish(Node& node) {
    for (const auto& group : node.applied.target_groups) {
      for (const auto& target : group->targets) {
        int& open = node.open[target.registration];
        if (open > 0 && dice_.below(2) == 0) {
          --open;
        } else if (node.routes_to(target.registration)) {
          ++open;
        }
      }
    }
  }

  // Comes back when away; otherwise loses its feed, sometimes with the whole process.
  void reconnect(Node& node) {
    if (!node.connected) {
      node.connected = true;
      world_.hello(node.id, node.applied.version);
      return;
    }
    node.connected = false;
    node.sent.clear();
    if (dice_.below(2) == 0) {
      node.applied = node.disk;
      node.open.clear();
    }
    world_.leave(node.id);
  }

  void restart_control() {
    for (Node& node : nodes_) {
      node.connected = false;
      node.sent.clear();
    }
    world_.restart_control();
  }

  void check_removed() {
    for (const auto& registration : draining_) {
      if (world_.row(registration) != nullptr) continue;
      ++removed_;
      for (const Node& node : nodes_) {
        if (world_.state->balancers.find(node.id) == nullptr) continue;
        EXPECT_FALSE(node.routes_to(registration)) << node.id << " still routes to " << registration;
        EXPECT_EQ(node.open_to(registration), 0) << node.id << " has requests open to " << registration;
      }
    }
  }

  World world_;
  shared::env::SeededRandom dice_;
  std::vector<Node> nodes_;
  std::vector<std::string> draining_;
  int removed_ = 0;
};

TEST(OrderingPromise, HoldsWhateverIsLostOrRestarted) {
  int removed = 0;
  for (std::uint64_t seed = 1; seed <= 24 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Promise promise(seed);
    promise.run(800);
    removed += promise.removed();
  }
  EXPECT_GT(removed, 60) << "the runs did not drain enough to prove anything";
}

}  // namespace
}  // namespace agent::control
