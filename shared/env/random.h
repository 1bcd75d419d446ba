// The door to randomness. Real one: the kernel's getrandom. Seeded one: simulation and tests, same seed, same
// sequence.
#pragma once
#include <cstdint>
#include <string>

namespace shared::env {

class Random {
 public:
  virtual ~Random() = default;
  virtual std::uint64_t next() = 0;

  std::uint64_t below(std::uint64_t bound);  // uniform in [0, bound); bound > 0
  std::string hex(std::size_t digits);       // lower-case hexadecimal digits
  std::string decimal(std::size_t digits);   // no leading zero
  std::string uuid();                        // RFC 4122 version 4, with hyphens
  std::string base64url(std::size_t chars);  // A-Z a-z 0-9 _ -
};

class SystemRandom final : public Random {
 public:
  std::uint64_t next() override;
};

// splitmix64: small, fast, good enough to explore; never for secrets.
class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() override;

 private:
  std::uint64_t state_;
};

}  // namespace shared::env
