// The traceparent field of W3C Trace Context: found in a request, or made for one that comes without.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "balancer/codec/head.h"
#include "balancer/codec/rewrite.h"

namespace balancer::codec {

// As the client sent it, whatever it is; of several the first one.
std::optional<std::string_view> traceparent_of(const RequestHead& head);

// "00-67891233abcdef012345678912345678-0123456789abcdef-01"
struct Traceparent {
  std::array<char, 55> text{};
  std::string_view view() const { return {text.data(), text.size()}; }
};
// With the trace id of `stamp`, so that both name one trace.
Traceparent make_traceparent(const TraceStamp& stamp, std::uint64_t random, bool sampled);

}  // namespace balancer::codec
