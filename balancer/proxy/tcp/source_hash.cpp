#include "balancer/proxy/tcp/source_hash.h"

namespace balancer::proxy {

namespace {

// The finish of SplitMix64: each bit of the input reaches each bit of the result.
std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 30U;
  x *= 0xbf58476d1ce4e5b9U;
  x ^= x >> 27U;
  x *= 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

template <class Bytes>
std::uint64_t folded(std::uint64_t hash, const Bytes& bytes) {
  std::uint64_t word = 0;
  unsigned filled = 0;
  for (const auto byte : bytes) {
    word = word << 8U | static_cast<std::uint8_t>(byte);
    if (++filled % 8 != 0) continue;
    hash = mixed(hash ^ word) + 0x9e3779b97f4a7c15U;
    word = 0;
  }
  return mixed(hash ^ word);
}

}  // namespace

std::uint64_t source_score(const std::array<std::uint8_t, 16>& source, const sticky::Mark& target) {
  return folded(folded(0, source), target.bytes);
}

}  // namespace balancer::proxy
