// What a balancer keeps over restarts: its id and the last configuration that every worker accepted, so that
// it serves without control. Files are replaced whole (written beside, synced, renamed). Thread: main;
// blocking, small.
#pragma once
#include <optional>
#include <string>

#include "shared/base/result.h"
#include "shared/env/random.h"
#include "shared/lbconfig/config.h"

namespace balancer::feed {

class StateDir {
 public:
  // Creates the directory when missing. Errors name the path.
  static shared::Result<StateDir> open(std::string path);
  // The id kept here, made once.
  shared::Result<std::string> balancer_id(shared::env::Random& random) const;
  shared::Result<void> save(const shared::lbconfig::Config& config) const;
  // Nothing when none was saved; an error for one that cannot be read.
  shared::Result<std::optional<shared::lbconfig::Config>> load() const;

 private:
  explicit StateDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Errors name the path and the kernel's reason.
shared::Result<std::string> read_file(const std::string& path);

}  // namespace balancer::feed
