// What is answered to a query: authoritative for the zones, REFUSED for everything else. As Cloud Map has it,
// a name with several instances answers with at most eight healthy ones in random order, or with one; when
// none is healthy, all count as healthy; a name without instances is not there. Pure; thread: any.
#pragma once
#include <string>
#include <string_view>

#include "agent/dns/message.h"
#include "agent/dns/zones.h"
#include "shared/env/random.h"

namespace agent::dns {

inline constexpr std::size_t kMostValues = 8;

enum class Transport { kUdp, kTcp };
// Empty: nothing is to be said.
std::string answer(std::string_view query, const Zones& zones, Transport transport,
                   shared::env::Random& random);

}  // namespace agent::dns
