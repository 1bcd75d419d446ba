// berth-unpack: unpacks one layer, or an archive of images, from its stdin into a folder. A program of its
// own, because it reads what strangers made: it has no network, sees nothing but that folder and the layers
// below, and keeps only the capabilities that writing files for other owners needs.
//
//   berth-unpack DIR MAX_BYTES MAX_ENTRIES layer|plain [LOWER ...] < blob
//
// LOWER: folders of the layers below, topmost first. Writes the diffID to stdout; on failure one line
// "code: text" to stderr, and ends with 1.
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <clocale>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "agent/runtime/oci/unpack/stream.h"
#include "agent/runtime/oci/unpack/tree.h"
#include "shared/base/unique_fd.h"

namespace {

using agent::runtime::oci::unpack::Limits;
using agent::runtime::oci::unpack::Tree;
using shared::Error;
using shared::Result;
using shared::UniqueFd;

Error failed(const char* doing) { return Error("confine", std::string(doing) + ": " + std::strerror(errno)); }

constexpr unsigned kKept[] = {CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER,   CAP_FSETID,
                              CAP_MKNOD, CAP_SETFCAP,      CAP_SYS_ADMIN};  // the last: trusted.* attributes

Result<void> drop_capabilities() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("no_new_privs");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (const unsigned each : kKept) data[each / 32].effective |= 1U << (each % 32);
  for (auto& each : data) each.permitted = each.effective;
  if (::syscall(SYS_capset, &header, data) != 0) return failed("capset");
  return {};
}

// Afterwards "/" is the folder, and nothing else can be opened by a name.
Result<void> confine(const char* folder) {
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) return failed("unshare");
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return failed("private mounts");
  if (::mount(folder, folder, nullptr, MS_BIND, nullptr) != 0) return failed("bind the folder");
  if (::chdir(folder) != 0) return failed("enter the folder");
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return failed("pivot_root");
  if (::umount2(".", MNT_DETACH) != 0) return failed("let go of the host's files");
  if (::chdir("/") != 0) return failed("enter the folder");
  return drop_capabilities();
}

bool number(std::string_view text, std::int64_t& out) {
  return std::from_chars(text.data(), text.data() + text.size(), out).ptr == text.data() + text.size() &&
         out > 0;
}

Result<std::string> run(int argc, char** argv) {
  Limits limits;
  constexpr int kFirstLower = 5;
  if (argc < kFirstLower || !number(argv[2], limits.bytes) || !number(argv[3], limits.entries))
    return Error("usage", "berth-unpack DIR MAX_BYTES MAX_ENTRIES layer|plain [LOWER ...]");
  const bool plain = std::string_view(argv[4]) == "plain";
  std::vector<UniqueFd> lowers;
  for (int i = kFirstLower; i < argc; ++i) {
    lowers.emplace_back(::open(argv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!lowers.back()) return failed(argv[i]);
  }
  std::setlocale(LC_CTYPE, "C.UTF-8");  // names in pax headers are UTF-8; read before the files are gone
  ::umask(0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  if (auto confined = confine(argv[1]); !confined) return confined.error();
  UniqueFd root(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return failed("open the folder");
  Tree tree(std::move(root), std::move(lowers), limits, plain);
  return agent::runtime::oci::unpack::unpack_stream(STDIN_FILENO, limits, tree);
}

}  // namespace

// Ends without more ado: what would look back now (a sanitizer, say) finds no /proc.
int main(int argc, char** argv) {
  const auto done = run(argc, argv);
  if (!done) {
    std::fprintf(stderr, "%s: %s\n", done.error().code().c_str(), done.error().text().c_str());
    _exit(1);
  }
  std::puts(done->c_str());
  _exit(std::fflush(stdout) == 0 ? 0 : 1);
}
