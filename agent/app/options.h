// What an operator can set for berth-agent: flags, BERTH_* and the ECS agent's own ECS_* variables, a JSON
// file.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/control/state/step.h"
#include "agent/metadata/metadata.h"
#include "agent/node/settings.h"
#include "agent/runtime/oci/oci_runtime.h"
#include "shared/base/result.h"
#include "shared/log/log.h"
#include "shared/net/endpoint.h"
#include "shared/settings/settings.h"

namespace agent::app {

struct Options {
  bool control = false;
  bool node = true;
  std::string data_dir;
  shared::net::Endpoint listen;  // the API when control runs here; health endpoints always
  std::string control_url;       // which control the node dials
  std::string docker_socket;
  std::optional<runtime::oci::OciSettings> oci;  // the runtime without a daemon; none: the container engine
  bool task_limits = true;                       // ECS_ENABLE_TASK_CPU_MEM_LIMIT
  bool task_limits_explicit = false;
  std::string metadata_address;  // empty: none
  metadata::RateLimit metadata_limit;
  std::string audit_log;  // file; empty: none
  std::optional<shared::net::Endpoint> introspection;
  std::optional<shared::net::Endpoint> admin;
  std::optional<shared::net::Endpoint> dns;  // where control answers DNS
  std::string registry;           // URL; empty: ECR is not offered
  std::string registry_password;  // of its user AWS; empty: it asks for none
  std::string node_key_file;  // credentials for the node when control is elsewhere
  std::string acme_ca_file;   // CAs that the ACME server's certificate may come from; empty: the system's
  std::size_t max_websockets = 0;  // of agents and balancers to control
  bool dashboard = true;
  std::int64_t log_lines_bytes = 0;  // of all lines that CloudWatch Logs keeps
  control::Settings control_settings;
  node::NodeSettings node_settings;
  shared::log::Level log_level = shared::log::Level::kInfo;
  shared::log::Format log_format = shared::log::Format::kAuto;
  std::vector<std::string> warnings;  // such as a variable BERTH_* that nothing reads
};

struct Exit {
  int code = 0;
  std::string text;
};

// Everything that can be set, with its meaning and default.
shared::settings::SettingsSpec settings_spec();

// Options, or what to print before ending (help, version, an error with code 2). With the first argument
// `check`, which the flags follow: every mistake, with code 1, or that there is none.
std::variant<Options, Exit> parse_options(const std::vector<std::string>& arguments);

}  // namespace agent::app
