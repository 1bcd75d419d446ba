#include "agent/app/supervisor.h"

#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>

namespace agent::app {

namespace {

// For the status alone, where there is no watchdog.
constexpr shared::Millis kStatusInterval{10'000};

}  // namespace

void Supervisor::ready() {
  if (sd_notify(0, "READY=1") <= 0) return;
  std::uint64_t micros = 0;
  interval_ = kStatusInterval;
  if (sd_watchdog_enabled(0, &micros) > 0) interval_ = shared::Millis(micros / 2'000);
  alive();
}

void Supervisor::alive() {
  std::string status = status_();
  std::replace(status.begin(), status.end(), '\n', ' ');  // each line is a word of its own to systemd
  sd_notify(0, ("WATCHDOG=1\nSTATUS=" + status).c_str());
  next_ = loop_.after(interval_, [this] { alive(); });
}

void Supervisor::stopping() {
  next_.cancel();
  sd_notify(0, "STOPPING=1\nSTATUS=");
}

}  // namespace agent::app
