#include <csignal>
#include <cstdio>
#include <exception>

#include "agent/cli/commands/frame/run.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_DFL);  // `berth events -f | head` ends with head
  try {
    return agent::cli::run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "berth: %s\n", error.what());
    return 1;
  }
}
