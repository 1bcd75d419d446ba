#include "agent/runtime/oci/bundle/seccomp.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

namespace agent::runtime::oci {
namespace {

using nlohmann::json;

constexpr int kNoSuchCall = 38;  // ENOSYS: libraries then fall back to clone, whose flags can be looked at
constexpr std::uint64_t kNamespaceFlags = 0x7E020000;

struct OfCapability {
  const char* capability;
  std::vector<const char*> calls;
};

const std::vector<OfCapability>& of_capabilities() {
  static const std::vector<OfCapability> table = {
      {"CAP_DAC_READ_SEARCH", {"open_by_handle_at"}},
      {"CAP_SYS_ADMIN",
       {"bpf",       "clone",           "clone3",         "fanotify_init", "fsconfig",      "fsmount",
        "fsopen",    "fspick",          "lookup_dcookie", "mount",         "mount_setattr", "move_mount",
        "open_tree", "perf_event_open", "quotactl",       "quotactl_fd",   "setdomainname", "sethostname",
        "setns",     "syslog",          "umount",         "umount2",       "unshare"}},
      {"CAP_SYS_BOOT", {"reboot"}},
      {"CAP_SYS_CHROOT", {"chroot"}},
      {"CAP_SYS_MODULE", {"delete_module", "init_module", "finit_module"}},
      {"CAP_SYS_PACCT", {"acct"}},
      {"CAP_SYS_PTRACE", {"kcmp", "pidfd_getfd", "process_madvise"}},
      {"CAP_SYS_RAWIO", {"iopl", "ioperm"}},
      {"CAP_SYS_TIME", {"settimeofday", "stime", "clock_settime", "clock_settime64"}},
      {"CAP_SYS_TTY_CONFIG", {"vhangup"}},
      {"CAP_SYS_NICE", {"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"}},
      {"CAP_SYSLOG", {"syslog"}},
      {"CAP_BPF", {"bpf"}},
      {"CAP_PERFMON", {"perf_event_open"}}};
  return table;
}

json allow(json names) { return {{"names", std::move(names)}, {"action", "SCMP_ACT_ALLOW"}}; }

json allow_if(const char* name, std::uint64_t value, const char* comparison, std::uint64_t second = 0) {
  json rule = allow(json::array({name}));
  json argument = {{"index", 0}, {"value", value}, {"op", comparison}};
  if (second != 0 || std::string_view(comparison) == "SCMP_CMP_MASKED_EQ") argument["valueTwo"] = second;
  rule["args"] = json::array({argument});
  return rule;
}

}  // namespace

json seccomp_profile(const std::set<std::string>& capabilities) {
  json rules = json::array();
  json always = json::array();
  for (const std::string_view each : kAlwaysAllowed) always.push_back(each);
  // Safe since Linux 4.8, which looks at the filter again after the tracer.
  for (const char* each : {"ptrace", "process_vm_readv", "process_vm_writev"}) always.push_back(each);
  rules.push_back(allow(std::move(always)));
  for (const std::uint64_t persona : {0x0ULL, 0x8ULL, 0x20000ULL, 0x20008ULL, 0xffffffffULL})
    rules.push_back(allow_if("personality", persona, "SCMP_CMP_EQ"));
  // Every family but AF_ALG (38) and AF_VSOCK (40); a filter takes one comparison of an argument for each
  // rule.
  rules.push_back(allow_if("socket", 38, "SCMP_CMP_LT"));
  rules.push_back(allow_if("socket", 39, "SCMP_CMP_EQ"));
  rules.push_back(allow_if("socket", 40, "SCMP_CMP_GT"));
#if defined(__x86_64__)
  rules.push_back(allow(json::array({"arch_prctl"})));
  rules.push_back(allow(json::array({"modify_ldt"})));
  const json architectures = json::array({"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"});
#else
  rules.push_back(allow(json::array({"arm_fadvise64_64", "arm_sync_file_range", "sync_file_range2",
                                     "breakpoint", "cacheflush", "set_tls"})));
  const json architectures = json::array({"SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"});
#endif
  if (!capabilities.contains("CAP_SYS_ADMIN")) {
    rules.push_back(allow_if("clone", kNamespaceFlags, "SCMP_CMP_MASKED_EQ", 0));
    rules.push_back(
        {{"names", json::array({"clone3"})}, {"action", "SCMP_ACT_ERRNO"}, {"errnoRet", kNoSuchCall}});
  }
  for (const OfCapability& each : of_capabilities())
    if (capabilities.contains(each.capability)) rules.push_back(allow(json(each.calls)));
  return {
      {"defaultAction", "SCMP_ACT_ERRNO"}, {"architectures", architectures}, {"syscalls", std::move(rules)}};
}

}  // namespace agent::runtime::oci
