// Written where they differ from the default only, as the TLS members.
#include <nlohmann/json.hpp>

#include "shared/lbconfig/config_value.h"

namespace shared::lbconfig {

namespace {

constexpr std::array<Choice<ProxyProtocol>, 3> kProxyProtocols{
    {{"off", ProxyProtocol::kOff}, {"v1", ProxyProtocol::kV1}, {"v2", ProxyProtocol::kV2}}};
constexpr std::array<Choice<AlpnPolicy>, 5> kAlpnPolicies{{{"None", AlpnPolicy::kNone},
                                                           {"HTTP1Only", AlpnPolicy::kHttp1Only},
                                                           {"HTTP2Only", AlpnPolicy::kHttp2Only},
                                                           {"HTTP2Optional", AlpnPolicy::kHttp2Optional},
                                                           {"HTTP2Preferred", AlpnPolicy::kHttp2Preferred}}};

}  // namespace

void read_stream(const json::Reader& in, TargetGroup& group) {
  StreamSettings& stream = group.stream;
  stream.proxy_protocol = in.choice("proxy_protocol", kProxyProtocols).value_or(stream.proxy_protocol);
  stream.close_at_drain_limit = in.boolean_or("close_at_drain_limit", stream.close_at_drain_limit);
  stream.close_when_unhealthy = in.boolean_or("close_when_unhealthy", stream.close_when_unhealthy);
}

void write_stream(const TargetGroup& group, nlohmann::json& value) {
  const StreamSettings& stream = group.stream;
  if (stream.proxy_protocol != ProxyProtocol::kOff)
    value["proxy_protocol"] = word_of(stream.proxy_protocol, kProxyProtocols);
  if (stream.close_at_drain_limit) value["close_at_drain_limit"] = true;
  if (!stream.close_when_unhealthy) value["close_when_unhealthy"] = false;
}

void read_alpn(const json::Reader& in, ListenerTls& tls) {
  tls.alpn = in.choice("alpn", kAlpnPolicies).value_or(tls.alpn);
}

void write_alpn(const ListenerTls& tls, nlohmann::json& value) {
  if (tls.alpn != AlpnPolicy::kNone) value["alpn"] = word_of(tls.alpn, kAlpnPolicies);
}

}  // namespace shared::lbconfig
