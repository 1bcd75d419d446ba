#include "agent/control/engine/agent_sync.h"
#include "agent/control/tasks/changes.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "agent/control/cluster/instances.h"
#include "agent/control/engine/task_payload.h"
#include "agent/control/iam/task_roles.h"
#include "agent/control/state/lookup.h"
#include "agent/control/state/rows.h"
#include "agent/model/words.h"
#include "shared/base/text.h"
#include "shared/http/message.h"

namespace agent::control {

using model::DesiredStatus;
using model::TaskStatus;
using shared::WallTime;

namespace {

// As the reason with which a session ends: agents look for the code in it.
std::optional<std::string> refusal_of(const model::ContainerInstance* instance, const std::string& arn) {
  const auto why = why_no_session(instance, arn);
  if (!why) return std::nullopt;
  return shared::with_code(*why);
}

}  // namespace

AgentSync::AgentSync(State& state)
    : changed_tasks_(state.tasks.follow()), changed_roles_(state.neighbours().task_roles.follow()) {}

std::optional<std::uint64_t> AgentSync::session_of(const State& state, const std::string& instance_arn) {
  const auto it = state.live.agents.find(instance_arn);
  return it == state.live.agents.end() || !it->second.connected ? std::nullopt
                                                                : std::optional(it->second.session);
}

AgentSync::Session* AgentSync::find(std::uint64_t session) {
  const auto it = sessions_.find(session);
  return it == sessions_.end() ? nullptr : &it->second;
}

void AgentSync::look_at_all() {
  for (const auto& [id, session] : sessions_) look_at(id);
}

void AgentSync::opened(Step& step, std::uint64_t session, const std::string& instance_arn,
                       std::shared_ptr<link::Channel> channel) {
  const model::ContainerInstance* instance = find_instance_by_arn(step.state, instance_arn);
  if (const auto refusal = refusal_of(instance, instance_arn)) {
    ends_.close(std::move(channel), *refusal);
    return;
  }
  if (const auto older = session_of(step.state, instance_arn); older && *older != session)
    leave(step, *older, "another session of this container instance began");
  // Known already when this is said once more, after a commit that failed: it has gone on meanwhile.
  if (const auto [mine, fresh] = sessions_.try_emplace(session); fresh) {
    mine->second.id = session;
    mine->second.instance_arn = instance_arn;
    mine->second.channel = std::move(channel);
    mine->second.cluster_arn = step.arn(aws::EcsKind::kCluster, instance->cluster);
    heartbeats_.at(session, step.now + kAgentHeartbeat);
  }
  rows(step).live.agents[instance_arn] = {true, session, step.now};
  rows(step).instances.edit(key_of(*instance), [](auto& row) { ++row.version; });
  look_at(session);
}

void AgentSync::message(std::uint64_t session, std::string_view text) {
  Session* mine = find(session);
  if (mine == nullptr) return;
  auto message = link::acs_from_json(text, nullptr);
  if (!message) return;  // an agent newer than we are may say what we do not know
  if (const auto* ack = std::get_if<link::AckRequest>(&*message)) {
    for (auto& [task, sent] : mine->sent) {
      if (sent.message_id == ack->message_id) sent.acknowledged = true;
    }
  } else if (const auto* got = std::get_if<link::RoleCredentialsAck>(&*message)) {
    for (auto& [task, keys] : mine->keys) {
      const auto told = keys.find(got->credentials_id);
      if (told != keys.end() && told->second.expiration == got->expiration) told->second.acknowledged = true;
    }
  } else if (auto* question = std::get_if<link::TaskStopVerificationMessage>(&*message)) {
    mine->questions.push_back(std::move(*question));
    look_at(session);
  }
}

void AgentSync::heard(State& state, std::uint64_t session, WallTime now) const {
  const auto it = sessions_.find(session);
  if (it != sessions_.end()) state.live.agents[it->second.instance_arn].last_heard = now;
}

void AgentSync::closed(Step& step, std::uint64_t session) { leave(step, session, ""); }

void AgentSync::leave(Step& step, std::uint64_t session, const std::string& reason) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return;
  AgentView& view = rows(step).live.agents[it->second.instance_arn];
  if (view.session == session) {
    view.connected = false;
    if (const model::ContainerInstance* instance =
            find_instance_by_arn(step.state, it->second.instance_arn)) {
      rows(step).instances.edit(key_of(*instance), [](auto& row) { ++row.version; });
    }
  }
  if (!reason.empty()) ends_.close(it->second.channel, reason);
  looks_.forget(session);
  heartbeats_.forget(session);
  sessions_.erase(it);
}

