// Waiting for what a change leads to, with progress, and saying what went wrong. Thread: main.
#pragma once
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/cli/commands/frame/command.h"

namespace agent::cli {

inline constexpr shared::Millis kUsualTimeout = std::chrono::minutes(10);

// --timeout, or the usual one.
shared::Result<shared::Millis> timeout_of(const Context& context);

// Asks again and again until `look` says that it is over. Errors: "timed_out" with `what`, "interrupted",
// those of `look` but for a control that is away for a while, which is waited for.
shared::Result<void> wait_for(Context& context, shared::Millis limit, const std::string& what,
                              const std::function<shared::Result<bool>()>& look);

// Shows the service's events until its deployment `id` is steady (kDone), or has failed or was replaced: then
// why, with how its last tasks ended and their last lines, and kDeploymentFailed; where it is rolled back,
// once that is over. An empty id: whatever is PRIMARY. `before`: the service as it was described before the
// change, whose events are not shown again; null: it is new.
shared::Result<int> follow_deployment(Context& context, const std::string& service, const std::string& id,
                                      const nlohmann::json& before, shared::Millis limit);

// How tasks of a deployment ended, what health checks say of its targets, why tasks could not be placed.
void tell_failure(Context& context, const nlohmann::json& service, const std::string& deployment);

}  // namespace agent::cli
