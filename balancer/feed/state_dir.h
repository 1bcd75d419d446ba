// What a balancer keeps over restarts: its id and the last configuration that every worker accepted, so that
// it serves without control. A configuration is a file that is replaced whole (written beside, synced,
// renamed) and a journal of the changes since, which is begun anew once it is as large as the file. Thread:
// main; blocking, small.
#pragma once
#include <optional>
#include <string>

#include "shared/base/result.h"
#include "shared/base/unique_fd.h"
#include "shared/env/random.h"
#include "shared/lbconfig/config.h"

namespace balancer::feed {

class StateDir {
 public:
  // Creates the directory when missing. Errors name the path.
  static shared::Result<StateDir> open(std::string path);
  // The id kept here, made once.
  shared::Result<std::string> balancer_id(shared::env::Random& random) const;
  // On the disk when it returns: an acknowledgement may follow. Costs what changed since the last save().
  shared::Result<void> save(const shared::lbconfig::Config& config);
  // Nothing when none was saved; an error for one that cannot be read.
  shared::Result<std::optional<shared::lbconfig::Config>> load() const;

 private:
  explicit StateDir(std::string path) : path_(std::move(path)) {}
  shared::Result<void> save_whole(const shared::lbconfig::Config& config);
  shared::Result<void> append(const std::string& line);
  std::string path_;
  // By this process; nothing: none yet, or the journal cannot be trusted.
  std::optional<shared::lbconfig::Config> saved_;
  std::size_t whole_bytes_ = 0;
  std::size_t journal_bytes_ = 0;
  shared::UniqueFd journal_;
};

// Errors name the path and the kernel's reason.
shared::Result<std::string> read_file(const std::string& path);

}  // namespace balancer::feed
