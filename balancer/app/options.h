// The command line and BERTH_BALANCER_* variables as one checked value. A flag goes before its variable.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "balancer/feed/control_feed.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/log/log.h"
#include "shared/net/endpoint.h"
#include "shared/settings/settings.h"

namespace balancer::app {

struct Options {
  std::string config_file;  // one of config_file and control is given
  std::optional<feed::ControlAddress> control;
  std::string token;       // control only
  std::string state_dir;   // empty: nothing is kept over restarts
  bool take_over = false;  // from the process that runs on state_dir
  std::size_t workers = 1;
  shared::net::Endpoint admin{"127.0.0.1", 7351, ""};
  std::string listen_address;  // empty: as configured
  shared::Millis drain_timeout{30'000};
  std::string access_log;       // empty: none
  bool target_metrics = false;  // of each target, on /metrics
  std::string jwks_ca_file;     // empty: none
  shared::log::Format log_format = shared::log::Format::kAuto;
  shared::log::Level log_level = shared::log::Level::kInfo;
  std::vector<std::string> command_line;  // for a process that follows this one
  std::vector<std::string> warnings;      // such as a BERTH_* variable that nothing reads
};

// Text to print and the exit code, for --help, --version, --print-settings and errors.
struct Exit {
  int code = 0;
  std::string text;
};

// Everything that can be set, with its meaning and default.
shared::settings::SettingsSpec settings_spec();

std::variant<Options, Exit> parse_options(int argc, const char* const* argv);

}  // namespace balancer::app
