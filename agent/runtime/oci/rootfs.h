// A container's files, looked at from outside before it runs: who its user is, what its volumes begin with.
// The overlay is mounted on a thread with a mount namespace of its own, so the host's table never shows it.
// Blocking; any thread.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "shared/base/result.h"

namespace agent::runtime::oci {

struct Overlay {
  std::filesystem::path layers_folder;
  std::vector<std::filesystem::path> layers;  // bottom first
  std::filesystem::path upper;
  std::filesystem::path work;
};
// For mount(2), relative to the layers' folder.
std::string overlay_options(const Overlay& overlay);

// Calls `look` with a descriptor of the root folder, on another thread. Error code "rootfs".
shared::Result<void> with_rootfs(const Overlay& overlay, const std::filesystem::path& mount_point,
                                 const std::function<shared::Result<void>(int root)>& look);

// Fills an empty volume with what the image has at that path, mode and owner of the folder too; once.
shared::Result<void> copy_up(int root, const std::string& path, const std::filesystem::path& volume);

}  // namespace agent::runtime::oci
