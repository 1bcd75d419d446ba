// Counters of the data path: one writer (a worker), read by the admin thread at any moment, never reset.
// Names follow AWS/ApplicationELB's metrics; the admin module gives them their Prometheus names.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "balancer/targets/traffic.h"
#include "shared/base/time.h"

namespace balancer::proxy {

using targets::Counter;
using targets::LatencyHistogram;

// The codes the balancer answers by itself; others are counted as kOther.
inline constexpr std::array<int, 19> kOwnCodes = {400, 401, 405, 408, 413, 414, 417, 429, 460, 463,
                                                  464, 500, 501, 502, 503, 504, 505, 507, 562};

// Methods that are counted apart; the last one is for all others.
inline constexpr std::array<std::string_view, 8> kCountedMethods = {"GET",    "HEAD",  "POST",    "PUT",
                                                                    "DELETE", "PATCH", "OPTIONS", "other"};
constexpr std::size_t counted_method(std::string_view method) {
  std::size_t i = 0;
  while (i + 1 < kCountedMethods.size() && kCountedMethods[i] != method) ++i;
  return i;
}

// Answers of the balancer's own by code and reason (the access log's word). Bounded: what comes once there
// are kMost different ones counts as "other". One writer; readers see each entry whole.
class OwnReasons {
 public:
  static constexpr std::size_t kMost = 96;
  // `reason` lives as long as the program.
  void count(int status, std::string_view reason) {
    const std::size_t used = used_.load(std::memory_order_relaxed);
    std::size_t i = 0;
    while (i < used && (entries_[i].status != status || entries_[i].reason != reason)) ++i;
    if (i == kMost) return others_.add();
    if (i == used) {
      entries_[i].status = status;
      entries_[i].reason = reason;
      used_.store(used + 1, std::memory_order_release);
    }
    entries_[i].count.add();
  }
  // `see(status, reason, count)`; status 0: others.
  template <class See>
  void each(See see) const {
    const std::size_t used = used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < used; ++i)
      see(entries_[i].status, entries_[i].reason, entries_[i].count.get());
    if (const std::uint64_t others = others_.get(); others != 0) see(0, std::string_view("other"), others);
  }

 private:
  struct Entry {
    int status = 0;
    std::string_view reason;
    Counter count;
  };
  std::array<Entry, kMost> entries_{};
  std::atomic<std::size_t> used_{0};
  Counter others_;
};

// Of one listener in one worker.
struct alignas(64) TrafficCounters {
  Counter connections_opened;
  Counter connections_active;
  Counter connections_rejected;
  std::array<Counter, kCountedMethods.size()> requests;  // a target was chosen for them; by method
  Counter in_flight;                                     // requests being served
  Counter bytes_in;                                      // from clients, heads and bodies
  Counter bytes_out;                                     // to clients
  std::array<Counter, 6> target_classes;                 // by status / 100 of the target's answer
  std::array<Counter, kOwnCodes.size() + 1> own_codes;
  Counter fixed_responses;
  Counter redirects;
  Counter desync_acceptable;
  Counter desync_ambiguous;
  Counter desync_severe;
  Counter failed_open;
  Counter retries;
  Counter upgrades;
  Counter tls_handshakes;
  Counter tls_resumed;           // of these, by a ticket
  Counter tls_handshake_errors;  // ALB: ClientTLSNegotiationErrorCount
  Counter interim_responses;     // passed on to clients
  Counter interim_floods;        // requests given up because of them
  Counter flows;                 // of TCP and TLS listeners: connected to a target
  Counter flows_active;
  Counter flows_refused;    // no target could be connected to
  Counter flows_idled_out;  // nothing moved for tcp.idle_timeout.seconds
  Counter client_resets;    // NLB: TCP_Client_Reset_Count; these three of flows
  Counter target_resets;
  Counter own_resets;
  Counter proxy_header_errors;  // connections that had to begin with a header of the PROXY protocol
  Counter rate_limited;         // answered with 429
  Counter maintenance;          // answered with 503 for maintenance
  Counter tokens_valid;         // ALB: JWTValidationSuccessCount
  Counter tokens_refused;       // ALB: JWTValidationFailureCount; those whose keys cannot be had too
  Counter encoded_responses;
  Counter encoded_from_bytes;        // of their bodies, as the targets sent them
  Counter encoded_to_bytes;          // and as they went to clients, framing apart
  Counter encoders_missing;          // responses that went as they are because all encoders were in use
  LatencyHistogram target_latency;   // from the dispatch of a request to the head of its response
  LatencyHistogram request_latency;  // from the first byte of a request to the last one of its answer

  void count_own(int status, std::string_view reason) {
    std::size_t i = 0;
    while (i < kOwnCodes.size() && kOwnCodes[i] != status) ++i;
    own_codes[i].add();
    if (own_reasons_ == nullptr) {
      own_reasons_ = std::make_unique<OwnReasons>();
      shown_reasons_.store(own_reasons_.get(), std::memory_order_release);
    }
    own_reasons_->count(status, reason);
  }
  const OwnReasons* own_reasons() const { return shown_reasons_.load(std::memory_order_acquire); }

 private:
  std::unique_ptr<OwnReasons> own_reasons_;  // most listeners have none
  std::atomic<const OwnReasons*> shown_reasons_{nullptr};
};

// Of one worker, towards targets.
struct alignas(64) TargetCounters {
  Counter connections_opened;
  Counter connections_active;
  Counter connections_reused;
  Counter connect_errors;
};

// A listener's counters in all workers; kept over configuration changes by the listener's id.
struct ListenerStats {
  ListenerStats(std::string listener_id, std::string lb, std::size_t worker_count)
      : id(std::move(listener_id)),
        load_balancer(std::move(lb)),
        workers(worker_count),
        per_worker(std::make_unique<TrafficCounters[]>(worker_count)) {}
  const std::string id;
  const std::string load_balancer;
  const std::size_t workers;
  const std::unique_ptr<TrafficCounters[]> per_worker;
};

}  // namespace balancer::proxy
