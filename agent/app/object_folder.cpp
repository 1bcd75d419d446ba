#include "agent/app/object_folder.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace agent::app {
namespace {

using shared::Error;
using shared::Result;
using shared::UniqueFd;

constexpr std::size_t kMinBucketChars = 3;  // S3's own rules
constexpr std::size_t kMaxBucketChars = 63;
constexpr std::size_t kMaxKeyBytes = 1024;
constexpr std::size_t kReadBytes = 64 * 1024;

bool is_bucket_name(std::string_view text) {
  if (text.size() < kMinBucketChars || text.size() > kMaxBucketChars || text.front() == '.') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= kMaxKeyBytes && text.find('\0') == std::string_view::npos;
}

// `path` and all links on the way stay below the folder.
UniqueFd open_below(int folder, const std::string& path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how)));
}

std::string reason(int error) { return std::generic_category().message(error); }

}  // namespace

Result<std::shared_ptr<const ObjectFolder>> ObjectFolder::open(const std::string& path) {
  UniqueFd folder(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return Error("setting", "'" + path + "' cannot be used: " + reason(errno));
  return std::shared_ptr<const ObjectFolder>(new ObjectFolder(std::move(folder)));
}

Result<std::string> ObjectFolder::read(std::string_view bucket, std::string_view key,
                                       std::size_t most_bytes) const {
  const std::string name =
      std::string(bucket.substr(0, kMaxBucketChars)) + "/" + std::string(key.substr(0, kMaxKeyBytes));
  const Error not_found("not_found", "There is no object '" + name + "'");
  if (!is_bucket_name(bucket) || !is_key(key)) return not_found;
  const UniqueFd inside = open_below(folder_.get(), std::string(bucket), O_PATH | O_DIRECTORY);
  if (!inside) return not_found;
  const UniqueFd file = open_below(inside.get(), std::string(key), O_RDONLY | O_NONBLOCK);
  if (!file && errno == EACCES)
    return Error("unreadable", "Object '" + name + "' cannot be read: " + reason(EACCES));
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return not_found;
  std::string text;
  std::array<char, kReadBytes> piece;
  for (;;) {
    const ssize_t size = ::read(file.get(), piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Error("unreadable", "Object '" + name + "' cannot be read: " + reason(errno));
    if (size == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(size));
    if (text.size() > most_bytes)
      return Error("too_large",
                   "Object '" + name + "' has more than " + std::to_string(most_bytes) + " bytes");
  }
}

}  // namespace agent::app
