// Runs a program to its end and keeps what it says. Blocking: for worker threads. Nothing is inherited but
// what is named here.
#pragma once
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "shared/base/result.h"
#include "shared/base/time.h"

namespace agent::runtime::oci {

struct RunOptions {
  int input = -1;                           // becomes its stdin; -1: /dev/null
  std::vector<std::pair<int, int>> passed;  // ours -> the number it has there (3 and above)
  shared::Millis timeout{60'000};           // then it is killed
  std::size_t most_output = 64 * 1024;      // of each stream; the rest is read and dropped
};

struct Ran {
  int status = -1;  // exit code, or 128 + signal
  bool timed_out = false;
  std::string out;
  std::string err;
};

// Error "spawn": it could not be started, and why.
shared::Result<Ran> run(const std::vector<std::string>& arguments, const RunOptions& options = {});

}  // namespace agent::runtime::oci
