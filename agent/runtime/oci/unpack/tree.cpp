#include "agent/runtime/oci/unpack/tree.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <deque>

#include "agent/runtime/oci/unpack/removal.h"

namespace agent::runtime::oci::unpack {
namespace {

using shared::Error;
using shared::Result;
using shared::UniqueFd;

constexpr const char* kOpaqueAttribute = "trusted.overlay.opaque";
constexpr int kMaxLinks = 40;
constexpr mode_t kPermissions = 07777;
constexpr mode_t kMadeUp = 0755;

Error failed(const std::string& doing, const std::string& name) {
  return Error("file", doing + " " + name + ": " + std::strerror(errno));
}
Error unsafe(const std::string& name, const std::string& why) {
  return Error("unsafe", "entry '" + name.substr(0, kMaxComponent) + "': " + why);
}

UniqueFd open_beneath(int root, const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return UniqueFd(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

bool is_whiteout(const struct stat& is) { return S_ISCHR(is.st_mode) && is.st_rdev == 0; }

bool is_opaque(int directory) {
  char value = 0;
  return ::fgetxattr(directory, kOpaqueAttribute, &value, 1) == 1 && value == 'y';
}

Result<void> set_attributes(int fd, const Entry& entry) {
  for (const auto& [name, value] : entry.attributes) {
    if (!takes_attribute(name)) continue;
    if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0 && errno != ENOTSUP)
      return failed("set attribute " + name + " of", entry.name);
  }
  return {};
}

// The order matters: chown takes away set-user-ID bits and capabilities.
Result<void> own(int fd, const Entry& entry) {
  if (::fchown(fd, entry.uid, entry.gid) != 0) return failed("chown", entry.name);
  if (::fchmod(fd, entry.mode & kPermissions) != 0) return failed("chmod", entry.name);
  return set_attributes(fd, entry);
}

}  // namespace

Tree::Tree(UniqueFd root, std::vector<UniqueFd> lowers, Limits limits, bool plain)
    : root_(std::move(root)), lowers_(std::move(lowers)), limits_(limits), plain_(plain) {}

// As overlayfs would find it: layer by layer from the top, until one has it or hides what is below.
Tree::Found Tree::merged(const Parts& path) const {
  Found found;
  for (std::size_t layer = 0; layer <= lowers_.size(); ++layer) {
    int at = layer == 0 ? root_.get() : lowers_[layer - 1].get();
    UniqueFd held;
    bool hides = false;
    bool missing = false;
    for (std::size_t i = 0; i < path.size() && !missing; ++i) {
      struct stat is {};
      if (::fstatat(at, path[i].c_str(), &is, AT_SYMLINK_NOFOLLOW) != 0) {
        missing = true;
        break;
      }
      if (is_whiteout(is)) return found;
      const bool last = i + 1 == path.size();
      if (last) {
        found.layer = layer;
        found.is = is;
        found.what = S_ISDIR(is.st_mode)   ? Found::What::kDirectory
                     : S_ISLNK(is.st_mode) ? Found::What::kSymlink
                                           : Found::What::kOther;
        if (S_ISLNK(is.st_mode)) {
          std::array<char, PATH_MAX> target{};
          const ssize_t size = ::readlinkat(at, path[i].c_str(), target.data(), target.size());
          if (size > 0) found.target.assign(target.data(), static_cast<std::size_t>(size));
        }
        return found;
      }
      if (!S_ISDIR(is.st_mode)) return found;  // hides what lower layers have below this name
      UniqueFd next(::openat(at, path[i].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) return found;
      hides = hides || is_opaque(next.get());
      held = std::move(next);
      at = held.get();
    }
    if (hides) return found;
  }
  return found;
}

Result<Parts> Tree::resolve(Parts path) const {
  std::deque<std::string> left(path.begin(), path.end());
  Parts at;
  int links = 0;
  while (!left.empty()) {
    const std::string part = std::move(left.front());
    left.pop_front();
    if (part.empty() || part == ".") continue;
    if (part == "..") {  // of a link's target; the root's parent is the root
      if (!at.empty()) at.pop_back();
      continue;
    }
    at.push_back(part);
    const Found found = merged(at);
    if (found.what == Found::What::kOther) return unsafe(joined(path), "'" + joined(at) + "' is no folder");
    if (found.what != Found::What::kSymlink) continue;
    if (++links > kMaxLinks) return unsafe(joined(path), "too many symbolic links");
    at.pop_back();
    if (found.target.starts_with('/')) at.clear();
    std::size_t from = 0;
    std::deque<std::string> target;
    while (from <= found.target.size()) {
      const auto slash = std::min(found.target.find('/', from), found.target.size());
      target.push_back(found.target.substr(from, slash - from));
      from = slash + 1;
    }
    left.insert(left.begin(), target.begin(), target.end());
  }
  if (at.size() > kMaxDepth) return unsafe(joined(path), "too many levels of folders");
  return at;
}

Result<UniqueFd> Tree::make_directories(const Parts& path) {
  UniqueFd at(::openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Parts sofar;
  for (const std::string& part : path) {
    sofar.push_back(part);
    UniqueFd next(::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next) {
      const Found below = merged(sofar);
      struct stat is {};
      const bool hidden = ::fstatat(at.get(), part.c_str(), &is, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(is);
      if (hidden && ::unlinkat(at.get(), part.c_str(), 0) != 0) return failed("remove", joined(sofar));
      if (::mkdirat(at.get(), part.c_str(), kMadeUp) != 0) return failed("make folder", joined(sofar));
      if (++entries_ > limits_.entries)
        return Error("limit", "more than " + std::to_string(limits_.entries) + " entries");
      next.reset(::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!next) return failed("open folder", joined(sofar));
      if (hidden && ::fsetxattr(next.get(), kOpaqueAttribute, "y", 1, 0) != 0)
        return failed("hide", joined(sofar));
      if (below.what == Found::What::kDirectory) {
        if (::fchown(next.get(), below.is.st_uid, below.is.st_gid) != 0 ||
            ::fchmod(next.get(), below.is.st_mode & kPermissions) != 0)
          return failed("chown", joined(sofar));
        directory_times_[joined(sofar)] = below.is.st_mtim;
      }
    }
    at = std::move(next);
  }
  return at;
}

Result<int> Tree::parent_of(const Parts& path) {
  const Parts parent(path.begin(), path.end() - 1);
  const std::string key = joined(parent);
  if (cached_ && cached_for_ == key) return cached_.get();
  UniqueFd fd = open_beneath(root_.get(), key, O_RDONLY | O_DIRECTORY);
  if (!fd) {
    auto real = resolve(parent);
    if (!real) return real.error();
    auto made = make_directories(*real);
    if (!made) return made.error();
    fd = *std::move(made);
  }
  cached_ = std::move(fd);
  cached_for_ = key;
  return cached_.get();
}

Result<void> Tree::whiteout(int parent, const std::string& name) {
  if (name == kOpaque) {
    if (::fsetxattr(parent, kOpaqueAttribute, "y", 1, 0) != 0) return failed("hide what is below", name);
    return {};
  }
  if (std::string_view(name).starts_with(kAufs)) return {};  // another file system's own
  const std::string hidden = name.substr(kWhiteout.size());
  if (hidden.empty() || hidden == "." || hidden == "..") return unsafe(name, "a whiteout of nothing");
  struct stat is {};
  if (::fstatat(parent, hidden.c_str(), &is, AT_SYMLINK_NOFOLLOW) == 0) return {};  // of this layer: it stays
  if (::mknodat(parent, hidden.c_str(), S_IFCHR, 0) != 0) return failed("whiteout", hidden);
  return {};
}

// True if a folder is there that only needs other attributes.
Result<bool> Tree::make_room(int parent, const Entry& entry, const std::string& name) {
  struct stat is {};
  replaced_whiteout_ = false;
  if (::fstatat(parent, name.c_str(), &is, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (entry.kind == Kind::kDirectory && S_ISDIR(is.st_mode)) return true;
  cached_.reset();  // it may lie below
  replaced_whiteout_ = is_whiteout(is);
  if (!remove_beneath(parent, name)) return failed("replace", entry.name);
  return false;
}

Result<void> Tree::add(const Entry& entry, const Contents& contents) {
  if (++entries_ > limits_.entries)
    return Error("limit", "more than " + std::to_string(limits_.entries) + " entries");
  auto parts = clean_name(entry.name);
  if (!parts) return parts.error();
  if (parts->empty())
    return entry.kind == Kind::kDirectory ? root_attributes(entry) : unsafe(entry.name, "it is the root");
  const std::string name = parts->back();
  auto parent = parent_of(*parts);
  if (!parent) return parent.error();
  if (!plain_ && std::string_view(name).starts_with(kWhiteout)) return whiteout(*parent, name);
  // The cache's descriptor may be given up while room is made.
  const UniqueFd at(::openat(*parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at) return failed("open the folder of", entry.name);
  auto there = make_room(at.get(), entry, name);
  if (!there) return there.error();
  switch (entry.kind) {
    case Kind::kFile:
      return add_file(at.get(), name, entry, contents);
    case Kind::kDirectory: {
      if (!*there && ::mkdirat(at.get(), name.c_str(), 0700) != 0) return failed("make folder", entry.name);
      return add_directory(at.get(), name, entry);
    }
    case Kind::kHardLink:
      return add_hard_link(at.get(), name, entry);
    case Kind::kSymlink: {
      if (entry.link.empty() || entry.link.size() > kMaxPath) return unsafe(entry.name, "a link to nothing");
      if (::symlinkat(entry.link.c_str(), at.get(), name.c_str()) != 0) return failed("link", entry.name);
      cached_.reset();
      break;
    }
    case Kind::kCharacter:
    case Kind::kBlock:
    case Kind::kFifo: {
      if (plain_) return unsafe(entry.name, "a device");
      if (entry.kind == Kind::kCharacter && entry.device == 0) return unsafe(entry.name, "a forged whiteout");
      const mode_t type = entry.kind == Kind::kCharacter ? S_IFCHR
                          : entry.kind == Kind::kBlock   ? S_IFBLK
                                                         : S_IFIFO;
      if (::mknodat(at.get(), name.c_str(), type | (entry.mode & kPermissions), entry.device) != 0)
        return failed("make node", entry.name);
      if (::fchmodat(at.get(), name.c_str(), entry.mode & kPermissions, 0) != 0)
        return failed("chmod", entry.name);
      break;
    }
  }
  if (::fchownat(at.get(), name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW) != 0)
    return failed("chown", entry.name);
  const timespec times[2] = {entry.modified, entry.modified};
  ::utimensat(at.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW);
  return {};
}

Result<void> Tree::add_file(int parent, const std::string& name, const Entry& entry,
                            const Contents& contents) {
  bytes_ += entry.size;
  if (entry.size < 0 || bytes_ > limits_.bytes)
    return Error("limit", "more than " + std::to_string(limits_.bytes) + " bytes");
  const UniqueFd fd(
      ::openat(parent, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return failed("make file", entry.name);
  if (auto wrote = contents(fd.get()); !wrote) return wrote;
  if (::ftruncate(fd.get(), entry.size) != 0) return failed("write", entry.name);
  if (auto set = own(fd.get(), entry); !set) return set;
  const timespec times[2] = {entry.modified, entry.modified};
  ::futimens(fd.get(), times);
  return {};
}

Result<void> Tree::add_directory(int parent, const std::string& name, const Entry& entry) {
  const UniqueFd fd(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return failed("open folder", entry.name);
  if (replaced_whiteout_ && ::fsetxattr(fd.get(), kOpaqueAttribute, "y", 1, 0) != 0)
    return failed("hide", entry.name);
  auto parts = clean_name(entry.name);
  if (!parts) return parts.error();
  auto real = resolve(*parts);
  if (real) directory_times_[joined(*real)] = entry.modified;
  return own(fd.get(), entry);
}

Result<void> Tree::root_attributes(const Entry& entry) { return own(root_.get(), entry); }

Result<void> Tree::copy_up(const Parts& path, const Found& found) {
  const std::string name = joined(path);
  auto parent = make_directories(Parts(path.begin(), path.end() - 1));
  if (!parent) return parent.error();
  if (found.what == Found::What::kSymlink) {
    if (::symlinkat(found.target.c_str(), parent->get(), path.back().c_str()) != 0)
      return failed("link", name);
    if (::fchownat(parent->get(), path.back().c_str(), found.is.st_uid, found.is.st_gid,
                   AT_SYMLINK_NOFOLLOW) != 0)
      return failed("chown", name);
    return {};
  }
  if (!S_ISREG(found.is.st_mode)) return unsafe(name, "a hard link to what is no file");
  const UniqueFd from = open_beneath(lowers_.at(found.layer - 1).get(), name, O_RDONLY);
  if (!from) return failed("open", name);
  Entry entry;
  entry.name = name;
  entry.mode = found.is.st_mode & kPermissions;
  entry.uid = found.is.st_uid;
  entry.gid = found.is.st_gid;
  entry.size = found.is.st_size;
  entry.modified = found.is.st_mtim;
  std::array<char, 64> capability;
  const ssize_t size = ::fgetxattr(from.get(), "security.capability", capability.data(), capability.size());
  if (size > 0)
    entry.attributes.emplace_back("security.capability",
                                  std::string(capability.data(), static_cast<std::size_t>(size)));
  return add_file(parent->get(), path.back(), entry, [&](int fd) -> Result<void> {
    std::array<char, 64 * 1024> piece;
    for (;;) {
      const ssize_t got = ::read(from.get(), piece.data(), piece.size());
      if (got == 0) return {};
      if (got < 0 || ::write(fd, piece.data(), static_cast<std::size_t>(got)) != got)
        return failed("copy", name);
    }
  });
}

Result<void> Tree::add_hard_link(int parent, const std::string& name, const Entry& entry) {
  auto target = clean_name(entry.link);
  if (!target) return target.error();
  if (target->empty()) return unsafe(entry.name, "a hard link to the root");
  const std::string last = target->back();
  target->pop_back();
  auto real = resolve(*target);
  if (!real) return real.error();
  real->push_back(last);
  const Found found = merged(*real);
  if (found.what == Found::What::kNothing)
    return unsafe(entry.name, "a hard link to '" + entry.link + "', which is not there");
  if (found.what == Found::What::kDirectory) return unsafe(entry.name, "a hard link to a folder");
  if (found.layer > 0) {
    if (auto copied = copy_up(*real, found); !copied) return copied;
  }
  const UniqueFd from =
      open_beneath(root_.get(), joined(Parts(real->begin(), real->end() - 1)), O_RDONLY | O_DIRECTORY);
  if (!from || ::linkat(from.get(), last.c_str(), parent, name.c_str(), 0) != 0)
    return failed("hard link", entry.name);
  return {};
}

Result<void> Tree::finish() {
  for (auto each = directory_times_.rbegin(); each != directory_times_.rend(); ++each) {
    const UniqueFd fd = open_beneath(root_.get(), each->first, O_RDONLY | O_DIRECTORY);
    const timespec times[2] = {each->second, each->second};
    if (fd) ::futimens(fd.get(), times);
  }
  return {};
}

}  // namespace agent::runtime::oci::unpack
