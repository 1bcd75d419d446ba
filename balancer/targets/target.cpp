#include "balancer/targets/target.h"

#include <algorithm>
#include <set>

#include "balancer/targets/health.h"

namespace balancer::targets {

using shared::Error;
using shared::Result;
using shared::SteadyTime;

namespace {

void collect(const shared::lbconfig::Action& action, std::set<std::string>& used) {
  if (action.type != shared::lbconfig::ActionType::kForward) return;
  for (const auto& weighted : action.forward.target_groups) used.insert(weighted.target_group);
}

std::set<std::string> groups_in_use(const shared::lbconfig::Config& config) {
  std::set<std::string> used;
  for (const auto& listener : config.listeners) {
    collect(listener->default_action, used);
    for (const auto& rule : listener->rules) collect(rule.action, used);
  }
  return used;
}

}  // namespace

Candidate TargetRuntime::candidate() const {
  Candidate out;
  out.health = health.load(std::memory_order_acquire);
  if (const std::int64_t from = slow_start_from.load(std::memory_order_acquire); from != 0)
    out.slow_start_from = SteadyTime(std::chrono::nanoseconds(from));
  out.weight = weight.load(std::memory_order_acquire);
  out.ejected = ejected.load(std::memory_order_acquire);
  return out;
}

void Group::tell_of_members() const {
  runtime->health_epoch.fetch_add(1, std::memory_order_release);
  if (has_gate()) runtime->gate.update(*this);
}

std::optional<shared::Millis> Group::judge(TargetRuntime& target, bool failed, SteadyTime now) const {
  if (!failed) {
    if (target.failures_in_row.load(std::memory_order_relaxed) != 0)
      target.failures_in_row.store(0, std::memory_order_relaxed);
    return std::nullopt;
  }
  const auto in_row = target.failures_in_row.fetch_add(1, std::memory_order_relaxed) + 1;
  if (in_row < static_cast<std::uint32_t>(outlier_ejection->failures)) return std::nullopt;
  std::optional<shared::Millis> time;
  {
    std::lock_guard lock(runtime->mutex);
    if (target.ejected) return std::nullopt;
    EjectionFacts facts;
    facts.targets = active.size();
    for (const auto& each : active) {
      if (each->ejected) {
        ++facts.ejected;
      } else if (each.get() != &target && is_routable(each->health)) {
        ++facts.others;
      }
    }
    time = eject(*outlier_ejection, facts, target.ejections, now);
    target.failures_in_row = 0;
    if (!time) {
      runtime->counters.ejections_denied.fetch_add(1, std::memory_order_relaxed);
      return std::nullopt;
    }
    runtime->counters.ejections.fetch_add(1, std::memory_order_relaxed);
    target.ejected = true;
  }
  tell_of_members();
  return time;
}

void Group::readmit(TargetRuntime& target) const {
  target.failures_in_row = 0;
  if (target.ejected.exchange(false)) tell_of_members();
}

Result<std::shared_ptr<const Registry::Compiled>> Registry::compile_group(const Source& source,
                                                                          const Compiled* former, bool in_use,
                                                                          const DrainTracker& drains) {
  const bool grpc = source->protocol_version == shared::lbconfig::ProtocolVersion::kGrpc;
  auto matcher = Matcher::parse(source->health_check.matcher, grpc ? Matcher::Of::kGrpc : Matcher::Of::kHttp);
  if (!matcher) return matcher.error().within("target group '" + source->id + "'");
  std::shared_ptr<const tls::ClientContext> secured;
  if (shared::lbconfig::has_tls(source->protocol)) {
    const bool http1 = source->protocol_version == shared::lbconfig::ProtocolVersion::kHttp1;
    auto context = client_contexts_.of(http1 ? tls::TargetProtocol::kHttp1 : tls::TargetProtocol::kHttp2);
    if (!context) return context.error().within("target group '" + source->id + "'");
    secured = std::move(*context);
  }
  auto group = std::make_shared<Group>();
  group->id = source->id;
  group->name = source->name;
  group->selection = selection_options(*source);
  group->health_check = source->health_check;
  group->matcher = std::move(matcher).value();
  group->in_use = in_use;
  group->anomaly_mitigation = source->anomaly_mitigation;
  group->stickiness = source->stickiness;
  group->compression = source->compression;
  group->protocol_version = source->protocol_version;
  group->protocol = source->protocol;
  group->stream = source->stream;
  const bool never_cut =
      shared::lbconfig::is_stream(source->protocol) && !source->stream.close_at_drain_limit;
  group->request_limit = source->request_limit;
  group->hold_requests = source->hold_requests;
  group->retry_budget = source->retry_budget;
  group->outlier_ejection = source->outlier_ejection;
  group->maintenance = source->maintenance;
  group->sequence = ++sequence_;
  group->runtime = former != nullptr ? former->group->runtime : std::make_shared<GroupRuntime>(workers_);
  group->active.reserve(source->targets.size());
  auto out = std::make_shared<Compiled>(Compiled{source, nullptr, {}});
  out->targets.reserve(source->targets.size());
  static const std::unordered_map<std::string_view, Known> kNone;
  const auto& known_targets = former != nullptr ? former->targets : kNone;
  for (const auto& target : source->targets) {
    const auto known = known_targets.find(target.registration);
    std::shared_ptr<TargetRuntime> runtime;
    if (known != known_targets.end() && known->second.source->address == target.address &&
        known->second.source->port == target.port && known->second.runtime->tls == secured &&
        known->second.runtime->version == source->protocol_version &&
        known->second.runtime->proxy_protocol == source->stream.proxy_protocol) {
      runtime = known->second.runtime;
    } else {
      auto address = loop::make_address(target.address, target.port);
      if (!address) return address.error().within("target '" + target.id + "' of '" + source->id + "'");
      runtime = std::make_shared<TargetRuntime>(TargetKey{source->id, target.registration}, target, *address,
                                                secured, source->protocol_version, workers_,
                                                source->stream.proxy_protocol);
    }
    out->targets.emplace(target.registration, Known{&target, runtime});
    if (target.state == shared::lbconfig::TargetState::kActive) {
      group->active.push_back(std::move(runtime));
    } else {
      const auto cut = drains.cut_at({source->id, target.registration});
      BERTH_CHECK(cut.has_value(), "the drain tracker has not seen this configuration");
      group->draining.push_back({std::move(runtime), never_cut ? kNeverCut : *cut});
    }
  }
  out->group = std::move(group);
  return std::shared_ptr<const Compiled>(std::move(out));
}

Result<std::vector<std::shared_ptr<const Group>>> Registry::compile(const shared::lbconfig::Config& config,
                                                                    const DrainTracker& drains) {
  const auto same = [](const auto& a, const auto& b) { return a.is(b); };
  if (!std::equal(config.listeners.begin(), config.listeners.end(), listeners_.begin(), listeners_.end(),
                  same)) {
    used_ = groups_in_use(config);
    listeners_ = config.listeners;
  }
  std::map<std::string, std::shared_ptr<const Compiled>, std::less<>> groups;
  std::vector<std::shared_ptr<const Group>> out;
  out.reserve(config.target_groups.size());
  for (const auto& source : config.target_groups) {
    const bool in_use = used_.count(source->id) != 0;
    const auto known = groups_.find(source->id);
    std::shared_ptr<const Compiled> compiled = known != groups_.end() ? known->second : nullptr;
    if (!compiled || !compiled->source.is(source) || compiled->group->in_use != in_use) {
      auto fresh = compile_group(source, compiled.get(), in_use, drains);
      if (!fresh) return fresh.error();
      compiled = std::move(fresh).value();
    }
    out.push_back(compiled->group);
    groups.emplace(source->id, std::move(compiled));
  }
  groups_.swap(groups);
  return out;
}

}  // namespace balancer::targets