void AgentSync::expire(Step& step) {
  for (const std::string& arn : rows(step).live.agenda.take(Concern::kAgentSession, step.now)) {
    const auto session = session_of(step.state, arn);
    if (!session) continue;
    step.subject = {Concern::kAgentSession, arn};
    const WallTime silent_at = rows(step).live.agents[arn].last_heard + step.settings.agent_silence;
    if (const auto refusal = refusal_of(find_instance_by_arn(step.state, arn), arn)) {
      leave(step, *session, *refusal);
    } else if (silent_at <= step.now) {
      leave(step, *session, "nothing was heard for too long");
    } else {
      step.wake_at(silent_at);
    }
  }
}

void AgentSync::reserve_numbers(Step& step) {
  if (sessions_.empty()) return;
  const std::uint64_t reserved = step.meta().message_counter;
  if (next_number_ == 0) {
    // Never below the clock: agents ignore a manifest that is older than what they have seen.
    next_number_ = std::max(reserved + 1, step.millis() * kNumbersPerMilli);
  } else if (reserved >= next_number_ + kNumberBlock / 2) {
    return;
  }
  edit_meta(step,
            [&](auto& meta) { meta.message_counter = std::max(reserved, next_number_) + kNumberBlock; });
}

// One run of flush(): what it needs at hand, and the sending itself.
class AgentSync::Flush {
 public:
  Flush(AgentSync& sync, State& state, const Settings& settings, WallTime now, shared::env::Random& random,
        Outbox& messages)
      : sync_(sync), state_(state), settings_(settings), now_(now), random_(random), messages_(messages) {
    const model::Meta* meta = state.meta.find(kMetaKey);
    last_number_ = meta == nullptr ? 0 : meta->message_counter;
  }

  // When the session wants to be looked at again, if nothing happens before.
  std::optional<WallTime> run(Session& session) {
    next_.reset();
    forget_gone_tasks(session);
    std::vector<std::pair<const std::string*, const model::Task*>> fresh;
    int starting = 0;
    for (const std::string& key : state_.task_index().usage(session.instance_arn).tasks) {
      const model::Task* task = state_.tasks.find(key);
      if (task == nullptr) continue;
      const auto desired = wanted(session, key, *task);
      if (!desired) continue;
      if (*desired == DesiredStatus::kRunning && !session.sent.contains(key)) {
        fresh.emplace_back(&key, task);
        continue;
      }
      bring_up_to_date(session, key, *task, *desired);
      if (is_starting(session, key, *task)) ++starting;
    }
    if (!state_.neighbours().task_roles.rows().empty()) renew_keys(session);
    hand_over(session, fresh, starting);
    if (!session.manifest_sent) send_manifest(session);
    for (const auto& question : session.questions) answer(session, question);
    session.questions.clear();
    return next_;
  }

 private:
  // `take_back` puts right in the session what it notes as said; not called when that is gone by then.
  void send(const Session& session, std::string text, std::function<void(Session&)> take_back) {
    ++sync_.messages_written_;
    messages_.send(session.channel, std::move(text),
                   [&sync = sync_, id = session.id, take_back = std::move(take_back)] {
                     Session* mine = sync.find(id);
                     if (mine == nullptr) return;
                     take_back(*mine);
                     sync.look_at(id);
                   });
  }

