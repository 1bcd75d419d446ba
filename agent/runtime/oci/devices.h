// Which devices of the host a container gets. Blocking; any thread.
#pragma once
#include <vector>

#include "agent/runtime/oci/bundle/bundle.h"

namespace agent::runtime::oci {

// Those that it names, a folder of them with all that are in it; for a privileged one all of /dev. Error
// names the path that is none.
shared::Result<std::vector<DeviceNode>> find_devices(const ContainerSettings& settings);

}  // namespace agent::runtime::oci
