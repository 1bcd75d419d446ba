// An address of the host's own, which containers reach through their gateway without any rule of a firewall.
#pragma once
#include <string>

#include "shared/base/result.h"

namespace agent::metadata {

// Puts an IPv4 address with scope link on the loopback interface, where it stays; one that is there already
// is fine. Error "address" with the kernel's reason: it takes CAP_NET_ADMIN.
shared::Result<void> add_local_address(const std::string& address);

}  // namespace agent::metadata
