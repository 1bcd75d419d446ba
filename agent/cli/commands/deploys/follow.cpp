#include "agent/cli/commands/deploys/follow.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/commands/logs/log_reader.h"
#include "agent/cli/commands/look.h"
#include "agent/cli/story/story.h"

namespace agent::cli {

using nlohmann::json;
using shared::Error;
using shared::Result;

namespace {

constexpr shared::Millis kFollowPause{500};
constexpr std::size_t kLinesOfFailed = 15;   // of a task that failed
constexpr std::size_t kMostFailedTasks = 3;  // told of with their lines

const json* primary_in(const json& service) {
  for (const json& each : list_in(service, "deployments"))
    if (text_in(each, "status") == "PRIMARY") return &each;
  return nullptr;
}

std::string primary_id(const json& service) {
  const json* primary = primary_in(service);
  return primary == nullptr ? "" : text_in(*primary, "id");
}

// Another deployment is on its way in place of `id`: back to what was there before, as a rule.
bool goes_back(const json& service, const std::string& id) {
  for (const json& each : list_in(service, "deployments"))
    if (text_in(each, "status") == "PRIMARY")
      return text_in(each, "id") != id && text_in(each, "rolloutState") == "IN_PROGRESS";
  return false;
}

// What is said of a deployment that is not there any more.
std::string failure_of(const json& service, const std::string& deployment) {
  std::string reason = "its deployment is not the newest any more: another one has begun";
  for (const json& each : list_in(service, "deployments"))
    if (text_in(each, "id") == deployment && !text_in(each, "rolloutStateReason").empty())
      reason = text_in(each, "rolloutStateReason");
  for (const json& each : list_in(service, "events")) {
    const std::string message = text_in(each, "message");
    if (message.find(deployment) == std::string::npos ||
        message.find("deployment failed") == std::string::npos)
      continue;
    reason = event_words(message, text_in(service, "serviceName"));
  }
  if (const json* primary = primary_in(service); primary != nullptr && text_in(*primary, "id") != deployment)
    reason += " Now " + std::string(revision_in(text_in(*primary, "taskDefinition"))) + " is in service, " +
              deployment_words(service) + ".";
  return reason;
}

bool all_targets_serve(Context& context, const json& service) {
  const auto desired = static_cast<std::size_t>(number_in(service, "desiredCount"));
  for (const json& each : list_in(service, "loadBalancers")) {
    // Strategies with two groups serve from one of them; that they are COMPLETED says so.
    if (text_in(object_in(service, "deploymentConfiguration"), "strategy") != "ROLLING") continue;
    auto health = target_health(context, text_in(each, "targetGroupArn"));
    if (!health) return false;
    const auto healthy = std::count_if(health->begin(), health->end(), [](const json& target) {
      const std::string state = text_in(object_in(target, "TargetHealth"), "State");
      return state == "healthy" || state == "unused";
    });
    if (static_cast<std::size_t>(healthy) < desired) return false;
  }
  return true;
}

class Follower {
 public:
  Follower(Context& context, std::string service, std::string id, const json& before)
      : context_(context), name_(std::move(service)), id_(std::move(id)), begin_(context.api().now()) {
    for (const json& each : list_in(before, "events")) seen_.insert(text_in(each, "id"));
  }

  // Nothing: it goes on.
  Result<std::optional<int>> look() {
    auto service = find_service(context_, name_);
    if (!service) return service.error();
    if (id_.empty()) id_ = primary_id(*service);
    show_events(*service);
    context_.out.progress("  " + deployment_words(*service) + "  (" + span(context_.api().now() - begin_) +
                          ")");
    const Outcome outcome = outcome_of(*service, id_);
    if (outcome == Outcome::kSteady && all_targets_serve(context_, *service)) {
      note(context_.out.painted("steady", Style::kGood) + ": " +
           std::to_string(number_in(*service, "runningCount")) + " tasks of " +
           std::string(revision_in(text_in(*service, "taskDefinition"))) + " run, after " +
           span(context_.api().now() - begin_));
      return std::optional<int>(kDone);
    }
    if (outcome == Outcome::kGaveUp && !goes_back(*service, id_)) {
      context_.out.clear_progress();
      tell_failure(context_, *service, id_);
      return std::optional<int>(kDeploymentFailed);
    }
    last_ = *std::move(service);
    return std::optional<int>();
  }
  const json& last() const { return last_; }
  const std::string& id() const { return id_; }

