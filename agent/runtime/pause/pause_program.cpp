// The program of a task's pause container: it keeps the namespaces alive that the task's containers share,
// and as the first process of a shared pid namespace it takes in those whose parents have ended.
// Freestanding, so that the image is this one file of about a kilobyte. It ends by SIGKILL only: the kernel
// keeps all other signals from inside the namespace away from its first process, and the agent stops the
// container with that one.
#include <sys/syscall.h>

namespace {

// As the kernel has them on both architectures; the library's headers would bring its own types along.
constexpr long kBlock = 0;                              // SIG_BLOCK
constexpr unsigned long kChildEnded = 1UL << (17 - 1);  // SIGCHLD
constexpr long kNoHang = 1;                             // WNOHANG
constexpr long kAnyChild = -1;

long kernel(long number, long a, long b, long c, long d) {
#if defined(__x86_64__)
  long result = number;
  register long fourth asm("r10") = d;
  asm volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(fourth) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long call asm("x8") = number;
  register long result asm("x0") = a;
  register long second asm("x1") = b;
  register long third asm("x2") = c;
  register long fourth asm("x3") = d;
  asm volatile("svc 0" : "+r"(result) : "r"(call), "r"(second), "r"(third), "r"(fourth) : "memory");
  return result;
#else
#error "the pause program knows how to call the kernel on x86_64 and aarch64"
#endif
}

}  // namespace

extern "C" [[noreturn]] void _start() {
  const unsigned long waited_for = kChildEnded;
  const long set = reinterpret_cast<long>(&waited_for);
  kernel(SYS_rt_sigprocmask, kBlock, set, 0, sizeof waited_for);
  for (;;) {
    kernel(SYS_rt_sigtimedwait, set, 0, 0, sizeof waited_for);
    while (kernel(SYS_wait4, kAnyChild, 0, kNoHang, 0) > 0) {
    }
  }
}
