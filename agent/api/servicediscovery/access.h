// What each operation of Cloud Map is about, for policies: namespaces and services by their ARN.
#pragma once
#include "agent/api/access/access.h"
#include "agent/api/servicediscovery/request.h"

namespace agent::api::servicediscovery {

std::vector<Access> accesses_of(const Context& at, In in);

}  // namespace agent::api::servicediscovery
