#include "agent/runtime/oci/bundle/defaults.h"

#include <algorithm>

namespace agent::runtime::oci {
namespace {

using shared::Error;
using shared::Result;

constexpr const char* kNames[] = {"CAP_CHOWN",
                                  "CAP_DAC_OVERRIDE",
                                  "CAP_DAC_READ_SEARCH",
                                  "CAP_FOWNER",
                                  "CAP_FSETID",
                                  "CAP_KILL",
                                  "CAP_SETGID",
                                  "CAP_SETUID",
                                  "CAP_SETPCAP",
                                  "CAP_LINUX_IMMUTABLE",
                                  "CAP_NET_BIND_SERVICE",
                                  "CAP_NET_BROADCAST",
                                  "CAP_NET_ADMIN",
                                  "CAP_NET_RAW",
                                  "CAP_IPC_LOCK",
                                  "CAP_IPC_OWNER",
                                  "CAP_SYS_MODULE",
                                  "CAP_SYS_RAWIO",
                                  "CAP_SYS_CHROOT",
                                  "CAP_SYS_PTRACE",
                                  "CAP_SYS_PACCT",
                                  "CAP_SYS_ADMIN",
                                  "CAP_SYS_BOOT",
                                  "CAP_SYS_NICE",
                                  "CAP_SYS_RESOURCE",
                                  "CAP_SYS_TIME",
                                  "CAP_SYS_TTY_CONFIG",
                                  "CAP_MKNOD",
                                  "CAP_LEASE",
                                  "CAP_AUDIT_WRITE",
                                  "CAP_AUDIT_CONTROL",
                                  "CAP_SETFCAP",
                                  "CAP_MAC_OVERRIDE",
                                  "CAP_MAC_ADMIN",
                                  "CAP_SYSLOG",
                                  "CAP_WAKE_ALARM",
                                  "CAP_BLOCK_SUSPEND",
                                  "CAP_AUDIT_READ",
                                  "CAP_PERFMON",
                                  "CAP_BPF",
                                  "CAP_CHECKPOINT_RESTORE"};

std::string whole_name(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return name.starts_with("CAP_") || name == "ALL" ? name : "CAP_" + name;
}

}  // namespace

std::set<std::string> all_capabilities(std::uint64_t mask) {
  std::set<std::string> out;
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (((mask >> i) & 1U) != 0) out.insert(kNames[i]);
  return out;
}

Result<std::set<std::string>> capabilities(const std::vector<std::string>& add,
                                           const std::vector<std::string>& drop, bool privileged,
                                           std::uint64_t mask) {
  const auto all = all_capabilities(mask);
  if (privileged) return all;
  std::set<std::string> out;
  for (const std::string_view each : kDefaultCapabilities)
    if (all.contains(std::string(each))) out.emplace(each);
  const auto names = [&](const std::vector<std::string>& list) -> Result<std::vector<std::string>> {
    std::vector<std::string> whole;
    for (const std::string& each : list) {
      whole.push_back(whole_name(each));
      if (whole.back() != "ALL" && std::find(std::begin(kNames), std::end(kNames), whole.back()) == std::end(kNames))
        return Error("capability", "invalid capability: \"" + each + "\"");
    }
    return whole;
  };
  auto added = names(add);
  if (!added) return added.error();
  auto dropped = names(drop);
  if (!dropped) return dropped.error();
  for (const std::string& each : *added)
    if (each != "ALL" && !all.contains(each)) return Error("capability", "the agent itself lacks " + each);
  const auto has_all = [](const std::vector<std::string>& list) {
    return std::find(list.begin(), list.end(), "ALL") != list.end();
  };
  if (has_all(*added)) out.insert(all.begin(), all.end());
  if (has_all(*dropped)) out.clear();
  if (has_all(*added) && has_all(*dropped)) return out;
  for (const std::string& each : *dropped) out.erase(each);
  for (const std::string& each : *added)
    if (each != "ALL") out.insert(each);
  return out;
}

}  // namespace agent::runtime::oci
