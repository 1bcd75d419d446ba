// For LD_PRELOAD into a program with a SQLite file: ends the process with SIGKILL at the BERTH_KILL_AT-th
// call that changes a file whose path contains BERTH_KILL_FILE: a write (with BERTH_KILL_HALF=1 after half of
// its bytes), a sync, a truncation. With BERTH_KILL_COUNT=FILE each call so far is a line there.
#include <dlfcn.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

std::atomic<long> calls{0};

bool concerns(int fd) {
  const char* wanted = std::getenv("BERTH_KILL_FILE");
  if (wanted == nullptr) return false;
  std::array<char, 64> link{};
  std::array<char, PATH_MAX> path{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link.data(), path.data(), path.size());
  return size > 0 &&
         std::string_view(path.data(), static_cast<std::size_t>(size)).find(wanted) != std::string_view::npos;
}

// Whether this is the call at which the process ends.
bool is_the_one(int fd) {
  if (!concerns(fd)) return false;
  const long now = ++calls;
  if (const char* count = std::getenv("BERTH_KILL_COUNT")) {
    if (std::FILE* file = std::fopen(count, "a")) {
      std::fprintf(file, "%ld\n", now);
      std::fclose(file);
    }
  }
  const char* at = std::getenv("BERTH_KILL_AT");
  return at != nullptr && std::atol(at) == now;
}

void end() { ::kill(::getpid(), SIGKILL); }

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t offset) {
  static auto* const next = real<ssize_t(int, const void*, size_t, off64_t)>("pwrite64");
  if (is_the_one(fd)) {
    const char* half = std::getenv("BERTH_KILL_HALF");
    if (half != nullptr && *half == '1') next(fd, data, size / 2, offset);
    end();
  }
  return next(fd, data, size, offset);
}

int fdatasync(int fd) {
  static auto* const next = real<int(int)>("fdatasync");
  if (is_the_one(fd)) end();
  return next(fd);
}

int fsync(int fd) {
  static auto* const next = real<int(int)>("fsync");
  if (is_the_one(fd)) end();
  return next(fd);
}

int ftruncate64(int fd, off64_t size) noexcept {
  static auto* const next = real<int(int, off64_t)>("ftruncate64");
  if (is_the_one(fd)) end();
  return next(fd, size);
}

}  // extern "C"
