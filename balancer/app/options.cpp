#include "balancer/app/options.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <sstream>
#include <thread>

#include "balancer/feed/state_dir.h"

#ifndef BERTH_VERSION
#define BERTH_VERSION "dev"
#endif

namespace balancer::app {

using shared::Error;
using shared::Millis;
using shared::Result;

namespace {

constexpr std::size_t kMaxWorkers = 256;

struct Raw {
  std::string config, control, token_file, state_dir, admin = "127.0.0.1:7351", listen_address,
                                                      drain_timeout = "30s", access_log, log_format = "auto",
                                                      log_level = "info";
  std::size_t workers = 0;
};

void declare(CLI::App& app, Raw& raw) {
  app.set_version_flag("--version", std::string("berth-balancer ") + BERTH_VERSION);
  const auto text = [&app](const char* flag, std::string& into, const char* variable, const char* help) {
    app.add_option(flag, into, help)->envname(variable)->capture_default_str();
  };
  text("--config", raw.config, "BERTH_BALANCER_CONFIG",
       "Configuration file (JSON); reloaded on SIGHUP and when it changes");
  text("--control", raw.control, "BERTH_BALANCER_CONTROL",
       "Control endpoint to take configuration from, http://HOST:PORT");
  text("--token-file", raw.token_file, "BERTH_BALANCER_TOKEN_FILE",
       "File with the balancer token for --control");
  text("--state-dir", raw.state_dir, "BERTH_BALANCER_STATE_DIR",
       "Directory for the balancer's id and its last good configuration");
  app.add_option("--workers", raw.workers, "Worker threads; 0 = one per CPU")
      ->envname("BERTH_BALANCER_WORKERS");
  text("--admin", raw.admin, "BERTH_BALANCER_ADMIN",
       "Where /healthz, /readyz, /metrics and /config are served");
  text("--listen-address", raw.listen_address, "BERTH_BALANCER_LISTEN_ADDRESS",
       "Listen on this IP address instead of the configured ones");
  text("--drain-timeout", raw.drain_timeout, "BERTH_BALANCER_DRAIN_TIMEOUT",
       "After SIGTERM: how long open requests may still run (30s, 500ms, 2m)");
  text("--access-log", raw.access_log, "BERTH_BALANCER_ACCESS_LOG",
       "File for access log lines of listeners with the option access_log");
  text("--log-format", raw.log_format, "BERTH_BALANCER_LOG_FORMAT", "auto, json or text");
  text("--log-level", raw.log_level, "BERTH_BALANCER_LOG_LEVEL", "debug, info, warn or error");
}

Result<Options> check(const Raw& raw) {
  Options out;
  if (raw.config.empty() == raw.control.empty())
    return Error("options", "give one of --config and --control");
  out.config_file = raw.config;
  if (!raw.control.empty()) {
    auto control = feed::parse_control_url(raw.control);
    if (!control) return control.error().within("--control");
    out.control = std::move(control).value();
    if (raw.token_file.empty()) return Error("options", "--control needs --token-file");
    auto token = feed::read_file(raw.token_file);
    if (!token) return token.error().within("--token-file");
    out.token = std::move(token).value();
    while (!out.token.empty() &&
           (out.token.back() == '\n' || out.token.back() == '\r' || out.token.back() == ' '))
      out.token.pop_back();
    if (out.token.empty()) return Error("options", "--token-file " + raw.token_file + " is empty");
  }
  out.state_dir = raw.state_dir;
  const std::size_t cpus = std::max(1U, std::thread::hardware_concurrency());
  out.workers = raw.workers == 0 ? cpus : raw.workers;
  if (out.workers > kMaxWorkers)
    return Error("options", "--workers must be at most " + std::to_string(kMaxWorkers));
  auto admin = shared::net::parse_endpoint(raw.admin);
  if (!admin) return admin.error().within("--admin");
  out.admin = std::move(admin).value();
  if (!raw.listen_address.empty() && !shared::net::is_ip_address(raw.listen_address))
    return Error("options", "--listen-address '" + raw.listen_address + "' is not an IP address");
  out.listen_address = raw.listen_address;
  auto drain = parse_duration(raw.drain_timeout);
  if (!drain) return drain.error().within("--drain-timeout");
  out.drain_timeout = *drain;
  out.access_log = raw.access_log;
  const auto format = shared::log::parse_format(raw.log_format == "text" ? "logfmt" : raw.log_format);
  if (!format) return Error("options", "--log-format '" + raw.log_format + "' is none of auto, json, text");
  out.log_format = *format;
  const auto level = shared::log::parse_level(raw.log_level);
  if (!level)
    return Error("options", "--log-level '" + raw.log_level + "' is none of debug, info, warn, error");
  out.log_level = *level;
  return out;
}

}  // namespace

Result<Millis> parse_duration(const std::string& text) {
  constexpr long long kLongest = 24LL * 3600 * 1000;
  long long number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string unit(end, text.data() + text.size());
  long long factor = 0;
  if (unit == "ms") factor = 1;
  if (unit == "s" || unit.empty()) factor = 1'000;
  if (unit == "m") factor = 60'000;
  if (error != std::errc() || number < 0 || factor == 0 || number > kLongest / factor)
    return Error("duration", "'" + text + "' is not a duration up to a day such as 30s, 500ms or 2m");
  return Millis(number * factor);
}

std::variant<Options, Exit> parse_options(int argc, const char* const* argv) {
  CLI::App app("Event-driven HTTP load balancer of Berth.", "berth-balancer");
  Raw raw;
  declare(app, raw);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;
    const int code = app.exit(error, text, text);
    return Exit{code == 0 ? 0 : 2, text.str()};
  }
  auto options = check(raw);
  if (!options) return Exit{2, "berth-balancer: " + options.error().text() + "\n"};
  return std::move(options).value();
}

}  // namespace balancer::app
