#include "agent/node/task/reports.h"

#include <nlohmann/json.hpp>

#include "agent/node/settings.h"
#include "agent/node/task/namespaces.h"
#include "shared/base/text.h"
#include "shared/json/reader.h"

namespace agent::node {
namespace {

using nlohmann::json;

// What the API can be told: nothing between PENDING and RUNNING.
Status reportable(Status s) { return s < Status::kRunning ? Status::kNone : s; }

bool unsent(const Container& c) { return !is_internal(c) && reportable(c.known) > c.sent; }

void earliest(std::optional<shared::WallTime>& into, const std::optional<shared::WallTime>& t) {
  if (t && (!into || *t < *into)) into = t;
}
void latest(std::optional<shared::WallTime>& into, const std::optional<shared::WallTime>& t) {
  if (t && (!into || *t > *into)) into = t;
}

json reported_container(const Container& c) {
  json out = {{"containerName", c.spec.name}, {"status", api_word(c.known)}};
  if (!c.runtime_id.empty()) out["runtimeId"] = shared::shortened(c.runtime_id, kMaxIdLength);
  if (!c.image_digest.empty()) out["imageDigest"] = shared::shortened(c.image_digest, kMaxIdLength);
  if (!c.reason.empty()) out["reason"] = shared::shortened(c.reason, kMaxReasonLength);
  if (c.exit_code) out["exitCode"] = *c.exit_code;
  for (const auto& b : c.bindings) {
    out["networkBindings"].push_back({{"bindIP", b.bind_ip},
                                      {"containerPort", b.container_port},
                                      {"hostPort", b.host_port},
                                      {"protocol", b.protocol}});
  }
  return out;
}

}  // namespace

Due due(const Task& task) {
  if (reportable(task.known) > task.sent) return Due::kNow;
  // Control leaves a task it knows as stopped alone; nothing about its containers can follow.
  if (task.sent == Status::kStopped) return Due::kNothing;
  Due what = Due::kNothing;
  for (const Container& c : task.containers) {
    if (!unsent(c)) continue;
    // Clients are still sent to it, and its replacement waits for this.
    if (c.spec.essential && c.known == Status::kStopped) return Due::kNow;
    what = Due::kGather;
  }
  return what;
}

Report build_report(const Task& task, const std::string& cluster) {
  Report report;
  report.task = reportable(task.known);
  json body = {{"cluster", cluster}, {"task", task.arn()}, {"status", api_word(task.known)}};
  if (!task.reason.empty()) body["reason"] = shared::shortened(task.reason, kMaxReasonLength);
  body["containers"] = json::array();
  std::optional<shared::WallTime> pull_started;
  std::optional<shared::WallTime> pull_stopped;
  for (const Container& c : task.containers) {
    earliest(pull_started, c.pull_started_at);
    latest(pull_stopped, c.pull_stopped_at);
    if (!unsent(c)) continue;
    body["containers"].push_back(reported_container(c));
    report.containers.emplace_back(c.spec.name, reportable(c.known));
  }
  if (pull_started) body["pullStartedAt"] = shared::epoch_seconds(*pull_started);
  if (pull_stopped) body["pullStoppedAt"] = shared::epoch_seconds(*pull_stopped);
  if (task.execution_stopped_at)
    body["executionStoppedAt"] = shared::epoch_seconds(*task.execution_stopped_at);
  report.body = shared::json::to_text(body);
  return report;
}

void mark_sent(Task& task, const Report& report) {
  task.sent = std::max(task.sent, report.task);
  for (const auto& [name, status] : report.containers) {
    for (Container& c : task.containers) {
      if (c.spec.name == name) c.sent = std::max(c.sent, status);
    }
  }
}

namespace {

// Words between RUNNING and STOPPED are control's own. It says nothing: then it does not list what it knows
// as STOPPED.
Status status_told(const std::string& word) {
  if (word == "PROVISIONING" || word == "PENDING") return Status::kNone;
  return word == "STOPPED" ? Status::kStopped : Status::kRunning;
}

bool lower(Status& sent, Status to) {
  if (sent <= to) return false;
  sent = to;
  return true;
}

}  // namespace

bool mark_forgotten(Task& task, const link::ManifestTask& listed) {
  bool any = lower(task.sent, status_told(listed.last_status));
  for (Container& c : task.containers) {
    const auto found = std::find_if(listed.containers.begin(), listed.containers.end(),
                                    [&](const auto& each) { return each.name == c.spec.name; });
    if (found != listed.containers.end()) {
      any = lower(c.sent, status_told(found->last_status)) || any;
    } else if (any) {
      c.sent = Status::kNone;
    }
  }
  return any;
}

std::string bad_task_report(const link::BadTask& task, const std::string& cluster) {
  // The spelling is the ECS agent's; programs key on it.
  const std::string reason = "UnrecogniedTaskError: Error loading task - " + task.reason;
  return shared::json::to_text({{"cluster", cluster},
                                {"task", task.arn},
                                {"status", "STOPPED"},
                                {"reason", shared::shortened(reason, kMaxReasonLength)}});
}

}  // namespace agent::node
