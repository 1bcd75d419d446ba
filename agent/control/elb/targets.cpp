#include "agent/control/elb/targets.h"

#include "agent/control/elb/cookie_keys.h"
#include "agent/control/elb/publish.h"

#include <algorithm>
#include <set>

#include "agent/control/elb/attributes.h"
#include "agent/control/elb/load_balancers.h"
#include "agent/control/state/faults.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/plant.h"
#include "agent/control/state/rows.h"
#include "shared/base/text.h"
#include "shared/net/endpoint.h"

namespace agent::control {
namespace {

using shared::Error;
using shared::Millis;
using shared::Result;

// ELBv2 quota targets-per-target-group.
constexpr std::size_t kMaxTargetsPerGroup = 1000;
constexpr std::size_t kRegistrationDigits = 24;
// How long past the deregistration delay a connected balancer may take to acknowledge a removal: with a delay
// of 0 or 1 s it would otherwise still route to a process that is being stopped. A balancer silent for longer
// is lost and no longer connected.
constexpr Millis kAckGrace = lb::kFeedSilence;
// A refusal is text from outside; what is kept of it.
constexpr std::size_t kMaxRefusalText = 1024;
// Applied versions above this are nonsense; following them would bring the counter near its end.
constexpr std::uint64_t kMaxCredibleVersion = std::uint64_t{1} << 48;

bool is_live(const model::ContainerInstance& host) { return host.status != model::InstanceStatus::kInactive; }

// A host that lost its state registers anew under its old instance id: the newest is the one that lives.
const model::ContainerInstance* find_host(const State& state, const std::string& id) {
  const model::ContainerInstance* newest = nullptr;
  for (const std::string& key : state.host_index().of_id(id)) {
    const model::ContainerInstance* instance = state.instances.find(key);
    if (newest == nullptr || instance->registered_at > newest->registered_at) newest = instance;
  }
  return newest;
}

Error invalid_target(std::string text) { return fault("InvalidTarget", std::move(text)); }

Result<std::string> address_of(const State& state, const model::TargetGroup& group, const std::string& id) {
  if (group.target_type == "ip") {
    if (auto ok = check_target_id(group, id); !ok) return ok.error();
    return id;
  }
  const auto* host = find_host(state, id);
  if (host == nullptr) {
    return invalid_target("The following targets are not in a running state and cannot be registered: '" +
                          id + "' (no container instance has this id)");
  }
  if (!shared::net::is_ip_address(host->address)) {
    return invalid_target("The container instance '" + id +
                          "' has no address at which balancers can reach it");
  }
  return host->address;
}

const BalancerView* view_of(const State& state, const std::string& balancer) {
  const auto it = state.live.balancers.find(balancer);
  return it == state.live.balancers.end() ? nullptr : &it->second;
}

bool acknowledged_everywhere(const State& state, const model::RegisteredTarget& target) {
  if (target.state != lb::TargetState::kDraining) return false;
  const auto& balancers = state.balancers.rows();
  return std::all_of(balancers.begin(), balancers.end(), [&](const auto& row) {
    const auto* view = view_of(state, row.first);
    return view != nullptr && has_acknowledged(*view, target);
  });
}

// When no balancer gave the task new requests any more, of those whose stop waits for that. A task that ended
// meanwhile waits for nothing.
void note_acknowledged(Step& step, const std::string& task_key) {
  const model::Task* task = task_key.empty() ? nullptr : step.state.tasks.find(task_key);
  if (task == nullptr || !task->draining_at || task->acknowledged_at || task->targets.empty()) return;
  const bool all = std::all_of(task->targets.begin(), task->targets.end(), [&](const auto& each) {
    const auto* row = find_target(step.state, each);
    return row == nullptr || acknowledged_everywhere(step.state, *row);
  });
  if (all) rows(step).tasks.edit(task_key, [&](model::Task& row) { row.acknowledged_at = step.now; });
}

void remove_row(Step& step, const model::TaskTarget& gone) {
  const std::string key = target_key(gone.target_group_arn, gone.registration);
  const auto* row = step.state.targets.find(key);
  if (row == nullptr) return;
  const std::string task = task_key_in(row->task_arn);
  rows(step).targets.erase(key);
  if (task.empty()) return;
  rows(step).tasks.edit(task, [&](model::Task& of) {
    std::erase_if(of.targets, [&](const auto& each) { return each.registration == gone.registration; });
  });
  note_acknowledged(step, task);  // it may have been the one that the others waited for
}

bool drained_everywhere(const State& state, const model::RegisteredTarget& target) {
  return std::all_of(state.balancers.rows().begin(), state.balancers.rows().end(), [&](const auto& row) {
    const auto* view = view_of(state, row.first);
    if (BERTH_PLANTED(kForgetAbsentBalancers) && (view == nullptr || !view->connected)) return true;
    return view != nullptr && has_drained(*view, target);
  });
}

bool connected_ones_acknowledged(const State& state, const model::RegisteredTarget& target) {
  return std::all_of(state.live.balancers.begin(), state.live.balancers.end(), [&](const auto& each) {
    const BalancerView& view = each.second;
    return !view.connected || has_acknowledged(view, target);
  });
}

bool draining_is_over(Step& step, const model::RegisteredTarget& target, Millis delay) {
  if (drained_everywhere(step.state, target)) return true;
  const auto limit = target.draining_since.value_or(step.now) + delay;
  if (step.now < limit) {
    step.wake_at(limit);
    return false;
  }
  if (connected_ones_acknowledged(step.state, target) || step.now >= limit + kAckGrace) return true;
  step.wake_at(limit + kAckGrace);
  return false;
}

void remove_drained(Step& step) {
  std::vector<model::TaskTarget> over;
  const auto& draining = step.state.target_index().draining();
  for (const std::string& arn : rows(step).live.agenda.take(Concern::kDrainingGroup, step.now)) {
    const auto* group = step.state.target_groups.find(arn);
    const auto rows = draining.find(arn);
    if (group == nullptr || rows == draining.end()) continue;
    step.subject = {Concern::kDrainingGroup, arn};
    const Millis delay(target_group_number(*group, "deregistration_delay.timeout_seconds") * 1000);
    for (const std::string& key : rows->second) {
      const auto& target = *step.state.targets.find(key);
      note_acknowledged(step, task_key_in(target.task_arn));
      if (draining_is_over(step, target, delay)) over.push_back({arn, target.registration});
    }
  }
  for (const model::TaskTarget& each : over) remove_row(step, each);
}

void forget_balancers(Step& step) {
  State& state = rows(step);
  if (state.live.agenda.take(Concern::kBalancers, step.now).empty()) return;
  step.subject = {Concern::kBalancers, ""};
  std::vector<std::string> gone;
  for (const auto& [id, row] : state.balancers.rows()) {
    const auto [it, restarted] = state.live.balancers.try_emplace(id);
    BalancerView& view = it->second;
    // After a restart of control it may have been here until a moment ago, whatever its row says.
    if (restarted) view.absent_since = step.now;
    if (view.connected) continue;
    const auto limit = std::max(row.last_seen, view.absent_since) + step.settings.forget_balancer_after;
    if (step.now >= limit) {
      gone.push_back(id);
    } else {
      step.wake_at(limit);
    }
  }
  for (const auto& id : gone) {
    state.balancers.erase(id);
    state.live.balancers.erase(id);
  }
}

// The targets of which the newer report says something else.
void note_news(Signals& signals, const std::map<std::string, lb::TargetReport>& before,
               const std::map<std::string, lb::TargetReport>& after) {
  for (const auto& [registration, report] : after) {
    const auto it = before.find(registration);
    if (it == before.end() || !lb::says_the_same(it->second, report))
      signals.health.insert(target_key(report.target_group, registration));
  }
  for (const auto& [registration, report] : before) {
    if (!after.contains(registration)) signals.health.insert(target_key(report.target_group, registration));
  }
}

BalancerView* connected_view(Step& step, const std::string& balancer_id) {
  const auto it = rows(step).live.balancers.find(balancer_id);
  return it == rows(step).live.balancers.end() || !it->second.connected ? nullptr : &it->second;
}

// Whose report of this version counts; nullptr: it does not.
BalancerView* view_reported(Step& step, const std::string& balancer_id, std::uint64_t version) {
  auto* view = connected_view(step, balancer_id);
  if (view == nullptr || version > step.meta().config_version) return nullptr;
  if (version < view->report_version) return nullptr;
  Signals& signals = rows(step).live.signals;
  signals.acknowledged = signals.acknowledged || version != view->report_version;
  view->report_version = version;
  return view;
}

}  // namespace

bool has_acknowledged(const BalancerView& view, const model::RegisteredTarget& target) {
  return target.drain_version != 0 && view.acked_version >= target.drain_version;
}

bool has_drained(const BalancerView& view, const model::RegisteredTarget& target) {
  if (!has_acknowledged(view, target) || view.report_version < target.drain_version) return false;
  if (BERTH_PLANTED(kDrainedOnceAcknowledged)) return true;
  const auto it = view.targets.find(target.registration);
  return it == view.targets.end() || it->second.drained;
}

Result<void> check_target_id(const model::TargetGroup& group, const std::string& id) {
  if (group.target_type != "ip" || shared::net::is_ip_address(id)) return {};
  return invalid_target("The IP address '" + id + "' is not a valid IPv4 or IPv6 address");
}

Result<std::string> register_target(Step& step, const NewTarget& wanted) {
  State& state = rows(step);
  const auto found = find_target_group(state, wanted.target_group_arn);
  if (!found) return found.error();
  const model::TargetGroup* group = *found;
  const std::uint16_t at = wanted.port == 0 ? group->port : wanted.port;
  auto address = address_of(state, *group, wanted.id);
  if (!address) return address.error();
  if (const auto* same = state.target_index().active_at(wanted.target_group_arn, wanted.id, at)) {
    if (wanted.task_arn.empty() || same->task_arn == wanted.task_arn) return same->registration;
    // A host port belongs to one live task, so that the former one is gone although nobody has said so yet.
    remove_row(step, {wanted.target_group_arn, same->registration});
  }
  const TargetIndex& index = state.target_index();
  if (index.group(wanted.target_group_arn).ordered.size() >= kMaxTargetsPerGroup) {
    return fault("TooManyTargets", "The maximum number of targets in the target group '" +
                                       wanted.target_group_arn + "' is " +
                                       std::to_string(kMaxTargetsPerGroup));
  }
  model::RegisteredTarget target;
  target.target_group_arn = wanted.target_group_arn;
  target.id = wanted.id;
  target.port = at;
  target.zone = wanted.zone;
  target.address = *std::move(address);
  target.registration = step.random.hex(kRegistrationDigits);
  target.task_arn = wanted.task_arn;
  target.registered_at = step.now;
  target.sequence = index.next_sequence(wanted.target_group_arn);
  std::string registration = target.registration;
  state.targets.put(target_key(wanted.target_group_arn, registration), std::move(target));
  return registration;
}

void follow_host(Step& step, const model::ContainerInstance& host) {
  if (!is_live(host) || !shared::net::is_ip_address(host.address)) return;
  State& state = rows(step);
  for (const std::string& id : std::set<std::string>{host.id, host.ec2_instance_id}) {
    const std::set<std::string> keys = state.target_index().of_id(id);  // a copy: edits change the index
    for (const std::string& key : keys) {
      const auto& found = *state.targets.find(key);
      const auto* group = state.target_groups.find(found.target_group_arn);
      if (found.state != lb::TargetState::kActive || found.address == host.address) continue;
      if (group == nullptr || group->target_type != "instance") continue;
      state.targets.edit(key, [&](auto& target) { target.address = host.address; });
      for (auto& [balancer, view] : state.live.balancers) view.targets.erase(found.registration);
    }
  }
}

void deregister_target(Step& step, const model::TaskTarget& named) {
  const std::string key = target_key(named.target_group_arn, named.registration);
  const auto* row = step.state.targets.find(key);
  if (row == nullptr || row->state == lb::TargetState::kDraining) return;
  rows(step).targets.edit(key, [&](model::RegisteredTarget& target) {
    target.state = lb::TargetState::kDraining;
    target.draining_since = step.now;
    target.drain_version = 0;
  });
}

void drop_target(Step& step, const model::TaskTarget& target) { remove_row(step, target); }

void reconcile_targets(Step& step) {
  forget_balancers(step);
  remove_drained(step);
  renew_cookie_keys(step);
}

void balancer_said_hello(Step& step, const lb::Hello& hello, Greeting greeting) {
  State& state = rows(step);
  if (!state.balancers.edit(hello.balancer_id, [&](auto& row) { row.last_seen = step.now; })) {
    state.balancers.put(hello.balancer_id, {hello.balancer_id, step.now, step.now});
  }
  auto& view = state.live.balancers[hello.balancer_id];
  const bool known_version = hello.applied_version <= step.meta().config_version;
  if (greeting == Greeting::kNew) {
    view.connected = true;
    view.refusal.clear();
    // It may have restarted from an older snapshot, so that what it once acknowledged says nothing any more.
    view.report_version = 0;
    // What is not on its disk is not acknowledged.
    const std::uint64_t kept =
        std::min(hello.kept_version.value_or(hello.applied_version), hello.applied_version);
    view.acked_version = known_version ? kept : 0;
  }
  if (known_version) return;
  if (hello.applied_version < kMaxCredibleVersion) {
    // Control lost versions (a restored backup). Balancers only go up: publish() continues above.
    edit_meta(step, [&](model::Meta& meta) { meta.config_version = hello.applied_version; });
  }
}

void balancer_acknowledged(Step& step, const std::string& balancer_id, std::uint64_t version) {
  auto* view = connected_view(step, balancer_id);
  if (view == nullptr || version > step.meta().config_version) return;
  view->acked_version = std::max(view->acked_version, version);
  rows(step).live.signals.acknowledged = true;
  if (view->acked_version == step.meta().config_version) view->refusal.clear();
}

void balancer_refused(Step& step, const std::string& balancer_id, const lb::Refusal& refusal) {
  auto* view = connected_view(step, balancer_id);
  if (view == nullptr || refusal.version <= view->acked_version) return;
  view->refusal =
      refusal.reason.empty() ? "no reason given" : shared::shortened(refusal.reason, kMaxRefusalText);
}

bool balancer_reported(Step& step, const std::string& balancer_id, const lb::Report& report) {
  auto* view = view_reported(step, balancer_id, report.version);
  if (view == nullptr) return false;
  std::map<std::string, lb::TargetReport> targets;
  for (const auto& target : report.targets) targets[target.registration] = target;
  note_news(rows(step).live.signals, view->targets, targets);
  view->targets = std::move(targets);
  return true;
}

bool balancer_reported_changes(Step& step, const std::string& balancer_id, const lb::ReportDelta& delta) {
  auto* view = view_reported(step, balancer_id, delta.version);
  if (view == nullptr) return false;
  std::set<std::string>& news = rows(step).live.signals.health;
  for (const auto& name : delta.removed) {
    if (view->targets.erase(name.registration) > 0)
      news.insert(target_key(name.target_group, name.registration));
  }
  for (const auto& target : delta.targets) {
    view->targets[target.registration] = target;
    news.insert(target_key(target.target_group, target.registration));
  }
  return true;
}

void balancer_left(Step& step, const std::string& balancer_id) {
  auto* view = connected_view(step, balancer_id);
  if (view == nullptr) return;
  view->connected = false;
  view->absent_since = step.now;
  rows(step).balancers.edit(balancer_id, [&](auto& row) { row.last_seen = step.now; });
}

}  // namespace agent::control