 private:
  void note(const std::string& text) {
    context_.out.json() ? context_.out.note(text) : (void)context_.out.line(text);
  }

  void show_events(const json& service) {
    const json& events = list_in(service, "events");
    for (std::size_t i = events.size(); i-- > 0;) {
      const auto at = time_in(events[i], "createdAt");
      if (!at || !seen_.insert(text_in(events[i], "id")).second) continue;
      note("  " + context_.out.painted(clock_text(*at), Style::kDim) + "  " +
           harmless(event_words(text_in(events[i], "message"), name_)));
    }
  }

  Context& context_;
  std::string name_;
  std::string id_;
  shared::WallTime begin_;
  std::set<std::string> seen_;
  json last_ = json::object();
};

void tell_targets(Context& context, const json& service) {
  for (const json& each : list_in(service, "loadBalancers")) {
    auto health = target_health(context, text_in(each, "targetGroupArn"));
    if (!health) continue;
    for (const json& target : *health) {
      const json& state = object_in(target, "TargetHealth");
      if (text_in(state, "State") != "unhealthy") continue;
      context.out.note("  target " + text_in(object_in(target, "Target"), "Id") + ":" +
                       text_in(object_in(target, "Target"), "Port") + " of " +
                       elb_name(text_in(each, "targetGroupArn")) +
                       " is unhealthy: " + harmless(text_in(state, "Description")));
    }
  }
}

}  // namespace

void tell_failure(Context& context, const json& service, const std::string& deployment) {
  Terminal& out = context.out;
  const std::string name = text_in(service, "serviceName");
  out.note(out.painted("failed", Style::kBad) + ": " + harmless(failure_of(service, deployment)));
  std::set<std::string> told;
  for (const json& each : list_in(service, "events")) {
    const std::string words = event_words(text_in(each, "message"), name);
    if (words.find("unable") == std::string::npos && words.find("unhealthy") == std::string::npos) continue;
    if (told.insert(words).second) out.note("  " + harmless(words));
    if (told.size() >= 5) break;
  }
  tell_targets(context, service);
  auto stopped = tasks_of(context, name, Tasks::kStopped);
  if (!stopped) return out.note("  its tasks cannot be asked for: " + stopped.error().text());
  std::size_t shown = 0;
  for (std::size_t i = stopped->size(); i-- > 0 && shown < kMostFailedTasks;) {
    const json& task = (*stopped)[i];
    if (text_in(task, "startedBy") != deployment || text_in(task, "lastStatus") != "STOPPED") continue;
    ++shown;
    out.note("  task " + short_id(text_in(task, "taskArn")) + ": " + harmless(end_of_task(task)));
    if (shown > 1) continue;  // the lines of one are enough
    for (const std::string& line : last_lines_of(context, task, kLinesOfFailed)) out.note("    | " + line);
  }
  out.note("  `berth why " + name + "` and `berth why TASK` tell more");
}

Result<shared::Millis> timeout_of(const Context& context) {
  auto given = context.args.duration("--timeout");
  if (!given) return given.error();
  return given->value_or(kUsualTimeout);
}

Result<void> wait_for(Context& context, shared::Millis limit, const std::string& what,
                      const std::function<Result<bool>()>& look) {
  const shared::WallTime begin = context.api().now();
  for (;;) {
    auto over = look();
    if (over && *over) {
      context.out.clear_progress();
      return {};
    }
    if (!over) {
      const bool away = over.error().code() == "connect" || over.error().code() == "closed" ||
                        over.error().code() == "timeout";
      if (!away) return over.error();
      context.out.progress("waiting for control: " + over.error().text());
    }
    if (context.api().now() - begin >= limit)
      return Error("timed_out", "not within " + span(limit) + ": " + what);
    if (!context.api().wait(kFollowPause)) return Error("interrupted", "interrupted");
  }
}

Result<int> follow_deployment(Context& context, const std::string& service, const std::string& id,
                              const json& before, shared::Millis limit) {
  Follower follower(context, service, id, before);
  int code = kDone;
  auto waited = wait_for(context, limit, "service " + service + " is steady", [&]() -> Result<bool> {
    auto over = follower.look();
    if (!over) return over.error();
    if (*over) code = **over;
    return over->has_value();
  });
  if (!waited) {
    if (waited.error().code() == "timed_out" && !follower.last().empty())
      tell_failure(context, follower.last(), follower.id());
    return waited.error();
  }
  return code;
}

}  // namespace agent::cli
