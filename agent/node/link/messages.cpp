// Node: what control says over the session, and the answers.
#include <algorithm>
#include <set>

#include "agent/node/node.h"
#include "shared/log/log.h"

namespace agent::node {

namespace log = shared::log;

namespace {

constexpr const char* kLostTask = "The agent does not know this task any more and has no containers of it";

}  // namespace

void Node::send(const link::AcsMessage& message) { session_.send(link::acs_to_json(message)); }

void Node::receive(const std::string& text) {
  std::vector<link::BadTask> bad;
  const auto message = link::acs_from_json(text, &bad);
  if (!message) {
    log::warn("message_not_understood", message.error());
    return;
  }
  if (const auto* payload = std::get_if<link::PayloadMessage>(&*message)) return receive(*payload, bad);
  if (const auto* manifest = std::get_if<link::TaskManifestMessage>(&*message)) return receive(*manifest);
  if (const auto* verified = std::get_if<link::TaskStopVerificationAck>(&*message)) return receive(*verified);
  if (const auto* keys = std::get_if<link::RoleCredentialsMessage>(&*message)) return receive(*keys);
  if (const auto* heartbeat = std::get_if<link::HeartbeatMessage>(&*message)) {
    return send(link::HeartbeatAckRequest{heartbeat->message_id});
  }
  if (const auto* unknown = std::get_if<link::UnknownMessage>(&*message)) {
    log::debug("message_ignored", {{"type", unknown->type}});
  }
}

void Node::raise_watermark(std::uint64_t number) {
  identity_.watermark = std::max(identity_.watermark, static_cast<std::int64_t>(number));
  records_.put(identity_);
}

// Acknowledged once durable and before any work; not at all if a task was not understood, so that control
// repeats it.
void Node::receive(const link::PayloadMessage& message, const std::vector<link::BadTask>& bad) {
  std::vector<const link::TaskPayload*> tasks;
  for (const auto& t : message.tasks) tasks.push_back(&t);
  std::stable_partition(tasks.begin(), tasks.end(),
                        [](const auto* t) { return t->desired_status == "STOPPED"; });
  std::vector<std::string> fresh;
  std::vector<std::string> all;
  for (const auto* payload : tasks) {
    all.push_back(payload->arn);
    if (engine_.accept(*payload)) {
      fresh.push_back(payload->arn);
    } else if (Task* known = engine_.find(payload->arn); known->sent == Status::kStopped) {
      // Control asks for a task that it was told is over: it has forgotten, so tell it again.
      known->sent = Status::kNone;
      for (Container& c : known->containers) c.sent = Status::kNone;
    }
  }
  raise_watermark(message.seq_num);
  if (!engine_.persist()) {
    for (const std::string& arn : fresh) engine_.forget(arn);
    return;
  }
  for (const auto& task : bad) reporter_.bad_task(task);
  if (bad.empty()) acknowledge(message);
  parts_.executor.post(guarded([this, all = std::move(all)] {
    for (const std::string& arn : all) engine_.go(arn);
  }));
}

void Node::acknowledge(const link::PayloadMessage& message) {
  send(link::AckRequest{message.cluster_arn, message.container_instance_arn, message.message_id});
  for (const auto& task : message.tasks) {
    for (const auto* keys : {&task.role_credentials, &task.execution_role_credentials}) {
      if (*keys)
        send(link::RoleCredentialsAck{message.message_id, (*keys)->credentials_id, (*keys)->expiration});
    }
  }
}

// Of a task that is not here nothing is said, as the ECS agent has it.
void Node::receive(const link::RoleCredentialsMessage& message) {
  if (!engine_.take_keys(message.task_arn, message.credentials)) return;
  send(link::RoleCredentialsAck{message.message_id, message.credentials.credentials_id,
                                message.credentials.expiration});
  parts_.executor.post(guarded([this, arn = message.task_arn] { engine_.go(arn); }));
}

// The other direction of a manifest: what control believes of tasks here and is not so. Tasks that it has yet
// to hand over (PENDING) are none of ours.
std::vector<std::string> Node::correct(const link::TaskManifestMessage& message) {
  std::vector<std::string> touched;
  const auto orphans = engine_.orphan_tasks();
  for (const auto& listed : message.tasks) {
    if (Task* known = engine_.find(listed.arn)) {
      if (!mark_forgotten(*known, listed)) continue;
      log::info("reported_again", {{"task", listed.arn}, {"control_believes", listed.last_status}});
      records_.put(*known);
    } else if (listed.last_status.empty() || listed.last_status == "PENDING" ||
               listed.last_status == "PROVISIONING" ||
               std::find(orphans.begin(), orphans.end(), listed.arn) != orphans.end()) {
      continue;
    } else {
      log::warn("task_lost", {{"task", listed.arn}, {"control_believes", listed.last_status}});
      link::TaskPayload gone;
      gone.arn = listed.arn;
      gone.task_cluster_arn = listed.cluster_arn;
      gone.desired_status = "STOPPED";
      engine_.accept(gone);
      Task* task = engine_.find(listed.arn);
      task->reason = kLostTask;
      records_.put(*task);
    }
    touched.push_back(listed.arn);
  }
  return touched;
}

void Node::receive(const link::TaskManifestMessage& message) {
  if (static_cast<std::int64_t>(message.timeline) <= identity_.watermark) return;  // older than what we know
  std::vector<std::string> corrected = correct(message);
  raise_watermark(message.timeline);
  if (!engine_.persist()) return;
  parts_.executor.post(guarded([this, corrected = std::move(corrected)] {
    for (const std::string& arn : corrected) engine_.go(arn);
  }));
  manifest_id_ = message.message_id;
  send(link::AckRequest{message.cluster_arn, message.container_instance_arn, message.message_id});
  std::set<std::string> wanted;
  std::set<std::string> told;
  for (const auto& task : message.tasks) {
    if (task.desired_status != "RUNNING") continue;
    wanted.insert(task.arn);
    if (!task.last_status.empty()) told.insert(task.arn);
  }
  link::TaskStopVerificationMessage verify{message.message_id, {}};
  const auto candidate = [&](const std::string& arn, const std::string& cluster) {
    if (!wanted.contains(arn)) verify.stop_candidates.push_back({arn, cluster, "STOPPED"});
  };
  for (const auto& [arn, task] : engine_.tasks()) {
    if (task.desired == Status::kRunning) candidate(arn, task.payload.task_cluster_arn);
  }
  for (const std::string& arn : engine_.orphan_tasks()) {
    candidate(arn, message.cluster_arn);
    // It is to run: with its payload its containers have a task again.
    if (told.contains(arn)) verify.stop_candidates.push_back({arn, message.cluster_arn, "RUNNING"});
  }
  if (!verify.stop_candidates.empty()) send(verify);
}

void Node::receive(const link::TaskStopVerificationAck& message) {
  if (manifest_id_.empty() || message.message_id != manifest_id_) return;
  manifest_id_.clear();
  for (const auto& task : message.stop_tasks) {
    engine_.want_stopped(task.arn);
    engine_.stop_orphan(task.arn);
  }
}

}  // namespace agent::node
