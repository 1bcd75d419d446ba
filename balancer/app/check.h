// `berth-balancer --check FILE`: whether a configuration file would be served, without serving it.
#pragma once
#include <string>

#include "shared/base/result.h"
#include "shared/base/time.h"

namespace balancer::app {

// All that is done with a file but for opening sockets: reading it and the files that it names, its rules,
// its certificates. What comes back is for people: what there is, and what should be known of it. The error
// names the file, the member and the reason, as the log of a running balancer would.
shared::Result<std::string> check_file(const std::string& path, shared::WallTime now);

}  // namespace balancer::app
