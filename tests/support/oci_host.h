// What tests of the runtime without a daemon need: whether this host can have it, a folder and a bridge of
// their own, a small image made from the host's static busybox.
#pragma once
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>

#include "agent/runtime/oci/oci_runtime.h"
#include "tests/support/docker_host.h"

namespace tests {

// Why tests with it cannot run here; empty = they can.
inline std::string no_oci() {
  if (::geteuid() != 0) return "needs root";
  for (const char* program : {"runc", "busybox", "nft"})
    if (!shell(std::string("command -v ") + program + " >/dev/null"))
      return std::string("needs the program ") + program;
  return "";
}

// A tar of a tree with busybox and a few names of it.
inline const std::string& busybox_tree() {
  static const std::string tree = [] {
    const std::string tar = "/tmp/berth-busybox-" + std::to_string(::getpid()) + ".tar";
    shell(
        "d=$(mktemp -d); chmod 755 $d; mkdir -p $d/bin $d/tmp $d/www $d/etc $d/srv/data; cp $(command -v "
        "busybox) $d/bin/busybox; "
        "for a in sh sleep httpd cat echo true false id ls mount wget nc ip ps grep hostname touch stat dd "
        "kill mknod timeout cut sed head tftp; do ln -s busybox $d/bin/$a; done; "
        "echo hello > $d/www/index.html; echo first > $d/srv/data/file; chown 7:8 $d/srv/data; "
        "printf 'root:x:0:0:root:/root:/bin/sh\\nweb:x:33:33::/www:/bin/sh\\n' > $d/etc/passwd; "
        "printf 'root:x:0:\\nweb:x:33:\\nlogs:x:4:web\\n' > $d/etc/group; tar -C $d --numeric-owner -cf " +
        tar + " .; rm -rf $d");
    std::ostringstream text;
    text << std::ifstream(tar, std::ios::binary).rdbuf();
    ::unlink(tar.c_str());
    return text.str();
  }();
  return tree;
}

// Settings in a folder of this process's, which goes with the object.
class OciHost {
 public:
  OciHost() {
    static int hosts = 0;
    const std::string mine = std::to_string(::getpid() % 1'000'000) + static_cast<char>('a' + hosts++ % 26);
    folder_ = "/tmp/berth-oci-" + mine;
    std::filesystem::remove_all(folder_);
    settings.data = folder_ + "/data";
    settings.run = folder_ + "/run";
    settings.helpers = BERTH_BINARY_DIR "/agent/app";
    settings.bridge.bridge = "bt" + mine;
    settings.bridge.subnet =
        "10.213." + std::to_string(::getpid() % 250) + "." + std::to_string(hosts % 8 * 32) + "/27";
  }
  ~OciHost() { std::filesystem::remove_all(folder_); }
  const std::string& folder() const { return folder_; }

  agent::runtime::oci::OciSettings settings;

 private:
  std::string folder_;
};

}  // namespace tests
