#include "agent/runtime/oci/unpack/removal.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <vector>

namespace agent::runtime::oci::unpack {

// As deep as names may be (kMaxDepth), so recursion ends.
bool remove_beneath(int parent, const std::string& name) {
  if (::unlinkat(parent, name.c_str(), 0) == 0) return true;
  if (errno != EISDIR) return errno == ENOENT;
  const int fd = ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) return false;
  DIR* const directory = ::fdopendir(fd);
  if (directory == nullptr) {
    ::close(fd);
    return false;
  }
  std::vector<std::string> names;
  while (const dirent* each = ::readdir(directory)) {
    const std::string_view found = each->d_name;
    if (found != "." && found != "..") names.emplace_back(found);
  }
  bool good = true;
  for (const std::string& each : names) good = remove_beneath(::dirfd(directory), each) && good;
  ::closedir(directory);
  return good && ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0;
}

}  // namespace agent::runtime::oci::unpack
