#include "balancer/routing/action.h"

#include "balancer/codec/chars.h"
#include "balancer/codec/rewrite.h"

namespace balancer::routing {

namespace {

// Only these templates are known; anything else between #{ and } stays as it is.
enum class Part : std::uint8_t { kProtocol, kHost, kPort, kPath, kQuery };
struct Placeholder {
  std::string_view text;
  Part part;
};
constexpr Placeholder kPlaceholders[] = {{"#{protocol}", Part::kProtocol},
                                         {"#{host}", Part::kHost},
                                         {"#{port}", Part::kPort},
                                         {"#{path}", Part::kPath},
                                         {"#{query}", Part::kQuery}};

void append_safe(codec::Buffer& out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7f) {
      out.append(c);
      continue;
    }
    out.append('%');
    out.append(kDigits[byte >> 4]);
    out.append(kDigits[byte & 15]);
  }
}

void append_lowered(codec::Buffer& out, std::string_view text) {
  for (const char c : text) out.append(codec::lower(c));
}

void append_part(codec::Buffer& out, Part part, const RedirectFacts& facts) {
  switch (part) {
    case Part::kProtocol:
      return append_lowered(out, facts.scheme);
    case Part::kHost:
      return append_lowered(out, codec::split_authority(facts.host).host);
    case Part::kPort:
      return out.append_decimal(facts.port);
    case Part::kPath:
      return append_safe(out, facts.path.substr(facts.path.starts_with('/') ? 1 : 0));
    case Part::kQuery:
      return append_safe(out, facts.query);
  }
}

void append_template(codec::Buffer& out, std::string_view text, const RedirectFacts& facts) {
  while (!text.empty()) {
    const std::size_t start = text.find("#{");
    append_safe(out, text.substr(0, start));
    if (start == std::string_view::npos) return;
    text.remove_prefix(start);
    bool found = false;
    for (const Placeholder& placeholder : kPlaceholders) {
      if (!text.starts_with(placeholder.text)) continue;
      append_part(out, placeholder.part, facts);
      text.remove_prefix(placeholder.text.size());
      found = true;
      break;
    }
    if (found) continue;
    out.append(text.substr(0, 2));
    text.remove_prefix(2);
  }
}

}  // namespace

std::optional<std::size_t> choose_target_group(const shared::lbconfig::ForwardAction& forward,
                                               std::uint64_t random) {
  std::uint64_t total = 0;
  for (const auto& group : forward.target_groups) total += static_cast<std::uint64_t>(group.weight);
  if (total == 0) return std::nullopt;
  std::uint64_t point = random % total;
  for (std::size_t i = 0; i < forward.target_groups.size(); ++i) {
    const auto weight = static_cast<std::uint64_t>(forward.target_groups[i].weight);
    if (point < weight) return i;
    point -= weight;
  }
  return std::nullopt;
}

LocationResult write_location(codec::Buffer& out, const shared::lbconfig::RedirectAction& redirect,
                              const RedirectFacts& facts) {
  out.clear();
  const std::size_t scheme_at = out.size();
  append_template(out, redirect.protocol, facts);
  for (std::size_t i = scheme_at; i < out.size(); ++i) out.at(i) = codec::lower(out.at(i));
  out.append("://");
  append_template(out, redirect.host, facts);
  out.append(':');
  append_template(out, redirect.port, facts);
  if (!redirect.path.starts_with('/')) out.append('/');
  append_template(out, redirect.path, facts);
  const std::size_t before_query = out.size();
  out.append('?');
  append_template(out, redirect.query, facts);
  if (out.size() == before_query + 1) out.truncate(before_query);
  return out.size() > kMaxLocation ? LocationResult::kTooLong : LocationResult::kOk;
}

std::string_view fixed_content_type(const shared::lbconfig::FixedResponseAction& fixed) {
  if (!fixed.content_type.empty()) return fixed.content_type;
  return fixed.body.empty() ? std::string_view() : std::string_view("text/plain");
}

}  // namespace balancer::routing
