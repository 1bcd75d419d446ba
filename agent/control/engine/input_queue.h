// What waits for the engine's turn: calls, and what sessions of agents and balancers said. Both have a bound,
// and neither waits behind the other: when the store refuses, what sessions said is kept to be applied again,
// and calls get their answer meanwhile. Thread: control's.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "agent/control/state/step.h"
#include "agent/link/channel.h"
#include "shared/base/result.h"

namespace agent::control {

// Calls that wait; a further one is throttled.
inline constexpr std::size_t kMaxWaitingCalls = 10'000;
// Messages of one session and of all of them that wait, and the bytes of all. Those of 5,000 agents that each
// acknowledge 20 new tasks fit. The session that says more is closed: its agent or balancer comes back, and
// says again what was not acknowledged.
inline constexpr std::size_t kMaxWaitingOfSession = 1'000;
inline constexpr std::size_t kMaxWaitingOfSessions = 200'000;
inline constexpr std::size_t kMaxWaitingBytes = 256 * 1024 * 1024;

struct Input {
  std::function<shared::Result<void>(Step&)> apply;
  std::function<void(shared::Result<void>)> done = nullptr;  // none: from a session
  std::uint64_t session = 0;
  std::size_t bytes = 0;
  bool changes_rows = false;  // applied, it did
};

class InputQueue {
 public:
  // False: too many wait, nothing was done.
  bool call(std::function<shared::Result<void>(Step&)> apply, std::function<void(shared::Result<void>)> done);

  // A session begins; `apply` is told its number. One that is not let in has its channel closed.
  std::uint64_t open(const std::shared_ptr<link::Channel>& channel,
                     std::function<void(Step&, std::uint64_t session)> apply);
  void say(std::uint64_t session, std::size_t bytes, std::function<void(Step&)> apply);
  void close(std::uint64_t session, std::function<void(Step&)> apply);  // never refused

  // Up to `most` calls.
  std::vector<Input> take_calls(std::size_t most);
  // What was kept, then up to so many of the sessions and up to so many calls.
  std::vector<Input> take(std::size_t most_of_sessions, std::size_t most_calls);
  // What take() gave for a session is over with.
  void finished(const Input& input);
  // It was taken back, and comes first with the next take(); in the order of the calls of keep().
  void keep(Input input) { kept_.push_back(std::move(input)); }

  bool has_calls() const { return !calls_.empty(); }
  bool empty() const { return calls_.empty() && said_.empty() && kept_.empty(); }

 private:
  struct Session {
    std::shared_ptr<link::Channel> channel;
    std::size_t waiting = 0;
    bool told_to_go = false;
  };
  void push(std::uint64_t session, std::size_t bytes, std::function<void(Step&)> apply);

  std::deque<Input> calls_;
  std::deque<Input> said_;
  std::vector<Input> kept_;
  std::map<std::uint64_t, Session> sessions_;  // open, or of which something waits
  std::uint64_t last_session_ = 0;
  // Of the sessions, kept or not or being saved.
  std::size_t waiting_ = 0;
  std::size_t waiting_bytes_ = 0;
};

}  // namespace agent::control
