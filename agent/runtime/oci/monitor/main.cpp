// berth-monitor: one of these for each container. It holds the container's output and host ports, mounts its
// files in a mount namespace of its own, has the runtime start the program, writes the log, and leaves an
// exit record that survives the machine. It outlives the agent, which finds it again by its folder. Static,
// and without the C++ library, so that a thousand of them cost little.
//
//   berth-monitor FOLDER      (as /sbin/docker-init inside a container: see init.h)
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "agent/runtime/oci/monitor/init.h"
#include "agent/runtime/oci/monitor/log_file.h"
#include "agent/runtime/oci/monitor/plan.h"

namespace agent::runtime::oci::monitor {
namespace {

constexpr std::size_t kMaxPlan = 64 * 1024;
constexpr int kMaxWords = 64;
constexpr int kMaxLate = 16;
constexpr std::size_t kText = 4096;
constexpr int kKilled = 137;

char plan[kMaxPlan + 1];
std::size_t plan_size = 0;
LogFile log_file;
int own_folder = -1;

struct Stream {
  const char* name;
  int fd;
  char line[kLine];
  std::size_t size;
};
Stream streams[2] = {{"stdout", -1, {}, 0}, {"stderr", -1, {}, 0}};

const char* find(const char* key, const char* otherwise) {
  const std::size_t length = std::strlen(key);
  for (std::size_t at = 0; at < plan_size; at += std::strlen(plan + at) + 1)
    if (std::strncmp(plan + at, key, length) == 0 && plan[at + length] == '=') return plan + at + length + 1;
  return otherwise;
}

int find_all(const char* key, char** out, int most) {
  const std::size_t length = std::strlen(key);
  int found = 0;
  for (std::size_t at = 0; at < plan_size; at += std::strlen(plan + at) + 1)
    if (std::strncmp(plan + at, key, length) == 0 && plan[at + length] == '=' && found < most)
      out[found++] = plan + at + length + 1;
  return found;
}

std::int64_t number(const char* text) {
  std::int64_t value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) value = value * 10 + (*text - '0');
  return value;
}

bool read_file(int folder, const char* name, char* out, std::size_t size) {
  const int fd = ::openat(folder, name, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  std::size_t have = 0;
  ssize_t got = 0;
  while (have + 1 < size && (got = ::read(fd, out + have, size - 1 - have)) > 0)
    have += static_cast<std::size_t>(got);
  ::close(fd);
  out[have] = '\0';
  return got >= 0;
}

bool write_all(int fd, const char* text) {
  std::size_t size = std::strlen(text);
  while (size > 0) {
    const ssize_t wrote = ::write(fd, text, size);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return false;
    text += wrote;
    size -= static_cast<std::size_t>(wrote);
  }
  return true;
}

// In the container's folder; whole or not at all, also after a power failure.
bool record(const char* name, const char* text) {
  char temporary[NAME_MAX];
  std::snprintf(temporary, sizeof temporary, "%s.new", name);
  const int fd = ::openat(own_folder, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  const bool good = write_all(fd, text) && ::fsync(fd) == 0;
  ::close(fd);
  return good && ::renameat(own_folder, temporary, own_folder, name) == 0 && ::fsync(own_folder) == 0;
}

void now_millis(char* out, std::size_t size) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  std::snprintf(out, size, "%lld", static_cast<long long>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000);
}

// Exit code of a command of the plan; its own end only, others are left to the loop.
int command(const char* key, int in, int out, int err) {
  char* words[kMaxWords + 1];
  const int count = find_all(key, words, kMaxWords);
  words[count] = nullptr;
  if (count == 0) return 127;
  const pid_t child = ::fork();
  if (child < 0) return 127;
  if (child == 0) {
    ::dup2(in, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execv(words[0], words);
    _exit(127);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

[[noreturn]] void fail(const char* text) {
  record(kFailureFile, text);
  write_all(kAnswer, "fail ");
  write_all(kAnswer, text);
  _exit(1);
}

[[noreturn]] void fail_errno(const char* doing) {
  char text[kText];
  std::snprintf(text, sizeof text, "%s: %s", doing, std::strerror(errno));
  fail(text);
}

// The mount is in this process's mount namespace only: the host's table does not grow, and the kernel takes
// it away with the last process that sees it.
void mount_files() {
  if (::unshare(CLONE_NEWNS) != 0) fail_errno("a mount namespace");
  if (::mount("none", "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) fail_errno("mounts of its own");
  const char* const overlay = find("overlay", nullptr);
  if (overlay == nullptr) return;
  if (::chdir(find("lowers", "/")) != 0) fail_errno("the folder of layers");
  if (::mount("overlay", find("rootfs", ""), "overlay", 0, overlay) != 0)
    fail_errno("mount the image's files");
  if (::chdir("/") != 0) fail_errno("chdir");
}

// The last error line of the runtime's log: {"level":"error","msg":"...", ...}.
void runtime_words(char* out, std::size_t size) {
  static char text[64 * 1024];
  std::snprintf(out, size, "the runtime could not start it");
  if (!read_file(AT_FDCWD, find("runtime_log", "/dev/null"), text, sizeof text)) return;
  const char* last = nullptr;
  for (const char* at = text; (at = std::strstr(at, "\"msg\":\"")) != nullptr; ++at) last = at + 7;
  if (last == nullptr) return;
  std::size_t n = 0;
  for (; *last != '\0' && *last != '"' && n + 1 < size; ++last) {
    if (*last == '\\' && last[1] != '\0') ++last;
    out[n++] = *last == '\n' ? ' ' : *last;
  }
  out[n] = '\0';
}

void start_time(pid_t pid, char* out, std::size_t size) {
  char path[64];
  static char text[kText];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  std::snprintf(out, size, "0");
  if (!read_file(AT_FDCWD, path, text, sizeof text)) return;
  const char* at = std::strrchr(text, ')');  // the name may hold anything
  for (int field = 2; at != nullptr && field < 22; ++field) at = std::strchr(at + 1, ' ');
  if (at != nullptr)
    std::snprintf(out, size, "%.*s", static_cast<int>(std::strspn(at + 1, "0123456789")), at + 1);
}

// False at the end of the stream.
bool read_stream(Stream& s) {
  static char piece[64 * 1024];
  const ssize_t got = ::read(s.fd, piece, sizeof piece);
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  for (ssize_t i = 0; i < got; ++i) {
    s.line[s.size++] = piece[i];
    if (piece[i] != '\n' && s.size < kLine) continue;
    log_file.write(s.name, s.line, s.size, now);
    s.size = 0;
  }
  if (got > 0) return true;
  if (s.size > 0) log_file.write(s.name, s.line, s.size, now);
  s.size = 0;
  return false;
}

void drain() {
  for (Stream& s : streams) {
    if (s.fd < 0) continue;
    ::fcntl(s.fd, F_SETFL, O_NONBLOCK);
    for (pollfd ready{s.fd, POLLIN, 0}; ::poll(&ready, 1, 0) > 0 && read_stream(s);) {
    }
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    if (s.size > 0) log_file.write(s.name, s.line, s.size, now);
  }
}

bool killed_for_memory() {
  static char text[kText];
  if (!read_file(AT_FDCWD, find("memory", "/dev/null"), text, sizeof text)) return false;
  for (const char* at = text; (at = std::strstr(at, "oom_kill ")) != nullptr; ++at)
    if (at == text || at[-1] == '\n') return number(at + 9) > 0;
  return false;
}

void write_late() {
  char* late[kMaxLate];
  const int count = find_all("late", late, kMaxLate);
  for (int i = 0; i < count; ++i) {
    char* const tab = std::strchr(late[i], '\t');
    if (tab == nullptr) continue;
    *tab = '\0';
    const int fd = ::open(late[i], O_WRONLY | O_CLOEXEC);
    if (fd >= 0) write_all(fd, tab + 1);
    if (fd >= 0) ::close(fd);
  }
}

// Follows the program to its end. Its wait status.
int follow(pid_t program, int signals) {
  for (;;) {
    pollfd each[3] = {{streams[0].fd, POLLIN, 0}, {streams[1].fd, POLLIN, 0}, {signals, POLLIN, 0}};
    if (::poll(each, 3, -1) < 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (each[i].revents == 0 || read_stream(streams[i])) continue;
      ::close(streams[i].fd);
      streams[i].fd = -1;
    }
    if (each[2].revents == 0) continue;
    signalfd_siginfo info;
    while (::read(signals, &info, sizeof info) == sizeof info) {
    }
    int status = 0;
    for (pid_t ended = 0; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;)
      if (ended == program) return status;
  }
}

void open_streams(int* out, int* err) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail_errno("pipe");
  streams[0].fd = ends[0];
  *out = ends[1];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail_errno("pipe");
  streams[1].fd = ends[0];
  *err = ends[1];
}

int supervise(const char* folder) {
  own_folder = ::open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own_folder < 0) fail_errno(folder);
  const int plan_fd = ::openat(own_folder, kPlanFile, O_RDONLY | O_CLOEXEC);
  const ssize_t got = plan_fd < 0 ? -1 : ::read(plan_fd, plan, kMaxPlan);
  if (got <= 0) fail_errno("the plan");
  plan_size = static_cast<std::size_t>(got);
  ::close(plan_fd);
  // What is held here is nobody's below.
  ::syscall(SYS_close_range, static_cast<unsigned>(kAnswer), ~0U, CLOSE_RANGE_CLOEXEC);
  const int lock = ::openat(own_folder, kLockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0 || ::flock(lock, LOCK_EX | LOCK_NB) != 0) fail("another monitor has this container");
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  ::prctl(PR_SET_NAME, "berth-monitor", 0, 0, 0);
  const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0) {
    write_all(score, "-999");  // where we may; the container's own is in its configuration
    ::close(score);
  }
  sigset_t child;
  ::sigemptyset(&child);
  ::sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const int signals = ::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  if (signals < 0) fail_errno("signalfd");

  mount_files();
  int out = -1;
  int err = -1;
  open_streams(&out, &err);
  int in = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (find("stdin", nullptr) != nullptr) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) fail_errno("pipe");
    in = ends[0];  // the other end stays open here, and nobody writes to it
  }
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (const char* const path = find("log", nullptr))
    log_file.open(path, number(find("log_size", "0")), static_cast<int>(number(find("log_files", "1"))));

  static char text[kText];
  if (command("create", in, out, err) != 0) {
    runtime_words(text, sizeof text);
    command("remove", null, null, null);
    fail(text);
  }
  ::close(out);
  ::close(err);
  static char pid_text[32];
  if (!read_file(AT_FDCWD, find("pid_file", ""), pid_text, sizeof pid_text)) fail_errno("the program's pid");
  const pid_t program = static_cast<pid_t>(number(pid_text));
  write_late();
  char started[32];
  char since[32];
  char boot[64] = "";
  now_millis(started, sizeof started);
  start_time(program, since, sizeof since);
  read_file(AT_FDCWD, "/proc/sys/kernel/random/boot_id", boot, sizeof boot);
  boot[std::strcspn(boot, "\n")] = '\0';
  std::snprintf(text, sizeof text, "%d %s %s %s\n", program, since, boot, started);
  if (!record(kRunFile, text) || command("start", null, null, null) != 0) {
    runtime_words(text, sizeof text);
    command("remove", null, null, null);
    fail(text);
  }
  std::snprintf(text, sizeof text, "ok %d %s %s\n", program, since, started);
  write_all(kAnswer, text);
  ::close(kAnswer);

  const int status = follow(program, signals);
  drain();
  // The ports are free before anybody hears that it ended.
  const int held = static_cast<int>(number(find("held", "0")));
  for (int i = 0; i < held; ++i) ::close(kFirstHeld + i);
  int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  char ended[32];
  now_millis(ended, sizeof ended);
  std::snprintf(text, sizeof text, "%d %d %s\n", code, code == kKilled && killed_for_memory() ? 1 : 0, ended);
  // A full disk must not lose it: tried until it is there, or the runtime's files are taken away under us.
  while (!record(kExitFile, text) && errno != ENOENT) ::poll(nullptr, 0, 1000);
  const int told = ::open(find("ended", "/dev/null"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (told >= 0) ::close(told);
  command("remove", null, null, null);
  return 0;
}

}  // namespace
}  // namespace agent::runtime::oci::monitor

int main(int argc, char** argv) {
  const char* const slash = std::strrchr(argv[0], '/');
  if (std::strcmp(slash != nullptr ? slash + 1 : argv[0], "docker-init") == 0)
    agent::runtime::oci::monitor::run_init(argv + 1);
  if (argc != 2) {
    std::fprintf(stderr, "usage: berth-monitor FOLDER (it is the agent that runs it)\n");
    return 2;
  }
  // A child of nobody's that waits: the agent waits for this process only.
  const pid_t child = ::fork();
  if (child < 0) return 1;
  if (child > 0) return 0;
  ::setsid();
  ::umask(0022);
  return agent::runtime::oci::monitor::supervise(argv[1]);
}
