#include "agent/control/events/reconcile.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/control/events/events.h"
#include "agent/control/state/rows.h"
#include "agent/schedule/schedule.h"
#include "shared/base/time.h"
#include "shared/json/reader.h"

namespace agent::control::events {

using nlohmann::json;
using shared::Millis;
using shared::WallTime;

namespace {

constexpr std::int64_t kMinute = 60;
constexpr Millis kFirstRetry{10'000};
constexpr Millis kLongestRetry{300'000};
constexpr int kMostDoublings = 10;
constexpr std::string_view kLogGroup = ":log-group:";

// Of a timetable from `after` on: the newest time that has come, and the next that has not.
struct Ticks {
  std::optional<std::int64_t> newest;
  std::optional<std::int64_t> next;
};
// At most one day of them is walked over.
Ticks ticks_of(const schedule::Schedule& schedule, std::int64_t after, std::int64_t begun, std::int64_t now,
               std::int64_t max_age, std::int64_t end) {
  Ticks out;
  after = std::max(after, now - std::min(max_age, kMostAge) - 1);
  for (;;) {
    const auto next = schedule.next(after, begun);
    if (!next || *next > end) return out;
    if (*next > now) {
      out.next = next;
      return out;
    }
    out.newest = next;
    after = *next;
  }
}

constexpr std::int64_t kNoEnd = std::numeric_limits<std::int64_t>::max();

void look_at_rule(Step& step, const std::string& name) {
  const auto* rule = step.state.neighbours().event_rules.find(name);
  if (rule == nullptr || !rule->enabled || rule->schedule.empty()) return;
  const auto schedule = schedule::Schedule::parse(rule->schedule, "");
  if (!schedule) return;
  const auto ticks =
      ticks_of(*schedule, shared::whole_seconds(rule->done_until), shared::whole_seconds(rule->begun),
               shared::whole_seconds(step.now), kMostAge, kNoEnd);
  if (ticks.next) step.wake_at(shared::from_whole_seconds(*ticks.next));
  if (!ticks.newest) return;
  const WallTime at = shared::from_whole_seconds(*ticks.newest);
  deliver_scheduled(step, *rule, at);
  rows(step).neighbours().event_rules.edit(name, [&](model::EventRule& row) { row.done_until = at; });
}

void look_at_schedule(Step& step, const std::string& key) {
  const auto* row = step.state.neighbours().schedules.find(key);
  if (row == nullptr || !row->enabled) return;
  const auto schedule = schedule::Schedule::parse(row->expression, row->timezone);
  if (!schedule) return;
  const std::int64_t begun = shared::whole_seconds(row->has_start ? row->start_at : row->created_at);
  const std::int64_t end = row->has_end ? shared::whole_seconds(row->end_at) : kNoEnd;
  const std::int64_t after = row->has_start ? std::max(shared::whole_seconds(row->done_until), begun - 1)
                                            : shared::whole_seconds(row->done_until);
  const auto ticks =
      ticks_of(*schedule, after, begun, shared::whole_seconds(step.now), row->target.max_age, end);
  if (ticks.newest) {
    model::Invocation invocation;
    invocation.owner = "schedule/" + key;
    invocation.target = row->target;
    invocation.started_by = "chronos-schedule/" + row->name;
    invocation.payload = row->target.input;
    invocation.due_at = shared::from_whole_seconds(*ticks.newest);
    // Somewhere in the window.
    const auto window = static_cast<std::uint64_t>(row->window_minutes * kMinute);
    invocation.next_at =
        invocation.due_at + std::chrono::seconds(window == 0 ? 0 : step.random.below(window));
    invoke(step, std::move(invocation));
    rows(step).neighbours().schedules.edit(
        key, [&](model::Schedule& each) { each.done_until = shared::from_whole_seconds(*ticks.newest); });
  }
  if (ticks.next) return step.wake_at(shared::from_whole_seconds(*ticks.next));
  if (row->delete_after) rows(step).neighbours().schedules.erase(key);
}

// ---- Invocations ----

// What could not be delivered is an event of its own, so that a rule can say what becomes of it.
void give_up(Step& step, const std::string& key, const std::string& problem) {
  const model::Invocation gone = *step.state.neighbours().invocations.find(key);
  rows(step).neighbours().invocations.erase(key);
  if (gone.target.ecs.empty()) return;
  Event event;
  event.source = "berth.events";
  event.detail_type = "Invocation Failed";
  const std::string arn = gone.owner.starts_with("rule/")
                              ? rule_arn(step.settings, gone.owner.substr(5))
                              : "arn:" + step.settings.partition + ":scheduler:" + step.settings.region +
                                    ":" + step.settings.account + ":" + gone.owner;
  event.resources = {arn};
  json detail{{"ERROR_MESSAGE", problem},
              {"RETRY_ATTEMPTS", gone.attempts},
              {"TARGET_ARN", gone.target.arn},
              {"DEAD_LETTER_ARN", gone.target.dead_letter},
              {"PAYLOAD", gone.payload}};
  event.detail = shared::json::to_text(detail);
  (void)put_event(step, event);
}

void try_again(Step& step, const std::string& key, const std::string& problem) {
  const model::Invocation& row = *step.state.neighbours().invocations.find(key);
  Millis delay = kFirstRetry;
  for (std::int64_t i = 0; i < std::min<std::int64_t>(row.attempts, kMostDoublings) && delay < kLongestRetry;
       ++i)
    delay *= 2;
  const WallTime next = step.now + std::min(delay, kLongestRetry);
  const bool over =
      row.attempts >= row.target.max_attempts || next > row.due_at + std::chrono::seconds(row.target.max_age);
  if (over) return give_up(step, key, problem);
  rows(step).neighbours().invocations.edit(key, [&](model::Invocation& each) {
    ++each.attempts;
    each.problem = problem;
    each.next_at = next;
  });
  step.wake_at(next);
}

void carry_out(Step& step, const std::string& key, Outside* outside, std::vector<Line>& lines) {
  const auto* row = step.state.neighbours().invocations.find(key);
  if (row == nullptr) return;
  if (row->next_at > step.now) return step.wake_at(row->next_at);
  if (row->target.ecs.empty()) {
    if (row->target.arn.find(kLogGroup) != std::string::npos)
      lines.push_back(
          {row->target.arn, row->owner.substr(row->owner.rfind('/') + 1), step.now, row->payload});
    rows(step).neighbours().invocations.erase(key);
    return;
  }
  if (outside == nullptr) return;
  const model::Invocation copy = *row;
  const auto done = outside->run_task(step, copy);
  if (done) {
    rows(step).neighbours().invocations.erase(key);
  } else if (done.error().code() == kNoRoom) {
    try_again(step, key, done.error().text());
  } else {
    give_up(step, key, done.error().code() + ": " + done.error().text());
  }
}

}  // namespace

void reconcile(Step& step, Outside* outside, std::vector<Line>& lines) {
  Agenda& agenda = rows(step).live.agenda;
  for (const std::string& name : agenda.take(Concern::kEventRule, step.now)) {
    step.subject = {Concern::kEventRule, name};
    look_at_rule(step, name);
  }
  for (const std::string& key : agenda.take(Concern::kSchedule, step.now)) {
    step.subject = {Concern::kSchedule, key};
    look_at_schedule(step, key);
  }
  for (const std::string& key : agenda.take(Concern::kInvocation, step.now)) {
    step.subject = {Concern::kInvocation, key};
    carry_out(step, key, outside, lines);
  }
}

}  // namespace agent::control::events
