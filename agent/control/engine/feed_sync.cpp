#include "agent/control/engine/feed_sync.h"

#include <algorithm>

#include "agent/control/elb/figures.h"
#include "agent/control/elb/targets.h"
#include "agent/control/state/rows.h"
#include "shared/lbconfig/feed.h"

namespace agent::control {

using shared::Millis;
using shared::WallTime;

namespace {

// A balancer gets the next configuration once it has answered the last one, so that it is given what is
// newest when it is ready instead of every version on the way. One whose workers are slow to answer gets it
// after this long.
constexpr Millis kAnswerPatience{1'000};

}  // namespace

void FeedSync::opened(Step& step, std::uint64_t session, std::shared_ptr<link::Channel> channel) {
  const auto [it, fresh] = sessions_.try_emplace(session);
  if (!fresh) return;  // said once more, after a commit that failed
  Session& mine = it->second;
  mine.id = session;
  mine.channel = std::move(channel);
  mine.last_heard = step.now;
  mine.next_heartbeat = step.now + lb::kFeedSilence / 3;
  rows(step).live.agenda.note(Concern::kFeeds, "");
}

void FeedSync::message(Step& step, std::uint64_t session, std::string_view text) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return;
  auto message = lb::feed_from_json(text);
  if (!message) return leave(step, session, message.error().text());
  if (const auto* hello = std::get_if<lb::Hello>(&*message)) return greet(step, session, *hello);
  const std::string& id = it->second.balancer_id;
  if (id.empty()) return leave(step, session, "the first message must be a hello");
  if (const auto* ack = std::get_if<lb::Ack>(&*message)) {
    it->second.answered_version = std::max(it->second.answered_version, ack->version);
    balancer_acknowledged(step, id, ack->version);
  } else if (const auto* refusal = std::get_if<lb::Refusal>(&*message)) {
    it->second.answered_version = std::max(it->second.answered_version, refusal->version);
    balancer_refused(step, id, *refusal);
  } else if (const auto* report = std::get_if<lb::Report>(&*message)) {
    take_report(step, it->second, *report);
  } else if (const auto* changes = std::get_if<lb::ReportDelta>(&*message)) {
    take_changes(step, it->second, *changes);
  } else if (const auto* figures = std::get_if<lb::Figures>(&*message)) {
    take_figures(step, *figures);
  } else if (std::holds_alternative<lb::Resync>(*message)) {
    it->second.wants_whole = true;
  }
}

void FeedSync::take_report(Step& step, Session& session, const lb::Report& report) {
  const bool taken = balancer_reported(step, session.balancer_id, report);
  session.report_sequence = taken ? report.sequence : 0;
  session.ask_report = session.report_asked = false;
}

// A sequence that was heard before is said once more after a commit that failed, with those after it.
void FeedSync::take_changes(Step& step, Session& session, const lb::ReportDelta& delta) {
  const bool follows = session.report_sequence != 0 && delta.sequence <= session.report_sequence + 1;
  if (follows && balancer_reported_changes(step, session.balancer_id, delta)) {
    session.report_sequence = std::max(session.report_sequence, delta.sequence);
    return;
  }
  session.report_sequence = 0;
  if (!std::exchange(session.report_asked, true)) session.ask_report = true;
}

void FeedSync::greet(Step& step, std::uint64_t session, const lb::Hello& hello) {
  if (hello.balancer_id.empty()) return leave(step, session, "hello: balancer_id is empty");
  const auto known = by_balancer_.find(hello.balancer_id);
  if (known != by_balancer_.end() && known->second != session)
    leave(step, std::uint64_t{known->second}, "another session of this balancer began");
  Session& mine = sessions_[session];
  // Said once more, after a commit that failed: what the balancer has told since then stands.
  const bool again = mine.balancer_id == hello.balancer_id;
  balancer_said_hello(step, hello, again ? Greeting::kRepeated : Greeting::kNew);
  if (again) return;
  by_balancer_.erase(mine.balancer_id);
  by_balancer_[hello.balancer_id] = session;
  mine.balancer_id = hello.balancer_id;
  // One that claims a version nobody published gets the present one, and says why it cannot take it.
  mine.sent_version = hello.applied_version <= step.meta().config_version ? hello.applied_version : 0;
  mine.answered_version = mine.sent_version;
  mine.deltas = hello.deltas;
  // A version names one configuration, so that what it has is what control would have sent.
  if (mine.sent_version != 0 && step.state.published->version == mine.sent_version)
    mine.sent = step.state.published;
  mine.next_heartbeat = step.now;  // it takes a control that says nothing for one of before deltas
}

void FeedSync::heard(std::uint64_t session, WallTime now) {
  const auto it = sessions_.find(session);
  if (it != sessions_.end()) it->second.last_heard = now;
}

void FeedSync::closed(Step& step, std::uint64_t session) { leave(step, session, ""); }

void FeedSync::leave(Step& step, std::uint64_t session, const std::string& reason) {
  const auto it = sessions_.find(session);
  if (it == sessions_.end()) return;
  const Session gone = std::move(it->second);
  sessions_.erase(it);
  if (!reason.empty()) ends_.close(gone.channel, reason);
  if (gone.balancer_id.empty()) return;
  by_balancer_.erase(gone.balancer_id);
  balancer_left(step, gone.balancer_id);
}

void FeedSync::expire(Step& step) {
  if (rows(step).live.agenda.take(Concern::kFeeds, step.now).empty()) return;
  step.subject = {Concern::kFeeds, ""};
  std::vector<std::uint64_t> silent;
  for (const auto& [id, session] : sessions_) {
    const WallTime over = session.last_heard + lb::kFeedSilence;
    if (over <= step.now) {
      silent.push_back(id);
    } else {
      step.wake_at(over);
    }
  }
  for (const std::uint64_t id : silent) leave(step, id, "nothing was heard for too long");
}

const std::string& FeedSync::encoded(const Session& session,
                                     const std::shared_ptr<const lb::Config>& newest) {
  if (encoded_.config != newest) encoded_ = {newest, {}, {}};
  if (session.deltas && session.sent && session.sent->version < newest->version) {
    std::string& text = encoded_.deltas[session.sent->version];
    if (text.empty()) text = lb::feed_to_json(lb::diff(*session.sent, *newest));
    return text;
  }
  if (encoded_.whole.empty()) encoded_.whole = lb::feed_to_json(lb::Snapshot{*newest});
  return encoded_.whole;
}

std::optional<WallTime> FeedSync::bring_up_to_date(Session& session,
                                                   const std::shared_ptr<const lb::Config>& newest,
                                                   WallTime now, Outbox& messages) {
  if (session.balancer_id.empty()) return std::nullopt;
  if (std::exchange(session.wants_whole, false)) {
    session.sent.reset();
    session.sent_version = 0;
    session.answered_version = 0;
  }
  if (session.sent_version >= newest->version) return std::nullopt;
  const bool answered = session.answered_version >= session.sent_version;
  const WallTime due = session.sent_at + kAnswerPatience;
  if (!answered && now < due) return due;
  send(session, encoded(session, newest), messages,
       [sent = session.sent, version = session.sent_version, at = session.sent_at](Session& mine) {
         mine.sent = sent;
         mine.sent_version = version;
         mine.sent_at = at;
       });
  session.sent = session.deltas ? newest : nullptr;
  session.sent_version = newest->version;
  session.sent_at = now;
  return std::nullopt;
}

void FeedSync::send(const Session& session, std::string text, Outbox& messages,
                    std::function<void(Session&)> take_back) {
  messages.send(session.channel, std::move(text), [this, id = session.id, take_back = std::move(take_back)] {
    const auto it = sessions_.find(id);
    if (it != sessions_.end()) take_back(it->second);
  });
}

std::optional<WallTime> FeedSync::flush(const State& state, WallTime now, Outbox& messages) {
  messages.append(std::move(ends_));
  std::optional<WallTime> next;
  for (auto& [id, session] : sessions_) {
    // One that nobody would remember after a crash must not route: stops would not wait for it.
    if (state.balancers.find(session.balancer_id) != nullptr) {
      make_earlier(next, bring_up_to_date(session, state.published, now, messages));
    }
    if (std::exchange(session.ask_report, false)) {
      send(session, lb::feed_to_json(lb::Resync{"a report is missing"}), messages,
           [](Session& mine) { mine.ask_report = true; });
    }
  }
  return next;
}

std::optional<WallTime> FeedSync::heartbeats(WallTime now, std::uint64_t version) {
  std::optional<WallTime> next;
  for (auto& [id, session] : sessions_) {
    if (session.next_heartbeat <= now) {
      session.channel->send(lb::feed_to_json(lb::Heartbeat{version}));
      session.next_heartbeat = now + lb::kFeedSilence / 3;
    }
    make_earlier(next, session.next_heartbeat);
  }
  return next;
}

}  // namespace agent::control
