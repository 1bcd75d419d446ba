// One worker between clients and targets that are played over memory: which bytes move when, in which pieces,
// who is told of them late, who breaks and how, all from one seed. Time is the play's own, so that nothing
// that was forgotten is repaired by a timeout unnoticed.
#pragma once
#include <cstdint>
#include <string>

namespace balancer::proxy::play {

// What may go wrong beside partial reads and writes, slow readers and changes of the configuration.
enum class Faults {
  kNone,         // every request must get its target's whole answer
  kIdleTargets,  // targets end or reset connections that nobody uses
  kAll           // also: refused, stalled, broken, garbled and early answers; clients that abort
};

struct Outcome {
  std::string violation;  // empty: all promises were kept
  std::size_t answered = 0;
  std::size_t own_answers = 0;
  std::size_t broken = 0;  // answers that visibly ended before their end
  std::string text() const;
};

Outcome play(std::uint64_t seed, Faults faults);

}  // namespace balancer::proxy::play
