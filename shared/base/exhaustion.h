// Whether a system call failed for want of descriptors or memory: nobody's fault but this process's or
// host's, and over once something is closed. `error` is an errno value. Thread: any.
#pragma once
#include <cerrno>

namespace shared {

inline bool is_exhaustion(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace shared
