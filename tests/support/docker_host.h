// What tests with a real container engine need: whether there is one, a small image, a registry. Images are
// made from the host's static busybox; nothing is fetched.
#pragma once
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace tests {

inline constexpr const char* kDockerSocket = "/var/run/docker.sock";
inline constexpr const char* kTestImage = "berth-test/busybox:1";

inline bool shell(const std::string& command) { return std::system(("set -e; " + command).c_str()) == 0; }

// Why tests with the engine cannot run here; empty = they can.
inline std::string no_docker() {
  if (::geteuid() != 0) return "needs root";
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, kDockerSocket, sizeof(address.sun_path) - 1);
  const bool up = ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  if (!up) return std::string("no container engine answers at ") + kDockerSocket;
  static const bool image = shell("docker image inspect " + std::string(kTestImage) +
                                  " >/dev/null 2>&1 || { d=$(mktemp -d); mkdir -p $d/bin $d/tmp $d/www; cp "
                                  "$(command -v busybox) $d/bin/busybox; "
                                  "for a in sh sleep httpd cat echo true false; do ln -s busybox $d/bin/$a; "
                                  "done; echo hello > $d/www/index.html; "
                                  "tar -C $d -c . | docker import - " +
                                  kTestImage + " >/dev/null; rm -rf $d; }");
  return image ? "" : "the test image cannot be made (docker and a static busybox are needed)";
}

}  // namespace tests
