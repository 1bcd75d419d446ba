// Keeps balancers in step with the published configuration, over their feed sessions. As in agent_sync.h:
// session changes inside steps, messages in flush() after the commit. Thread: control's.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/control/state/step.h"
#include "agent/link/channel.h"

namespace agent::control {

class FeedSync {
 public:
  void opened(Step& step, std::uint64_t session, std::shared_ptr<link::Channel> channel);
  void message(Step& step, std::uint64_t session, std::string_view text);
  void closed(Step& step, std::uint64_t session);
  void expire(Step& step);  // ends silent sessions
  std::optional<shared::WallTime> flush(const State& state, shared::WallTime now);

 private:
  struct Session {
    std::shared_ptr<link::Channel> channel;
    std::string balancer_id;             // empty until it said Hello
    std::uint64_t sent_version = 0;      // or what it had when it came
    std::uint64_t answered_version = 0;  // newest acknowledged or refused one
    shared::WallTime sent_at{};
    shared::WallTime last_heard{};
    shared::WallTime next_heartbeat{};
  };
  struct Closing {
    std::shared_ptr<link::Channel> channel;
    std::string reason;
  };
  void greet(Step& step, std::uint64_t session, const lb::Hello& hello);
  void leave(Step& step, std::uint64_t session, const std::string& reason);
  // Sends the newest configuration if the balancer is to have it now; else says when to ask again.
  std::optional<shared::WallTime> bring_up_to_date(Session& session, const lb::Config& newest,
                                                   std::string& encoded, shared::WallTime now);

  std::map<std::uint64_t, Session> sessions_;
  std::vector<Closing> closing_;
};

}  // namespace agent::control
