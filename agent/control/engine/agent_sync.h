// Keeps agents in step with the tasks placed on their instances, over their ACS sessions. Level-triggered:
// flush() compares what each agent should know with what it has acknowledged on this connection and sends the
// difference; it may run at any time and any number of times. A STOPPED payload leaves only when
// may_tell_agent_to_stop() says so. Session changes are made inside steps, messages are written by flush()
// after each batch of them and leave when that is durable. Thread: control's.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/engine/outbox.h"
#include "agent/control/state/neighbours.h"
#include "agent/control/state/step.h"
#include "agent/control/state/table/timetable.h"
#include "agent/link/acs.h"
#include "agent/link/channel.h"

namespace agent::control {

// A payload is sent again when it was not acknowledged for this long.
inline constexpr shared::Millis kResendAfter{5'000};
// An acknowledged stop without a STOPPED report is repeated; harmless for agents that are still at it.
inline constexpr shared::Millis kStopReminder{60'000};
// A task that is not up after this long (a slow pull, a container that others wait for) no longer keeps the
// next one from its agent, see Settings::max_starting_tasks_per_instance.
inline constexpr shared::Millis kStartingSlot{60'000};
// Keys of a role that were not acknowledged are told again: also an agent that has forgotten the task says
// nothing, so it is not done often.
inline constexpr shared::Millis kKeysReminder{60'000};
// Agents drop a link that was silent for one to two minutes.
inline constexpr shared::Millis kAgentHeartbeat{10'000};
// Sequence numbers are taken from Meta in blocks, so that not every message costs a commit.
inline constexpr std::uint64_t kNumberBlock = 10'000;
// A process begins at the clock's microsecond. So blocks that were reserved stay behind the clock (10 ms
// each), and one that was put back to an older database begins beyond all that agents have seen of the newer
// one.
inline constexpr std::uint64_t kNumbersPerMilli = 1'000;

class AgentSync {
 public:
  // Follows the tasks of `state`, which outlives it.
  explicit AgentSync(State& state);
  void opened(Step& step, std::uint64_t session, const std::string& instance_arn,
              std::shared_ptr<link::Channel> channel);
  void message(std::uint64_t session, std::string_view text);
  void closed(Step& step, std::uint64_t session);
  // Something came from it, though nobody may have looked at that yet.
  void heard(State& state, std::uint64_t session, shared::WallTime now) const;
  // Ends sessions that were silent too long or whose instance was deregistered.
  void expire(Step& step);
  // Reserves sequence numbers for the messages to come.
  void reserve_numbers(Step& step);
  // Writes what is due, and notes in State::live what was said; returns when it wants to be called again at
  // the latest. Looks at the sessions of hosts whose tasks changed, and at those whose time has come.
  std::optional<shared::WallTime> flush(State& state, const Settings& settings, shared::WallTime now,
                                        shared::env::Random& random, Outbox& messages);
  // Sends those that are due at once; returns when the next one is.
  std::optional<shared::WallTime> heartbeats(shared::WallTime now, shared::env::Random& random);
  // For checks: the next flush() looks at every session.
  void look_at_all();
  std::uint64_t messages_written() const { return messages_written_; }

 private:
  struct Sent {
    std::string message_id;
    model::DesiredStatus desired = model::DesiredStatus::kRunning;
    bool acknowledged = false;
    shared::WallTime at{};
    shared::WallTime first{};
  };
  struct Keys {
    std::string session;  // of the keys
    std::string expiration;
    bool acknowledged = false;
    shared::WallTime at{};
  };
  struct Session {
    std::uint64_t id = 0;
    std::string instance_arn;
    std::shared_ptr<link::Channel> channel;
    std::string cluster_arn;
    bool manifest_sent = false;
    std::map<std::string, Sent> sent;  // by task row key
    std::set<std::string> asked;       // row keys of tasks whose payload the agent wants although they run
    std::vector<link::TaskStopVerificationMessage> questions;
    // Keys of tasks' roles that the agent was told, by task row key and credentials id. Each session begins
    // with none: which keys the agent has of the one before nobody knows.
    std::map<std::string, std::map<std::string, Keys>> keys;
  };
  class Flush;

  void leave(Step& step, std::uint64_t session, const std::string& reason);
  void look_at(std::uint64_t session) { looks_.now(session); }
  // An instance has one session at most.
  static std::optional<std::uint64_t> session_of(const State& state, const std::string& instance_arn);
  void note_changed_tasks(const State& state);
  Session* find(std::uint64_t session);

  Table<model::Task>::Reader changed_tasks_;
  Table<model::TaskRoles>::Reader changed_roles_;
  std::map<std::uint64_t, Session> sessions_;
  Timetable<std::uint64_t> looks_;  // when a session wants to be looked at
  Timetable<std::uint64_t> heartbeats_;
  Outbox ends_;                    // of sessions, said with the next flush()
  std::uint64_t next_number_ = 0;  // 0: nothing reserved by this process yet
  std::uint64_t messages_written_ = 0;
};

}  // namespace agent::control
