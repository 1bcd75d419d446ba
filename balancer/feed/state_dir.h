// What a balancer keeps over restarts: its id and the last configuration that every worker accepted, so that
// it serves without control. A configuration is a file that is replaced whole (written beside, synced,
// renamed) and a journal of the changes since, which is begun anew once it is as large as the file. Thread:
// main; blocking, small. Files are for their owner only: configurations hold keys.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "balancer/targets/checker.h"
#include "shared/base/result.h"
#include "shared/base/time.h"
#include "shared/base/unique_fd.h"
#include "shared/env/random.h"
#include "shared/lbconfig/config.h"

namespace balancer::feed {

// As long as a cookie lasts at most.
inline constexpr shared::Millis kOwnKeyLife = std::chrono::seconds(shared::lbconfig::kMaxStickySeconds);
// A key nobody knows; its id is not `other_id`.
shared::lbconfig::CookieKey make_cookie_key(shared::env::Random& random, std::uint32_t other_id);

class StateDir {
 public:
  // Creates the directory when missing. Errors name the path.
  static shared::Result<StateDir> open(std::string path);
  // Held as long as the descriptor, or a duplicate of it in any process, is open: whoever has it writes here.
  // Error code "state_dir_in_use" names the process that has it.
  shared::Result<shared::UniqueFd> lock() const;
  // This process is the one that has it, for the error above.
  void sign(const shared::UniqueFd& lock) const;
  // Where one process hands over to the next.
  std::string handover_path() const;
  // The id kept here, made once.
  shared::Result<std::string> balancer_id(shared::env::Random& random) const;
  // Keys of stickiness cookies for configurations that bring none (a JSON file): made once, kept here, and
  // renewed when the newest is kOwnKeyLife old, so that clients stay with their targets over restarts. Of
  // this balancer only.
  shared::Result<shared::lbconfig::CookieKeys> cookie_keys(shared::env::Random& random,
                                                           shared::WallTime now) const;
  // The targets of groups with a slow start that are healthy. Times are kept by the wall clock: one that
  // jumps makes a slow start longer or shorter, and nothing else.
  shared::Result<void> save_targets(const targets::HealthyBefore& healthy, shared::SteadyTime now,
                                    shared::WallTime wall_now) const;
  // Nothing: it was never saved, or cannot be read.
  std::optional<targets::HealthyBefore> load_targets(shared::SteadyTime now, shared::WallTime wall_now) const;
  // On the disk when it returns: an acknowledgement may follow. What load() has given is there already. Costs
  // what changed since the last save().
  shared::Result<void> save(const shared::lbconfig::Config& config);
  // Nothing when none was saved; an error for one that cannot be read.
  shared::Result<std::optional<shared::lbconfig::Config>> load();

 private:
  explicit StateDir(std::string path) : path_(std::move(path)) {}
  shared::Result<void> save_whole(const shared::lbconfig::Config& config);
  shared::Result<void> append(const std::string& line);
  std::string path_;
  // By this process; nothing: none yet, or the journal cannot be trusted.
  std::optional<shared::lbconfig::Config> saved_;
  std::uint64_t loaded_ = 0;  // version of what load() has given, until another one is saved
  std::size_t whole_bytes_ = 0;
  std::size_t journal_bytes_ = 0;
  shared::UniqueFd journal_;
};

// Errors name the path and the kernel's reason.
shared::Result<std::string> read_file(const std::string& path);

}  // namespace balancer::feed