  void again_at(WallTime t) { make_earlier(next_, t); }

  std::optional<std::uint64_t> take_number() {
    if (sync_.next_number_ == 0 || sync_.next_number_ > last_number_) {
      again_at(now_);  // the next turn reserves more
      return std::nullopt;
    }
    return sync_.next_number_++;
  }

  // In the order in which they were placed, and only so many at a time.
  void hand_over(Session& session, std::vector<std::pair<const std::string*, const model::Task*>>& fresh,
                 int starting) {
    std::sort(fresh.begin(), fresh.end(), [](const auto& a, const auto& b) {
      return std::tie(a.second->created_at, *a.first) < std::tie(b.second->created_at, *b.first);
    });
    for (const auto& [key, task] : fresh) {
      if (starting >= settings_.max_starting_tasks_per_instance) {
        for (const auto& [other, sent] : session.sent) {
          if (sent.first + kStartingSlot > now_) again_at(sent.first + kStartingSlot);
        }
        return;
      }
      bring_up_to_date(session, *key, *task, DesiredStatus::kRunning);
      if (is_starting(session, *key, *task)) ++starting;
    }
  }

  bool is_starting(const Session& session, const std::string& key, const model::Task& task) const {
    if (task.desired_status == DesiredStatus::kStopped || task.last_status >= TaskStatus::kActivating)
      return false;
    const auto it = session.sent.find(key);
    return it != session.sent.end() && it->second.first + kStartingSlot > now_;
  }

  static void forget_gone(std::map<std::string, Sent>& sent, const std::set<std::string>& there) {
    std::erase_if(sent, [&](const auto& entry) { return !there.contains(entry.first); });
  }
  void forget_gone_tasks(Session& session) {
    const auto& there = state_.task_index().usage(session.instance_arn).tasks;
    forget_gone(session.sent, there);
    std::erase_if(session.keys, [&](const auto& entry) { return !there.contains(entry.first); });
    std::erase_if(session.asked, [&](const std::string& key) { return !there.contains(key); });
  }

  // What the agent must be told about the task, or nothing: a running task that the agent has reported, and a
  // task whose targets are still draining, are left alone.
  std::optional<DesiredStatus> wanted(const Session& session, const std::string& key,
                                      const model::Task& task) {
    if (may_tell_agent_to_stop(state_, task)) return DesiredStatus::kStopped;
    if (task.desired_status == DesiredStatus::kStopped) return std::nullopt;
    if (task.last_status < TaskStatus::kActivating || session.sent.contains(key) ||
        session.asked.contains(key))
      return DesiredStatus::kRunning;
    return std::nullopt;
  }

  void bring_up_to_date(Session& session, const std::string& key, const model::Task& task,
                        DesiredStatus desired) {
    auto it = session.sent.find(key);
    const bool fresh = it == session.sent.end() || it->second.desired != desired;
    if (!fresh) {
      if (it->second.acknowledged && desired == DesiredStatus::kRunning) return;
      const WallTime due = it->second.at + (it->second.acknowledged ? kStopReminder : kResendAfter);
      if (now_ < due) return again_at(due);
    }
    const model::TaskDefinition* definition =
        state_.task_definitions.find(definition_key(task.family, task.revision));
    if (definition == nullptr && desired == DesiredStatus::kRunning) return;
    const auto number = take_number();
    if (!number) return;
    const auto before = it == session.sent.end() ? std::nullopt : std::optional(it->second);
    if (fresh)
      it = session.sent.insert_or_assign(key, Sent{random_.uuid(), desired, false, now_, now_}).first;
    it->second.at = now_;
    link::PayloadMessage message;
    message.message_id = it->second.message_id;
    message.cluster_arn = session.cluster_arn;
    message.container_instance_arn = session.instance_arn;
    message.seq_num = *number;
    message.generated_at_ms = shared::epoch_millis(now_);
    message.tasks.push_back(task_payload(definition, task, session.cluster_arn, desired));
    if (desired == DesiredStatus::kRunning) add_keys(session, key, message.tasks.back());
    const bool first = state_.live.unsent_tasks.erase(key) != 0;
    send(session, link::acs_to_json(message), [&state = state_, key, before, first](Session& mine) {
      if (first) state.live.unsent_tasks.insert(key);
      mine.keys.erase(key);
      mine.sent.erase(key);
      if (before) mine.sent.emplace(key, *before);
    });
    again_at(now_ + kResendAfter);
  }

