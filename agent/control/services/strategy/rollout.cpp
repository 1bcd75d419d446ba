#include "agent/control/services/strategy/rollout.h"

#include <algorithm>

#include "agent/control/alarms/alarms.h"
#include "agent/control/services/requests.h"
#include "agent/control/services/strategy/explain.h"
#include "agent/control/services/strategy/hooks.h"
#include "agent/control/services/strategy/stages.h"
#include "agent/control/services/strategy/traffic.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/plant.h"
#include "agent/control/state/rows.h"
#include "agent/control/tasks/service_events.h"
#include "agent/model/words.h"

namespace agent::control {

using model::Deployment;
using model::DeploymentStatus;
using model::DeploymentStrategy;
using model::LifecycleStage;
using model::RolloutState;
using shared::WallTime;

namespace {

// A deployment goes through its stages one by one; what needs no waiting is done in one look.
constexpr int kMaxStagesAtOnce = 64;

const Standing* standing_of(const std::vector<Standing>& all, const std::string& id) {
  const auto it = std::find_if(all.begin(), all.end(), [&](const Standing& each) { return each.id == id; });
  return it == all.end() ? nullptr : &*it;
}

std::string percent_of(int thousandths) {
  const std::string whole = std::to_string(thousandths / 10);
  return thousandths % 10 == 0 ? whole : whole + "." + std::to_string(thousandths % 10);
}

// Of the rules: they are as the rollout wants them, and since when balancers know is noted.
void follow_shift(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const model::Rollout& rollout = service.deployments.front().rollout;
  if (!rollout.shift_begun) {
    rows(step).live.shifting.erase(key);
    return;
  }
  const auto shares = shares_of(service);
  std::uint64_t version = rollout.shift_version;
  if (version == 0 && is_published(step.state, shares)) version = step.state.published->version;
  const bool routed =
      shares.empty() || (version != 0 && is_routed(step, shares, version, *rollout.shift_begun));
  if (routed) {
    rows(step).live.shifting.erase(key);
  } else {
    rows(step).live.shifting.insert(key);
  }
  if (!routed && version == rollout.shift_version) return;
  rows(step).services.edit(key, [&](model::Service& row) {
    model::Rollout& changed = row.deployments.front().rollout;
    changed.shift_version = version;
    if (!routed) return;
    changed.shift_version = 0;
    changed.shift_begun.reset();
    changed.shifted = step.now;
  });
}

StageFacts facts_of(const Step& step, const std::string& key, const std::vector<Standing>& standings) {
  const model::Service& service = *step.state.services.find(key);
  const Deployment& primary = service.deployments.front();
  StageFacts facts;
  facts.rollout = primary.rollout;
  facts.strategy = strategy_of(step.state, key);
  facts.now = step.now;
  facts.begun = primary.created_at;
  const Standing* own = standing_of(standings, primary.id);
  facts.healthy = own != nullptr && own->whole && own->desired == staged_count(service, primary) &&
                  is_scaled_up(primary.rollout);
  facts.source_whole = true;
  facts.others_drain = true;
  for (const Deployment& each : service.deployments) {
    if (each.id == primary.id) continue;
    const bool drains = each.status == DeploymentStatus::kDraining;
    if (each.id == primary.rollout.source) {
      const Standing* standing = standing_of(standings, each.id);
      facts.source = true;
      facts.source_drains = drains;
      facts.source_whole =
          standing != nullptr && standing->whole && standing->desired == staged_count(service, each);
    } else {
      facts.others = true;
      facts.others_drain = facts.others_drain && drains;
    }
  }
  const auto& balancers = primary.load_balancers;
  facts.has_test = std::any_of(balancers.begin(), balancers.end(),
                               [](const auto& each) { return !each.test_rule.empty(); });
  facts.routed = !primary.rollout.shift_begun;
  facts.hooks = what_hooks_say(facts.strategy, primary.rollout);
  return facts;
}

void drain(Step& step, const std::string& key, bool source_too) {
  rows(step).services.edit(key, [&](model::Service& row) {
    const std::string& source = row.deployments.front().rollout.source;
    for (std::size_t i = 1; i < row.deployments.size(); ++i) {
      Deployment& each = row.deployments[i];
      if (each.id == source && !source_too) continue;
      each.status = DeploymentStatus::kDraining;
      each.updated_at = step.now;
    }
  });
}

void enter(Step& step, const std::string& key, LifecycleStage stage) {
  const model::Strategy strategy = strategy_of(step.state, key);
  rows(step).services.edit(key, [&](model::Service& row) {
    Deployment& primary = row.deployments.front();
    primary.rollout.stage = stage;
    primary.rollout.stage_since = step.now;
    primary.rollout.shifted.reset();
    primary.updated_at = step.now;
    if (!primary.rollout.going_back) begin_hooks(step, strategy, primary.rollout);
  });
  if (BERTH_PLANTED(kDrainSourceEarly) && stage == LifecycleStage::kPostProductionTrafficShift)
    drain(step, key, true);
}

void shift(Step& step, const std::string& key, int production, int test) {
  const model::Rollout before = step.state.services.find(key)->deployments.front().rollout;
  rows(step).services.edit(key, [&](model::Service& row) {
    model::Rollout& rollout = row.deployments.front().rollout;
    rollout.production = production;
    rollout.test = test;
    rollout.shift_version = 0;
    rollout.shift_begun = step.now;
    rollout.shifted.reset();
    row.deployments.front().updated_at = step.now;
  });
  const model::Service& service = *step.state.services.find(key);
  if (shares_of(service).empty()) return;
  const std::string whose = "(deployment " + service.deployments.front().id + ") ";
  if (production != before.production)
    add_event(step, service,
              whose + "is given " + percent_of(production) + " percent of production traffic.");
  if (test != before.test && before.going_back == false)
    add_event(step, service, whose + "is given " + percent_of(test) + " percent of test traffic.");
}

// The ones that drain leave with their last task; what is shown of the others is kept up.
void note_sets(Step& step, const std::string& key, const std::vector<Standing>& standings) {
  const model::Service& found = *step.state.services.find(key);
  const auto over = [&](const Deployment& each) {
    const Standing* standing = standing_of(standings, each.id);
    return each.status == DeploymentStatus::kDraining && standing != nullptr && standing->empty;
  };
  const bool stale = std::any_of(found.deployments.begin(), found.deployments.end(), [&](const auto& each) {
    return over(each) || each.desired_count != staged_count(found, each);
  });
  if (!stale) return;
  rows(step).services.edit(key, [&](model::Service& row) {
    std::erase_if(row.deployments, over);
    for (Deployment& each : row.deployments) {
      const int count = staged_count(row, each);
      if (each.desired_count == count) continue;
      each.desired_count = count;
      each.updated_at = step.now;
    }
  });
}

// As long as it is under way the rules are as it wants them, whoever changes them. False: it was given up.
bool keep_shares(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const auto set = set_shares(step, shares_of(service));
  if (set) return true;
  if (service.deployments.front().rollout.going_back) {
    add_event_once(step, key, "cannot give traffic back: " + set.error().text() + ".");
    return true;
  }
  fail_deployment(step, key,
                  {.by = FailedBy::kStage,
                   .what = set.error().text(),
                   .reason = "ECS deployment failed: " + set.error().text(),
                   .why = "ECS deployment failed"});
  return false;
}

void note_expired_hooks(Step& step, const std::string& key) {
  model::Rollout rollout = step.state.services.find(key)->deployments.front().rollout;
  if (expire_hooks(step.now, rollout)) {
    rows(step).services.edit(key, [&](model::Service& row) { row.deployments.front().rollout = rollout; });
  }
  if (const auto next = next_expiry(rollout)) step.wake_at(*next);
}

void note_hooked(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const auto& runs = service.deployments.front().rollout.hooks;
  const bool open = std::any_of(runs.begin(), runs.end(), [](const model::HookRun& run) {
    return run.status == model::HookStatus::kInProgress;
  });
  if (open && service.deployments.front().rollout_state == RolloutState::kInProgress) {
    rows(step).live.hooked.insert(key);
  } else {
    rows(step).live.hooked.erase(key);
  }
}

void fail_stage(Step& step, const std::string& key, const std::string& why) {
  const bool by_hook = why.empty();
  const std::string what = by_hook ? hook_problem(strategy_of(step.state, key),
                                                  step.state.services.find(key)->deployments.front().rollout)
                                   : why;
  fail_deployment(step, key,
                  {.by = by_hook ? FailedBy::kHook : FailedBy::kStage,
                   .what = what,
                   .reason = "ECS deployment failed: " + what,
                   .why = "ECS deployment failed"});
}

RolloutIs walk(Step& step, const std::string& key, const std::vector<Standing>& standings) {
  for (int i = 0; i < kMaxStagesAtOnce; ++i) {
    if (step.state.services.find(key)->deployments.front().rollout_state != RolloutState::kInProgress)
      return RolloutIs::kOngoing;
    if (!keep_shares(step, key)) return RolloutIs::kOngoing;
    follow_shift(step, key);
    note_expired_hooks(step, key);
    const StageStep next = next_step(facts_of(step, key, standings));
    switch (next.what) {
      case StageStep::What::kWait:
        if (next.wake) step.wake_at(*next.wake);
        return RolloutIs::kOngoing;
      case StageStep::What::kEnter:
        enter(step, key, next.stage);
        // Its tasks are planned before anything is said of them.
        if (next.stage == LifecycleStage::kScaleUp) return RolloutIs::kOngoing;
        break;
      case StageStep::What::kShift:
        shift(step, key, next.production, next.test);
        break;
      case StageStep::What::kDrainOthers:
        drain(step, key, false);
        return RolloutIs::kOngoing;
      case StageStep::What::kDrainAll:
        drain(step, key, true);
        return RolloutIs::kOngoing;
      case StageStep::What::kComplete:
        return RolloutIs::kComplete;
      case StageStep::What::kFail:
        fail_stage(step, key, next.why);
        return RolloutIs::kOngoing;
    }
  }
  return RolloutIs::kOngoing;
}

}  // namespace

const Deployment* find_deployment(const model::Service& service, const std::string& id) {
  const auto it = std::find_if(service.deployments.begin(), service.deployments.end(),
                               [&](const Deployment& each) { return each.id == id; });
  return it == service.deployments.end() ? nullptr : &*it;
}

bool goes_by_stages(const model::Service& service) {
  return service.controller == model::DeploymentController::kEcs && !service.deployments.empty() &&
         service.deployments.front().rollout.kind != DeploymentStrategy::kRolling;
}

int staged_count(const model::Service& service, const Deployment& deployment) {
  if (deployment.status == DeploymentStatus::kDraining) return 0;
  const bool under_way = deployment.status == DeploymentStatus::kPrimary &&
                         deployment.rollout_state == RolloutState::kInProgress;
  if (under_way && !is_scaled_up(deployment.rollout)) return 0;
  return service.desired_count;
}

const model::Strategy& strategy_of(const State& state, const std::string& service_key) {
  const model::ServiceDeployment* current = current_deployment(state, service_key);
  return current != nullptr ? current->configuration.strategy
                            : state.services.find(service_key)->configuration.strategy;
}

const Deployment* serving_deployment(const model::Service& service) {
  if (service.deployments.empty()) return nullptr;
  const Deployment& primary = service.deployments.front();
  if (primary.rollout_state == RolloutState::kCompleted || primary.rollout.going_back) return &primary;
  if (primary.rollout.kind != DeploymentStrategy::kRolling) {
    if (primary.rollout.stage >= LifecycleStage::kCleanUp) return &primary;
    const Deployment* source = find_deployment(service, primary.rollout.source);
    return source != nullptr ? source : &primary;
  }
  const auto completed =
      std::find_if(service.deployments.begin(), service.deployments.end(),
                   [](const Deployment& each) { return each.rollout_state == RolloutState::kCompleted; });
  return completed != service.deployments.end() ? &*completed : &primary;
}

void prepare_rollout(const Step& step, const model::Service& service, Deployment& deployment) {
  model::Rollout& rollout = deployment.rollout;
  rollout = {};
  rollout.kind = service.configuration.strategy.kind;
  const bool staged = rollout.kind != DeploymentStrategy::kRolling;
  const Deployment* source = serving_deployment(service);
  deployment.load_balancers = groups_for(service.load_balancers, source, staged);
  if (!staged) return;
  rollout.source = source == nullptr ? "" : source->id;
  // With nobody to take over from it has all traffic from the start, as it would be with a rolling one.
  rollout.production = source == nullptr ? model::kWhole : 0;
  rollout.shift_begun = step.now;
}

RolloutIs advance_rollout(Step& step, const std::string& key, const std::vector<Standing>& standings) {
  const RolloutIs is = walk(step, key, standings);
  note_sets(step, key, standings);
  note_hooked(step, key);
  if (step.state.services.find(key)->deployments.front().rollout_state != RolloutState::kInProgress)
    rows(step).live.shifting.erase(key);
  return is;
}

bool go_back_to_source(Step& step, const std::string& key, const std::string& why) {
  const model::Service& found = *step.state.services.find(key);
  const std::string source = found.deployments.front().rollout.source;
  const Deployment* back = find_deployment(found, source);
  if (found.deployments.front().rollout.going_back || back == nullptr ||
      back->status == DeploymentStatus::kDraining)
    return false;
  const model::ServiceRevision* revision = revision_of(step.state, key, back->revision);
  rows(step).services.edit(key, [&](model::Service& service) {
    const auto at = std::find_if(service.deployments.begin(), service.deployments.end(),
                                 [&](const Deployment& each) { return each.id == source; });
    std::rotate(service.deployments.begin(), at, at + 1);
    Deployment& failed = service.deployments[1];
    failed.status = DeploymentStatus::kActive;
    Deployment& primary = service.deployments.front();
    primary.status = DeploymentStatus::kPrimary;
    primary.rollout_state = RolloutState::kInProgress;
    primary.rollout_state_reason = why + ": rolling back to deploymentId " + primary.id + ".";
    primary.failed_tasks = 0;
    primary.updated_at = step.now;
    primary.rollout.kind = failed.rollout.kind;
    primary.rollout.stage = LifecycleStage::kProductionTrafficShift;
    primary.rollout.stage_since = step.now;
    primary.rollout.source = failed.id;
    primary.rollout.going_back = true;
    // All at once, however it is: nothing better is left.
    const bool all = !BERTH_PLANTED(kForgetRollbackWeights);
    primary.rollout.production = all ? model::kWhole : model::kWhole - failed.rollout.production;
    primary.rollout.test = model::kWhole;
    primary.rollout.shift_version = 0;
    primary.rollout.shift_begun = step.now;
    primary.rollout.shifted.reset();
    primary.rollout.hooks.clear();
    service.task_definition_arn = primary.task_definition_arn;
    service.strategy = primary.strategy;
    if (revision != nullptr) service.load_balancers = revision->load_balancers;
    if (revision != nullptr) service.registries = revision->registries;
    service.failed_starts = 0;
    service.next_start_at.reset();
  });
  const model::Service& service = *step.state.services.find(key);
  add_event(step, service, "rolling back to deployment " + source + ".");
  return true;
}

void fail_deployment(Step& step, const std::string& key, const Failure& failure) {
  const std::string failing = step.state.services.find(key)->deployments.front().id;
  const bool goes_back = step.state.services.find(key)->deployments.front().rollout.going_back;
  const std::string told = explain_deployment(step.state, *step.state.services.find(key), failing);
  rows(step).services.edit(key, [&](model::Service& service) {
    Deployment& primary = service.deployments.front();
    primary.rollout_state = RolloutState::kFailed;
    primary.rollout_state_reason = failure.reason + ".";
    primary.updated_at = step.now;
  });
  const model::Service& service = *step.state.services.find(key);
  add_event(step, service, "(deployment " + failing + ") deployment failed: " + failure.what + ".");
  if (!told.empty()) add_event(step, service, "(deployment " + failing + ")" + told);
  const bool back =
      failure.back && !goes_back &&
      (go_back_to_source(step, key, failure.why) || roll_back_to_completed(step, key, failure.why));
  if (back) {
    note_rollback_begun(step, key, {failure.by, failure.what, told});
  } else {
    note_deployment_failed(step, key, {failure.by, failure.what, told});
  }
}

bool trip_alarms(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const model::ServiceDeployment* current = current_deployment(step.state, key);
  if (current == nullptr || service.deployments.empty() ||
      service.deployments.front().rollout_state != RolloutState::kInProgress)
    return false;
  const auto& alarms = current->configuration.strategy.alarms;
  if (!alarms || !alarms->enable || current->rollback) return false;
  std::vector<std::string> ignored;
  std::vector<std::string> triggered;
  for (const std::string& name : alarms->names) {
    if (!alarms::in_alarm(step.state, name)) continue;
    const auto& before = current->alarms_ignored;
    const bool old = std::find(before.begin(), before.end(), name) != before.end();
    (old ? ignored : triggered).push_back(name);
  }
  if (ignored != current->alarms_ignored || triggered != current->alarms_triggered) {
    rows(step).service_deployments.edit(key + "/" + current->id, [&](model::ServiceDeployment& row) {
      row.alarms_ignored = ignored;
      row.alarms_triggered = triggered;
    });
  }
  if (triggered.empty()) return false;
  std::string names;
  for (const std::string& each : triggered) names += (names.empty() ? "" : ", ") + each;
  fail_deployment(step, key,
                  {.by = FailedBy::kAlarm,
                   .what = "alarm detected: " + names,
                   .reason = "ECS deployment failed: alarm detected",
                   .why = "ECS deployment failed: alarm detected",
                   .back = alarms->rollback});
  return true;
}

bool has_baked(Step& step, const std::string& key) {
  const model::Service& service = *step.state.services.find(key);
  const Deployment& primary = service.deployments.front();
  const std::chrono::minutes bake(strategy_of(step.state, key).bake_minutes);
  if (primary.rollout.kind != DeploymentStrategy::kRolling || primary.is_rollback || bake.count() == 0)
    return true;
  if (primary.rollout.stage != LifecycleStage::kBakeTime) {
    rows(step).services.edit(key, [&](model::Service& row) {
      row.deployments.front().rollout.stage = LifecycleStage::kBakeTime;
      row.deployments.front().rollout.stage_since = step.now;
    });
  }
  const WallTime baked = step.state.services.find(key)->deployments.front().rollout.stage_since + bake;
  if (step.now >= baked) return true;
  step.wake_at(baked);
  return false;
}

}  // namespace agent::control
