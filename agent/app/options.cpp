#include "agent/app/options.h"

#include <sys/utsname.h>
#include <unistd.h>
#include <fstream>

#include <charconv>

#include "agent/acme/messages.h"
#include "agent/app/object_folder.h"
#include "agent/app/own_ports.h"
#include "agent/app/snapshot.h"
#include "agent/runtime/oci/files/files.h"
#include "shared/httpd/server.h"
#include "shared/net/endpoint.h"
#include "shared/settings/settings.h"

#ifndef BERTH_VERSION
#define BERTH_VERSION "dev"
#endif

namespace agent::app {

using shared::Error;
using shared::Millis;
using shared::Result;
using shared::settings::Kind;
using shared::settings::Secrecy;
using shared::settings::Settings;
using shared::settings::SettingsSpec;

namespace {

constexpr std::int64_t kMaxReservedMemory = 65'535;  // as the ECS agent: an unsigned 16-bit number of MiB
constexpr std::size_t kMaxInstallation = 64;
constexpr std::int64_t kMaxPids = 4'194'304;
constexpr std::int64_t kMaxTasksOfInstance = 100'000;
constexpr std::int64_t kMostWebSockets = 1'000'000;
constexpr std::int64_t kMostLogLines = 1'000'000;  // MiB
constexpr std::int64_t kMebibyte = 1024 * 1024;
constexpr std::int64_t kMaxConcurrentStarts = 1'000;
constexpr std::string_view kCheck = "check";
constexpr std::string_view kSnapshot = "snapshot";
constexpr std::string_view kMetadataAddress = "169.254.170.2";
constexpr std::string_view kOff = "off";
constexpr std::string_view kMailto = "mailto:";
constexpr std::int64_t kStartsPerCpu = 2;  // more only make each start slower (docs/operating.md)

void add_common(SettingsSpec& spec) {
  spec.add({.name = "roles",
            .flag = "--roles",
            .env = {"BERTH_ROLES"},
            .kind = Kind::kList,
            .fallback = "node",
            .help = "What this agent is: node (runs containers), control (APIs, scheduling), or both",
            .choices = {"control", "node"}});
  spec.add({.name = "data_dir",
            .flag = "--data-dir",
            .env = {"BERTH_DATA_DIR", "ECS_DATADIR"},
            .fallback = "/var/lib/berth",
            .help = "Directory for state and keys"});
  spec.add({.name = "listen",
            .flag = "--listen",
            .env = {"BERTH_LISTEN"},
            .fallback = "127.0.0.1:7350",
            .help = "Where the APIs (control) and /healthz, /readyz are served"});
  spec.add({.name = "admin",
            .flag = "--admin",
            .env = {"BERTH_ADMIN"},
            .help =
                "Where /metrics, /healthz, /readyz and, of control, /sd (Prometheus' http_sd) are served, "
                "without authentication",
            .unset = "nowhere"});
  spec.add({.name = "region",
            .flag = "--region",
            .env = {"BERTH_REGION", "AWS_DEFAULT_REGION"},
            .fallback = "us-east-1",
            .help = "Region in ARNs and signatures"});
  spec.add({.name = "log_level",
            .flag = "--log-level",
            .env = {"BERTH_LOG_LEVEL", "ECS_LOGLEVEL"},
            .fallback = "info",
            .help = "Least important lines to write",
            .choices = {"debug", "info", "warn", "error"}});
  spec.add({.name = "log_format",
            .flag = "--log-format",
            .env = {"BERTH_LOG_FORMAT"},
            .fallback = "auto",
            .help = "json, logfmt, or auto: logfmt on a terminal, else json",
            .choices = {"auto", "json", "logfmt"}});
}

void add_control(SettingsSpec& spec) {
  spec.add({.name = "account",
            .flag = "--account",
            .env = {"BERTH_ACCOUNT"},
            .fallback = "000000000000",
            .help = "Control: 12-digit account id in ARNs"});
  spec.add({.name = "advertise",
            .flag = "--advertise",
            .env = {"BERTH_ADVERTISE"},
            .help = "Control: URL at which agents on other hosts reach it",
            .unset = "http:// and the listen address"});
  spec.add({.name = "listener_address",
            .flag = "--listener-address",
            .env = {"BERTH_LISTENER_ADDRESS"},
            .kind = Kind::kList,
            .fallback = "0.0.0.0",
            .help = "Control: addresses on which balancers open listeners; with several, each new load "
                    "balancer gets the one "
                    "that fewest have"});
  spec.add({.name = "objects_dir",
            .flag = "--objects-dir",
            .env = {"BERTH_OBJECTS_DIR"},
            .help =
                "Control: folder that stands for Amazon S3 as DIR/BUCKET/KEY; bundles of trust stores are "
                "read there",
            .unset = "none: trust stores cannot be made"});
  spec.add({.name = "acme_directory",
            .flag = "--acme-directory",
            .env = {"BERTH_ACME_DIRECTORY"},
            .help =
                "Control: https URL of the directory of an ACME server, whose terms you agree to; it issues "
                "what RequestCertificate asks for",
            .unset = "RequestCertificate is refused"});
  spec.add({.name = "acme_contact",
            .flag = "--acme-contact",
            .env = {"BERTH_ACME_CONTACT"},
            .kind = Kind::kList,
            .fallback = "[]",
            .help = "Control: mail addresses that a new account at the ACME server is given"});
  spec.add(
      {.name = "acme_ca_file",
       .flag = "--acme-ca-file",
       .env = {"BERTH_ACME_CA_FILE"},
       .help = "Control: PEM file with the authorities that the ACME server's own certificate may come from",
       .unset = "the system's"});
  spec.add({.name = "installation",
            .flag = "--installation",
            .env = {"BERTH_INSTALLATION"},
            .help = "Control: identity that its agents' containers carry, to replace the one in the database",
            .unset = "made at the first start"});
  spec.add({.name = "stopped_task_retention",
            .flag = "--stopped-task-retention",
            .env = {"BERTH_STOPPED_TASK_RETENTION"},
            .kind = Kind::kDuration,
            .fallback = "168h",
            .help = "Control: how long stopped tasks can be described, with their exit codes",
            .min = 60'000});
  spec.add({.name = "scale_out_after",
            .flag = "--scale-out-after",
            .env = {"BERTH_SCALE_OUT_AFTER"},
            .kind = Kind::kDuration,
            .fallback = "5s",
            .help = "Control: how long a load has to be far above a policy's target until the service grows",
            .min = 2'000});
  spec.add({.name = "scale_in_after",
            .flag = "--scale-in-after",
            .env = {"BERTH_SCALE_IN_AFTER"},
            .kind = Kind::kDuration,
            .fallback = "15m",
            .help = "Control: how long a load has to be below a policy's target until the service shrinks",
            .min = 12'000});
  spec.add({.name = "max_tasks_per_instance",
            .flag = "--max-tasks-per-instance",
            .env = {"BERTH_MAX_TASKS_PER_INSTANCE"},
            .kind = Kind::kInteger,
            .fallback = "500",
            .help = "Control: most tasks that are placed on one container instance",
            .min = 1,
            .max = kMaxTasksOfInstance});
  spec.add({.name = "max_websockets",
            .flag = "--max-websockets",
            .env = {"BERTH_MAX_WEBSOCKETS"},
            .kind = Kind::kInteger,
            .fallback = std::to_string(shared::httpd::ServerLimits{}.max_websockets),
            .help = "Control: most websockets of agents (two each) and balancers (one each)",
            .min = 1,
            .max = kMostWebSockets});
  spec.add({.name = "dashboard",
            .flag = "--dashboard",
            .env = {"BERTH_DASHBOARD"},
            .kind = Kind::kBoolean,
            .fallback = "true",
            .help = "Control: pages for people at /dashboard/, for whoever has DATA_DIR/dashboard-token"});
  spec.add({.name = "dns",
            .flag = "--dns",
            .env = {"BERTH_DNS"},
            .fallback = "off",
            .help =
                "Control: address and port at which the DNS names of Cloud Map's namespaces are answered by "
                "UDP and TCP, such as 10.0.0.1:53; off: nowhere"});
  spec.add({.name = "registry",
            .flag = "--registry",
            .env = {"BERTH_REGISTRY"},
            .help = "Control: http or https URL of a registry of images, whose names ECR's repositories have",
            .unset = "ECR is refused"});
  spec.add({.name = "registry_password_file",
            .flag = "--registry-password-file",
            .env = {"BERTH_REGISTRY_PASSWORD_FILE"},
            .help =
                "Control: file with the password that the registry wants of user AWS; GetAuthorizationToken "
                "answers it, to whom its policies let",
            .unset = "the registry asks for none"});
  spec.add({.name = "log_lines_mib",
            .flag = "--log-lines-mib",
            .env = {"BERTH_LOG_LINES_MIB"},
            .kind = Kind::kInteger,
            .fallback = "1024",
            .help = "Control: most MiB of lines that CloudWatch Logs keeps; then the oldest go",
            .min = 1,
            .max = kMostLogLines});
  spec.add({.name = "max_starting_tasks_per_instance",
            .flag = "--max-starting-tasks-per-instance",
            .env = {"BERTH_MAX_STARTING_TASKS_PER_INSTANCE"},
            .kind = Kind::kInteger,
            .fallback = "20",
            .help = "Control: most tasks that an agent is handed while they are not up; the others wait",
            .min = 1,
            .max = kMaxTasksOfInstance});
}

void add_node(SettingsSpec& spec) {
  spec.add({.name = "control_url",
            .flag = "--control",
            .env = {"BERTH_CONTROL", "ECS_BACKEND_HOST"},
            .help = "Node: URL of control, http://HOST:PORT",
            .unset = "this agent when it has the role control"});
  spec.add({.name = "node_key_file",
            .flag = "--node-key-file",
            .env = {"BERTH_NODE_KEY_FILE"},
            .help = "Node: file with control's node-credentials",
            .unset = "DATA_DIR/node-credentials"});
  spec.add({.name = "cluster",
            .flag = "--cluster",
            .env = {"ECS_CLUSTER"},
            .fallback = "default",
            .help = "Node: cluster to join"});
  spec.add({.name = "address",
            .flag = "--address",
            .env = {"BERTH_ADDRESS"},
            .fallback = "127.0.0.1",
            .help = "Node: IP address at which balancers reach this host's ports"});
  spec.add({.name = "docker_host",
            .flag = "--docker-host",
            .env = {"DOCKER_HOST"},
            .fallback = "unix:///var/run/docker.sock",
            .help = "Node: socket of the container engine, unix://PATH"});
  spec.add({.name = "runtime",
            .flag = "--runtime",
            .env = {"BERTH_RUNTIME"},
            .fallback = "docker",
            .help =
                "Node: who runs containers: docker (the engine at --docker-host), or oci: this agent itself, "
                "with runc and no daemon",
            .choices = {"docker", "oci"}});
  spec.add({.name = "oci_runtime",
            .flag = "--oci-runtime",
            .env = {"BERTH_OCI_RUNTIME"},
            .fallback = "runc",
            .help = "Node: program that builds containers, with --runtime oci"});
  spec.add({.name = "bridge",
            .flag = "--bridge",
            .env = {"BERTH_BRIDGE"},
            .fallback = "berth0",
            .help =
                "Node: network device that containers are attached to, with --runtime oci; of several agents "
                "on a host each needs its own"});
  spec.add({.name = "bridge_subnet",
            .flag = "--bridge-subnet",
            .env = {"BERTH_BRIDGE_SUBNET"},
            .fallback = "172.29.0.0/16",
            .help = "Node: IPv4 network that containers get addresses of, with --runtime oci"});
  spec.add({.name = "image_archives",
            .flag = "--image-archives",
            .env = {"BERTH_IMAGE_ARCHIVES"},
            .help =
                "Node: folder whose archives of images (docker save, OCI layout as a tar) are loaded at the "
                "start, with --runtime oci",
            .unset = "none"});
  spec.add(
      {.name = "registry_auth_file",
       .flag = "--registry-auth-file",
       .env = {"BERTH_REGISTRY_AUTH_FILE"},
       .help =
           "Node: file with registries' credentials in the form of docker's config.json, with --runtime oci",
       .unset = "those of ECS_ENGINE_AUTH_DATA"});
  spec.add(
      {.name = "registry_auth_data",
       .flag = "--registry-auth-data",
       .env = {"ECS_ENGINE_AUTH_DATA"},
       .help = "Node: the same as a text, as the ECS agent takes it (both of its types), with --runtime oci",
       .unset = "none",
       .secrecy = Secrecy::kSecret});
  spec.add({.name = "insecure_registries",
            .flag = "--insecure-registries",
            .env = {"BERTH_INSECURE_REGISTRIES"},
            .kind = Kind::kList,
            .fallback = "[]",
            .help =
                "Node: hosts of registries that may be spoken to without TLS, with --runtime oci; loopback "
                "addresses may be anyway"});
  spec.add({.name = "reserved_memory",
            .flag = "--reserved-memory",
            .env = {"ECS_RESERVED_MEMORY"},
            .kind = Kind::kInteger,
            .fallback = "0",
            .help = "Node: MiB of memory that tasks do not get",
            .min = 0,
            .max = kMaxReservedMemory});
  spec.add({.name = "reserved_ports",
            .flag = "--reserved-ports",
            .env = {"ECS_RESERVED_PORTS"},
            .kind = Kind::kList,
            .fallback = "22,2375,2376,51678,51679,51680",
            .help = "Node: TCP host ports that tasks do not get, besides 51678-51680 and the agent's own"});
  spec.add({.name = "reserved_ports_udp",
            .flag = "--reserved-ports-udp",
            .env = {"ECS_RESERVED_PORTS_UDP"},
            .kind = Kind::kList,
            .fallback = "[]",
            .help = "Node: UDP host ports that tasks do not get"});
  spec.add(
      {.name = "dynamic_host_port_range",
       .flag = "--dynamic-host-port-range",
       .env = {"ECS_DYNAMIC_HOST_PORT_RANGE"},
       .help = "Node: FIRST-LAST, from which host ports are chosen where a task definition leaves that open",
       .unset = "the kernel's ip_local_port_range"});
  spec.add({.name = "instance_attributes",
            .flag = "--instance-attributes",
            .env = {"ECS_INSTANCE_ATTRIBUTES"},
            .kind = Kind::kMap,
            .fallback = "{}",
            .help = "Node: custom attributes of the container instance"});
  spec.add({.name = "instance_tags",
            .flag = "--instance-tags",
            .env = {"ECS_CONTAINER_INSTANCE_TAGS"},
            .kind = Kind::kMap,
            .fallback = "{}",
            .help = "Node: tags of the container instance"});
  spec.add({.name = "logging_drivers",
            .flag = "--logging-drivers",
            .env = {"ECS_AVAILABLE_LOGGING_DRIVERS"},
            .kind = Kind::kList,
            .fallback = "json-file,none",
            .help = "Node: log drivers that task definitions may name"});
  spec.add({.name = "container_stop_timeout",
            .flag = "--container-stop-timeout",
            .env = {"ECS_CONTAINER_STOP_TIMEOUT"},
            .kind = Kind::kDuration,
            .fallback = "30s",
            .help = "Node: SIGTERM to SIGKILL where the container has no stopTimeout",
            .min = 1'000});
  spec.add({.name = "task_cleanup_wait",
            .flag = "--task-cleanup-wait",
            .env = {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION"},
            .kind = Kind::kDuration,
            .fallback = "3h",
            .help = "Node: how long the containers of a stopped task are kept",
            .min = 1'000});
  spec.add({.name = "task_cleanup_wait_jitter",
            .flag = "--task-cleanup-wait-jitter",
            .env = {"ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER"},
            .kind = Kind::kDuration,
            .fallback = "0s",
            .help = "Node: random extra on top",
            .min = 0});
  spec.add({.name = "image_pull_behavior",
            .flag = "--image-pull-behavior",
            .env = {"ECS_IMAGE_PULL_BEHAVIOR"},
            .fallback = "default",
            .help = "Node: when images are pulled",
            .choices = {"default", "always", "once", "prefer-cached"}});
  spec.add({.name = "task_limits",
            .flag = "--task-limits",
            .env = {"ECS_ENABLE_TASK_CPU_MEM_LIMIT"},
            .kind = Kind::kBoolean,
            .fallback = "true",
            .help = "Node: a cgroup of its own for each task, with its cpu and memory limit"});
  spec.add({.name = "task_pids_limit",
            .flag = "--task-pids-limit",
            .env = {"ECS_TASK_PIDS_LIMIT"},
            .kind = Kind::kInteger,
            .help = "Node: most processes in a task",
            .unset = "no limit",
            .min = 1,
            .max = kMaxPids});
  spec.add({.name = "concurrent_starts",
            .flag = "--concurrent-starts",
            .env = {"BERTH_CONCURRENT_STARTS"},
            .kind = Kind::kInteger,
            .help = "Node: containers created or started at once, and images pulled at once",
            .unset = "2 for each CPU",
            .min = 1,
            .max = kMaxConcurrentStarts});
  spec.add({.name = "task_metadata",
            .flag = "--task-metadata",
            .env = {"BERTH_TASK_METADATA"},
            .fallback = std::string(kMetadataAddress),
            .help = "Node: IPv4 address, put on the loopback interface, at which containers are told of "
                    "themselves (port 80); "
                    "off: they are not"});
  spec.add({.name = "task_metadata_rps_limit",
            .flag = "--task-metadata-rps-limit",
            .env = {"ECS_TASK_METADATA_RPS_LIMIT"},
            .kind = Kind::kList,
            .fallback = "40,60",
            .help = "Node: requests a second and at once that the task metadata answers"});
  spec.add({.name = "container_endpoint",
            .flag = "--container-endpoint",
            .env = {"BERTH_CONTAINER_ENDPOINT"},
            .help = "Node: http:// URL of the services of AWS as containers reach it, told to them as "
                    "AWS_ENDPOINT_URL where their definition does not; with a control on this host that "
                    "listens on all addresses http://169.254.170.2:PORT will do",
            .unset = "not told"});
  spec.add({.name = "audit_log",
            .flag = "--audit-log",
            .env = {"ECS_AUDIT_LOGFILE"},
            .help = "Node: file with a line for each request of a container for its role's keys; off: none",
            .unset = "audit.log in the data directory"});
  spec.add({.name = "introspection",
            .flag = "--introspection",
            .env = {"BERTH_INTROSPECTION"},
            .fallback = "127.0.0.1:51678",
            .help = "Node: where the agent tells of its tasks (/v1/metadata, /v1/tasks); off: nowhere"});
  spec.add({.name = "disable_privileged",
            .flag = "--disable-privileged",
            .env = {"ECS_DISABLE_PRIVILEGED"},
            .kind = Kind::kBoolean,
            .fallback = "false",
            .help = "Node: do not offer privileged containers"});
  spec.add({.name = "disable_metrics",
            .flag = "--disable-metrics",
            .env = {"ECS_DISABLE_METRICS"},
            .kind = Kind::kBoolean,
            .fallback = "false",
            .help = "Node: do not tell control what tasks use (no CPUUtilization, no scaling by it)"});
}

Result<std::set<int>> ports(const Settings& settings, const char* name) {
  std::set<int> out;
  for (const std::string& text : settings.list(name)) {
    int port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port < 1 ||
        port > shared::net::kMaxPort) {
      return Error("setting", settings.source(name) + ": '" + text + "' is not a port");
    }
    out.insert(port);
  }
  return out;
}

Result<void> fill_metadata(const Settings& settings, Options& options) {
  const auto wrong = [&](const char* name, const std::string& what) {
    return Error("setting", settings.source(name) + ": " + what);
  };
  const std::string& address = settings.string("task_metadata");
  if (address != kOff) {
    if (!shared::net::is_ip_address(address) || address.find(':') != std::string::npos)
      return wrong("task_metadata", "'" + address + "' is neither an IPv4 address nor off");
    options.metadata_address = address;
  }
  options.node_settings.endpoint_url = settings.string_if("container_endpoint").value_or("");
  if (const std::string& url = options.node_settings.endpoint_url;
      !url.empty() && !url.starts_with("http://") && !url.starts_with("https://"))
    return wrong("container_endpoint", "'" + url + "' does not begin with http:// or https://");
  options.audit_log = settings.string_if("audit_log").value_or(options.data_dir + "/audit.log");
  if (options.audit_log == kOff) options.audit_log.clear();
  std::vector<double> rates;
  for (const std::string& text : settings.list("task_metadata_rps_limit")) {
    int rate = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), rate);
    if (error != std::errc() || end != text.data() + text.size() || rate < 1) rate = 0;
    rates.push_back(rate);
  }
  if (rates.size() != 2 || rates[0] < 1 || rates[1] < rates[0])
    return wrong("task_metadata_rps_limit",
                 "must be two numbers, steady and burst, the second not below the first");
  options.metadata_limit = {rates[0], rates[1]};
  const std::string& introspection = settings.string("introspection");
  if (introspection == kOff) return {};
  auto endpoint = shared::net::parse_endpoint(introspection);
  if (!endpoint) return wrong("introspection", endpoint.error().text());
  options.introspection = *std::move(endpoint);
  return {};
}

node::PullBehavior pull_behavior(const std::string& word) {
  if (word == "always") return node::PullBehavior::kAlways;
  if (word == "once") return node::PullBehavior::kOnce;
  if (word == "prefer-cached") return node::PullBehavior::kPreferCached;
  return node::PullBehavior::kDefault;
}

constexpr const char* kRunFolder = "/run/berth";
constexpr std::size_t kMaxAuthFile = 1024 * 1024;

// Where this program is, or where the packages put what belongs to it.
std::string helper_folder() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string own(path, size > 0 ? static_cast<std::size_t>(size) : 0);
  const std::string folder = own.substr(0, own.rfind('/'));
  if (::access((folder + "/berth-monitor").c_str(), X_OK) == 0) return folder;
  return folder.substr(0, folder.rfind('/')) + "/lib/berth";
}

Result<runtime::oci::OciSettings> oci_settings(const Settings& settings, const Options& options) {
  runtime::oci::OciSettings oci;
  oci.data = options.data_dir + "/runtime";
  oci.bridge.bridge = settings.string("bridge");
  oci.bridge.subnet = settings.string("bridge_subnet");
  oci.run = std::string(kRunFolder) + "/" + oci.bridge.bridge;
  oci.helpers = helper_folder();
  oci.runc = settings.string("oci_runtime");
  oci.archives = settings.string_if("image_archives").value_or("");
  std::string auth = settings.string_if("registry_auth_data").value_or("");
  const char* source = "registry_auth_data";
  if (const auto file = settings.string_if("registry_auth_file")) {
    source = "registry_auth_file";
    auto text = runtime::oci::files::read(*file, kMaxAuthFile);
    if (!text) return Error("setting", settings.source(source) + ": " + text.error().text());
    auth = *std::move(text);
  }
  if (!auth.empty()) {
    auto credentials = runtime::oci::parse_credentials(auth);
    if (!credentials) return Error("setting", settings.source(source) + ": " + credentials.error().text());
    oci.registries.credentials = *std::move(credentials);
  }
  for (const std::string& each : settings.list("insecure_registries")) oci.registries.insecure.insert(each);
  return oci;
}

Result<void> fill_node(const Settings& settings, Options& options) {
  node::NodeSettings& node = options.node_settings;
  node.cluster = settings.string("cluster");
  node.region = settings.string("region");
  node.address = settings.string("address");
  if (!shared::net::is_ip_address(node.address)) {
    return Error("setting", settings.source("address") + ": '" + node.address + "' is not an IP address");
  }
  node.cpus = std::max(1L, ::sysconf(_SC_NPROCESSORS_ONLN));
  node.memory_mib = ::sysconf(_SC_PHYS_PAGES) / (1024 * 1024 / ::sysconf(_SC_PAGESIZE));
  node.reserved_memory_mib = settings.integer("reserved_memory");
  if (node.reserved_memory_mib >= node.memory_mib) {
    return Error("setting", settings.source("reserved_memory") + ": the host has only " +
                                std::to_string(node.memory_mib) + " MiB");
  }
  auto tcp = ports(settings, "reserved_ports");
  if (!tcp) return tcp.error();
  node.reserved_ports = *std::move(tcp);
  auto udp = ports(settings, "reserved_ports_udp");
  if (!udp) return udp.error();
  node.reserved_ports_udp = *std::move(udp);
  if (const auto range = settings.string_if("dynamic_host_port_range")) {
    auto parsed = parse_port_range(*range);
    if (!parsed) return parsed.error().within(settings.source("dynamic_host_port_range"));
    node.dynamic_ports = *parsed;
  } else {
    node.dynamic_ports = kernel_port_range();
  }
  utsname machine{};
  ::uname(&machine);
  node.cpu_architecture = std::string_view(machine.machine) == "aarch64" ? "arm64" : "x86_64";
  node.attributes = settings.map("instance_attributes");
  node.tags = settings.map("instance_tags");
  node.logging_drivers = settings.list("logging_drivers");
  node.disable_privileged = settings.boolean("disable_privileged");
  node.metrics = !settings.boolean("disable_metrics");
  node.agent_version = BERTH_VERSION;
  node.pull_behavior = pull_behavior(settings.string("image_pull_behavior"));
  node.container_stop_timeout = settings.duration("container_stop_timeout");
  node.task_cleanup_wait = settings.duration("task_cleanup_wait");
  node.task_cleanup_wait_jitter = settings.duration("task_cleanup_wait_jitter");
  if (settings.has("task_pids_limit")) node.task_pids_limit = settings.integer("task_pids_limit");
  node.concurrent_starts = static_cast<std::size_t>(
      settings.has("concurrent_starts") ? settings.integer("concurrent_starts") : kStartsPerCpu * node.cpus);
  if (auto filled = fill_metadata(settings, options); !filled) return filled;
  options.task_limits = settings.boolean("task_limits");
  options.task_limits_explicit = settings.is_explicit("task_limits");

  constexpr std::string_view kUnix = "unix://";
  const std::string& engine = settings.string("docker_host");
  if (!engine.starts_with(kUnix)) {
    return Error("setting", settings.source("docker_host") + ": '" + engine + "' must be unix:// and a path");
  }
  options.docker_socket = engine.substr(kUnix.size());
  if (settings.string("runtime") == "oci") {
    auto oci = oci_settings(settings, options);
    if (!oci) return oci.error();
    options.oci = *std::move(oci);
  }
  options.control_url = settings.string_if("control_url").value_or("");
  if (options.control_url.empty() && !options.control) {
    return Error("setting", "--control: an agent without the role control needs the URL of control");
  }
  options.node_key_file =
      settings.string_if("node_key_file").value_or(options.data_dir + "/node-credentials");
  return {};
}

Result<void> fill_registry(const Settings& settings, Options& options) {
  options.registry = settings.string_if("registry").value_or("");
  while (options.registry.ends_with('/')) options.registry.pop_back();
  if (!options.registry.empty() && !options.registry.starts_with("http://") &&
      !options.registry.starts_with("https://"))
    return Error("setting", settings.source("registry") + ": '" + options.registry +
                                "' does not begin with http:// or https://");
  const auto file = settings.string_if("registry_password_file");
  if (!file) return {};
  if (options.registry.empty())
    return Error("setting", settings.source("registry_password_file") + ": needs --registry too");
  std::ifstream in(*file);
  std::getline(in, options.registry_password);
  if (!in || options.registry_password.empty())
    return Error("setting", settings.source("registry_password_file") + ": '" + *file +
                                "' cannot be read, or its first line is empty");
  return {};
}

Result<void> fill_acme(const Settings& settings, Options& options) {
  control::Settings& control = options.control_settings;
  control.acme_directory = settings.string_if("acme_directory").value_or("");
  if (!control.acme_directory.empty() && !acme::is_https_url(control.acme_directory)) {
    return Error("setting",
                 settings.source("acme_directory") + ": '" + control.acme_directory + "' is no https URL");
  }
  for (const std::string& each : settings.list("acme_contact")) {
    const std::string address = each.starts_with(kMailto) ? each.substr(kMailto.size()) : each;
    const std::size_t at = address.find('@');
    if (at == 0 || at >= address.size() - 1 || address.find_first_of(" ,?") != std::string::npos)
      return Error("setting", settings.source("acme_contact") + ": '" + each + "' is no mail address");
    control.acme_contact.push_back(std::string(kMailto) + address);
  }
  options.acme_ca_file = settings.string_if("acme_ca_file").value_or("");
  for (const char* name : {"acme_contact", "acme_ca_file"}) {
    if (settings.is_explicit(name) && control.acme_directory.empty())
      return Error("setting", settings.source(name) + ": needs --acme-directory too");
  }
  return {};
}

Result<void> fill_listener_addresses(const Settings& settings, control::Settings& control) {
  const auto wrong = [&](const std::string& what) {
    return Error("setting", settings.source("listener_address") + ": " + what);
  };
  control.listen_addresses = settings.list("listener_address");
  std::set<std::string> seen;
  for (const std::string& each : control.listen_addresses) {
    if (!shared::net::is_ip_address(each)) return wrong("'" + each + "' is not an IP address");
    if (!seen.insert(each).second) return wrong("'" + each + "' is there twice");
    if (control.listen_addresses.size() > 1 && (each == "0.0.0.0" || each == "::"))
      return wrong("'" + each + "' is every address, and cannot be one of several");
  }
  if (control.listen_addresses.empty()) return wrong("no address given");
  return {};
}

Result<Options> options_from(const Settings& settings) {
  Options options;
  options.control = false;
  options.node = false;
  for (const std::string& role : settings.list("roles"))
    (role == "control" ? options.control : options.node) = true;
  if (!options.control && !options.node)
    return Error("setting", settings.source("roles") + ": no role given");
  options.data_dir = settings.string("data_dir");
  auto listen = shared::net::parse_endpoint(settings.string("listen"));
  if (!listen) return Error("setting", settings.source("listen") + ": " + listen.error().text());
  options.listen = *std::move(listen);
  if (const auto admin = settings.string_if("admin")) {
    auto at = shared::net::parse_endpoint(*admin);
    if (!at) return Error("setting", settings.source("admin") + ": " + at.error().text());
    options.admin = *std::move(at);
  }
  options.log_level =
      shared::log::parse_level(settings.string("log_level")).value_or(shared::log::Level::kInfo);
  options.log_format =
      shared::log::parse_format(settings.string("log_format")).value_or(shared::log::Format::kAuto);
  control::Settings& control = options.control_settings;
  control.account = settings.string("account");
  control.region = settings.string("region");
  if (auto filled = fill_listener_addresses(settings, control); !filled) return filled.error();
  if (const auto folder = settings.string_if("objects_dir")) {
    auto opened = ObjectFolder::open(*folder);
    if (!opened) return Error("setting", settings.source("objects_dir") + ": " + opened.error().text());
    control.objects = *std::move(opened);
  }
  control.stopped_task_retention = settings.duration("stopped_task_retention");
  control.scale_out_after = settings.duration("scale_out_after");
  control.scale_in_after = settings.duration("scale_in_after");
  control.max_tasks_per_instance = static_cast<int>(settings.integer("max_tasks_per_instance"));
  options.dashboard = settings.boolean("dashboard");
  options.log_lines_bytes = settings.integer("log_lines_mib") * kMebibyte;
  options.max_websockets = static_cast<std::size_t>(settings.integer("max_websockets"));
  control.max_starting_tasks_per_instance =
      static_cast<int>(settings.integer("max_starting_tasks_per_instance"));
  control.installation = settings.string_if("installation").value_or("");
  if (control.installation.size() > kMaxInstallation) {
    return Error("setting", settings.source("installation") + ": longer than " +
                                std::to_string(kMaxInstallation) + " characters");
  }
  control.poll_endpoint = settings.string_if("advertise").value_or("");
  if (const std::string& dns = settings.string("dns"); dns != kOff) {
    auto endpoint = shared::net::parse_endpoint(dns);
    if (!endpoint) return Error("setting", settings.source("dns") + ": " + endpoint.error().text());
    if (endpoint->is_unix() || !shared::net::is_ip_address(endpoint->address))
      return Error("setting", settings.source("dns") + ": '" + dns + "' is not an IP address and a port");
    options.dns = *std::move(endpoint);
  }
  if (auto filled = fill_registry(settings, options); !filled) return filled.error();
  if (auto filled = fill_acme(settings, options); !filled) return filled.error();
  if (options.node) {
    if (auto filled = fill_node(settings, options); !filled) return filled.error();
  }
  return options;
}

}  // namespace

SettingsSpec settings_spec() {
  SettingsSpec spec("berth-agent",
                    "Runs ECS workloads on this host; with the role control also the ECS and ELBv2 APIs. "
                    "`berth-agent check ...` says what is wrong with the settings and ends; "
                    "`berth-agent snapshot save FILE` and `restore FILE` keep control's state.",
                    BERTH_VERSION);
  spec.file("--config", "BERTH_CONFIG", "/etc/berth/agent.json");
  add_common(spec);
  add_control(spec);
  add_node(spec);
  return spec;
}

namespace {

// `berth-agent check`: everything that is wrong with the settings, a line each; code 1 when something is.
Exit check_settings(const std::vector<std::string>& arguments) {
  const auto checked =
      shared::settings::check(settings_spec(), arguments, shared::settings::process_environment());
  if (checked.loaded.print && checked.problems.empty()) return Exit{0, *checked.loaded.print};
  std::string text;
  for (const std::string& problem : checked.problems) text += problem + "\n";
  if (checked.problems.empty()) {
    if (auto options = options_from(checked.loaded.settings); !options) text += options.error().text() + "\n";
  }
  const bool good = text.empty();
  for (const std::string& warning : checked.loaded.warnings) text += "warning: " + warning + "\n";
  return Exit{good ? 0 : 1, good ? text + "the settings are good\n" : text};
}

}  // namespace

std::variant<Options, Exit> parse_options(const std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments.front() == kCheck)
    return check_settings({arguments.begin() + 1, arguments.end()});
  if (!arguments.empty() && arguments.front() == kSnapshot)
    return run_snapshot({arguments.begin() + 1, arguments.end()});
  auto loaded = shared::settings::load(settings_spec(), arguments, shared::settings::process_environment());
  if (!loaded) return Exit{2, "berth-agent: " + loaded.error().text() + "\n"};
  if (loaded->print) return Exit{0, *loaded->print};
  auto options = options_from(loaded->settings);
  if (!options) return Exit{2, "berth-agent: " + options.error().text() + "\n"};
  options->warnings = loaded->warnings;
  return *std::move(options);
}

}  // namespace agent::app
