#include "balancer/encode/negotiation.h"

#include <array>
#include <string_view>

#include "balancer/codec/chars.h"

namespace balancer::encode {

namespace {

using codec::Field;
using codec::MessageHead;
using shared::lbconfig::Coding;

constexpr int kNotNamed = -1;
constexpr int kLikesMost = 1000;  // q=1, in thousandths

// RFC 9110 section 12.4.2: "0.5", at most three digits behind the point. kNotNamed: no such value.
int quality_of(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return kNotNamed;
  int value = text[0] == '1' ? kLikesMost : 0;
  if (text.size() > 1 && text[1] != '.') return kNotNamed;
  int unit = 100;
  for (const char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (!codec::is(c, codec::kDigitChar)) return kNotNamed;
    value += (c - '0') * unit;
    unit /= 10;
  }
  return value <= kLikesMost ? value : kNotNamed;
}

// What stands behind a coding: its weight, and nothing else. kNotNamed: something else.
int weight_of(std::string_view parameters) {
  if (parameters.empty()) return kLikesMost;
  const std::size_t equals = parameters.find('=');
  if (equals == std::string_view::npos || !codec::equals_lowered(parameters.substr(0, equals), "q"))
    return kNotNamed;
  return quality_of(parameters.substr(equals + 1));
}

// Weights in thousandths; kNotNamed: nothing was said of it.
struct Weights {
  std::array<int, shared::lbconfig::kCodingWords.size()> codings{kNotNamed, kNotNamed, kNotNamed};
  int identity = kNotNamed;
  int others = kNotNamed;
  bool any_field = false;

  void take(std::string_view element) {
    const std::size_t semicolon = element.find(';');
    const std::string_view coding = codec::trim(element.substr(0, semicolon));
    const int weight =
        weight_of(semicolon == std::string_view::npos ? std::string_view()
                                                      : codec::trim(element.substr(semicolon + 1)));
    if (coding.empty() || weight == kNotNamed) return;
    if (coding == "*") others = weight;
    if (codec::equals_lowered(coding, "identity")) identity = weight;
    for (std::size_t i = 0; i < codings.size(); ++i) {
      if (codec::equals_lowered(coding, shared::lbconfig::kCodingWords[i])) codings[i] = weight;
    }
    // RFC 9110 section 8.4.1.3.
    if (codec::equals_lowered(coding, "x-gzip")) codings[static_cast<std::size_t>(Coding::kGzip)] = weight;
  }
  int of(Coding coding) const {
    const int said = codings[static_cast<std::size_t>(coding)];
    return said != kNotNamed ? said : others == kNotNamed ? 0 : others;
  }
};

template <class Visit>
void each_element(const MessageHead& head, std::string_view lowered_name, const Visit& visit) {
  for (const Field& field : head.fields) {
    if ((field.flags & codec::kBadValue) != 0 || !codec::equals_lowered(head.name(field), lowered_name))
      continue;
    std::string_view rest = head.value(field);
    std::string_view element;
    while (codec::next_element(rest, element)) visit(element);
  }
}

bool has_field(const MessageHead& head, std::string_view lowered_name) {
  for (const Field& field : head.fields) {
    if (codec::equals_lowered(head.name(field), lowered_name)) return true;
  }
  return false;
}

bool is_listed(std::string_view type, const shared::lbconfig::Compression& settings) {
  const auto matches = [type](std::string_view range) {
    if (range == "*/*") return true;
    if (!range.ends_with("/*")) return codec::equals_ignoring_case(type, range);
    const std::size_t size = range.size() - 1;  // with the slash
    return type.size() > size && codec::equals_ignoring_case(type.substr(0, size), range.substr(0, size));
  };
  for (const std::string_view range : shared::lbconfig::compressed_types(settings)) {
    if (matches(range)) return true;
  }
  return false;
}

// "application/grpc", "application/grpc-web+proto": frames of their own, which are not to wait.
bool is_grpc(std::string_view type) {
  constexpr std::string_view kGrpc = "application/grpc";
  return type.size() >= kGrpc.size() && codec::equals_lowered(type.substr(0, kGrpc.size()), kGrpc);
}

}  // namespace

Accepted accepted_coding(const MessageHead& request, const shared::lbconfig::Compression& settings) {
  Weights weights;
  each_element(request, "accept-encoding", [&weights](std::string_view element) {
    weights.any_field = true;
    weights.take(element);
  });
  Accepted out;
  if (!weights.any_field) return out;
  const int identity = weights.identity;
  out.identity_refused = identity == 0 || (identity == kNotNamed && weights.others == 0);
  int best = 0;
  for (const Coding coding : settings.algorithms) {
    if (weights.of(coding) <= best) continue;
    best = weights.of(coding);
    out.coding = coding;
  }
  if (identity > best) out.coding.reset();
  return out;
}

Treatment treat(const codec::ResponseHead& head, const codec::ResponsePlan& plan,
                const codec::RequestFacts& request, const Accepted& accepted,
                const shared::lbconfig::Compression& settings) {
  Treatment out;
  bool no_transform = false;
  each_element(head, "cache-control", [&no_transform](std::string_view element) {
    no_transform |= codec::equals_lowered(element, "no-transform");
  });
  if (no_transform || request.websocket) return out;
  if (head.status == 304) {
    out.vary = true;
    out.weaken = accepted.coding.has_value();
    return out;
  }
  if (head.status == 204 || head.status == 205 || head.status == 206 || has_field(head, "content-range") ||
      has_field(head, "content-encoding"))
    return out;
  const std::string_view value = head.value(codec::FieldId::kContentType);
  const std::string_view type = codec::trim(value.substr(0, value.find(';')));
  if (type.empty() || is_grpc(type) || !is_listed(type, settings)) return out;
  if (request.head_method) {
    out.vary = true;
    return out;
  }
  if (!plan.in.has_bytes()) return out;
  const bool is_short =
      plan.in.kind == codec::BodyFraming::Kind::kLength && plan.in.length < settings.minimum_length;
  if (is_short && !accepted.identity_refused) return out;
  out.vary = true;
  out.encode = out.weaken = accepted.coding.has_value();
  return out;
}

}  // namespace balancer::encode
