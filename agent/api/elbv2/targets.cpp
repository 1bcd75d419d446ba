#include "agent/control/elb/targets.h"
#include "agent/control/elb/target_health.h"

#include <algorithm>

#include "agent/api/elbv2/operations.h"
#include "agent/api/elbv2/shapes.h"

namespace agent::api::elbv2 {
namespace {

using aws::ElbKind;
using aws::QueryReader;
using aws::XmlElement;
using control::Step;

constexpr std::size_t kMaxTargetsPerCall = 1000;

struct Described {
  std::string id;
  std::uint16_t port = 0;  // 0: the group's
  std::string zone;
};

std::vector<Described> read_targets(const QueryReader& in) {
  std::vector<Described> targets;
  for (const QueryReader& each : in.children("Targets")) {
    Described target;
    target.id = each.required_string("Id");
    target.port = each.integer<std::uint16_t>("Port", 1, 65535).value_or(0);
    target.zone = each.string_or("AvailabilityZone", "");
    targets.push_back(std::move(target));
  }
  if (targets.size() > kMaxTargetsPerCall) {
    in.fail(validation_error("At most 1000 targets can be given at once"));
  }
  return targets;
}

Done require_targets(const std::vector<Described>& targets) {
  if (!targets.empty()) return {};
  return validation_error("At least one target must be specified");
}

// One row for each (id, port): clients expect that, although a target that was registered again while it
// drained has two. The active one speaks for both, else the one that was registered last.
bool speaks_after(const model::RegisteredTarget* former) {
  return former == nullptr || former->state == lb::TargetState::kDraining;
}

// `rows` are of one (id, port), as the index has them.
const model::RegisteredTarget* speaker_of(const std::vector<const model::RegisteredTarget*>& rows) {
  const model::RegisteredTarget* speaker = nullptr;
  for (const auto* row : rows) {
    if (speaks_after(speaker)) speaker = row;
  }
  return speaker;
}

std::vector<const model::RegisteredTarget*> speakers_of(const control::TargetIndex::Group& group) {
  std::vector<const model::RegisteredTarget*> speakers;
  for (const auto& [address, row] : group.by_address) {
    const auto* last = speakers.empty() ? nullptr : speakers.back();
    if (last == nullptr || last->id != row->id || last->port != row->port) {
      speakers.push_back(row);
    } else if (speaks_after(last)) {
      speakers.back() = row;
    }
  }
  return speakers;
}

struct Include {
  bool anomaly = false;
  bool override_state = false;
};

void write_health(XmlElement member, const model::TargetGroup& group, const Described& target,
                  const control::TargetHealth& health, const Include& include) {
  XmlElement who = member.child("Target");
  who.text("Id", target.id);
  who.integer("Port", target.port);
  who.text_unless_empty("AvailabilityZone", target.zone);
  const auto check_port = group.health_check.port;
  member.text("HealthCheckPort", std::to_string(check_port == 0 ? target.port : check_port));
  XmlElement state = member.child("TargetHealth");
  state.text("State", lb::to_string(health.state));
  state.text_unless_empty("Reason", health.reason);
  state.text_unless_empty("Description", health.description);
  if (include.anomaly) {
    XmlElement anomaly = member.child("AnomalyDetection");
    anomaly.text("Result", "normal");
    anomaly.text("MitigationInEffect", "no");
  }
  if (include.override_state) {
    XmlElement state_override = member.child("AdministrativeOverride");
    state_override.text("State", "no_override");
    state_override.text("Reason", "AdministrativeOverride.NoOverride");
    state_override.text("Description", "No override is currently active on target");
  }
}

Include read_include(const QueryReader& in) {
  Include include;
  for (const auto& word : in.strings_or_empty("Include")) {
    if (word == "All" || word == "AnomalyDetection") include.anomaly = true;
    if (word == "All") include.override_state = true;
    if (word != "All" && word != "AnomalyDetection") {
      in.fail(validation_error("1 validation error detected: Value '[" + word +
                               "]' at 'include' failed to satisfy constraint: Member must satisfy enum value "
                               "set: [AnomalyDetection, All]"));
    }
  }
  return include;
}

const control::TargetHealth& not_registered() {
  static const control::TargetHealth kHealth{lb::Health::kUnused, "Target.NotRegistered",
                                             "Target is not registered to the target group"};
  return kHealth;
}

}  // namespace

Done register_targets(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "TargetGroupArn", ElbKind::kTargetGroup);
  const auto targets = read_targets(in);
  if (!in.ok()) return in.error();
  if (auto found = control::find_target_group(step.state, arn); !found) return found.error();
  if (auto ok = require_targets(targets); !ok) return ok;
  for (const auto& target : targets) {
    auto ok = control::register_target(
        step,
        {.target_group_arn = arn, .id = target.id, .port = target.port, .zone = target.zone, .task_arn = ""});
    if (!ok) return ok.error();
  }
  return {};
}

Done deregister_targets(Step& step, In in, XmlElement) {
  const auto arn = required_arn(step, in, "TargetGroupArn", ElbKind::kTargetGroup);
  const auto targets = read_targets(in);
  if (!in.ok()) return in.error();
  auto group = control::find_target_group(step.state, arn);
  if (!group) return group.error();
  if (auto ok = require_targets(targets); !ok) return ok;
  std::vector<std::string> registrations;
  for (const auto& target : targets) {
    const std::uint16_t port = target.port == 0 ? (*group)->port : target.port;
    for (const auto* row : step.state.target_index().at(arn, target.id, port)) {
      registrations.push_back(row->registration);
    }
  }
  for (const auto& each : registrations) control::deregister_target(step, {arn, each});
  return {};
}

Done describe_target_health(Step& step, In in, XmlElement out) {
  const auto arn = required_arn(step, in, "TargetGroupArn", ElbKind::kTargetGroup);
  const auto targets = read_targets(in);
  const auto include = read_include(in);
  if (!in.ok()) return in.error();
  auto found = control::find_target_group(step.state, arn);
  if (!found) return found.error();
  const model::TargetGroup& group = **found;
  for (const auto& target : targets) {
    if (auto ok = control::check_target_id(group, target.id); !ok) return ok;
  }
  const auto& index = step.state.target_index();
  XmlElement list = out.child("TargetHealthDescriptions");
  if (targets.empty()) {
    for (const auto* row : speakers_of(index.group(arn))) {
      write_health(list.child("member"), group, {row->id, row->port, row->zone},
                   control::health_of(step.state, *row), include);
    }
    return {};
  }
  for (auto target : targets) {
    if (target.port == 0) target.port = group.port;
    const auto* row = speaker_of(index.at(arn, target.id, target.port));
    if (row != nullptr) target.zone = row->zone;
    write_health(list.child("member"), group, target,
                 row == nullptr ? not_registered() : control::health_of(step.state, *row), include);
  }
  return {};
}

}  // namespace agent::api::elbv2
