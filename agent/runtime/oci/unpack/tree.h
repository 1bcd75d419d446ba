// The folder that a layer is unpacked into, and what lies below it. Every operation goes through descriptors
// of the folder: a name, a link or a race never leads out of it (openat2, RESOLVE_BENEATH). Entries mean what
// they would if the layer were unpacked on top of the merged layers below: a parent that only those have
// keeps its mode and owner, a link of theirs is followed, a hard link to a file of theirs copies it here.
// Whiteouts become overlayfs': a device 0:0, the attribute trusted.overlay.opaque.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/runtime/oci/unpack/names.h"
#include "shared/base/result.h"
#include "shared/base/unique_fd.h"

namespace agent::runtime::oci::unpack {

enum class Kind { kFile, kDirectory, kSymlink, kHardLink, kCharacter, kBlock, kFifo };

struct Entry {
  std::string name;
  Kind kind = Kind::kFile;
  std::string link;  // target of a symbolic or hard link
  mode_t mode = 0;   // permissions
  uid_t uid = 0;
  gid_t gid = 0;
  std::int64_t size = 0;
  timespec modified{};
  dev_t device = 0;
  std::vector<std::pair<std::string, std::string>> attributes;
};

struct Limits {
  std::int64_t bytes = std::int64_t{32} * 1024 * 1024 * 1024;  // of all files, holes included
  std::int64_t entries = 1'000'000;
};

class Tree {
 public:
  // `plain`: an archive that is no layer; names with .wh. are names. `lowers`: topmost first.
  Tree(shared::UniqueFd root, std::vector<shared::UniqueFd> lowers, Limits limits, bool plain);

  // Writes a file's contents into the descriptor, and says so if the archive breaks off.
  using Contents = std::function<shared::Result<void>(int fd)>;
  // Errors: "unsafe" (what no layer may do), "limit", "file" (the disk's).
  shared::Result<void> add(const Entry& entry, const Contents& contents);
  shared::Result<void> finish();  // times of folders

 private:
  struct Found {
    enum class What { kNothing, kDirectory, kSymlink, kOther } what = What::kNothing;
    std::size_t layer = 0;  // 0: this one
    struct stat is {};
    std::string target;
  };
  Found merged(const Parts& path) const;
  shared::Result<Parts> resolve(Parts path) const;   // links of folders followed, in the merged view
  shared::Result<int> parent_of(const Parts& path);  // made where it is missing; cached
  shared::Result<shared::UniqueFd> make_directories(const Parts& path);
  shared::Result<void> whiteout(int parent, const std::string& name);
  shared::Result<bool> make_room(int parent, const Entry& entry, const std::string& name);
  shared::Result<void> add_file(int parent, const std::string& name, const Entry& entry,
                                const Contents& contents);
  shared::Result<void> add_directory(int parent, const std::string& name, const Entry& entry);
  shared::Result<void> add_hard_link(int parent, const std::string& name, const Entry& entry);
  shared::Result<void> copy_up(const Parts& path, const Found& found);
  shared::Result<void> set_directory(int fd, const Entry& entry);
  shared::Result<void> root_attributes(const Entry& entry);

  shared::UniqueFd root_;
  std::vector<shared::UniqueFd> lowers_;
  Limits limits_;
  bool plain_;
  std::int64_t bytes_ = 0;
  std::int64_t entries_ = 0;
  bool replaced_whiteout_ = false;  // by the entry that is being added
  std::string cached_for_;
  shared::UniqueFd cached_;
  std::map<std::string, timespec> directory_times_;
};

}  // namespace agent::runtime::oci::unpack
