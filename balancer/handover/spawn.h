// Starts the process that is to take over. Thread: main.
#pragma once
#include <string>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/unique_fd.h"

namespace balancer::handover {

// Whose child the new process is. A service manager supervises its own children only: it signals any other
// main process and takes it for ended at once, so that SIGKILL follows instead of a drain. Such a one needs
// kSibling.
enum class Parent {
  kThis,     // it can be waited for
  kSibling,  // the one that this process has, which also reaps it
};

struct Spawned {
  int pid = -1;
  shared::UniqueFd end;  // readable once it has ended (pidfd_open(2))
};

// `arguments`: with the program's name first. Environment, descriptors and signal mask are those of this
// process. Error: errno of what could not be done, by name; then no process is left.
shared::Result<Spawned> spawn(const std::string& program, std::vector<std::string> arguments, Parent parent);

}  // namespace balancer::handover
