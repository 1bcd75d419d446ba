#include <gtest/gtest.h>

#include "shared/lbconfig/json.h"

namespace shared::lbconfig {
namespace {

constexpr const char* kStreams = R"({"listeners": [
  {"id": "db", "port": 5432, "protocol": "tcp", "options": {"proxy_protocol_from": ["10.0.0.0/8"]},
   "default_action": {"type": "forward", "forward": {"target_groups": [{"target_group": "db"}]}}},
  {"id": "mqtt", "port": 8883, "protocol": "tls", "tls": {"certificates": ["a"], "alpn": "HTTP2Optional"},
   "default_action": {"type": "forward", "forward": {"target_groups": [{"target_group": "mqtt"}]}}},
  {"id": "web", "port": 80,
   "default_action": {"type": "forward", "forward": {"target_groups": [{"target_group": "web"}]}}}],
 "target_groups": [
  {"id": "db", "protocol": "tcp", "proxy_protocol": "v2", "stickiness": {"type": "source_ip"}},
  {"id": "mqtt", "protocol": "tls", "close_at_drain_limit": true, "close_when_unhealthy": false,
   "health_check": {"protocol": "https", "matcher": "200-399"}},
  {"id": "web"}],
 "certificates": [{"id": "a", "chain": "C", "key": "K"}]})";

TEST(StreamConfig, IsReadWithTheDefaultsOfStreams) {
  const auto config = config_from_json(kStreams);
  ASSERT_TRUE(config) << config.error().text();
  EXPECT_EQ(config->listeners[0]->options.idle_timeout, kStreamIdleTimeout);
  EXPECT_EQ(config->listeners[2]->options.idle_timeout, ListenerOptions().idle_timeout);
  EXPECT_EQ(config->listeners[1]->tls.alpn, AlpnPolicy::kHttp2Optional);
  EXPECT_EQ(config->target_groups[0]->health_check.protocol, Protocol::kTcp);
  EXPECT_EQ(config->target_groups[0]->stream.proxy_protocol, ProxyProtocol::kV2);
  EXPECT_TRUE(config->target_groups[1]->stream.close_at_drain_limit);
  EXPECT_FALSE(config->target_groups[1]->stream.close_when_unhealthy);
}

TEST(StreamConfig, AStreamGroupCheckedByHttpIsReadAsItWasWritten) {
  Config config = *config_from_json(kStreams);
  TargetGroup group = *config.target_groups[0];
  group.health_check.protocol = Protocol::kHttp;
  config.target_groups[0] = group;
  const auto again = config_from_json(config_to_json(config));
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->target_groups[0]->health_check.protocol, Protocol::kHttp);
}

// An older balancer refuses members that it does not know.
TEST(StreamConfig, AConfigurationWithoutStreamsIsWrittenAsBefore) {
  Config plain;
  Listener listener;
  listener.id = "web";
  plain.listeners.push_back(listener);
  TargetGroup group;
  group.id = "tg";
  plain.target_groups.push_back(group);
  const std::string text = config_to_json(plain);
  for (const char* word : {"proxy_protocol", "close_", "alpn", "\"protocol\""})
    EXPECT_EQ(text.find(word), std::string::npos) << word << "\n" << text;
}

TEST(StreamConfig, AGroupThatChangesItsProtocolTakesItsListenersWithIt) {
  const Config from = *config_from_json(kStreams);
  Config to = from;
  TargetGroup group = *to.target_groups[2];
  group.protocol = group.health_check.protocol = Protocol::kTcp;
  to.target_groups[2] = group;
  const auto valid = validate_change(to, from);
  ASSERT_FALSE(valid);
  EXPECT_EQ(
      valid.error().text(),
      "listeners[2].default_action.forward.target_groups[0].target_group: has the protocol tcp, which a "
      "listener with protocol http does not forward to");
}

struct StreamMistake {
  std::string name, find, replace, error;
};
class StreamConfigMistake : public ::testing::TestWithParam<StreamMistake> {};

TEST_P(StreamConfigMistake, IsNamedWithItsPath) {
  std::string text = kStreams;
  const std::size_t at = text.find(GetParam().find);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, GetParam().find.size(), GetParam().replace);
  const auto config = config_from_json(text);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().text(), GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    All, StreamConfigMistake,
    ::testing::Values(
        StreamMistake{"Range", "10.0.0.0/8", "10.0.0.0/80",
                      "listeners[0].options.proxy_protocol_from[0]: '10.0.0.0/80' is no address range"},
        StreamMistake{"Action", R"("forward", "forward": {"target_groups": [{"target_group": "db"}]})",
                      R"("fixed-response", "fixed_response": {"status": 404})",
                      "listeners[0].default_action.type: must be forward where the protocol is tcp or tls"},
        StreamMistake{
            "TwoGroups", R"([{"target_group": "db"}])",
            R"([{"target_group": "db"}, {"target_group": "mqtt"}])",
            "listeners[0].default_action.forward.target_groups: must be one with a weight where the "
            "protocol is tcp or tls"},
        StreamMistake{"TcpToTls", R"("target_group": "db")", R"("target_group": "mqtt")",
                      "listeners[0].default_action.forward.target_groups[0].target_group: has the protocol "
                      "tls, which a listener with protocol tcp does not forward to"},
        StreamMistake{"HttpToTcp", R"("target_group": "web")", R"("target_group": "db")",
                      "listeners[2].default_action.forward.target_groups[0].target_group: has the protocol "
                      "tcp, which a listener with protocol http does not forward to"},
        StreamMistake{"NoCertificate", R"("protocol": "tls", "tls": {"certificates": ["a"], )",
                      R"("protocol": "tls", "tls": {)",
                      "listeners[1].tls.certificates: needs at least one certificate"},
        StreamMistake{"Idle", R"({"proxy_protocol_from": ["10.0.0.0/8"]})", R"({"idle_timeout_ms": 6000001})",
                      "listeners[0].options.idle_timeout_ms: must be from 1 to 6000000, got 6000001"},
        StreamMistake{"Cookie", R"({"type": "source_ip"})", R"({"type": "lb_cookie"})",
                      "target_groups[0].stickiness.type: must be source_ip where the protocol is tcp or tls"},
        StreamMistake{"SourceOfHttp", R"({"id": "web"})",
                      R"({"id": "web", "stickiness": {"type": "source_ip"}})",
                      "target_groups[2].stickiness.type: source_ip is for groups with protocol tcp or tls"},
        StreamMistake{"ProxyOfHttp", R"({"id": "web"})", R"({"id": "web", "proxy_protocol": "v1"})",
                      "target_groups[2].proxy_protocol: is for groups with protocol tcp or tls; others have "
                      "X-Forwarded-For"},
        StreamMistake{"CheckOfHttp", R"({"id": "web"})",
                      R"({"id": "web", "health_check": {"protocol": "tcp"}})",
                      "target_groups[2].health_check.protocol: tcp is for groups with protocol tcp or tls"},
        StreamMistake{"CheckByTls", R"("protocol": "https", "matcher")", R"("protocol": "tls", "matcher")",
                      "target_groups[1].health_check.protocol: must be http, https or tcp"},
        StreamMistake{"Udp", R"("protocol": "tcp", "proxy)", R"("protocol": "udp", "proxy)",
                      "target_groups[0].protocol: expected one of http, https, tcp, tls, got 'udp'"}),
    [](const auto& test_info) { return test_info.param.name; });

}  // namespace
}  // namespace shared::lbconfig
