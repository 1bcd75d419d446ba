// Keeps balancers in step with the published configuration, over their feed sessions. As in agent_sync.h:
// session changes inside steps, messages written by flush() for when that is durable. Thread: control's.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/engine/outbox.h"
#include "agent/control/state/step.h"
#include "agent/link/channel.h"

namespace agent::control {

class FeedSync {
 public:
  void opened(Step& step, std::uint64_t session, std::shared_ptr<link::Channel> channel);
  void message(Step& step, std::uint64_t session, std::string_view text);
  void closed(Step& step, std::uint64_t session);
  void heard(std::uint64_t session, shared::WallTime now);
  void expire(Step& step);  // ends silent sessions
  std::optional<shared::WallTime> flush(const State& state, shared::WallTime now, Outbox& messages);
  // Tell the newest version that is durable.
  std::optional<shared::WallTime> heartbeats(shared::WallTime now, std::uint64_t version);

 private:
  struct Session {
    std::uint64_t id = 0;
    std::shared_ptr<link::Channel> channel;
    std::string balancer_id;             // empty until it said Hello
    std::uint64_t sent_version = 0;      // or what it had when it came
    std::uint64_t answered_version = 0;  // newest acknowledged or refused one
    bool deltas = false;                 // it understands them
    // What it was sent last, from which a delta can lead on; null: not known, or it has lost it.
    std::shared_ptr<const lb::Config> sent;
    bool wants_whole = false;  // it asked for it
    // Of the report that was taken last; 0: none, changes say nothing.
    std::uint64_t report_sequence = 0;
    bool ask_report = false;    // with the next flush()
    bool report_asked = false;  // and has not come yet
    shared::WallTime sent_at{};
    shared::WallTime last_heard{};
    shared::WallTime next_heartbeat{};
  };
  void greet(Step& step, std::uint64_t session, const lb::Hello& hello);
  void leave(Step& step, std::uint64_t session, const std::string& reason);
  void take_report(Step& step, Session& session, const lb::Report& report);
  void take_changes(Step& step, Session& session, const lb::ReportDelta& delta);
  // Sends the newest configuration if the balancer is to have it now; else says when to ask again.
  std::optional<shared::WallTime> bring_up_to_date(Session& session,
                                                   const std::shared_ptr<const lb::Config>& newest,
                                                   shared::WallTime now, Outbox& messages);
  void send(const Session& session, std::string text, Outbox& messages,
            std::function<void(Session&)> take_back);
  const std::string& encoded(const Session& session, const std::shared_ptr<const lb::Config>& newest);

  std::map<std::uint64_t, Session> sessions_;
  std::map<std::string, std::uint64_t> by_balancer_;  // of sessions that said Hello: one for each balancer
  // The newest configuration as messages, made once for all balancers that need one.
  struct Encoded {
    std::shared_ptr<const lb::Config> config;
    std::string whole;
    std::map<std::uint64_t, std::string> deltas;  // by the version that they start from
  };
  Encoded encoded_;
  Outbox ends_;  // of sessions, said with the next flush()
};

}  // namespace agent::control
