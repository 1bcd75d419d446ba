// The commands doctor, token and join. Thread: main.
#pragma once
#include "agent/cli/commands/frame/command.h"

namespace agent::cli {

extern const char* const kHowToJoin;
shared::Result<int> run_doctor(Context& context);
shared::Result<int> run_token(Context& context);
shared::Result<int> run_join(Context& context);

}  // namespace agent::cli
