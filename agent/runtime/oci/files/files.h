// Small file operations that survive a crash: what is renamed into place was synced before, and so is the
// folder. Blocking. Thread: any, one at a time for one path.
#pragma once
#include <sys/stat.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "shared/base/result.h"
#include "shared/base/unique_fd.h"

namespace agent::runtime::oci::files {

inline constexpr std::size_t kMaxText = 8 * 1024 * 1024;  // of a document that is read whole

// Error code "file"; the text names the path and the system's reason. "not_found" when there is none.
shared::Result<std::string> read(const std::filesystem::path& path, std::size_t most = kMaxText);
// `otherwise` if it cannot be read, for whatever reason.
std::string read_or(const std::filesystem::path& path, const std::string& otherwise = "");
// A temporary file beside it, fsync, rename, fsync of the folder.
shared::Result<void> write_durably(const std::filesystem::path& path, std::string_view text,
                                   mode_t mode = 0600);
// The same without fsync: for what need not survive the machine.
shared::Result<void> write(const std::filesystem::path& path, std::string_view text, mode_t mode = 0644);
shared::Result<void> make_directory(const std::filesystem::path& path,
                                    mode_t mode = 0700);  // and its parents
shared::Result<void> sync_directory(const std::filesystem::path& path);
// Everything of the file system that holds `path` is on the disk.
shared::Result<void> sync_file_system(const std::filesystem::path& path);
// Removes what it can, and follows no symbolic links. Missing is fine.
void remove_tree(const std::filesystem::path& path);
// Opens `path` as a process whose root directory is `root` would: links and ".." lead nowhere else
// (openat2, RESOLVE_IN_ROOT).
shared::UniqueFd open_in_root(int root, const std::string& path, int flags);
shared::Result<std::string> read_in_root(int root, const std::string& path, std::size_t most);
shared::Error system_error(const std::string& doing, int number);  // code "file"

}  // namespace agent::runtime::oci::files
