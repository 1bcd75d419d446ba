// The older process's side: waits at the state directory's socket for one that takes over. One at a time; a
// second one is refused. Thread: the IoLoop's.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "balancer/handover/channel.h"
#include "shared/base/result.h"
#include "shared/httpd/io_loop.h"

namespace balancer::handover {

// From its wish to "serving". Its configuration, its certificates and the first health checks are in it.
inline constexpr shared::Millis kTakeOverLimit{60'000};

struct GiverEvents {
  // Somebody wishes to take over: answer with offer() or refuse(), at once or later. From here on nothing
  // that it was or will be offered may change.
  std::function<void()> wished;
  // It serves: stop, then call yours().
  std::function<void(int pid)> serving;
  // It has not come to that, and why: go on as if nothing had been.
  std::function<void(const std::string& why)> gone;
};

class Giver {
 public:
  static shared::Result<std::unique_ptr<Giver>> listen(shared::httpd::IoLoop& loop, const std::string& path,
                                                       GiverEvents events);
  // For offers; an error is told by gone() as well.
  void offer(const std::string& text, int descriptor = -1);
  void refuse(const std::string& reason);
  // Nobody is waited for any more; the other one learns of our end by the end of the connection.
  void yours();

 private:
  Giver(shared::httpd::IoLoop& loop, GiverEvents events) : loop_(loop), events_(std::move(events)) {}
  void on_listener();
  void on_channel();
  void lost(const std::string& why);

  shared::httpd::IoLoop& loop_;
  GiverEvents events_;
  shared::UniqueFd listener_;
  Channel taker_;
  shared::env::Timer watch_listener_;
  shared::env::Timer watch_taker_;
  shared::env::Timer limit_;
  bool wished_ = false;
  bool serving_ = false;
};

}  // namespace balancer::handover
