// Calls hooks over HTTP and HTTPS. Thread: the IoLoop's.
#pragma once
#include <memory>
#include <string>

#include "agent/hooks/caller.h"
#include "shared/base/result.h"
#include "shared/httpd/io_loop.h"

namespace agent::hooks {

inline constexpr shared::Millis kCallTimeout{30'000};  // of one call, the look-up of the name included

// HTTPS hooks are trusted by the system's authorities and those of the PEM file `ca_file`, if one is named.
// Error: the file cannot be used. The loop outlives it.
shared::Result<std::unique_ptr<Caller>> http_caller(shared::httpd::IoLoop& loop, const std::string& ca_file);

}  // namespace agent::hooks
