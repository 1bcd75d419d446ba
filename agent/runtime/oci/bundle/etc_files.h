// The files of /etc that a container gets from its runtime, as Docker writes them. Pure.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/runtime/oci/bundle/settings.h"

namespace agent::runtime::oci {

// `own_address` empty: no line of its own. `links`: address and the names it is to have.
std::string hosts_file(const ContainerSettings& settings, const std::string& hostname,
                       const std::string& own_address, const std::string& gateway,
                       const std::vector<std::pair<std::string, std::string>>& links);
// From the host's: loopback servers are left out, as a container cannot reach them, and IPv6 ones where the
// network has none. With host network the host's own is taken as it is.
std::string resolver_file(const ContainerSettings& settings, std::string_view host, bool host_network);
// True if all name servers of it are loopback addresses: then systemd's own list is asked for instead.
bool only_loopback_servers(std::string_view host);

}  // namespace agent::runtime::oci
