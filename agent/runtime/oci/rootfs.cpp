#include "agent/runtime/oci/rootfs.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

#include "agent/runtime/oci/files/files.h"
#include "agent/runtime/oci/process/run.h"
#include "shared/base/unique_fd.h"

namespace agent::runtime::oci {
namespace {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;
using shared::UniqueFd;

Error failed(const char* doing) { return Error("rootfs", std::string(doing) + ": " + std::strerror(errno)); }

}  // namespace

std::string overlay_options(const Overlay& overlay) {
  std::string lowers;
  for (auto each = overlay.layers.rbegin(); each != overlay.layers.rend(); ++each)
    lowers += (lowers.empty() ? "" : ":") + each->lexically_relative(overlay.layers_folder).string();
  return "lowerdir=" + lowers + ",upperdir=" + overlay.upper.string() + ",workdir=" + overlay.work.string();
}

Result<void> with_rootfs(const Overlay& overlay, const fs::path& mount_point,
                         const std::function<Result<void>(int root)>& look) {
  std::optional<Result<void>> done;
  const std::string options = overlay_options(overlay);
  std::thread([&] {
    done.emplace([&]() -> Result<void> {
      if (::unshare(CLONE_FS | CLONE_NEWNS) != 0) return failed("a mount namespace");
      if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("private mounts");
      if (::chdir(overlay.layers_folder.c_str()) != 0) return failed("the folder of layers");
      if (::mount("overlay", mount_point.c_str(), "overlay", 0, options.c_str()) != 0)
        return failed("mount the image's files");
      UniqueFd root(::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (!root) return failed("open the image's files");
      auto looked = look(root.get());
      root.reset();
      ::umount2(mount_point.c_str(), MNT_DETACH);  // before it is mounted again, elsewhere
      return looked;
    }());
  }).join();
  return *done;
}

Result<void> copy_up(int root, const std::string& path, const fs::path& volume) {
  std::error_code ignored;
  if (!fs::is_empty(volume, ignored) || ignored) return {};
  const UniqueFd from = files::open_in_root(root, path, O_RDONLY | O_DIRECTORY);
  struct stat is {};
  if (!from || ::fstat(from.get(), &is) != 0) return {};  // the image has nothing there
  RunOptions options;
  options.passed = {{from.get(), 3}};
  options.timeout = shared::Millis(10 * 60'000);
  auto ran = run({"/bin/cp", "-a", "--", "/proc/self/fd/3/.", volume.string() + "/"}, options);
  if (!ran) return ran.error();
  if (ran->status != 0) return Error("rootfs", "fill the volume at " + path + ": " + ran->err);
  if (::chown(volume.c_str(), is.st_uid, is.st_gid) != 0 || ::chmod(volume.c_str(), is.st_mode & 07777) != 0)
    return failed("own the volume");
  return {};
}

}  // namespace agent::runtime::oci
