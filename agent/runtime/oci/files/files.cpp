#include "agent/runtime/oci/files/files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace agent::runtime::oci::files {

namespace fs = std::filesystem;
using shared::Error;
using shared::Result;
using shared::UniqueFd;

namespace {

constexpr std::size_t kPiece = 64 * 1024;

Result<std::string> read_open(const UniqueFd& fd, const std::string& name, std::size_t most) {
  std::string text;
  std::array<char, kPiece> piece;
  for (;;) {
    const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read " + name, errno);
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > most) return Error("file", name + " is longer than " + std::to_string(most) + " bytes");
  }
}

Result<void> write_all(const UniqueFd& fd, std::string_view text, const fs::path& path) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd.get(), text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return system_error("write " + path.string(), errno);
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

Result<void> replace(const fs::path& path, std::string_view text, mode_t mode, bool durably) {
  const fs::path temporary = path.string() + ".new";
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) return system_error("open " + temporary.string(), errno);
  if (::fchmod(fd.get(), mode) != 0) return system_error("chmod " + temporary.string(), errno);
  if (auto wrote = write_all(fd, text, temporary); !wrote) return wrote;
  if (durably && ::fsync(fd.get()) != 0) return system_error("fsync " + temporary.string(), errno);
  if (::rename(temporary.c_str(), path.c_str()) != 0) return system_error("rename " + path.string(), errno);
  return durably ? sync_directory(path.parent_path()) : Result<void>();
}

}  // namespace

Error system_error(const std::string& doing, int number) {
  return Error("file", doing + ": " + std::strerror(number));
}

Result<std::string> read(const fs::path& path, std::size_t most) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return Error("not_found", "no file " + path.string());
  if (!fd) return system_error("open " + path.string(), errno);
  return read_open(fd, path.string(), most);
}

std::string read_or(const fs::path& path, const std::string& otherwise) {
  auto text = read(path);
  return text ? *std::move(text) : otherwise;
}

Result<void> write_durably(const fs::path& path, std::string_view text, mode_t mode) {
  return replace(path, text, mode, true);
}

Result<void> write(const fs::path& path, std::string_view text, mode_t mode) {
  return replace(path, text, mode, false);
}

Result<void> make_directory(const fs::path& path, mode_t mode) {
  std::error_code error;
  if (!path.parent_path().empty()) fs::create_directories(path.parent_path(), error);
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST)
    return system_error("mkdir " + path.string(), errno);
  return {};
}

Result<void> sync_directory(const fs::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return system_error("fsync " + path.string(), errno);
  return {};
}

Result<void> sync_file_system(const fs::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::syncfs(fd.get()) != 0) return system_error("syncfs " + path.string(), errno);
  return {};
}

void remove_tree(const fs::path& path) {
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

UniqueFd open_in_root(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

Result<std::string> read_in_root(int root, const std::string& path, std::size_t most) {
  const UniqueFd fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK);
  if (!fd && (errno == ENOENT || errno == ENOTDIR)) return Error("not_found", "no file " + path);
  if (!fd) return system_error("open " + path, errno);
  struct stat is {};
  if (::fstat(fd.get(), &is) != 0 || !S_ISREG(is.st_mode)) return Error("file", path + " is no regular file");
  return read_open(fd, path, most);
}

}  // namespace agent::runtime::oci::files
