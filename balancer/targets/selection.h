// Which target gets the next request: (targets, their health and load, random) -> index. One Selector per
// target group and worker, because round robin has a position. Pure: no clock, no I/O; used unchanged by the
// cluster simulation. Draining targets are never handed to it, so it cannot choose one.
//
// - fail open (ELBv2 unhealthy_state_routing): fewer routable targets than the minimum -> all registered ones
// count
// - round robin is fair within one request over any run without health changes, and goes on where it was over
//   changes of health and of the configuration; a target in slow start is passed over in proportion to the
//   share it has not reached yet
// - least outstanding requests: fewest in flight, equal ones in turn
// - weighted random: in proportion to the candidates' weights, which are equal but for what anomaly
// mitigation
//   lowers (anomaly.h)
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "shared/base/time.h"
#include "shared/env/random.h"
#include "shared/lbconfig/config.h"
#include "shared/lbconfig/feed.h"

namespace balancer::targets {

struct SelectionOptions {
  shared::lbconfig::Algorithm algorithm = shared::lbconfig::Algorithm::kRoundRobin;
  shared::Millis slow_start{0};
  int minimum_healthy_count = 1;
  int minimum_healthy_percent = 0;
  // Nobody is in rotation while all targets are new: requests wait for the first one that is healthy.
  bool waits_for_first = false;
};
SelectionOptions selection_options(const shared::lbconfig::TargetGroup& group);

struct Candidate {
  shared::lbconfig::Health health = shared::lbconfig::Health::kInitial;
  // When the target's slow start began; nothing when it takes its full share.
  std::optional<shared::SteadyTime> slow_start_from;
  std::uint16_t weight = 1000;  // weighted random only; above 0
  bool ejected = false;         // left out for a while (outlier.h)
};

// Which candidates are in rotation: the routable ones without those ejected, or with them when nobody else is
// left; all of them when too few are routable.
struct Rotation {
  bool failed_open = false;
  bool with_ejected = false;
  bool has(const Candidate& candidate) const;
};
Rotation rotation_of(const SelectionOptions& options, std::span<const Candidate> candidates);

// Requests in flight towards a candidate, over all workers. Asked only by least outstanding requests.
class LoadView {
 public:
  virtual ~LoadView() = default;
  virtual std::uint64_t in_flight(std::size_t candidate) const = 0;
};

struct Choice {
  std::size_t candidate = 0;
  bool failed_open = false;
};

class Selector {
 public:
  static constexpr std::size_t kGone = static_cast<std::size_t>(-1);

  // Begins at a random candidate: the first ones would get the first requests of every worker.
  Selector(SelectionOptions options, shared::env::Random& random)
      : options_(options), start_(random.next()) {}

  // Before the first refresh(): goes on where the selector of the former configuration was, at the candidate
  // that would have been next or the one after it, with what targets in slow start had saved up. `places[i]`
  // is where the former's candidate i is now, kGone: nowhere.
  void continue_from(const Selector& former, std::span<const std::size_t> places);
  // After a change of candidates' health, and before the first choice. Keeps its place in the rotation.
  void refresh(std::span<const Candidate> candidates);
  // As for a client that is to come back to the same target: it is in rotation, and was not tried.
  std::optional<Choice> choose_again(std::size_t candidate, std::span<const std::size_t> tried) const;
  // Whether choose() would choose one.
  bool has_any(std::span<const std::size_t> tried) const;
  // Nothing when no target is registered, or all that may be chosen were tried.
  std::optional<Choice> choose(std::span<const std::size_t> tried, const LoadView& load,
                               shared::env::Random& random, shared::SteadyTime now);

 private:
  struct Entry {
    std::size_t candidate;
    std::optional<shared::SteadyTime> slow_start_from;
    double credit;  // of a share not yet used, slow start only
    std::uint16_t weight;
  };
  double share(const Entry& entry, shared::SteadyTime now) const;
  std::optional<std::size_t> next_in_turn(std::span<const std::size_t> tried, shared::SteadyTime now);
  std::optional<std::size_t> least_loaded(std::span<const std::size_t> tried, const LoadView& load);
  std::optional<std::size_t> at_random(std::span<const std::size_t> tried, shared::env::Random& random);

  SelectionOptions options_;
  std::uint64_t start_;
  std::vector<Entry> eligible_;  // ascending candidates
  bool failed_open_ = false;
  std::size_t position_ = 0;
};

// Whether a target that has just become healthy starts slowly: only beside one that takes its full share
// already.
bool begins_slow_start(const SelectionOptions& options, std::span<const Candidate> others,
                       shared::SteadyTime now);

}  // namespace balancer::targets
