#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "agent/cgroup/host.h"
#include "agent/runtime/oci/files/files.h"
#include "agent/runtime/oci/starter.h"
#include "shared/json/reader.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using shared::Error;
using shared::Result;

std::uint64_t number_in(const fs::path& path) {
  std::uint64_t value = 0;
  std::ifstream(path) >> value;
  return value;
}

json keyed(const fs::path& path) {
  json out = json::object();
  std::ifstream in(path);
  std::string name;
  for (std::uint64_t value = 0; in >> name >> value;) out[name] = value;
  return out;
}

// The processors' time since the machine started, in nanoseconds, as Docker counts it.
std::uint64_t system_time() {
  std::ifstream in("/proc/stat");
  std::string word;
  in >> word;
  std::uint64_t ticks = 0;
  std::uint64_t each = 0;
  constexpr int kFields = 7;
  for (int i = 0; i < kFields && in >> each; ++i) ticks += each;
  constexpr std::uint64_t kNanosPerTick = 10'000'000;  // USER_HZ is 100
  return ticks * kNanosPerTick;
}

json networks(int pid) {
  json out = json::object();
  std::ifstream in("/proc/" + std::to_string(pid) + "/net/dev");
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    std::istringstream words(line.substr(colon + 1));
    const std::string name = line.substr(line.find_first_not_of(' '), colon - line.find_first_not_of(' '));
    std::uint64_t n[16] = {};
    for (auto& each : n) words >> each;
    if (name == "lo") continue;
    if (n[0] == 0 && n[8] == 0 && name != "eth0") continue;
    out[name] = {{"rx_bytes", n[0]}, {"rx_packets", n[1]}, {"rx_errors", n[2]},  {"rx_dropped", n[3]},
                 {"tx_bytes", n[8]}, {"tx_packets", n[9]}, {"tx_errors", n[10]}, {"tx_dropped", n[11]}};
  }
  return out;
}

}  // namespace

Result<std::string> Starter::stats(const std::string& id, const RunFacts& run) const {
  auto text = files::read(folder(id) / kStartFile);
  const StartFacts facts = parse_start(text ? *text : "{}");
  const std::string group = facts.cgroup.empty() ? "" : facts.cgroup.substr(1);
  auto read = cgroup::read_stats(parts_.cgroups, group);
  if (group.empty() || !read) return Error("not_found", "container " + id + " does not run");
  const bool v2 = parts_.cgroups.mode == cgroup::Mode::kV2;
  const fs::path memory = cgroup::directory_of(parts_.cgroups, "memory", group);
  const fs::path pids = cgroup::directory_of(parts_.cgroups, "pids", group);
  const json out = {{"cpu_stats",
                     {{"cpu_usage", {{"total_usage", read->cpu_usage_ns}}},
                      {"system_cpu_usage", system_time()},
                      {"online_cpus", ::sysconf(_SC_NPROCESSORS_ONLN)},
                      {"throttling_data",
                       {{"periods", read->periods},
                        {"throttled_periods", read->throttled},
                        {"throttled_time", read->throttled_ns}}}}},
                    {"memory_stats",
                     {{"usage", read->memory_bytes},
                      {"limit", number_in(memory / (v2 ? "memory.max" : "memory.limit_in_bytes"))},
                      {"stats", keyed(memory / "memory.stat")}}},
                    {"pids_stats", {{"current", number_in(pids / "pids.current")}}},
                    {"networks", networks(run.pid)}};
  return shared::json::to_text(out);
}

}  // namespace agent::runtime::oci
