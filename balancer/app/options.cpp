#include "balancer/app/options.h"

#include "balancer/app/check.h"
#include "balancer/loop/clock.h"

#include <algorithm>
#include <thread>

#include "balancer/feed/state_dir.h"
#include "shared/settings/settings.h"

#ifndef BERTH_VERSION
#define BERTH_VERSION "dev"
#endif

namespace balancer::app {

using shared::Error;
using shared::Result;
using shared::settings::Kind;
using shared::settings::Option;
using shared::settings::Settings;
using shared::settings::SettingsSpec;

namespace {

constexpr std::int64_t kMaxWorkers = 256;
constexpr std::int64_t kMaxDrainMillis = 24LL * 3600 * 1000;

Result<void> read_control(const Settings& settings, Options& out) {
  const auto control = settings.string_if("control");
  if (!control) return {};
  auto address = feed::parse_control_url(*control);
  if (!address) return address.error().within(settings.source("control"));
  out.control = std::move(address).value();
  const auto token_file = settings.string_if("token_file");
  if (!token_file) return Error("options", "--control needs --token-file");
  auto token = feed::read_file(*token_file);
  if (!token) return token.error().within(settings.source("token_file"));
  out.token = std::move(token).value();
  while (!out.token.empty() && std::string_view("\r\n ").find(out.token.back()) != std::string_view::npos)
    out.token.pop_back();
  if (out.token.empty())
    return Error("options", settings.source("token_file") + ": " + *token_file + " is empty");
  return {};
}

Result<Options> check(const Settings& settings) {
  Options out;
  out.config_file = settings.string_if("config").value_or("");
  if (out.config_file.empty() != settings.has("control"))
    return Error("options", "give one of --config and --control");
  if (auto control = read_control(settings, out); !control) return control.error();
  out.state_dir = settings.string_if("state_dir").value_or("");
  out.take_over = settings.boolean("take_over");
  if (out.take_over && out.state_dir.empty())
    return Error("options", settings.source("take_over") +
                                " needs --state-dir, which is where the running balancer is found");
  const auto workers = static_cast<std::size_t>(settings.integer("workers"));
  out.workers = workers != 0 ? workers : std::max(1U, std::thread::hardware_concurrency());
  auto admin = shared::net::parse_endpoint(settings.string("admin"));
  if (!admin) return admin.error().within(settings.source("admin"));
  out.admin = std::move(admin).value();
  out.listen_address = settings.string_if("listen_address").value_or("");
  if (!out.listen_address.empty() && !shared::net::is_ip_address(out.listen_address)) {
    return Error("options",
                 settings.source("listen_address") + ": '" + out.listen_address + "' is not an IP address");
  }
  out.drain_timeout = settings.duration("drain_timeout");
  out.access_log = settings.string_if("access_log").value_or("");
  out.target_metrics = settings.boolean("target_metrics");
  out.jwks_ca_file = settings.string_if("jwks_ca_file").value_or("");
  const std::string& format = settings.string("log_format");
  out.log_format = shared::log::parse_format(format == "text" ? "logfmt" : format).value_or(out.log_format);
  out.log_level = shared::log::parse_level(settings.string("log_level")).value_or(out.log_level);
  return out;
}

}  // namespace

SettingsSpec settings_spec() {
  SettingsSpec spec("berth-balancer", "Event-driven HTTP load balancer of Berth.", BERTH_VERSION);
  const auto text = [](const char* name, const char* flag, const char* variable, const char* help,
                       std::optional<std::string> fallback = std::nullopt, const char* unset = "") -> Option {
    Option option;
    option.name = name;
    option.flag = flag;
    option.env = {variable};
    option.help = help;
    option.fallback = std::move(fallback);
    option.unset = unset;
    return option;
  };
  spec.add(text("config", "--config", "BERTH_BALANCER_CONFIG",
                "Configuration file (JSON); reloaded on SIGHUP and when it changes", std::nullopt,
                "none, from --control"));
  spec.add(
      text("check", "--check", "BERTH_BALANCER_CHECK",
           "Only say whether this configuration file is good, and what is wrong with it; exit code 0 or 1",
           std::nullopt, "serve"));
  spec.add(text("control", "--control", "BERTH_BALANCER_CONTROL",
                "Control endpoint to take configuration from, http://HOST:PORT", std::nullopt,
                "none, from --config"));
  spec.add(text("token_file", "--token-file", "BERTH_BALANCER_TOKEN_FILE",
                "File with the balancer token for --control", std::nullopt, "none"));
  spec.add(text("state_dir", "--state-dir", "BERTH_BALANCER_STATE_DIR",
                "Directory for the balancer's id and its last good configuration", std::nullopt,
                "nothing is kept over restarts"));
  Option take_over = text("take_over", "--take-over", "BERTH_BALANCER_TAKE_OVER",
                          "Take listening sockets and state over from the balancer that runs on the state "
                          "directory, if there is one",
                          "false");
  take_over.kind = Kind::kBoolean;
  spec.add(std::move(take_over));
  Option workers =
      text("workers", "--workers", "BERTH_BALANCER_WORKERS", "Worker threads; 0 = one per CPU", "0");
  workers.kind = Kind::kInteger;
  workers.min = 0;
  workers.max = kMaxWorkers;
  spec.add(std::move(workers));
  spec.add(text("admin", "--admin", "BERTH_BALANCER_ADMIN",
                "Where /healthz, /readyz, /metrics and /config are served", "127.0.0.1:7351"));
  spec.add(text("listen_address", "--listen-address", "BERTH_BALANCER_LISTEN_ADDRESS",
                "Listen on this IP address instead of the configured ones", std::nullopt, "as configured"));
  Option drain =
      text("drain_timeout", "--drain-timeout", "BERTH_BALANCER_DRAIN_TIMEOUT",
           "After SIGTERM, or once another process took over: how long open requests may run", "30s");
  drain.kind = Kind::kDuration;
  drain.min = 0;
  drain.max = kMaxDrainMillis;
  spec.add(std::move(drain));
  spec.add(text("access_log", "--access-log", "BERTH_BALANCER_ACCESS_LOG",
                "File for access log lines of listeners with the option access_log; - is the standard output",
                std::nullopt, "none is written"));
  Option each_target = text("target_metrics", "--target-metrics", "BERTH_BALANCER_TARGET_METRICS",
                            "Also metrics of each target: as many series as there are targets", "false");
  each_target.kind = Kind::kBoolean;
  spec.add(std::move(each_target));
  spec.add(
      text("jwks_ca_file", "--jwks-ca-file", "BERTH_BALANCER_JWKS_CA_FILE",
           "File with CA certificates (PEM) that the endpoints of key sets may have besides the system's",
           std::nullopt, "the system's only"));
  Option format =
      text("log_format", "--log-format", "BERTH_BALANCER_LOG_FORMAT", "Form of log lines", "auto");
  format.choices = {"auto", "json", "text"};
  spec.add(std::move(format));
  Option level =
      text("log_level", "--log-level", "BERTH_BALANCER_LOG_LEVEL", "Least level that is logged", "info");
  level.choices = {"debug", "info", "warn", "error"};
  spec.add(std::move(level));
  return spec;
}

std::variant<Options, Exit> parse_options(int argc, const char* const* argv) {
  auto loaded = shared::settings::load(settings_spec(), {argv + 1, argv + argc},
                                       shared::settings::process_environment());
  if (!loaded) return Exit{2, "berth-balancer: " + loaded.error().text() + "\n"};
  if (loaded->print) return Exit{0, *loaded->print};
  if (const auto file = loaded->settings.string_if("check"); file && !file->empty()) {
    auto checked = check_file(*file, loop::wall_now());
    return checked ? Exit{0, *checked} : Exit{1, "berth-balancer: " + checked.error().text() + "\n"};
  }
  auto options = check(loaded->settings);
  if (!options) return Exit{2, "berth-balancer: " + options.error().text() + "\n"};
  options->warnings = loaded->warnings;
  options->command_line.assign(argv, argv + argc);
  return std::move(options).value();
}

}  // namespace balancer::app
