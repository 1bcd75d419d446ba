// Parts of a configuration that guard targets and balancers: limits of requests, retries, ejection of targets
// that fail, answers of a service that is closed. Each is off unless it is there.
#pragma once
#include <cstdint>
#include <string>

#include "shared/base/time.h"

namespace shared::lbconfig {

// How many requests each target of a group has at a time, over all workers of a balancer, and how many of the
// group's wait for their turn meanwhile.
struct RequestLimit {
  int per_target = 1;        // 1..65535
  int queue = 0;             // of the group, 0..10000; further ones get 503. 0: nobody waits
  Millis wait_limit{1'000};  // 1..300000; then 503
  bool operator==(const RequestLimit&) const = default;
};
inline constexpr int kMaxRequestsPerTarget = 65'535;
inline constexpr int kMaxRequestQueue = 10'000;
inline constexpr Millis kMaxQueueWait{300'000};

// Requests that find no target that has ever been healthy wait for one: while a service starts, from zero
// tasks say.
struct HoldRequests {
  int requests = 100;         // of the group, 1..10000; further ones get 503
  Millis wait_limit{30'000};  // 1..300000; then 503
  bool operator==(const HoldRequests&) const = default;
};

// Requests of a group that may be sent again, of those of the last ten seconds.
struct RetryBudget {
  int percent = 20;            // 0..100
  int minimum_per_second = 3;  // 0..1000, whatever the share
  bool operator==(const RetryBudget&) const = default;
};
inline constexpr int kMaxRetryMinimum = 1'000;

// A target that fails this often in a row gets no requests for a while: `time` at first, twice as long each
// time, at most `max_time`.
struct OutlierEjection {
  int failures = 5;          // 1..1000
  Millis time{30'000};       // 1..max_time
  Millis max_time{300'000};  // up to 3600000
  int max_percent = 10;      // 1..100: of the group's targets at a time, but one at least
  bool operator==(const OutlierEjection&) const = default;
};
inline constexpr int kMaxOutlierFailures = 1'000;
inline constexpr Millis kMaxEjection{3'600'000};

// Requests of each client of a listener: `burst` at once, then `requests` in `per_seconds`.
struct RateLimit {
  int requests = 1;            // 1..1000000
  int per_seconds = 1;         // 1..3600
  int burst = 1;               // 1..1000000
  int forwarded_for_hops = 0;  // whose address: the connection's, or the n-th of X-Forwarded-For from its end
  bool operator==(const RateLimit&) const = default;
};
inline constexpr int kMaxRateRequests = 1'000'000;
inline constexpr int kMaxRateSeconds = 3'600;
inline constexpr int kMaxForwardedForHops = 30;

// 503 to every request, without a target.
struct Maintenance {
  std::string body;             // at most 1024 bytes
  std::string content_type;     // empty: text/plain where there is a body
  int retry_after_seconds = 0;  // 0: not told; up to 604800
  bool operator==(const Maintenance&) const = default;
};
inline constexpr int kMaxRetryAfter = 604'800;

// A traceparent (W3C Trace Context) for requests that come without: none, or one that says whether the trace
// is sampled.
enum class AddTraceparent : std::uint8_t { kOff, kSampled, kUnsampled };

}  // namespace shared::lbconfig
