// Keeps the model true to control's state while somebody looks, and sends what changes to everyone who does,
// by server-sent events (text/event-stream of the HTML standard). Looks at the state in a step, as calls that
// only read do: so what is shown is durable, and the writer is held up by no more than a few hundred rows at
// a time. Nobody looks: it does nothing. Thread: the engine's.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/control/engine/engine.h"
#include "agent/dashboard/model.h"
#include "shared/base/result.h"
#include "shared/env/executor.h"
#include "shared/httpd/server.h"

namespace agent::dashboard {

inline constexpr std::size_t kMostStreams = 64;
inline constexpr std::size_t kMostWatched = 20;  // by one stream
inline constexpr shared::Millis kLookEvery{500};
inline constexpr shared::Millis kTellTimeEvery{5'000};  // so that a client knows that control is there
// After the last one left the model is kept so long, for those who come back.
inline constexpr shared::Millis kKeepFor{60'000};
// The newest of all services and clusters.
inline constexpr std::size_t kEventsKept = 500;
inline constexpr std::size_t kStoppedTasksKept = 1'000;
// Rows that one step looks at.
inline constexpr std::size_t kMostPerLook = 300;

// What a stream is asked for: kinds=service,host and watch=service:default/web, watch=lb:NAME (again and
// again). Error "invalid", with the member.
shared::Result<Filter> filter_in(std::string_view query);

class Live {
 public:
  // Both outlive it. `epoch`: another one for each start, so that positions of another run are not taken for
  // ours.
  Live(control::Engine& engine, shared::env::Executor& executor, std::string epoch, std::string version);
  ~Live();

  // Answers with a stream of what `filter` wants, from after `last_event_id` on where that is known.
  // Beyond kMostStreams: 503.
  void watch(Filter filter, std::string_view last_event_id, shared::httpd::Reply reply);
  std::size_t streams() const { return watchers_.size(); }

 private:
  using Key = std::pair<std::string, std::string>;  // kind and row key
  struct Built {
    std::string kind;
    std::string id;
    std::string owner;
    std::string text;               // empty: it is gone
    std::optional<long long> at{};  // of an event, or of the end of a task
  };
  struct Watcher {
    Filter filter;
    std::uint64_t position = 0;
    bool ready = false;  // was told that it has seen everything once
    shared::SteadyTime told_time{};
    std::unique_ptr<shared::httpd::BodyStream> stream;
  };

  void wake(shared::Millis delay);
  void tick();
  void look();
  void look_at(const control::Step& step);
  void note_everything(const control::State& state);
  void note_changes(const control::State& state);
  void note_routes(const control::State& state, const control::Changes& changes);
  void note_all_load_balancers(const control::State& state);
  void build(const control::State& state, const Key& key);
  void put_load_balancer(const control::State& state, const std::string& arn);
  void build_task(const control::State& state, const std::string& key);
  void build_watched(const control::Step& step);
  void sweep(const control::Step& step);
  void looked(const shared::Result<void>& done);
  void keep(Built built);
  void keep_newest(std::set<std::pair<long long, std::string>>& of, const Built& built, std::size_t most,
                   std::vector<const char*> kinds);
  void forget_unwatched();
  std::set<std::string> watched() const;
  void forget();
  void tell();
  void tell(Watcher& watcher);

  control::Engine& engine_;
  shared::env::Executor& executor_;
  std::string epoch_;
  std::string version_;
  std::uint64_t run_ = 0;  // of the model, part of the epoch
  Model model_;
  std::set<Key> pending_;     // to be built
  std::vector<Built> built_;  // by the step that is under way
  std::vector<Key> looked_at_;
  std::set<std::string> shown_;  // of watched(), in the model
  std::set<std::pair<long long, std::string>> events_;
  std::set<std::pair<long long, std::string>> stopped_;
  bool begun_ = false;     // everything is, or was, in pending_
  bool complete_ = false;  // all of that was built
  bool looking_ = false;   // a step is under way
  std::string service_cursor_;
  std::string balancer_cursor_;
  std::string watch_cursor_;
  std::list<Watcher> watchers_;
  shared::SteadyTime last_left_{};
  shared::env::Timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace agent::dashboard
