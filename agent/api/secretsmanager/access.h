// What each operation of Secrets Manager is about, for policies: secrets by their ARN, one to come with six
// characters that every pattern for them matches.
#pragma once
#include "agent/api/access/access.h"
#include "agent/api/secretsmanager/request.h"

namespace agent::api::secretsmanager {

std::vector<Access> accesses_of(const Context& at, In in);

}  // namespace agent::api::secretsmanager
