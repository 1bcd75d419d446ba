// Launcher: who turns a bundle into a container. A monitor runs its commands, so they are words. First: runc,
// as Debian has it; anything that takes the OCI runtime's command line and bundle fits.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "shared/base/result.h"

namespace agent::runtime::oci {

class Launcher {
 public:
  virtual ~Launcher() = default;
  using Words = std::vector<std::string>;
  virtual const std::string& version() const = 0;  // "runc 1.1.5"
  // Builds it up to the program, which waits; what went wrong is the last error of `log` (JSON lines).
  virtual Words create(const std::string& id, const std::string& bundle, const std::string& pid_file,
                       const std::string& log) const = 0;
  virtual Words start(const std::string& id) const = 0;
  virtual Words remove(const std::string& id) const = 0;  // whatever there is of it, also when nothing is
  // Runs a program inside; `process` is a file with the bundle's part of that name. Its exit code is that.
  virtual Words execute(const std::string& id, const std::string& process) const = 0;
};

// Error "launcher": it is not there, or does not say its version. `state`: a folder that a reboot empties.
shared::Result<std::unique_ptr<Launcher>> open_runc(const std::string& program, const std::string& state);

}  // namespace agent::runtime::oci
