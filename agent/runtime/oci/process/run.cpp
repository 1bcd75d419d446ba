#include "agent/runtime/oci/process/run.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "shared/base/unique_fd.h"

extern char** environ;

namespace agent::runtime::oci {
namespace {

using shared::Error;
using shared::Result;
using shared::UniqueFd;

constexpr std::size_t kPiece = 16 * 1024;
constexpr int kFirstFree = 64;  // where descriptors wait until they get the numbers that the program knows

long long now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000LL + now.tv_nsec / 1'000'000;
}

struct Pipe {
  UniqueFd read;
  UniqueFd write;
  bool open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    read.reset(ends[0]);
    write.reset(ends[1]);
    return true;
  }
};

// False at the end of the stream.
bool take(int fd, std::string& into, std::size_t most) {
  std::array<char, kPiece> piece;
  const ssize_t got = ::read(fd, piece.data(), piece.size());
  if (got <= 0) return got < 0 && errno == EINTR;
  if (into.size() < most)
    into.append(piece.data(), std::min(static_cast<std::size_t>(got), most - into.size()));
  return true;
}

}  // namespace

Result<Ran> run(const std::vector<std::string>& arguments, const RunOptions& options) {
  Pipe out;
  Pipe err;
  if (!out.open() || !err.open()) return Error("spawn", std::string("pipe: ") + std::strerror(errno));
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  // First above all numbers that are given out, so that none is overwritten before it is used.
  std::vector<UniqueFd> kept;
  int highest = STDERR_FILENO;
  for (const auto& [ours, theirs] : options.passed) {
    kept.emplace_back(::fcntl(ours, F_DUPFD_CLOEXEC, kFirstFree));
    highest = std::max(highest, theirs);
  }
  if (options.input >= 0) {
    ::posix_spawn_file_actions_adddup2(&actions, options.input, STDIN_FILENO);
  } else {
    ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  ::posix_spawn_file_actions_adddup2(&actions, out.write.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.write.get(), STDERR_FILENO);
  for (std::size_t i = 0; i < kept.size(); ++i)
    ::posix_spawn_file_actions_adddup2(&actions, kept[i].get(), options.passed[i].second);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, highest + 1);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  sigset_t none;
  ::sigemptyset(&none);
  sigset_t ignored;
  ::sigemptyset(&ignored);
  ::sigaddset(&ignored, SIGPIPE);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &ignored);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> argv;
  for (const std::string& each : arguments) argv.push_back(const_cast<char*>(each.c_str()));
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) return Error("spawn", arguments.at(0) + ": " + std::strerror(failed));
  out.write.reset();
  err.write.reset();

  Ran ran;
  const UniqueFd watch(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  const long long deadline = now_ms() + options.timeout.count();
  bool ended = false;
  // Children of it may keep the pipes open: its own end is what counts, and then what is there already.
  while (!ended) {
    std::array<pollfd, 3> each{
        {{out.read.get(), POLLIN, 0}, {err.read.get(), POLLIN, 0}, {watch.get(), POLLIN, 0}}};
    const long long left = deadline - now_ms();
    if (left <= 0) {
      ran.timed_out = true;
      ::kill(pid, SIGKILL);
      break;
    }
    if (::poll(each.data(), each.size(), static_cast<int>(std::min(left, 1'000'000LL))) < 0 && errno != EINTR)
      break;
    if (each[0].revents != 0 && !take(out.read.get(), ran.out, options.most_output)) out.read.reset();
    if (each[1].revents != 0 && !take(err.read.get(), ran.err, options.most_output)) err.read.reset();
    ended = each[2].revents != 0 && each[0].revents == 0 && each[1].revents == 0;
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return ran;
}

}  // namespace agent::runtime::oci
