// `berth-agent snapshot save FILE` and `snapshot restore FILE`: the whole state of control, its keys
// included, in one file.
//
// Saving asks the control that runs on the data directory, by the unix socket DATA_DIR/control.sock (mode
// 0600: who may read the keys may save them), and takes what is committed while calls go on. Restoring fills
// an empty data directory, with no control running on it.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "agent/app/options.h"
#include "agent/store/async_store.h"
#include "shared/base/result.h"
#include "shared/httpd/io_loop.h"
#include "shared/httpd/server.h"

namespace agent::app {

// Control's side of saving. POST /berth/v1/snapshot with {"file": absolute path}; answers {"bytes": size}, or
// 4xx or 5xx with
// {"error": code, "text": why}. One at a time. `store` and `loop` outlive it. Errors of Server::listen.
shared::Result<std::unique_ptr<shared::httpd::Server>> serve_snapshots(shared::httpd::IoLoop& loop,
                                                                       store::AsyncStore& store,
                                                                       const std::string& data_dir);

// The command line behind the word `snapshot`. Exit code 0; 1 when it failed, 2 for a wrong command line.
Exit run_snapshot(const std::vector<std::string>& arguments);

}  // namespace agent::app
