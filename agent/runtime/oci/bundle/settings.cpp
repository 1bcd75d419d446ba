#include "agent/runtime/oci/bundle/settings.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <functional>
#include <nlohmann/json.hpp>

#include "shared/http/message.h"
#include "shared/json/reader.h"

namespace agent::runtime::oci {
namespace {

using nlohmann::json;
using shared::Error;
using shared::Result;
using shared::json::Reader;

constexpr const char* kRefused = "CannotCreateContainerError";
constexpr std::int64_t kMinMemory = 4 * 1024 * 1024;  // the runtime's own start takes as much

using Read = std::function<void(const Reader&, const std::string&)>;

struct Member {
  const char* name;
  Read read;
};

bool neutral(const json& value) {
  return value.is_null() || value == false || value == 0 || value == "" ||
         ((value.is_array() || value.is_object()) && value.empty());
}

// Names as the Engine API has them, compared without case as it does. What is not listed may only have a
// value that means nothing.
void read_members(const Reader& in, const std::vector<Member>& members) {
  for (const std::string& name : in.names()) {
    const auto found = std::find_if(members.begin(), members.end(), [&](const Member& each) {
      return shared::http::equals_ignoring_case(each.name, name);
    });
    if (found != members.end()) {
      found->read(in, name);
    } else if (const json* value = in.value(name); value != nullptr && !neutral(*value)) {
      in.fail(name, "this runtime does not support it");
    }
  }
}

template <class T>
Read text_into(T& out) {
  return [&out](const Reader& in, const std::string& name) { out = in.string_or(name, ""); };
}
Read list_into(std::vector<std::string>& out) {
  return [&out](const Reader& in, const std::string& name) { out = in.strings_or_empty(name); };
}
Read number_into(std::int64_t& out) {
  return [&out](const Reader& in, const std::string& name) { out = in.integer_or<std::int64_t>(name, 0); };
}
Read flag_into(bool& out) {
  return [&out](const Reader& in, const std::string& name) { out = in.boolean_or(name, false); };
}
Read map_into(std::map<std::string, std::string>& out) {
  return [&out](const Reader& in, const std::string& name) { out = in.string_map_or_empty(name); };
}
void ignore(const Reader&, const std::string&) {}

std::optional<std::pair<int, int>> port_range(std::string_view text) {
  int first = 0;
  int last = 0;
  const auto got = std::from_chars(text.data(), text.data() + text.size(), first);
  if (got.ec != std::errc()) return std::nullopt;
  if (got.ptr == text.data() + text.size()) return std::pair{first, first};
  if (*got.ptr != '-') return std::nullopt;
  const auto end = std::from_chars(got.ptr + 1, text.data() + text.size(), last);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size() || last < first) return std::nullopt;
  return std::pair{first, last};
}

void read_ports(const Reader& in, const std::string& name, ContainerSettings& out) {
  const json* value = in.value(name);
  if (value == nullptr || !value->is_object()) return in.fail(name, "expected an object");
  for (const auto& [port, bindings] : value->items()) {
    PortBinding base;
    const auto slash = port.find('/');
    base.protocol = slash == std::string::npos ? "tcp" : port.substr(slash + 1);
    std::from_chars(port.data(), port.data() + port.size(), base.container_port);
    if (base.container_port < 1 || base.container_port > 65'535 ||
        (base.protocol != "tcp" && base.protocol != "udp"))
      return in.fail(name, "'" + port + "' is no tcp or udp port");
    for (const json& each : bindings) {
      if (!each.is_object()) return in.fail(name, "expected bindings");
      PortBinding binding = base;
      binding.bind_ip = each.value("HostIp", "");
      if (binding.bind_ip.empty()) binding.bind_ip = "0.0.0.0";
      if (const std::string host = each.value("HostPort", ""); !host.empty()) {
        const auto range = port_range(host);
        if (!range || range->second > 65'535) return in.fail(name, "'" + host + "' is no host port");
        if (range->first == range->second) {
          binding.host_port = range->first;
        } else {
          binding.choose_first = range->first;
          binding.choose_last = range->second;
        }
      }
      out.ports.push_back(binding);
    }
  }
}

void read_binds(const Reader& in, const std::string& name, ContainerSettings& out) {
  for (const std::string& text : in.strings_or_empty(name)) {
    const auto first = text.find(':');
    const auto second = first == std::string::npos ? first : text.find(':', first + 1);
    BindMount bind;
    bind.source = text.substr(0, first);
    bind.destination =
        first == std::string::npos
            ? ""
            : text.substr(first + 1, second == std::string::npos ? second : second - first - 1);
    if (!bind.destination.starts_with('/'))
      return in.fail(name, "'" + text + "': expected SOURCE:/PATH[:OPTIONS]");
    std::string options = second == std::string::npos ? "" : text.substr(second + 1);
    while (!options.empty()) {
      const auto comma = options.find(',');
      const std::string option = options.substr(0, comma);
      options = comma == std::string::npos ? "" : options.substr(comma + 1);
      if (option == "ro") {
        bind.read_only = true;
      } else if (option.ends_with("private") || option.ends_with("shared") || option.ends_with("slave")) {
        bind.propagation = option;
      } else if (option != "rw" && option != "z" && option != "Z" && option != "nocopy") {
        return in.fail(name, "'" + text + "': the option '" + option + "' is not known");
      }
    }
    out.binds.push_back(std::move(bind));
  }
}

void read_log(const Reader& in, const std::string& name, ContainerSettings& out) {
  const auto log = in.child(name);
  if (!log) return;
  const std::string type = log->string_or("Type", "");
  out.log = type != "none";
  if (!type.empty() && type != "json-file" && type != "none")
    return log->fail("Type", "the log driver '" + type + "' is not one of json-file, none");
  for (const auto& [option, value] : log->string_map_or_empty("Config")) {
    if (option == "max-size") {
      const auto size = parse_size(value);
      if (!size || *size <= 0) return log->fail("Config", "max-size: '" + value + "' is no size");
      out.log_size = *size;
    } else if (option == "max-file") {
      const auto got = std::from_chars(value.data(), value.data() + value.size(), out.log_files);
      if (got.ec != std::errc() || out.log_files < 1 || out.log_files > 1000)
        return log->fail("Config", "max-file: '" + value + "' is no number from 1 to 1000");
    } else if (option != "mode" || value != "blocking") {
      return log->fail("Config", "the option '" + option + "' is not supported");
    }
  }
}

void read_security(const Reader& in, const std::string& name, ContainerSettings& out) {
  for (const std::string& option : in.strings_or_empty(name)) {
    if (option == "no-new-privileges" || option == "no-new-privileges:true" ||
        option == "no-new-privileges=true") {
      out.no_new_privileges = true;
    } else if (option == "seccomp=unconfined" || option == "seccomp:unconfined") {
      out.seccomp = false;
    } else if (option != "apparmor=unconfined" && option != "apparmor:unconfined" &&
               option != "label=disable" && option != "label:disable" &&
               option != "no-new-privileges=false" && option != "no-new-privileges:false") {
      return in.fail(name, "'" + option + "' is not supported");
    }
  }
}

void read_devices(const Reader& in, const std::string& name, ContainerSettings& out) {
  for (const Reader& each : in.children(name)) {
    DeviceMapping device{each.required_string("PathOnHost"), each.string_or("PathInContainer", ""),
                         each.string_or("CgroupPermissions", "rwm")};
    if (device.container.empty()) device.container = device.host;
    out.devices.push_back(std::move(device));
  }
}

void read_health(const Reader& in, const std::string& name, ContainerSettings& out) {
  const auto check = in.child(name);
  if (!check) return;
  out.health_check = HealthCheck{
      check->strings_or_empty("Test"), check->integer_or<std::int64_t>("Interval", 0),
      check->integer_or<std::int64_t>("Timeout", 0), check->integer_or<std::int64_t>("StartPeriod", 0),
      check->integer_or<std::int64_t>("Retries", 0)};
}

std::vector<Member> host_members(ContainerSettings& out) {
  return {
      {"NetworkMode", text_into(out.network_mode)},
      {"PortBindings", [&](const Reader& in, const std::string& n) { read_ports(in, n, out); }},
      {"Links", list_into(out.links)},
      {"Binds", [&](const Reader& in, const std::string& n) { read_binds(in, n, out); }},
      {"VolumesFrom",
       [&](const Reader& in, const std::string& n) {
         for (std::string each : in.strings_or_empty(n)) {
           const bool read_only = each.ends_with(":ro");
           if (read_only || each.ends_with(":rw")) each.resize(each.size() - 3);
           out.volumes_from.push_back({each, read_only});
         }
       }},
      {"Tmpfs", map_into(out.tmpfs)},
      {"PidMode", text_into(out.pid_mode)},
      {"IpcMode", text_into(out.ipc_mode)},
      {"UTSMode", text_into(out.uts_mode)},
      {"CgroupParent", text_into(out.cgroup_parent)},
      {"CpuShares", number_into(out.cpu_shares)},
      {"NanoCpus", number_into(out.nano_cpus)},
      {"CpuPeriod", number_into(out.cpu_period)},
      {"CpuQuota", number_into(out.cpu_quota)},
      {"CpusetCpus", text_into(out.cpuset)},
      {"Memory", number_into(out.memory)},
      {"MemoryReservation", number_into(out.memory_reservation)},
      {"MemorySwap", number_into(out.memory_swap)},
      {"MemorySwappiness",
       [&](const Reader& in, const std::string& n) {
         out.swappiness = in.integer<std::int64_t>(n, -1, 100);
       }},
      {"PidsLimit", number_into(out.pids)},
      {"ShmSize", number_into(out.shm_size)},
      {"OomScoreAdj", [&](const Reader& in,
                          const std::string& n) { out.oom_score = in.integer_or<int>(n, 0, -1000, 1000); }},
      {"Privileged", flag_into(out.privileged)},
      {"ReadonlyRootfs", flag_into(out.read_only)},
      {"Init", flag_into(out.init)},
      {"SecurityOpt", [&](const Reader& in, const std::string& n) { read_security(in, n, out); }},
      {"Dns", list_into(out.dns)},
      {"DnsSearch", list_into(out.dns_search)},
      {"DnsOptions", list_into(out.dns_options)},
      {"ExtraHosts", list_into(out.extra_hosts)},
      {"GroupAdd", list_into(out.group_add)},
      {"CapAdd", list_into(out.cap_add)},
      {"CapDrop", list_into(out.cap_drop)},
      {"Sysctls", map_into(out.sysctls)},
      {"Devices", [&](const Reader& in, const std::string& n) { read_devices(in, n, out); }},
      {"LogConfig", [&](const Reader& in, const std::string& n) { read_log(in, n, out); }},
      {"Ulimits",
       [&](const Reader& in, const std::string& n) {
         for (const Reader& each : in.children(n))
           out.ulimits.push_back({each.required_string("Name"), each.integer_or<std::int64_t>("Soft", 0),
                                  each.integer_or<std::int64_t>("Hard", 0)});
       }},
  };
}

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
  double value = 0;
  const auto got = std::from_chars(text.data(), text.data() + text.size(), value);
  if (got.ec != std::errc() || value < 0) return std::nullopt;
  std::string unit(got.ptr, text.data() + text.size());
  std::transform(unit.begin(), unit.end(), unit.begin(), [](char c) { return static_cast<char>(c | 0x20); });
  if (unit.ends_with("b")) unit.pop_back();
  static constexpr std::string_view kUnits = "kmgt";
  if (unit.empty()) return static_cast<std::int64_t>(value);
  const auto power = kUnits.find(unit[0]);
  if (unit.size() > 1 || power == std::string_view::npos) return std::nullopt;
  for (std::size_t i = 0; i <= power; ++i) value *= 1024;
  return static_cast<std::int64_t>(value);
}

std::optional<int> parse_signal(std::string_view text) {
  static const std::map<std::string_view, int> names = {
      {"HUP", SIGHUP},     {"INT", SIGINT},   {"QUIT", SIGQUIT}, {"ILL", SIGILL},   {"TRAP", SIGTRAP},
      {"ABRT", SIGABRT},   {"BUS", SIGBUS},   {"FPE", SIGFPE},   {"KILL", SIGKILL}, {"USR1", SIGUSR1},
      {"SEGV", SIGSEGV},   {"USR2", SIGUSR2}, {"PIPE", SIGPIPE}, {"ALRM", SIGALRM}, {"TERM", SIGTERM},
      {"CHLD", SIGCHLD},   {"CONT", SIGCONT}, {"STOP", SIGSTOP}, {"TSTP", SIGTSTP}, {"TTIN", SIGTTIN},
      {"TTOU", SIGTTOU},   {"URG", SIGURG},   {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ}, {"PROF", SIGPROF},
      {"WINCH", SIGWINCH}, {"IO", SIGIO},     {"PWR", SIGPWR},   {"SYS", SIGSYS},   {"VTALRM", SIGVTALRM}};
  int number = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), number).ptr == text.data() + text.size() &&
      !text.empty())
    return number >= 1 && number <= 64 ? std::optional(number) : std::nullopt;
  std::string upper(text);
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  std::string_view name = upper;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (name.starts_with("RTMIN") || name.starts_with("RTMAX")) {
    const int base = name.starts_with("RTMIN") ? 34 : 64;
    name.remove_prefix(5);
    if (name.empty()) return base;
    if (name[0] == '+') name.remove_prefix(1);
    if (std::from_chars(name.data(), name.data() + name.size(), number).ptr != name.data() + name.size())
      return std::nullopt;
    return base + number >= 34 && base + number <= 64 ? std::optional(base + number) : std::nullopt;
  }
  const auto found = names.find(name);
  return found == names.end() ? std::nullopt : std::optional(found->second);
}

