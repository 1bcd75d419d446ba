// The part of a configuration that is about TCP and TLS (network load balancers): listeners and target groups
// whose bytes pass as they are, and who says whose they were (PROXY protocol). Plain values.
#pragma once
#include <cstddef>

#include "shared/base/time.h"

namespace shared::lbconfig {

// What a connection to a target begins with: nothing, or the client's address in the text or the binary form
// (haproxy's proxy-protocol.txt).
enum class ProxyProtocol { kOff, kV1, kV2 };

// What a TLS listener agrees to by ALPN. kNone: ALPN takes no part; kHttp2Optional prefers HTTP/1.
enum class AlpnPolicy { kNone, kHttp1Only, kHttp2Only, kHttp2Optional, kHttp2Preferred };

// Of a target group with protocol TCP or TLS.
struct StreamSettings {
  ProxyProtocol proxy_protocol = ProxyProtocol::kOff;
  // deregistration_delay.connection_termination.enabled: what is still open at a target's drain limit is
  // closed. Without it connections go on until a side ends them; the limit only says how long control waits.
  bool close_at_drain_limit = false;
  // target_health_state.unhealthy.connection_termination.enabled: what is open towards a target that becomes
  // unhealthy is reset.
  bool close_when_unhealthy = true;
  bool operator==(const StreamSettings&) const = default;
};

inline constexpr Millis kStreamIdleTimeout{350'000};  // tcp.idle_timeout.seconds unless given
inline constexpr Millis kMaxStreamIdleTimeout{6'000'000};
inline constexpr std::size_t kMaxProxySources = 64;  // address ranges of a listener

}  // namespace shared::lbconfig
