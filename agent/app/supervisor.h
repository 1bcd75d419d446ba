// What systemd is told of this process (sd_notify(3)): that it is ready, alive, or stopping. Without a
// service manager nothing is said. Thread: main.
#pragma once
#include <functional>
#include <string>

#include "shared/env/executor.h"

namespace agent::app {

class Supervisor {
 public:
  // `status`: a line for `systemctl status`, asked for with each sign of life; empty: none.
  Supervisor(shared::env::Executor& loop, std::function<std::string()> status)
      : loop_(loop), status_(std::move(status)) {}

  // It serves. From here on there are signs of life, where the unit has WatchdogSec twice as often as that
  // asks for: one that hangs is killed and started again, and its containers go on.
  void ready();
  void stopping();

 private:
  void alive();

  shared::env::Executor& loop_;
  std::function<std::string()> status_;
  shared::Millis interval_{0};
  shared::env::Timer next_;
};

}  // namespace agent::app
