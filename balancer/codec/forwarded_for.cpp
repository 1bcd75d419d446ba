#include "balancer/codec/forwarded_for.h"

#include <algorithm>

#include "balancer/codec/chars.h"

namespace balancer::codec {

namespace {

// "192.0.2.1:80", "[2001:db8::1]:80", "[2001:db8::1]"; an IPv6 address without brackets has no port.
std::string_view without_port(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    return end == std::string_view::npos ? std::string_view() : text.substr(1, end - 1);
  }
  if (std::count(text.begin(), text.end(), ':') == 1) return text.substr(0, text.find(':'));
  return text;
}

}  // namespace

std::string_view forwarded_for(const RequestHead& head, int hops) {
  for (auto field = head.fields.rbegin(); field != head.fields.rend(); ++field) {
    if (field->id != FieldId::kXForwardedFor) continue;
    if ((field->flags & (kBadValue | kFolded)) != 0) return {};
    std::string_view rest = head.value(*field);
    while (!rest.empty()) {
      const auto comma = rest.rfind(',');
      const std::string_view item = trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(0, comma);
      if (!item.empty() && --hops == 0) return without_port(item);
    }
  }
  return {};
}

}  // namespace balancer::codec
