// The two halves of reading a request that need more than lines: the request line, and what the fields mean
// together. Internal to this folder.
#pragma once
#include <cstddef>
#include <string_view>

#include "balancer/codec/head.h"

namespace balancer::codec {

// Fills method, target and version; sets head.refusal when the line cannot be used in any mode.
void parse_request_line(std::string_view line, std::size_t offset, RequestHead& head);
// After the last field: Host, framing, connection options, limits that hold in every mode.
void finish_request(RequestHead& head);

}  // namespace balancer::codec