  std::optional<link::RoleCredentials> credentials_of(const model::TaskRole& role) const {
    const model::IamSession* keys = state_.neighbours().task_sessions.find(role.session);
    if (keys == nullptr) return std::nullopt;
    return link::RoleCredentials{
        role.credentials_id, role.role_arn, keys->id,
        keys->secret,        keys->token,   shared::http::iso8601_seconds(keys->expires_at)};
  }

  // The keys of its roles in a payload, noted as told.
  void add_keys(Session& session, const std::string& key, link::TaskPayload& payload) {
    const model::TaskRoles* row = state_.neighbours().task_roles.find(key);
    if (row == nullptr) return;
    for (const model::TaskRole& role : row->roles) {
      const auto credentials = credentials_of(role);
      if (!credentials) continue;
      (role.purpose == iam::kTaskApplication ? payload.role_credentials
                                             : payload.execution_role_credentials) = credentials;
      session.keys[key][role.credentials_id] = {role.session, credentials->expiration, false, now_};
    }
  }

  // Of tasks that the agent has: those that run, and those that it has acknowledged.
  void renew_keys(Session& session) {
    for (const std::string& key : state_.task_index().usage(session.instance_arn).tasks) {
      const model::TaskRoles* row = state_.neighbours().task_roles.find(key);
      const model::Task* task = state_.tasks.find(key);
      if (row == nullptr || task == nullptr) continue;
      const auto sent = session.sent.find(key);
      const bool there = sent == session.sent.end() ? task->last_status >= TaskStatus::kActivating
                                                    : sent->second.acknowledged;
      if (!there) continue;
      for (const model::TaskRole& role : row->roles) renew_key(session, key, *task, role);
    }
  }

  void renew_key(Session& session, const std::string& key, const model::Task& task,
                 const model::TaskRole& role) {
    auto& told = session.keys[key];
    if (const auto it = told.find(role.credentials_id);
        it != told.end() && it->second.session == role.session) {
      if (it->second.acknowledged) return;
      const WallTime due = it->second.at + kKeysReminder;
      if (now_ < due) return again_at(due);
    }
    const auto credentials = credentials_of(role);
    if (!credentials) return;
    told[role.credentials_id] = {role.session, credentials->expiration, false, now_};
    const link::RoleCredentialsMessage message{random_.uuid(), task.arn, session.cluster_arn, role.purpose,
                                               *credentials};
    send(session, link::acs_to_json(message), [key](Session& mine) { mine.keys.erase(key); });
    again_at(now_ + kKeysReminder);
  }

  link::ManifestTask listed(const Session& session, const model::Task& task) {
    link::ManifestTask out{task.arn, session.cluster_arn,
                           may_tell_agent_to_stop(state_, task) ? "STOPPED" : "RUNNING"};
    out.last_status = model::word(task.last_status);
    for (const model::Container& each : task.containers)
      out.containers.push_back({each.name, std::string(model::word(each.status))});
    return out;
  }

  void send_manifest(Session& session) {
    const auto number = take_number();
    if (!number) return;
    link::TaskManifestMessage message;
    message.message_id = random_.uuid();
    message.cluster_arn = session.cluster_arn;
    message.container_instance_arn = session.instance_arn;
    message.timeline = *number;
    message.generated_at_ms = shared::epoch_millis(now_);
    for (const std::string& key : state_.task_index().usage(session.instance_arn).tasks) {
      if (const model::Task* task = state_.tasks.find(key)) message.tasks.push_back(listed(session, *task));
    }
    send(session, link::acs_to_json(message), [](Session& mine) { mine.manifest_sent = false; });
    session.manifest_sent = true;
  }

