#include "balancer/proxy/client/rate_limiter.h"

#include <algorithm>
#include <cstring>

namespace balancer::proxy {

namespace {

constexpr std::size_t kMappedPrefix = 12;  // of ::ffff:a.b.c.d

std::uint64_t mixed(std::uint64_t value) {  // the finalizer of splitmix64
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9U;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBU;
  return value ^ (value >> 31);
}

}  // namespace

RateTable::Key rate_key(const routing::SourceAddress& client) {
  RateTable::Key key = client.bytes;
  const bool mapped = std::all_of(key.begin(), key.begin() + 10, [](std::uint8_t b) { return b == 0; }) &&
                      key[10] == 0xff && key[kMappedPrefix - 1] == 0xff;
  if (!mapped) std::fill(key.begin() + 8, key.end(), std::uint8_t{0});
  return key;
}

// The generic cell rate algorithm: a bucket is known by the moment at which it is full again.
std::chrono::nanoseconds RateTable::take(const Key& key, std::uint64_t hash,
                                         const shared::lbconfig::RateLimit& rate, shared::SteadyTime now) {
  const std::chrono::nanoseconds at = now.time_since_epoch();
  const std::chrono::nanoseconds each =
      std::chrono::nanoseconds(std::chrono::seconds(rate.per_seconds)) / rate.requests;
  const std::size_t sets = entries_.size() / kWays;
  Entry* const first = &entries_[(hash % sets) * kWays];
  Entry* entry = std::find_if(first, first + kWays, [&key](const Entry& e) { return e.key == key; });
  if (entry == first + kWays) {
    entry = std::min_element(first, first + kWays,
                             [](const Entry& a, const Entry& b) { return a.full < b.full; });
    *entry = Entry{key, at};
  }
  const std::chrono::nanoseconds full = std::max(entry->full, at);
  const std::chrono::nanoseconds wait = full - at - each * (rate.burst - 1);
  if (wait > std::chrono::nanoseconds(0)) return wait;
  entry->full = full + each;
  return std::chrono::nanoseconds(0);
}

RateLimiter::RateLimiter(std::uint64_t secret) : secret_(secret) {}

std::chrono::nanoseconds RateLimiter::take(const routing::SourceAddress& client,
                                           const shared::lbconfig::RateLimit& rate, shared::SteadyTime now) {
  const RateTable::Key key = rate_key(client);
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, key.data(), sizeof high);
  std::memcpy(&low, key.data() + sizeof high, sizeof low);
  const std::uint64_t hash = mixed(mixed(mixed(secret_) ^ high) ^ low);
  Shard& shard = shards_[hash % kShards];
  std::lock_guard lock(shard.mutex);
  return shard.table.take(key, hash / kShards, rate, now);
}

}  // namespace balancer::proxy
