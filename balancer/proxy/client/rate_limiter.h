// Requests of each client: a token bucket for each address (of IPv6 for each /64, which one host may have
// all of), shared by the workers of a balancer. Bounded: kRateClients addresses are remembered; another one
// takes the place of the address that is nearest to a full bucket among the few that may lie where it does,
// so that who floods from many addresses makes a balancer forget the idle first. Thread: any; a take locks a
// sixteenth of the table.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "balancer/routing/source.h"
#include "shared/base/time.h"
#include "shared/lbconfig/guard.h"

namespace balancer::proxy {

inline constexpr std::size_t kRateClients = 65'536;  // of a listener

// One part of the table, without a lock. Pure: the time comes from outside.
class RateTable {
 public:
  using Key = std::array<std::uint8_t, 16>;
  explicit RateTable(std::size_t clients) : entries_(clients) {}
  // Takes a token: nothing. None is there: how long until there is one. `hash` of the key says where it lies.
  std::chrono::nanoseconds take(const Key& key, std::uint64_t hash, const shared::lbconfig::RateLimit& rate,
                                shared::SteadyTime now);

 private:
  static constexpr std::size_t kWays = 8;
  struct Entry {
    Key key{};
    // When its bucket is full again; in the past it is full, and the entry says nothing.
    std::chrono::nanoseconds full{0};
  };
  std::vector<Entry> entries_;
};

class RateLimiter {
 public:
  // `secret`: nobody outside may know which addresses lie together.
  explicit RateLimiter(std::uint64_t secret);
  std::chrono::nanoseconds take(const routing::SourceAddress& client, const shared::lbconfig::RateLimit& rate,
                                shared::SteadyTime now);

 private:
  static constexpr std::size_t kShards = 16;
  struct alignas(64) Shard {
    std::mutex mutex;
    RateTable table{kRateClients / kShards};
  };
  const std::uint64_t secret_;
  std::array<Shard, kShards> shards_;
};

// Whom a client's requests are counted for: its IPv4 address, or the first half of its IPv6 address.
RateTable::Key rate_key(const routing::SourceAddress& client);

}  // namespace balancer::proxy
