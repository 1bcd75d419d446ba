// What each operation of the Parameter Store is about, for policies: parameters by their ARN.
#pragma once
#include <string>
#include <vector>

#include "agent/api/access/access.h"
#include "shared/json/reader.h"

namespace agent::api::ssm {

std::vector<Access> accesses_of(const control::Step& step, const std::string& operation,
                                const shared::json::Reader& in);

}  // namespace agent::api::ssm
