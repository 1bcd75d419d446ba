#include "agent/runtime/oci/monitor/init.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <initializer_list>

namespace agent::runtime::oci::monitor {

void run_init(char** arguments) {
  if (arguments[0] != nullptr && std::strcmp(arguments[0], "--") == 0) ++arguments;
  if (arguments[0] == nullptr) _exit(127);
  sigset_t all;
  ::sigfillset(&all);
  for (const int fault : {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS})
    ::sigdelset(&all, fault);
  sigset_t before;
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t child = ::fork();
  if (child < 0) _exit(128);
  if (child == 0) {
    ::setpgid(0, 0);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    ::execvp(arguments[0], arguments);
    const int code = errno == ENOENT ? 127 : 126;
    std::fprintf(stderr, "%s: %s\n", arguments[0], std::strerror(errno));
    _exit(code);
  }
  for (;;) {
    siginfo_t info;
    const int signal = ::sigwaitinfo(&all, &info);
    if (signal < 0) continue;
    if (signal != SIGCHLD) {
      ::kill(child, signal);
      continue;
    }
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (ended != child) continue;
      _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
  }
}

}  // namespace agent::runtime::oci::monitor
