// Actions carried out without a target: which group a forward picks, where a redirect points. Pure.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "balancer/codec/buffer.h"
#include "shared/lbconfig/config.h"

namespace balancer::routing {

// Index into forward.target_groups, by weight; nullopt when no group has weight (503). `random` is any 64
// random bits.
std::optional<std::size_t> choose_target_group(const shared::lbconfig::ForwardAction& forward,
                                               std::uint64_t random);

// Longer Location values are answered with 507 (ALB: 8 KB).
inline constexpr std::size_t kMaxLocation = 8 * 1024;

struct RedirectFacts {
  std::string_view scheme = "http";  // of the listener
  std::string_view host{};           // authority or host; a port in it is ignored
  std::uint16_t port = 80;           // of the listener
  std::string_view path = "/";       // as received
  std::string_view query{};          // as received, without '?'
};

enum class LocationResult : std::uint8_t { kOk, kTooLong };

// Replaces the content of `out` by the Location value; host and port are always in it, as ALB does
// ("https://example.com:443/a?b"). Bytes that cannot stand in a header (from the target in monitor mode) are
// escaped.
LocationResult write_location(codec::Buffer& out, const shared::lbconfig::RedirectAction& redirect,
                              const RedirectFacts& facts);

// Content-Type of a fixed response: as given, text/plain for a body without one, empty for no body.
std::string_view fixed_content_type(const shared::lbconfig::FixedResponseAction& fixed);

}  // namespace balancer::routing
