#include "agent/cgroup/slice_unit.h"

#include "shared/base/units.h"

namespace agent::cgroup {
namespace {

using shared::Error;

constexpr std::uint64_t kDefaultWeight = kInfinity;  // "not set"

bool plain(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
         c == '.';
}

std::string escaped(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    if (plain(c) && !(c == '.' && out.empty())) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

}  // namespace

std::string slice_name(std::string_view parent, std::string_view task_id) {
  std::string name(parent);
  if (!task_id.empty()) name += "-" + escaped(task_id);
  return name + ".slice";
}

std::string slice_path(std::string_view parent, std::string_view task_id) {
  const std::string top = slice_name(parent, "");
  return task_id.empty() ? top : top + "/" + slice_name(parent, task_id);
}

std::string to_text(const UnitProperty& property) {
  if (const auto* text = std::get_if<std::string>(&property.value)) return property.name + "=" + *text;
  if (const auto* flag = std::get_if<bool>(&property.value)) return property.name + (*flag ? "=yes" : "=no");
  const auto number = std::get<std::uint64_t>(property.value);
  return property.name + "=" + (number == kInfinity ? "infinity" : std::to_string(number));
}

shared::Result<std::vector<UnitProperty>> slice_properties(const Limits& limits, std::int64_t period_micros) {
  if (limits.memory_mib && *limits.memory_mib <= 0) {
    return Error("cgroup", "MemoryMax=" + std::to_string(*limits.memory_mib) + " MiB: must be above 0");
  }
  if (limits.pids && *limits.pids <= 0) {
    return Error("cgroup", "TasksMax=" + std::to_string(*limits.pids) + ": must be above 0");
  }
  const auto number = [](std::int64_t value) { return static_cast<std::uint64_t>(value); };
  std::uint64_t quota = kInfinity;
  std::uint64_t weight = kDefaultWeight;
  if (limits.cpu) {
    quota = number(quota_micros(*limits.cpu, period_micros) * kMicrosPerSecond / period_micros);
  } else {
    weight = number(weight_of_shares(limits.cpu_shares));
  }
  return std::vector<UnitProperty>{
      {"CPUAccounting", true},
      {"MemoryAccounting", true},
      {"TasksAccounting", true},
      {"CPUQuotaPeriodUSec", number(period_micros)},
      {"CPUQuotaPerSecUSec", quota},
      {"CPUWeight", weight},
      {"MemoryMax", limits.memory_mib ? number(*limits.memory_mib * shared::kMiB) : kInfinity},
      {"TasksMax", limits.pids ? number(*limits.pids) : kInfinity}};
}

}  // namespace agent::cgroup
