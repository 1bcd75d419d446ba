#include "agent/runtime/pause/pause_image.h"

#include <cstddef>
#include <cstdio>
#include <string_view>

#include "agent/runtime/pause/pause_bytes.h"

namespace agent::runtime::pause {
namespace {

constexpr std::size_t kBlock = 512;

// A tar header as POSIX.1 (ustar) has it, of an executable file of root's.
std::string header(std::string_view name, std::size_t size) {
  std::string out(kBlock, '\0');
  const auto put = [&](std::size_t at, std::string_view text) { out.replace(at, text.size(), text); };
  char octal[12];
  std::snprintf(octal, sizeof octal, "%011zo", size);
  put(0, name);
  put(100, "0000755");      // mode
  put(108, "0000000");      // uid
  put(116, "0000000");      // gid
  put(124, octal);          // size
  put(136, "00000000000");  // mtime
  put(148, "        ");     // checksum: spaces while it is summed up
  put(156, "0");            // a file
  put(257, std::string_view("ustar\0"
                            "00",
                            8));
  unsigned sum = 0;
  for (const char c : out) sum += static_cast<unsigned char>(c);
  std::snprintf(octal, sizeof octal, "%06o", sum);
  put(148, std::string_view(octal, 7));
  return out;
}

}  // namespace

const std::string& image_name() {
  static const std::string name = "berth/pause:" + std::string(kProgramDigest);
  return name;
}

std::string image_tree() {
  std::string tar = header(std::string_view(kEntryPoint).substr(1), kProgram.size());
  tar += kProgram;
  tar.append((kBlock - kProgram.size() % kBlock) % kBlock, '\0');
  tar.append(2 * kBlock, '\0');  // the end
  return tar;
}

}  // namespace agent::runtime::pause
