// Snapshots of control: one SQLite file with a copy of the store and the small files that belong to it
// (keys), from which an empty data directory is filled again. Contains secrets: mode 0600. Errors: "exists",
// "disk_full", "corrupt" (no snapshot, or damaged), "io"; all name the file. Thread: any; they block.
#pragma once
#include <map>
#include <string>

#include "shared/base/result.h"

namespace agent::store {

// Makes a whole copy (Store::copy_to) a snapshot: adds `files`, name to content, and moves it to `path`,
// which must not exist. On an error `copy` may be left for the caller to remove.
shared::Result<void> finish_snapshot(const std::string& copy, const std::string& path,
                                     const std::map<std::string, std::string>& files);

// Checks the whole snapshot, writes its store to `database_path`, which must not exist, and returns its
// files. An error leaves no database behind.
shared::Result<std::map<std::string, std::string>> restore_snapshot(const std::string& path,
                                                                    const std::string& database_path);

}  // namespace agent::store
