// The keys that session tickets are sealed with (RFC 5077, RFC 8446 section 4.6.1): one set for all workers
// and listeners, outside of their contexts, so that a client resumes on another worker and after another
// configuration. The newest generation seals; older ones still open until they are rotated out, which bounds
// what a stolen key is good for. Kept in memory only: other balancers have their own; a process that takes
// over is given them, one that is started anew is not.
// Thread: any.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "shared/base/time.h"

namespace balancer::tls {

inline constexpr std::size_t kTicketGenerations = 3;
// How often the owner rotates; a ticket is good for twice as long at least, and three times at most.
inline constexpr shared::Millis kTicketRotation{4 * 3'600'000};

class TicketKeys {
 public:
  struct Key {
    std::array<unsigned char, 16> name;
    std::array<unsigned char, 32> mac;     // HMAC-SHA256
    std::array<unsigned char, 32> cipher;  // AES-256-CBC
  };
  using Generations = std::vector<Key>;  // newest first, never empty

  TicketKeys();
  void rotate();
  std::shared_ptr<const Generations> generations() const;
  // As bytes, for a process that takes over; take_over() of anything else changes nothing and is false.
  std::string secret() const;
  bool take_over(std::string_view secret);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Generations> held_;  // guarded by mutex_
};

}  // namespace balancer::tls