  // On another container instance that is no more. One that is there may be another agent on the same engine,
  // or this host before it lost its data: as long as nobody deregisters it, its tasks run as the books say.
  bool gone_elsewhere(const Session& session, const model::Task& task) const {
    if (task.container_instance_arn == session.instance_arn) return false;
    const model::ContainerInstance* other = find_instance_by_arn(state_, task.container_instance_arn);
    return other == nullptr || other->status == model::InstanceStatus::kInactive;
  }

  // Confirms only what must really stop: the agent asks on the word of a manifest that may be out of date.
  void answer(Session& session, const link::TaskStopVerificationMessage& question) {
    link::TaskStopVerificationAck answer;
    answer.message_id = question.message_id;
    answer.generated_at_ms = shared::epoch_millis(now_);
    for (link::ManifestTask candidate : question.stop_candidates) {
      const model::Task* task = find_task_by_arn(state_, candidate.arn);
      if (candidate.desired_status == "RUNNING") {
        const bool here = task != nullptr && task->container_instance_arn == session.instance_arn;
        if (here && task->last_status != TaskStatus::kStopped) resend(session, *task);
        continue;
      }
      const bool stop = task == nullptr || gone_elsewhere(session, *task) ||
                        task->last_status == TaskStatus::kStopped || may_tell_agent_to_stop(state_, *task);
      if (!stop) continue;
      candidate.desired_status = "STOPPED";
      answer.stop_tasks.push_back(std::move(candidate));
    }
    send(session, link::acs_to_json(answer),
         [question](Session& mine) { mine.questions.push_back(question); });
  }

  // The agent has containers of the task and not the task: its own database is an older one.
  void resend(Session& session, const model::Task& task) {
    const std::string key = key_of(task);
    session.asked.insert(key);
    if (const auto desired = wanted(session, key, task)) bring_up_to_date(session, key, task, *desired);
  }

  AgentSync& sync_;
  State& state_;
  const Settings& settings_;
  const WallTime now_;
  shared::env::Random& random_;
  Outbox& messages_;
  std::uint64_t last_number_ = 0;
  std::optional<WallTime> next_;
};

void AgentSync::note_changed_tasks(const State& state) {
  for (const std::string& key : state.tasks.take_changes(changed_tasks_)) {
    const model::Task* task = state.tasks.find(key);
    if (task == nullptr) continue;
    if (const auto session = session_of(state, task->container_instance_arn)) look_at(*session);
  }
  for (const std::string& key : state.neighbours().task_roles.take_changes(changed_roles_)) {
    const model::Task* task = state.tasks.find(key);
    if (task == nullptr) continue;
    if (const auto session = session_of(state, task->container_instance_arn)) look_at(*session);
  }
}

std::optional<WallTime> AgentSync::flush(State& state, const Settings& settings, WallTime now,
                                         shared::env::Random& random, Outbox& messages) {
  messages.append(std::move(ends_));
  note_changed_tasks(state);
  Flush run(*this, state, settings, now, random, messages);
  for (const std::uint64_t id : looks_.take(now)) {
    if (const auto next = run.run(sessions_.at(id))) looks_.at(id, *next);
  }
  return looks_.next();
}

std::optional<WallTime> AgentSync::heartbeats(WallTime now, shared::env::Random& random) {
  for (const std::uint64_t id : heartbeats_.take(now)) {
    sessions_.at(id).channel->send(link::acs_to_json(link::HeartbeatMessage{random.uuid(), true}));
    heartbeats_.at(id, now + kAgentHeartbeat);
  }
  return heartbeats_.next();
}

}  // namespace agent::control
