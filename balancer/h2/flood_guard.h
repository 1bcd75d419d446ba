// How much a peer may make us do that serves no request: frames that cost it nothing and us work (RFC 9113
// section 10.5). Buckets that leak, so that what a client does in a year does not add up. Pure. Thread: its
// owner's.
#pragma once
#include <algorithm>
#include <cstddef>

#include "shared/base/time.h"

namespace balancer::h2 {

// PING, SETTINGS, PRIORITY, empty DATA, WINDOW_UPDATE, frames that nobody knows or wants: beyond what is
// explained by what we sent.
inline constexpr double kControlBurst = 1'000;
inline constexpr double kControlPerSecond = 100;
// Each DATA frame of ours may be answered by WINDOW_UPDATE of the stream and of the connection and by a PING
// (gRPC measures the bandwidth so); each request may come with a window and a priority of its own.
inline constexpr int kExplainedPerData = 4;
inline constexpr int kExplainedPerStream = 4;
inline constexpr int kMaxExplained = 16'384;  // saved up
// Streams that were reset before their answer had ended, by the peer, or by us for a mistake of the peer
// (CVE-2023-44487, CVE-2025-8671).
inline constexpr double kResetBurst = 1'000;
inline constexpr double kResetPerSecond = 33;
inline constexpr int kMaxContinuations = 7;  // of one header block, 16 KB each; what nghttp2 allows at most
// Of one header block once it is unpacked, 32 bytes for each field beside its own (RFC 9113 section 6.5.2).
// References to one table entry are a byte each: who goes beyond this did so on purpose.
inline constexpr std::size_t kMaxUnpackedBlock = 256 * 1024;
inline constexpr std::size_t kFieldOverhead = 32;

class LeakyBucket {
 public:
  LeakyBucket(double burst, double per_second) : burst_(burst), per_second_(per_second) {}
  // False: there was more than may be.
  bool take(shared::SteadyTime now, double amount = 1);

 private:
  double burst_;
  double per_second_;
  double level_ = 0;
  shared::SteadyTime seen_{};
};

class FloodGuard {
 public:
  // Each false: a flood.
  bool control_frame(shared::SteadyTime now) { return control_.take(now); }
  bool explainable_frame(shared::SteadyTime now) {
    if (explained_ == 0) return control_.take(now);
    --explained_;
    return true;
  }
  bool reset(shared::SteadyTime now) { return resets_.take(now); }

  void sent_data() { explain(kExplainedPerData); }
  void stream_opened() { explain(kExplainedPerStream); }
  void sent_ping() { explain(1); }

 private:
  void explain(int frames) { explained_ = std::min(explained_ + frames, kMaxExplained); }

  LeakyBucket control_{kControlBurst, kControlPerSecond};
  LeakyBucket resets_{kResetBurst, kResetPerSecond};
  int explained_ = 0;
};

}  // namespace balancer::h2
