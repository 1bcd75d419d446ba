#include "agent/runtime/oci/devices.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;

// What a container has of its own.
const std::set<std::string>& own_entries() {
  static const std::set<std::string> names = {"pts",     "shm",  "mqueue", "fd",          "console",
                                              "ptmx",    "null", "zero",   "full",        "random",
                                              "urandom", "tty",  ".lxc",   ".lxd-mounts", ".udev"};
  return names;
}

bool add(const std::string& host, const std::string& container, const std::string& permissions,
         std::vector<DeviceNode>& out) {
  struct stat is {};
  if (::lstat(host.c_str(), &is) != 0) return false;
  if (S_ISLNK(is.st_mode) && ::stat(host.c_str(), &is) != 0) return false;
  if (!S_ISCHR(is.st_mode) && !S_ISBLK(is.st_mode)) return false;
  out.push_back({container, S_ISCHR(is.st_mode) ? 'c' : 'b', static_cast<std::int64_t>(major(is.st_rdev)),
                 static_cast<std::int64_t>(minor(is.st_rdev)), is.st_mode & 07777U, is.st_uid, is.st_gid,
                 permissions});
  return true;
}

void add_all(const fs::path& host, const fs::path& container, const std::string& permissions, int depth,
             std::vector<DeviceNode>& out) {
  constexpr int kDeepest = 4;
  std::error_code ignored;
  if (depth > kDeepest) return;
  for (const auto& each : fs::directory_iterator(host, ignored)) {
    const std::string name = each.path().filename().string();
    if (depth == 0 && host == "/dev" && own_entries().contains(name)) continue;
    if (each.is_symlink(ignored)) continue;
    if (each.is_directory(ignored)) {
      add_all(each.path(), container / name, permissions, depth + 1, out);
    } else {
      add(each.path().string(), (container / name).string(), permissions, out);
    }
  }
}

}  // namespace

Result<std::vector<DeviceNode>> find_devices(const ContainerSettings& settings) {
  std::vector<DeviceNode> out;
  if (settings.privileged) {
    add_all("/dev", "/dev", "rwm", 0, out);
    return out;
  }
  for (const DeviceMapping& each : settings.devices) {
    std::error_code ignored;
    const std::size_t before = out.size();
    if (fs::is_directory(each.host, ignored)) add_all(each.host, each.container, each.permissions, 1, out);
    if (out.size() == before && !add(each.host, each.container, each.permissions, out))
      return Error("device", "error gathering device information while adding custom device \"" + each.host +
                                 "\": it is no device node");
  }
  return out;
}

}  // namespace agent::runtime::oci