Result<ContainerSettings> parse_settings(std::string_view create_body) {
  auto document = shared::json::Document::parse(create_body, kRefused);
  if (!document) return document.error();
  const Reader in = document->root();
  ContainerSettings out;
  bool tty = false;
  const auto host = [&](const Reader& parent, const std::string& name) {
    if (const auto child = parent.child(name)) read_members(*child, host_members(out));
  };
  read_members(
      in, {{"Image", text_into(out.image)},
           {"Cmd", list_into(out.command)},
           {"Entrypoint", [&](const Reader& r, const std::string& n) { out.entry_point = r.strings(n); }},
           {"Env", list_into(out.environment)},
           {"Labels", map_into(out.labels)},
           {"User", text_into(out.user)},
           {"WorkingDir", text_into(out.working_directory)},
           {"Hostname", text_into(out.hostname)},
           {"Domainname", text_into(out.domain_name)},
           {"StopSignal", text_into(out.stop_signal)},
           {"OpenStdin", flag_into(out.open_stdin)},
           {"Tty", flag_into(tty)},
           {"AttachStdin", ignore},
           {"AttachStdout", ignore},
           {"AttachStderr", ignore},
           {"StdinOnce", ignore},
           {"ExposedPorts", ignore},  // they matter to publish-all only, which is refused
           {"Healthcheck", [&](const Reader& r, const std::string& n) { read_health(r, n, out); }},
           {"HostConfig", host}});
  if (tty) in.fail("Tty", "this runtime gives no terminal (pseudoTerminal)");
  if (!out.stop_signal.empty() && !parse_signal(out.stop_signal))
    in.fail("StopSignal", "'" + out.stop_signal + "' is no signal");
  if (out.memory != 0 && out.memory < kMinMemory)
    in.fail("HostConfig.Memory", "Minimum memory limit allowed is 4MB");
  if (out.network_mode.empty() || out.network_mode == "default") out.network_mode = "bridge";
  if (out.network_mode != "bridge" && out.network_mode != "host" && out.network_mode != "none" &&
      !out.network_mode.starts_with(kOfContainer))
    in.fail("HostConfig.NetworkMode",
            "'" + out.network_mode + "' is not one of bridge, host, none, container:NAME");
  if (!in.ok()) return in.error();
  return out;
}

}  // namespace agent::runtime::oci
