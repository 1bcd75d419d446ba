#include "balancer/handover/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace balancer::handover {

using shared::Error;
using shared::Result;
using shared::UniqueFd;

namespace {

Error spawn_failed(const std::string& what, int number) {
  return Error("spawn", what + ": " + std::strerror(number));
}

}  // namespace

Result<Spawned> spawn(const std::string& program, std::vector<std::string> arguments, Parent parent) {
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return spawn_failed("pipe", errno);
  UniqueFd told(ends[0]), tell(ends[1]);
  // As fork(2), which knows no CLONE_PARENT. The child only calls what may be called between fork and exec.
  int end = -1;
  const auto flags =
      static_cast<unsigned long>(CLONE_PIDFD | SIGCHLD | (parent == Parent::kSibling ? CLONE_PARENT : 0));
  const long pid = ::syscall(SYS_clone, flags, nullptr, &end, nullptr, nullptr);
  if (pid < 0) return spawn_failed("clone", errno);
  if (pid == 0) {
    ::execve(program.c_str(), raw.data(), environ);
    const int number = errno;
    (void)!::write(tell.get(), &number, sizeof number);
    ::_exit(127);
  }
  Spawned out{static_cast<int>(pid), UniqueFd(end)};
  tell.reset();
  // Ends without a byte once the program has begun.
  int number = 0;
  ssize_t got = -1;
  do {
    got = ::read(told.get(), &number, sizeof number);
  } while (got < 0 && errno == EINTR);
  if (got == sizeof number) {
    siginfo_t how{};
    if (parent == Parent::kThis) (void)::waitid(P_PIDFD, static_cast<id_t>(out.end.get()), &how, WEXITED);
    return spawn_failed(program, number);
  }
  return out;
}

}  // namespace balancer::handover
