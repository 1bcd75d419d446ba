// The way to a real ACME server. Thread: the loop's.
#pragma once
#include <memory>
#include <string>

#include "agent/acme/client.h"
#include "shared/base/result.h"
#include "shared/httpd/io_loop.h"

namespace agent::acme {

// `ca_file`: PEM of authorities that are trusted beside the system's; empty: none. Errors: the file's. `loop`
// outlives it.
shared::Result<std::unique_ptr<Transport>> https_transport(shared::httpd::IoLoop& loop,
                                                           const std::string& ca_file);

}  // namespace agent::acme
