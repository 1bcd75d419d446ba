// What a container gets that asks for nothing: Docker's capabilities, masked and read-only paths, devices,
// environment. Data.
#pragma once
#include <array>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/result.h"

namespace agent::runtime::oci {

inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
inline constexpr long long kDefaultShm = 64 * 1024 * 1024;
inline constexpr std::array<std::string_view, 14> kDefaultCapabilities = {
    "CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",           "CAP_FOWNER",
    "CAP_MKNOD",   "CAP_NET_RAW",      "CAP_SETGID",           "CAP_SETUID",
    "CAP_SETFCAP", "CAP_SETPCAP",      "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
    "CAP_KILL",    "CAP_AUDIT_WRITE"};
inline constexpr std::array<std::string_view, 10> kMaskedPaths = {
    "/proc/asound",     "/proc/acpi",        "/proc/kcore",       "/proc/keys", "/proc/latency_stats",
    "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"};
inline constexpr std::array<std::string_view, 5> kReadOnlyPaths = {"/proc/bus", "/proc/fs", "/proc/irq",
                                                                   "/proc/sys", "/proc/sysrq-trigger"};

// Those in `mask`, a bit each as the kernel numbers them: what this process may hand on (CapBnd).
std::set<std::string> all_capabilities(std::uint64_t mask);
// Docker's rules: drop ALL leaves what is added, add ALL gives all but what is dropped. Names with or without
// CAP_, in any case. What the agent itself does not have nobody gets. Error "capability" names what is none.
shared::Result<std::set<std::string>> capabilities(const std::vector<std::string>& add,
                                                   const std::vector<std::string>& drop, bool privileged,
                                                   std::uint64_t mask);

}  // namespace agent::runtime::oci
