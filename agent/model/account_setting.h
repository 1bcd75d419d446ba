// A setting of the account, or of one of its users or roles, as PutAccountSetting keeps it.
#pragma once
#include "agent/model/common.h"

namespace agent::model {

// Key: "<principal>/<name>". What was never set has no row: its default holds.
struct AccountSetting {
  std::string name;       // "containerInsights"
  std::string value;      // as it was given
  std::string principal;  // ARN of a user or role; the root's is the default of all others
};

}  // namespace agent::model
