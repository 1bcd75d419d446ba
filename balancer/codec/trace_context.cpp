#include "balancer/codec/trace_context.h"

#include "balancer/codec/chars.h"

namespace balancer::codec {

std::optional<std::string_view> traceparent_of(const RequestHead& head) {
  for (const Field& field : head.fields) {
    if (field.id == FieldId::kOther && equals_ignoring_case(head.name(field), "traceparent"))
      return head.value(field);
  }
  return std::nullopt;
}

Traceparent make_traceparent(const TraceStamp& stamp, std::uint64_t random, bool sampled) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  Traceparent made;
  char* at = made.text.data();
  const auto put = [&at](std::string_view text) {
    for (const char c : text) *at++ = c;
  };
  put("00-");
  put(stamp.view().substr(2, 8));  // behind "1-": the time, then 96 random bits
  put(stamp.view().substr(11));
  put("-");
  if (random == 0) random = 1;  // all zero is no span
  for (int shift = 60; shift >= 0; shift -= 4) *at++ = kDigits[random >> shift & 15U];
  put(sampled ? "-01" : "-00");
  return made;
}

}  // namespace balancer::codec
