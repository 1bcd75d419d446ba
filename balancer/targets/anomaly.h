// Anomaly detection and mitigation of one target group, as ALB has it: a target whose share of 5xx answers
// and failed connections stands out against its peers is anomalous; where the group mitigates
// (weighted_random with anomaly_mitigation on), its weight is lowered every five seconds down to a floor,
// never to nothing, and comes back gradually once it behaves. Decisions are pure: no clock, no I/O. Thread:
// its owner's.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "balancer/loop/loop.h"
#include "balancer/targets/target.h"
#include "shared/base/time.h"

namespace balancer::targets {

inline constexpr shared::Millis kAnomalyStep{5'000};
inline constexpr std::size_t kAnomalyWindowSteps = 2;     // what is judged: the last ten seconds
inline constexpr std::size_t kAnomalyMinHealthy = 3;      // with fewer healthy targets nobody stands out
inline constexpr std::uint64_t kAnomalyMinRequests = 10;  // in the window; fewer say nothing
// Anomalous: a share of failures of at least a tenth, and three times the median of the others.
inline constexpr double kAnomalyMinRatio = 0.1;
inline constexpr double kAnomalyFactor = 3.0;
inline constexpr std::uint16_t kFullWeight = 1000;
inline constexpr std::uint16_t kFloorWeight = kFullWeight / 10;
inline constexpr std::uint16_t kWeightBack = kFullWeight / 10;  // a step

struct Standing {
  bool anomalous = false;
  std::uint16_t weight = kFullWeight;
  bool operator==(const Standing&) const = default;
};

class AnomalyDetector {
 public:
  struct Sample {
    const void* target = nullptr;  // who it is, over steps
    bool healthy = false;
    Outcomes total;  // since the target is known
  };
  // Every kAnomalyStep, with all active targets: how each stands now, in the same order. Targets that are not
  // named are forgotten.
  std::vector<Standing> step(std::span<const Sample> samples, bool mitigates);

 private:
  struct History {
    std::array<Outcomes, kAnomalyWindowSteps> totals{};  // of former steps, the oldest at `at`
    std::size_t at = 0;
    Standing standing;
  };
  std::map<const void*, History> known_;
};

// Steps the detectors of all groups with enough targets, writes anomalous and weight into their
// TargetRuntimes, and has workers refresh a group whose weights changed. Thread: its Loop's, except where
// said.
class AnomalyWatch {
 public:
  explicit AnomalyWatch(loop::Loop& loop);
  ~AnomalyWatch();
  // From any thread: from now on watch these.
  void apply(std::vector<std::shared_ptr<const Group>> groups);
  // On the loop's thread, before the loop dies.
  void stop();
  void step();  // what the timer does

 private:
  struct Watched {
    std::shared_ptr<const Group> group;
    AnomalyDetector detector;
  };
  void apply_here(const std::vector<std::shared_ptr<const Group>>& groups);

  loop::Loop& loop_;
  loop::TimerNode timer_;
  std::map<std::string, Watched, std::less<>> groups_;  // by id
};

}  // namespace balancer::targets
